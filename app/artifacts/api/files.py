"""Routes of files: put, read and remove them (contract artifactory-storage 3)."""

from collections.abc import Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app import size
from app.artifacts import checksums, deploy, explode, known, mime, properties, reading, removal, times, uploads
from app.artifacts.access import VISITOR, State, Visitor
from app.artifacts.address import Address, parse, quoted
from app.artifacts.api import deployed, download
from app.artifacts.api.deployed import DeployedJSON, ExplodedJSON, FolderJSON
from app.artifacts.blobs.answer import BlobAnswer
from app.artifacts.deploy import File, Place
from app.artifacts.model import ArtifactRepository
from app.artifacts.reading import Download
from app.db.tx import Tx
from app.errors import Invalid, NotFound, Problem
from app.web import pages
from app.web.path import Path, Word
from app.web.reply import HTML, JSON, Empty, Made, Text
from app.web.route import Endpoint

_ADDRESS = Word(
    "address", "Repository and path, with `;key=value` parameters at any part.", "libs-local/app/1/app.jar", rest=True
)
_PATH = Path.of("/artifactory") / _ADDRESS


def _address(request: Request[Any]) -> Address:
    found = parse(request.path_params["address"])
    if found.repo == "api":
        words = "there is no such call of the API; protocols of package managers are not spoken here, files are stored"
        raise NotFound(words)
    return found


def _says(request: Request[Any], header: str) -> bool:
    return request.headers.get(header, "").strip().lower() == "true"


def _explodes(request: Request[Any]) -> bool:
    return _says(request, "x-explode-archive") or _says(request, "x-explode-archive-atomic")


def _place(request: Request[State], visitor: Visitor) -> Tx[Place]:
    """All that can be judged before the body is read."""
    address = _address(request)
    repo = yield from deploy.takes(visitor, address)
    file = File(
        address.path,
        mime.of(address.path.rpartition("/")[2], request.headers.get("content-type", "")),
        checksums.sent(request.headers),
    )
    place = Place(repo, file, properties.of_pairs(address.matrix))
    if not address.folder and not _explodes(request):
        yield from deploy.judge(visitor, repo, {file.path: file.sent}, bytes_known=False)
    return place


async def put(
    request: Request[State], visitor: Visitor, place: Place
) -> Made[DeployedJSON] | JSON[DeployedJSON] | Made[FolderJSON] | Made[ExplodedJSON]:
    """Put a file, or make a folder.

    The body is the file. An address that ends with a slash makes a folder. With `X-Checksum-Deploy: true` the bytes are
    those that are stored already under the checksums in the headers. With `X-Explode-Archive: true` the body is a zip,
    a tar or a gzipped tar, which is unpacked into the folder of the address. Parameters become properties. The status
    is 201, and 200 when an immutable repository has the same file already.
    """
    if _explodes(request):
        return await _explode(request, visitor, place)
    if _address(request).folder:
        return await _make_folder(request, visitor, place)
    state = request.state
    if _says(request, "x-checksum-deploy"):
        # The rights of others may be patterns of paths, which take their time.
        read = state["db"].glance if visitor.rights.everything else state["db"].read
        blob = await read(known.find(visitor, place.file.sent))
        stamp = visitor.stamp(state["now_ms"]())
        done = await uploads.settled(
            lambda alone: state["db"].write_few(
                deploy.put_known(visitor, place.repo.id, place.file, blob, place.properties, stamp, alone=alone)
            )
        )
    else:
        done = await uploads.upload(state, visitor, place, request.stream(), _length(request))
    url = state["public_url"]
    answer, headers = deployed.deployed(done, url), deployed.headers(done, url)
    return JSON(answer, headers=headers) if done.unchanged else Made(answer, headers)


def _length(request: Request[Any]) -> int | None:
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() else None


async def _make_folder(request: Request[State], visitor: Visitor, place: Place) -> Made[FolderJSON]:
    if _length(request):
        words = (
            "an address that ends with a slash makes a folder, which has no bytes; leave out the slash to put a file"
        )
        raise Invalid.of([Problem("path", "folder_with_bytes", words)])
    state = request.state
    stamp = visitor.stamp(state["now_ms"]())
    item = await state["db"].write_few(deploy.put_folder(visitor, place.repo.id, place.path, place.properties, stamp))
    made = deployed.folder(place.repo, item, state["public_url"])
    return Made(made, {"Location": f"{made['uri']}/"})


