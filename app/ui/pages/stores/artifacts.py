"""Artifact repositories, and what is in them: folders, files with their properties and checksums."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request

from app.artifacts import finding, listing, properties, repositories
from app.artifacts.access import VISITOR, State, Visitor
from app.artifacts.address import Address, plain
from app.artifacts.api.storage import ITEM
from app.artifacts.api.wire import url_of
from app.artifacts.finding import Place
from app.artifacts.items import Found
from app.artifacts.listing import Stats
from app.artifacts.model import ArtifactRepository
from app.artifacts.properties import Properties
from app.artifacts.visible import may_see
from app.db.tx import Tx
from app.ui import addresses, frame
from app.ui.frame import Read
from app.web.path import Path
from app.web.reply import HTML
from app.web.route import Endpoint

#: Items of a folder that are shown.
MOST = 1000


@dataclass(frozen=True, slots=True)
class Listed:
    """The artifact repositories in which the caller may read something, by key."""

    repos: Sequence[ArtifactRepository]


@dataclass(frozen=True, slots=True)
class View:
    """A file, or a folder with what is in it. `key` is of the repository that was asked for, perhaps a virtual one."""

    key: str
    place: Place
    children: Sequence[Found]
    has_more: bool
    properties: Properties
    stats: Stats
    #: Where the bytes of a file are.
    url: str
    #: The folders around, by path, the outermost first.
    around: Mapping[str, str]
    most: int = MOST


async def show_all(request: Request[State], visitor: Visitor, read: Read[Listed]) -> HTML:
    """The artifact repositories."""
    return frame.page(request, "artifacts.html", visitor.user, read, view=read.found)


def _read_all(_: Request[State], visitor: Visitor) -> Tx[Listed]:
    known = yield from repositories.read_all()
    return Listed([repo for repo in known.by_key.values() if may_see(visitor.rights, repo, known)])


async def show(request: Request[State], visitor: Visitor, read: Read[View]) -> HTML:
    """A file or a folder."""
    return frame.page(request, "artifact.html", visitor.user, read, view=read.found)


def _read(request: Request[State], visitor: Visitor) -> Tx[View]:
    address = plain(request.path_params[ITEM.name])
    place = yield from finding.find(visitor, address)
    item = place.found.item
    children, more = (
        (yield from listing.children(visitor, place.members, place.path, MOST)) if item.folder else ([], False)
    )
    set_id = item.set_id
    return View(
        address.repo,
        place,
        sorted(children, key=lambda found: (not found.item.folder, found.item.name)),
        more,
        (yield from properties.of_sets([set_id]))[set_id],
        Stats() if item.folder else (yield from listing.stats(item.id)),
        url_of(request.state["public_url"], place.repo.key, place.path),
        _around(address),
    )


def _around(address: Address) -> Mapping[str, str]:
    names = address.path.split("/")[:-1]
    return {"/".join(names[: at + 1]): name for at, name in enumerate(names)}


_ALL = Path.of(addresses.ARTIFACTS)
routes = [
    Endpoint("GET", _ALL, show_all, needs=VISITOR, reads=frame.reading(_read_all)),
    Endpoint("GET", _ALL / ITEM, show, needs=VISITOR, reads=frame.reading(_read)),
]
