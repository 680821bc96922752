"""Routes that tell of items (contract artifactory-storage 4.3, 5)."""

from collections.abc import Mapping
from typing import NotRequired

from starlette.requests import Request
from typing_extensions import TypedDict

from app.artifacts import annotation, finding, listing, properties
from app.artifacts.access import VISITOR, State, Visitor
from app.artifacts.address import Address, parse
from app.artifacts.api import asked
from app.artifacts.api.wire import SumsJSON, storage_url_of, sums, url_of
from app.artifacts.finding import Place
from app.artifacts.items import Found
from app.artifacts.listing import Stats
from app.artifacts.model import NO_PROPERTIES
from app.artifacts.times import text_of
from app.db.tx import Tx
from app.errors import Invalid, NotFound, Problem
from app.web.path import Path, Word
from app.web.reply import JSON
from app.web.route import Endpoint, Param

#: The most names that a list goes down when the request says none.
DEEPEST = 1_000_000


class ChildJSON(TypedDict):
    """An item in a folder."""

    uri: str
    folder: bool


class ItemJSON(TypedDict):
    """A file or a folder; `size` and all about bytes only of files, `children` only of folders."""

    uri: str
    repo: str
    path: str
    created: str
    createdBy: str
    lastModified: str
    modifiedBy: str
    lastUpdated: str
    downloadUri: NotRequired[str]
    mimeType: NotRequired[str]
    size: NotRequired[str]
    checksums: NotRequired[SumsJSON]
    originalChecksums: NotRequired[SumsJSON]
    children: NotRequired[list[ChildJSON]]


class PropertiesJSON(TypedDict):
    """The properties of an item."""

    uri: str
    properties: dict[str, list[str]]


class EntryJSON(TypedDict):
    """An item in a list; the size of a folder is -1."""

    uri: str
    size: int
    lastModified: str
    folder: bool
    sha1: NotRequired[str]
    sha2: NotRequired[str]
    mdTimestamps: NotRequired[dict[str, str]]


class ListJSON(TypedDict):
    """The items below a folder."""

    uri: str
    created: str
    files: list[EntryJSON]


class StatsJSON(TypedDict):
    """How often a file was downloaded; times are Unix milliseconds."""

    uri: str
    downloadCount: int
    lastDownloaded: int
    lastDownloadedBy: str
    remoteDownloadCount: int
    remoteLastDownloaded: int


class ModifiedJSON(TypedDict):
    """When an item was changed."""

    uri: str
    lastModified: str


async def show(
    request: Request[State], visitor: Visitor
) -> JSON[ItemJSON] | JSON[PropertiesJSON] | JSON[ListJSON] | JSON[StatsJSON] | JSON[ModifiedJSON]:
    """A file or a folder; its properties, statistics or list, as the query says."""
    address, said = parse(request.path_params["path"]), asked.words(request)
    db = request.state["db"]
    if "list" in said:
        return JSON(await db.read_many(_list(request, visitor, address, said)))
    if "properties" in said:
        return JSON(await db.read(_properties(request, visitor, address, said["properties"])))
    if "stats" in said:
        return JSON(await db.read(_stats(request, visitor, address)))
    if "lastModified" in said:
        return JSON(await db.read(_modified(request, visitor, address)))
    return JSON(await db.read(_info(request, visitor, address)))


def _info(request: Request[State], visitor: Visitor, address: Address) -> Tx[ItemJSON]:
    place = yield from finding.find(visitor, address)
    item, blob = place.found.item, place.found.blob
    shown = ItemJSON(
        uri=_uri(request, place),
        repo=place.repo.key,
        path=f"/{place.path}",
        created=text_of(item.created),
        createdBy=item.created_by,
        lastModified=text_of(item.modified),
        modifiedBy=item.modified_by,
        lastUpdated=text_of(item.updated),
    )
    if blob is None:
        children, _ = yield from listing.children(visitor, place.members, place.path)
        shown["children"] = [ChildJSON(uri=f"/{found.item.name}", folder=found.item.folder) for found in children]
        return shown
    shown["downloadUri"] = url_of(request.state["public_url"], place.repo.key, place.path)
    shown["mimeType"] = item.mime
    shown["size"] = str(blob.size)
    shown["checksums"] = sums(blob.sums)
    shown["originalChecksums"] = sums(item.sent)
    return shown


