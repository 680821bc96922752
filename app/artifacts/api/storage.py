"""Routes that tell of items and change their properties (contract artifactory-storage 4, 5)."""

from collections.abc import Mapping
from typing import Any, NotRequired
from urllib.parse import quote, unquote_plus

import orjson
from starlette.requests import Request
from typing_extensions import TypedDict

from app.artifacts import annotation, finding, listing, properties
from app.artifacts.access import ACCOUNT, VISITOR, State, Visitor
from app.artifacts.address import Address, parse
from app.artifacts.annotation import Changes
from app.artifacts.finding import Place
from app.artifacts.items import Found
from app.artifacts.listing import Stats, Total, Totals
from app.artifacts.model import NO_PROPERTIES, Sums
from app.artifacts.times import text_of
from app.db.tx import Tx
from app.errors import Invalid, NotFound, Problem
from app.size import text as size_text
from app.web import body
from app.web.path import Path, Word
from app.web.reply import JSON, Accepted, Empty
from app.web.route import Endpoint, Param

#: The most names that a list goes down when the request says none.
DEEPEST = 1_000_000


class SumsJSON(TypedDict, total=False):
    """Checksums; those that are not known are absent."""

    sha1: str
    md5: str
    sha256: str


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


class BinariesJSON(TypedDict):
    """What is stored in all; bytes that several files share count once in `binariesSize`."""

    binariesCount: str
    binariesSize: str
    artifactsSize: str
    optimization: str
    itemsCount: str
    artifactsCount: str


class FileStoreJSON(TypedDict):
    """Where bytes are stored."""

    storageType: str
    storageDirectory: str
    totalSpace: str
    usedSpace: str
    freeSpace: str


class SummaryJSON(TypedDict):
    """What a repository holds."""

    repoKey: str
    repoType: str
    foldersCount: int
    filesCount: int
    usedSpace: str
    usedSpaceInBytes: str
    itemsCount: int
    packageType: str
    projectKey: str
    percentage: str


class StoredJSON(TypedDict):
    """What all repositories hold that the caller may read."""

    binariesSummary: BinariesJSON
    fileStoreSummary: FileStoreJSON
    repositoriesSummaryList: list[SummaryJSON]


def options(request: Request[Any]) -> Mapping[str, str]:
    """The words of a query in which `;` is part of a value; values are decoded as in a form. Invalid."""
    text = request.scope["query_string"].decode("latin-1")
    pairs = (part.partition("=") for part in text.split("&") if part)
    return {unquote_plus(name): _decoded(name, value) for name, _, value in pairs}


def _decoded(name: str, value: str) -> str:
    try:
        decoded = unquote_plus(value, errors="strict")
    except UnicodeDecodeError:
        decoded = "\0"
    if "\0" in decoded:
        words = f"{name[:100]}: must be percent-encoded UTF-8 without NUL"
        raise Invalid.of([Problem(name[:100], "bad_text", words)])
    return decoded


async def show(
    request: Request[State], visitor: Visitor
) -> JSON[ItemJSON] | JSON[PropertiesJSON] | JSON[ListJSON] | JSON[StatsJSON] | JSON[ModifiedJSON]:
    """A file or a folder; its properties, statistics or list, as the query says."""
    address, said = parse(request.path_params["path"]), options(request)
    db = request.state["db"]
    if "list" in said:
        return JSON(await db.read(_list(request, visitor, address, said)))
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
        uri=storage_uri(request, place),
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
    shown["downloadUri"] = f"{request.state['public_url']}/artifactory/{place.repo.key}/{quote(place.path)}"
    shown["mimeType"] = item.mime
    shown["size"] = str(blob.size)
    shown["checksums"] = sums_json(blob.sums)
    shown["originalChecksums"] = sums_json(item.sent)
    return shown


def storage_uri(request: Request[State], place: Place) -> str:
    """The address of an item in this API."""
    path = f"/{quote(place.path)}" if place.path else ""
    return f"{request.state['public_url']}/artifactory/api/storage/{place.repo.key}{path}"


def sums_json(sums: Sums) -> SumsJSON:
    """The JSON of the checksums that are known."""
    known = {"sha1": sums.sha1, "md5": sums.md5, "sha256": sums.sha256}
    shown: Any = {name: value for name, value in known.items() if value}
    found: SumsJSON = shown
    return found


