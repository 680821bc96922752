"""The page that deletes a repository, whose name must be typed."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from app.builds.api import removal
from app.builds.api.request import State
from app.db.tx import Tx
from app.errors import Invalid, Problem
from app.repos import store
from app.repos.access import Access
from app.repos.model import Repo
from app.ui.actions import Form
from app.ui.pages.settings.subject import SETTINGS, Subject


@dataclass(frozen=True, slots=True)
class View:
    """The page."""

    repo: Repo
    form: Form


def _reads(_: Request[State], found: Access) -> Tx[Repo]:
    return store.find(found.repo.id)


def _view(_: Request[State], __: Access, repo: Repo, form: Form) -> View:
    return View(repo, form)


async def _delete(request: Request[State], found: Access, typed: Mapping[str, str]) -> str:
    if typed.get("slug", "").strip() != found.repo.slug:
        words = f"slug: type {found.repo.slug}, in these letters; nothing is deleted"
        raise Invalid.of([Problem("slug", "not_confirmed", words)])
    await removal.delete(request.state, found)
    return "/"


PAGE = Subject(SETTINGS / "danger", "settings/danger.html", _reads, _view)
routes = PAGE.rows({"": _delete})