async def _explode(request: Request[State], visitor: Visitor, place: Place) -> Made[ExplodedJSON]:
    folder = place.path if _address(request).folder else place.path.rpartition("/")[0]
    done = await explode.explode(request.state, visitor, place, folder, request.stream())
    made = deployed.exploded(place.repo, folder, len(done), request.state["public_url"])
    return Made(made, {"Location": f"{made['uri']}/"})


def _wanted(request: Request[State], visitor: Visitor) -> Tx[Download | None]:
    """The file that is wanted; None for a folder."""
    address = _address(request)
    return None if address.folder else (yield from reading.download(visitor, address))


async def get(
    request: Request[State], visitor: Visitor, wanted: Download | None
) -> BlobAnswer | Text | HTML | Response:
    """Read a file, or the page of a folder.

    An address that ends with a slash is a folder. With `.sha1`, `.md5` or `.sha256` behind the path of a file, its
    checksum is the answer, unless there is such a file. With parameters `;key=value`, 404 when the property has other
    values only; with `;key+=value`, also when the property is missing. One range may be asked for.
    """
    state = request.state
    if wanted is None:
        address = _address(request)
        return HTML(_page(address, await state["db"].read(reading.listing(visitor, address))))
    if wanted.sum:
        return Text(getattr(wanted.found.file.sums, wanted.sum))
    answer = download.answer(state["blobs"], wanted.found, request.method, request.headers)
    # A file that is read in several ranges at once is one download.
    begins = answer.status_code == 200 or answer.headers.get("content-range", "").startswith("bytes 0-")
    if request.method == "GET" and begins:
        state["downloads"].count(wanted.found.item.id, state["now_ms"](), visitor.name)
    return answer


def _page(address: Address, folder: reading.Folder) -> str:
    children = [
        {
            "name": found.item.name + "/" * found.item.folder,
            "href": f"./{quoted(found.item.name)}{'/' * found.item.folder}",
            "size": size.text(found.blob.size) if found.blob else "",
            "modified": times.text_of(found.item.modified)[:19].replace("T", " "),
        }
        for found in sorted(folder.children, key=lambda found: (not found.item.folder, found.item.name))
    ]
    title = f"{address.repo}/{address.path}".rstrip("/") + "/"
    return pages.render(
        "folder.html", title=title, top=not address.path, children=children, more=folder.more, shown=reading.SHOWN
    )


def _removable(request: Request[State], visitor: Visitor) -> Tx[ArtifactRepository]:
    return (yield from removal.judge(visitor, _address(request)))


async def delete(request: Request[State], visitor: Visitor, repo: ArtifactRepository) -> Empty:
    """Remove a file, a folder with all below it, or all that is in a repository: all of it or nothing.

    An address that ends with a slash means a folder only. In a repository of build-info the runs go, too.
    """
    address, state = _address(request), request.state
    if repo.kind == "virtual":
        words = f"{repo.key} is a virtual repository, from which nothing is removed; name the local repository"
        raise HTTPException(405, words, {"Allow": "GET, HEAD, PUT"})
    if address.matrix:
        words = "parameters mean nothing when something is removed, so nothing was removed; leave them out"
        raise Invalid.of([Problem("path", "parameters", words)])
    found = await state["db"].glance(removal.find(repo, address))
    recorders = state["recorders"]

    def record(done: removal.Removed) -> Any:
        return removal.moment(visitor.by, done)

    if found.item.folder:
        await state["db"].alter(recorders.recorded(removal.remove_folder(visitor, repo, address), record))
    else:
        await state["db"].write(recorders.recorded(removal.remove_file(repo, address), record))
    return Empty()


routes: Sequence[Endpoint] = [
    Endpoint(
        "PUT", _PATH, put, needs=VISITOR, reads=_place, quick=True, operation="artifacts.put", errors=(400, 409, 507)
    ),
    Endpoint("GET", _PATH, get, needs=VISITOR, reads=_wanted, quick=True, operation="artifacts.get", errors=(400, 416)),
    Endpoint(
        "DELETE",
        _PATH,
        delete,
        needs=VISITOR,
        reads=_removable,
        quick=True,
        operation="artifacts.delete",
        errors=(400, 405),
    ),
]