def _properties(request: Request[State], visitor: Visitor, address: Address, asked: str) -> Tx[PropertiesJSON]:
    place = yield from finding.find(visitor, address)
    set_id = place.found.item.set_id
    found = (yield from properties.of_sets([set_id]))[set_id]
    if wanted := annotation.names(asked):
        found = {key: values for key, values in found.items() if key in wanted}
    if not found:
        raise NotFound("No properties could be found.")
    return PropertiesJSON(uri=storage_uri(request, place), properties=found)


def _list(request: Request[State], visitor: Visitor, address: Address, said: Mapping[str, str]) -> Tx[ListJSON]:
    place = yield from finding.find(visitor, address)
    if not place.found.item.folder:
        raise Invalid.of([Problem("path", "no_folder", f"{address} is a file; only folders are listed")])
    deep = _number(said, "depth", DEEPEST) or DEEPEST if _is_set(said, "deep") else 1
    folders, times = _is_set(said, "listFolders"), _is_set(said, "mdTimestamps")
    found = yield from listing.below(visitor, place.members, place.path, depth=deep, folders=folders)
    entries = [_entry(each, place.path, times=times) for each in found]
    if _is_set(said, "includeRootPath"):
        entries.insert(0, _entry(place.found, place.path, times=times))
    now = text_of(request.state["now_ms"]())
    return ListJSON(uri=storage_uri(request, place), created=now, files=entries)


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
        uri=storage_uri(request, place),
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
    return ModifiedJSON(uri=storage_uri(request, place), lastModified=text_of(at))


def _is_set(said: Mapping[str, str], name: str) -> bool:
    """Whether a word of the query is there, and is not turned off."""
    return said.get(name, "0").lower() not in ("0", "false")


def _number(said: Mapping[str, str], name: str, most: int) -> int:
    text = said.get(name, "") or "0"
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise Invalid.of([Problem(name, "not_a_number", f"{name}: must be a number from 0")])
    return min(int(text), most)


async def set_properties(request: Request[State], visitor: Visitor) -> Empty:
    """Give an item properties; values of the named keys are replaced, and other keys stay."""
    said = options(request)
    return await _change(request, visitor, said, annotation.parse(said.get("properties", "")), _recursive(said))


async def delete_properties(request: Request[State], visitor: Visitor) -> Empty:
    """Remove properties of an item; a key that is not there is no error."""
    said = options(request)
    keys = annotation.names(said.get("properties", ""))
    if not keys:
        words = "properties: is empty; say properties=KEY,KEY2"
        raise Invalid.of([Problem("properties", "no_properties", words)])
    return await _change(request, visitor, said, dict.fromkeys(keys), _recursive(said))


async def patch_metadata(request: Request[State], visitor: Visitor) -> Empty:
    """Give an item properties, or remove those that are null."""
    said, changes = options(request), _props(await body.read(request))
    recursive = _recursive(said) and said.get("recursiveProperties", "1") not in ("0", "false")
    return await _change(request, visitor, said, changes, recursive)


async def _change(
    request: Request[State], visitor: Visitor, said: Mapping[str, str], changes: Changes, recursive: bool
) -> Empty:
    address, now = parse(request.path_params["path"]), request.state["now_ms"]()
    writing = annotation.change(visitor, address, changes, recursive=recursive, at=now)
    await request.state["db"].write(writing)
    return Empty()


def _recursive(said: Mapping[str, str]) -> bool:
    return said.get("recursive", "1").lower() not in ("0", "false")


def _props(data: bytes) -> Changes:
    """The `props` of a body: a text, a list of texts, or null for each key."""
    try:
        said = orjson.loads(data or b"null")
    except orjson.JSONDecodeError as error:
        raise Invalid.of([Problem("", "invalid_json", f"the body is not JSON: {error}")]) from None
    found = said.get("props") if isinstance(said, dict) else None
    if not isinstance(found, dict) or not found:
        raise Invalid.of([Problem("props", "missing_props", 'props: is missing; send {"props": {"KEY": "VALUE"}}')])
    properties.check_keys(found)
    return {key: _values(key, value) for key, value in found.items()}