def _uri(request: Request[State], place: Place) -> str:
    return storage_url_of(request.state["public_url"], place.repo.key, place.path)


def _properties(request: Request[State], visitor: Visitor, address: Address, keys: str) -> Tx[PropertiesJSON]:
    place = yield from finding.find(visitor, address)
    set_id = place.found.item.set_id
    found = (yield from properties.of_sets([set_id]))[set_id]
    if wanted := annotation.names(keys):
        found = {key: values for key, values in found.items() if key in wanted}
    if not found:
        raise NotFound("No properties could be found.")
    return PropertiesJSON(uri=_uri(request, place), properties=found)


def _list(request: Request[State], visitor: Visitor, address: Address, said: Mapping[str, str]) -> Tx[ListJSON]:
    place = yield from finding.find(visitor, address)
    if not place.found.item.folder:
        raise Invalid.of([Problem("path", "no_folder", f"{address} is a file; only folders are listed")])
    deep = asked.number(said, "depth") or DEEPEST if asked.is_set(said, "deep") else 1
    folders, times = asked.is_set(said, "listFolders"), asked.is_set(said, "mdTimestamps")
    found = yield from listing.below(visitor, place.members, place.path, depth=deep, folders=folders)
    entries = [_entry(each, place.path, times=times) for each in found]
    if asked.is_set(said, "includeRootPath"):
        entries.insert(0, _entry(place.found, place.path, times=times))
    now = text_of(request.state["now_ms"]())
    return ListJSON(uri=_uri(request, place), created=now, files=entries)


def _entry(found: Found, folder: str, *, times: bool) -> EntryJSON:
    item, blob = found.item, found.blob
    shown = EntryJSON(
        uri="/" + item.whole_path[len(folder) :].lstrip("/"),
        size=blob.size if blob else -1,
        lastModified=text_of(item.modified),
        folder=item.folder,
    )
    if blob is not None:
        shown["sha1"], shown["sha2"] = blob.sha1, blob.sha256
    if times and item.set_id != NO_PROPERTIES:
        shown["mdTimestamps"] = {"properties": text_of(item.updated)}
    return shown


def _stats(request: Request[State], visitor: Visitor, address: Address) -> Tx[StatsJSON]:
    place = yield from finding.find(visitor, address)
    found = Stats() if place.found.item.folder else (yield from listing.stats(place.found.item.id))
    return StatsJSON(
        uri=_uri(request, place),
        downloadCount=found.downloads,
        lastDownloaded=found.last,
        lastDownloadedBy=found.last_by,
        remoteDownloadCount=0,
        remoteLastDownloaded=0,
    )


def _modified(request: Request[State], visitor: Visitor, address: Address) -> Tx[ModifiedJSON]:
    """The newest change of an item; of a folder, of all below."""
    place = yield from finding.find(visitor, address)
    at = place.found.item.modified
    if place.found.item.folder:
        at = max(at, (yield from listing.newest(visitor, place.repo, place.path)))
    return ModifiedJSON(uri=_uri(request, place), lastModified=text_of(at))


#: The rest of the path of what is asked of an item, and the path of what is told of an item.
ITEM = Word("path", "Key of the repository, and the path in it.", "libs-release-local/org/app.jar", rest=True)
STORAGE = Path.of("/artifactory/api/storage") / ITEM
_ASKED = [
    Param("properties", "The properties, or those of these keys, separated by commas."),
    Param("list", "What is in a folder."),
    Param("deep", "With `list`, `1` = also in the folders below."),
    Param("depth", "With `deep`, how many names down."),
    Param("listFolders", "With `list`, `1` = folders, too."),
    Param("mdTimestamps", "With `list`, `1` = when properties were changed."),
    Param("includeRootPath", "With `list`, `1` = the folder itself, too."),
    Param("stats", "How often a file was downloaded."),
    Param("lastModified", "When an item was last changed, with all below it."),
]
routes = [
    Endpoint("GET", STORAGE, show, operation="artifacts.show", needs=VISITOR, query=_ASKED, errors=[400]),
]
