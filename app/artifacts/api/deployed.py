"""The JSON of what was put (contract artifactory-storage 3.1.1)."""

from typing_extensions import TypedDict

from app.artifacts.api.wire import SumsJSON, sum_headers, sums, url_of
from app.artifacts.deploy import Put
from app.artifacts.model import ArtifactRepository, Item
from app.artifacts.times import text_of


class FolderJSON(TypedDict):
    """A folder that was made, or was there."""

    repo: str
    path: str
    created: str
    createdBy: str
    uri: str


class DeployedJSON(FolderJSON):
    """A file that was put. `originalChecksums` are those that the client sent."""

    downloadUri: str
    mimeType: str
    size: str
    checksums: SumsJSON
    originalChecksums: SumsJSON


class ExplodedJSON(TypedDict):
    """An archive that was unpacked."""

    repo: str
    path: str
    files: int
    uri: str


def deployed(put: Put, public_url: str) -> DeployedJSON:
    """The JSON of a file that was put."""
    url = url_of(public_url, put.repo.key, put.item.whole_path)
    return DeployedJSON(
        repo=put.repo.key,
        path=f"/{put.item.whole_path}",
        created=text_of(put.item.created),
        createdBy=put.item.created_by,
        downloadUri=url,
        mimeType=put.item.mime,
        size=str(put.blob.size),
        checksums=sums(put.blob.sums),
        originalChecksums=sums(put.item.sent),
        uri=url,
    )


def folder(repo: ArtifactRepository, item: Item, public_url: str) -> FolderJSON:
    """The JSON of a folder."""
    return FolderJSON(
        repo=repo.key,
        path=f"/{item.whole_path}",
        created=text_of(item.created),
        createdBy=item.created_by,
        uri=url_of(public_url, repo.key, item.whole_path),
    )


def exploded(repo: ArtifactRepository, path: str, files: int, public_url: str) -> ExplodedJSON:
    """The JSON of an archive that was unpacked into the folder of this path."""
    return ExplodedJSON(repo=repo.key, path=f"/{path}", files=files, uri=url_of(public_url, repo.key, path))


def headers(put: Put, public_url: str) -> dict[str, str]:
    """The headers of the answer to an upload."""
    return {"Location": url_of(public_url, put.repo.key, put.item.whole_path), **sum_headers(put.blob.sums)}
