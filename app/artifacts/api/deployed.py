"""The JSON of what was put (contract artifactory-storage 3.1.1)."""

from typing import NotRequired
from urllib.parse import quote

from typing_extensions import TypedDict

from app.artifacts import times
from app.artifacts.address import quoted
from app.artifacts.deploy import Put
from app.artifacts.model import ArtifactRepository, Item, Sums


class SumsJSON(TypedDict):
    """Checksums in hexadecimal digits."""

    sha1: NotRequired[str]
    md5: NotRequired[str]
    sha256: NotRequired[str]


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
    url = url_of(public_url, put.repo, put.item.whole_path)
    return DeployedJSON(
        repo=put.repo.key,
        path=f"/{put.item.whole_path}",
        created=times.text_of(put.item.created),
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
        created=times.text_of(item.created),
        createdBy=item.created_by,
        uri=url_of(public_url, repo, item.whole_path),
    )


def exploded(repo: ArtifactRepository, path: str, files: int, public_url: str) -> ExplodedJSON:
    """The JSON of an archive that was unpacked into the folder of this path."""
    return ExplodedJSON(repo=repo.key, path=f"/{path}", files=files, uri=url_of(public_url, repo, path))


def headers(put: Put, public_url: str) -> dict[str, str]:
    """The headers of the answer to an upload."""
    return {"Location": url_of(public_url, put.repo, put.item.whole_path), **sum_headers(put.blob.sums)}


def sum_headers(of: Sums) -> dict[str, str]:
    """The checksums as headers."""
    return {"X-Checksum-Sha1": of.sha1, "X-Checksum-Sha256": of.sha256, "X-Checksum-Md5": of.md5}


def sums(of: Sums) -> SumsJSON:
    """The JSON of the checksums that are known."""
    found = SumsJSON()
    if of.sha1:
        found["sha1"] = of.sha1
    if of.md5:
        found["md5"] = of.md5
    if of.sha256:
        found["sha256"] = of.sha256
    return found


def url_of(public_url: str, repo: ArtifactRepository, path: str) -> str:
    """The address of an artifact."""
    return f"{public_url}/artifactory/{quote(repo.key)}/{quoted(path)}".rstrip("/")
