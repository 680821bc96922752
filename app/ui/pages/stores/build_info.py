"""Build-info: the names of builds, their runs, and a run with its artifacts and its promotions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from app.artifacts import repositories
from app.artifacts.access import VISITOR, Visitor
from app.artifacts.model import BUILD_INFO
from app.artifacts.visible import visible_to
from app.buildinfo import access, names, promotions, store, stored
from app.buildinfo.linking import Candidate
from app.buildinfo.model import Artifact, Entries, Run
from app.buildinfo.promotions import Promotion
from app.db.tx import Tx
from app.db.window import Window
from app.ui import addresses, frame
from app.ui.frame import Read
from app.web import body
from app.web.path import Path, Word
from app.web.reply import HTML
from app.web.route import Endpoint, Param

#: Names, runs, artifacts and files that a page shows, and promotions.
MOST, PROMOTIONS = 500, 50


@dataclass(frozen=True, slots=True)
class Names:
    """The names of builds that the caller may read, each with when its newest run began."""

    repo: str
    names: Sequence[tuple[str, str]]
    count: int
    most: int = MOST
    common: str = BUILD_INFO


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a name, the newest first."""

    repo: str
    name: str
    runs: Sequence[Run]
    count: int
    most: int = MOST
    common: str = BUILD_INFO


@dataclass(frozen=True, slots=True)
class Shown:
    """A run: what it lists, which of that is stored, and where it was promoted to."""

    repo: str
    run: Run
    entries: Entries
    files: Sequence[Candidate]
    promotions: Sequence[Promotion]
    has_more: bool
    most: int = MOST
    common: str = BUILD_INFO

    def file(self, artifact: Artifact) -> Candidate | None:
        """A stored file with the bytes of an artifact."""
        return next((file for file in self.files if file.sums.sha1 == artifact.sums.sha1), None)


async def show_names(request: Request[Any], visitor: Visitor, read: Read[Names]) -> HTML:
    """The names of builds."""
    return frame.page(request, "build_info.html", visitor.user, read, view=read.found)


def _read_names(request: Request[Any], visitor: Visitor) -> Tx[Names]:
    key = _key(request)
    if not visitor.rights.somewhere("read", access.judged(key)):
        visitor.refuse("read", key)
    repo = yield from access.find(key)
    known = yield from repositories.read_all()
    newest = (yield from store.newest(repo.id, visible_to(visitor.rights, known))) if repo else {}
    return Names(key, [*newest.items()][:MOST], len(newest))


async def show_runs(request: Request[Any], visitor: Visitor, read: Read[Runs]) -> HTML:
    """The runs of a name."""
    return frame.page(request, "runs.html", visitor.user, read, view=read.found)


def _read_runs(request: Request[Any], visitor: Visitor) -> Tx[Runs]:
    key, name = _key(request), request.path_params[_NAME.name]
    access.named(visitor, "read", key, [name])
    repo = yield from access.find(key)
    found = (yield from store.runs_of(repo.id, name)) if repo else []
    runs = [run for run in found if access.may(visitor, "read", key, run)]
    if not runs:
        raise store.no_build(name, key)
    return Runs(key, name, runs[:MOST], len(runs))


async def show_run(request: Request[Any], visitor: Visitor, read: Read[Shown]) -> HTML:
    """A run."""
    return frame.page(request, "run.html", visitor.user, read, view=read.found)


def _read_run(request: Request[Any], visitor: Visitor) -> Tx[Shown]:
    key, name, number = _key(request), request.path_params[_NAME.name], request.path_params[_NUMBER.name]
    access.numbered(visitor, "read", key, [(name, number)])
    repo = yield from access.find(key)
    run = (yield from store.find_run(repo.id, name, number)) if repo else None
    if run is None or not access.may(visitor, "read", key, run):
        raise store.no_run(name, number, key)
    entries = yield from store.entries(run.id)
    files = yield from stored.of_run(visitor, key, run, entries)
    part = yield from promotions.page(run.repo_id, name, number, Window(PROMOTIONS))
    return Shown(key, run, entries, files, part.items, part.later)


def _key(request: Request[Any]) -> str:
    """The key of the repository of build-info that the query names; the common one when it names none."""
    return names.repository_key("", body.query(request).get("repo", "").strip())


_REPO = Param("repo", f"Key of the repository of build-info; `{BUILD_INFO}` without it.")
_NAME = Word("name", "Name of the build.", "shop")
_NUMBER = Word("number", "Number of the run.", "42")
_ALL = Path.of(addresses.BUILD_INFO)
routes = [
    Endpoint("GET", _ALL, show_names, needs=VISITOR, reads=frame.reading(_read_names), query=[_REPO]),
    Endpoint("GET", _ALL / _NAME, show_runs, needs=VISITOR, reads=frame.reading(_read_runs), query=[_REPO]),
    Endpoint("GET", _ALL / _NAME / _NUMBER, show_run, needs=VISITOR, reads=frame.reading(_read_run), query=[_REPO]),
]