def _values(key: str, value: Any) -> list[str] | None:
    if value is None:
        return None
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) and "\0" not in one for one in values):
        words = f"props.{key[:100]}: must be a text, a list of texts, or null"
        raise Invalid.of([Problem(f"props.{key}", "text_type", words)])
    return [str(one) for one in values]


async def calculate(_: Request[State], __: Visitor) -> Accepted:
    """Nothing: totals are computed when they are asked for."""
    return Accepted()


def _totals(_: Request[State], visitor: Visitor) -> Tx[Totals]:
    return listing.totals(visitor)


async def show_totals(request: Request[State], visitor: Visitor, totals: Totals) -> JSON[StoredJSON]:
    """What all repositories hold that the caller may read. Where bytes lie is told to administrators of the server."""
    shown = [total for _, total in totals.of_repos]
    size, files = sum(total.size for total in shown), sum(total.files for total in shown)
    share = totals.size / size * 100 if size else 100.0
    space = await request.state["blobs"].space()
    return JSON(
        StoredJSON(
            binariesSummary=BinariesJSON(
                binariesCount=str(totals.blobs),
                binariesSize=size_text(totals.size),
                artifactsSize=size_text(size),
                optimization=f"{share:.2f}%",
                itemsCount=str(files + sum(total.folders for total in shown)),
                artifactsCount=str(files),
            ),
            fileStoreSummary=FileStoreJSON(
                storageType=space.kind,
                storageDirectory=space.where if visitor.rights.everything else "",
                totalSpace=size_text(space.total) if space.total else "unlimited",
                usedSpace=size_text(space.total - space.free) if space.total else size_text(totals.size),
                freeSpace=size_text(space.free) if space.total else "unlimited",
            ),
            repositoriesSummaryList=[
                SummaryJSON(
                    repoKey=repo.key,
                    repoType="LOCAL",
                    foldersCount=total.folders,
                    filesCount=total.files,
                    usedSpace=size_text(total.size),
                    usedSpaceInBytes=str(total.size),
                    itemsCount=total.folders + total.files,
                    packageType=repo.package_type.capitalize(),
                    projectKey=repo.project or "default",
                    percentage=f"{_percent(total, size)}%",
                )
                for repo, total in totals.of_repos
            ],
        )
    )


def _percent(total: Total, size: int) -> str:
    return f"{total.size / size * 100:.2f}" if size else "0"


_PATH = Word("path", "Key of the repository, and the path in it.", "libs-release-local/org/app.jar", rest=True)
_STORAGE = Path.of("/artifactory/api/storage") / _PATH
_RECURSIVE = Param("recursive", "`0` = a folder alone, without all below.")
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
_PAIRS = Param("properties", "`KEY=VALUE,VALUE2;KEY2=VALUE`; a backslash goes before a comma that is meant.")
_KEYS = Param("properties", "Keys, separated by commas.")
_TOTALS = Path.of("/artifactory/api/storageinfo")
routes = [
    Endpoint("GET", _STORAGE, show, operation="artifacts.show", needs=VISITOR, query=_ASKED, errors=[400]),
    Endpoint(
        "PUT",
        _STORAGE,
        set_properties,
        operation="properties.set",
        needs=ACCOUNT,
        query=[_PAIRS, _RECURSIVE],
        errors=[400],
    ),
    Endpoint(
        "DELETE",
        _STORAGE,
        delete_properties,
        operation="properties.delete",
        needs=ACCOUNT,
        query=[_KEYS, _RECURSIVE],
        errors=[400],
    ),
    Endpoint(
        "PATCH",
        Path.of("/artifactory/api/metadata") / _PATH,
        patch_metadata,
        operation="properties.update",
        needs=ACCOUNT,
        query=[_RECURSIVE, Param("recursiveProperties", "`0` = a folder alone, without all below.")],
        errors=[400, 413],
    ),
    Endpoint("POST", _TOTALS / "calculate", calculate, operation="artifacts.calculate", needs=ACCOUNT),
    Endpoint("GET", _TOTALS, show_totals, operation="artifacts.totals", needs=VISITOR, reads=_totals),
]
