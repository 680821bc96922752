"""Release bundles: their names, the versions of one, and a version with its files and where it was promoted to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from app.artifacts import environments
from app.artifacts.access import VISITOR, Visitor
from app.artifacts.visible import visible_in
from app.bundles import access, lists, records, store
from app.bundles.api.asked import NAME, VERSION, WHERE, named, repository
from app.bundles.lists import Asked, Group, Page
from app.bundles.model import BUNDLES, Artifact, Bundle
from app.bundles.records import Record
from app.db.tx import Tx
from app.ui import addresses, frame
from app.ui.frame import Read
from app.web import body
from app.web.path import Path
from app.web.reply import HTML
from app.web.route import Endpoint, Param

#: Names or versions on a page; promotions and files of a version that are shown.
ROWS, PROMOTIONS, FILES = 50, 100, 500


@dataclass(frozen=True, slots=True)
class Names:
    """A part of the names of a repository of release bundles."""

    repo: str
    page: Page[Group]
    offset: int
    rows: int = ROWS
    common: str = BUNDLES


@dataclass(frozen=True, slots=True)
class Versions:
    """A part of the versions of a name, and the environments where each is, by its id."""

    repo: str
    name: str
    page: Page[Bundle]
    where: Mapping[int, set[str]]
    #: The environments in their order.
    order: Sequence[str]
    offset: int
    rows: int = ROWS
    common: str = BUNDLES

    def places(self, bundle: Bundle) -> Sequence[str]:
        """The environments where a version is, in their order."""
        here = self.where.get(bundle.id, set())
        return [*(name for name in self.order if name in here), *sorted(here - set(self.order))]


@dataclass(frozen=True, slots=True)
class Shown:
    """A version: its promotions, newest first, and its files."""

    repo: str
    bundle: Bundle
    promotions: Sequence[Record]
    total: int
    files: Sequence[Artifact]
    most: int = FILES
    common: str = BUNDLES


async def show_names(request: Request[Any], visitor: Visitor, read: Read[Names]) -> HTML:
    """The names of release bundles."""
    return frame.page(request, "bundles.html", visitor.user, read, view=read.found)


def _read_names(request: Request[Any], visitor: Visitor) -> Tx[Names]:
    key, offset = _readable(request, visitor), _offset(request)
    repo = yield from access.find(key)
    if repo is None:
        return Names(key, Page([], 0), 0)
    asked = Asked(ROWS, offset)
    return Names(key, (yield from lists.groups(repo.id, asked, visible_in(visitor.rights, [repo]))), offset)


async def show_versions(request: Request[Any], visitor: Visitor, read: Read[Versions]) -> HTML:
    """The versions of a name."""
    return frame.page(request, "bundle_versions.html", visitor.user, read, view=read.found)


def _read_versions(request: Request[Any], visitor: Visitor) -> Tx[Versions]:
    key, name, offset = _readable(request, visitor), request.path_params[NAME.name], _offset(request)
    repo = yield from access.find(key)
    page: Page[Bundle] = Page([], 0)
    if repo is not None:
        page = yield from lists.versions(repo.id, name, Asked(ROWS, offset), visible_in(visitor.rights, [repo]))
    if not page.total:
        raise store.no_bundle(key, name, "*")
    where = yield from lists.environments_of([bundle.id for bundle in page.rows])
    return Versions(key, name, page, where, (yield from environments.order()), offset)


async def show(request: Request[Any], visitor: Visitor, read: Read[Shown]) -> HTML:
    """A version."""
    return frame.page(request, "bundle.html", visitor.user, read, view=read.found)


def _read(request: Request[Any], visitor: Visitor) -> Tx[Shown]:
    key, bundle = yield from named(request, visitor, request.path_params[NAME.name], request.path_params[VERSION.name])
    page = yield from records.of_version(bundle.id, records.Asked(PROMOTIONS))
    files = yield from store.artifacts_of(bundle.id)
    return Shown(key, bundle, page.records, page.total, files[:FILES])


def _readable(request: Request[Any], visitor: Visitor) -> str:
    """The key of the repository that the query names; Forbidden when the caller may read no version there."""
    key = repository(request)
    if not visitor.rights.somewhere("read", access.judged(key)):
        visitor.refuse("read", key)
    return key


def _offset(request: Request[Any]) -> int:
    text = body.query(request).get("offset", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


_OFFSET = Param("offset", "How many entries are left out before the first one.")
_ALL = Path.of(addresses.BUNDLES)
routes = [
    Endpoint("GET", _ALL, show_names, needs=VISITOR, reads=frame.reading(_read_names), query=[*WHERE, _OFFSET]),
    Endpoint(
        "GET", _ALL / NAME, show_versions, needs=VISITOR, reads=frame.reading(_read_versions), query=[*WHERE, _OFFSET]
    ),
    Endpoint("GET", _ALL / NAME / VERSION, show, needs=VISITOR, reads=frame.reading(_read), query=WHERE),
]
