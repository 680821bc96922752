"""The page of the settings that a PATCH of the repository changes, and of what is done to the repository itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request

from app import duration
from app.accounts import store as accounts
from app.accounts.model import User
from app.builds.api.request import State
from app.db.tx import Tx
from app.errors import Conflict, Problem
from app.repos import settings, store, verbs
from app.repos.access import Access
from app.repos.input import RepoChanges
from app.repos.model import Repo
from app.ui import views
from app.ui.actions import Form
from app.ui.pages.settings.subject import SETTINGS, Subject, after
from app.web import body, errors

#: The settings of repositories of a host alone.
_OF_HOST = ("deployments", "workflow_deployments")
_NUMBERS = ("timeout", "throttle", "counter")
_TEXTS = ("visibility", "config_path")


@dataclass(frozen=True, slots=True)
class View:
    """The page. `names` are the settings that the caller may change, `edition` is that of the values shown."""

    repo: Repo
    owner: User | None
    names: Sequence[str]
    edition: str
    values: Mapping[str, str]
    is_owner: bool
    form: Form


def _reads(_: Request[State], found: Access) -> Tx[tuple[Repo, User | None]]:
    repo = yield from store.find(found.repo.id)
    return repo, ((yield from accounts.find_by_id(repo.user_id)) if repo.user_id else None)


def _view(_: Request[State], found: Access, read: tuple[Repo, User | None], form: Form) -> View:
    repo, owner = read
    names, shown = _names(repo, found), _shown(repo)
    if form.status == errors.STATUS[Conflict] and form.typed:
        form = _beside(form, shown, names)
    return View(repo, owner, names, settings.edition(repo), shown, repo.user_id == found.user_id, form)


def _names(repo: Repo, found: Access) -> Sequence[str]:
    """The settings that there are in this repository, of those that the caller may change."""
    mine = settings.SETTINGS + (settings.SYSTEM_SETTINGS if found.is_system else ())
    absent = settings.PLAIN_GIT if repo.scm else _OF_HOST
    return [name for name in mine if name not in absent]


def _shown(repo: Repo) -> dict[str, str]:
    """All settings as their fields show them."""
    return {name: _text(repo, name) for name in (*settings.SETTINGS, *settings.SYSTEM_SETTINGS)}


def _text(repo: Repo, name: str) -> str:
    value = getattr(repo, name)
    if name == "poll":
        return duration.text(value)
    if name == "parameters":
        return "\n".join(value)
    return ("true" if value else "") if isinstance(value, bool) else str(value)


async def _save(request: Request[State], found: Access, typed: Mapping[str, str]) -> str:
    """Change what differs from what is stored."""
    repo, names = found.repo, _names(found.repo, found)
    patch = body.checked(RepoChanges, {name: _typed(name, typed.get(name, "")) for name in names})
    changes = {name: getattr(patch, name) for name in _differing(repo, names, patch)}
    if not changes:
        return after(repo, "general", done="same")
    saved = await verbs.update(request.state, found, RepoChanges(**changes), typed.get("edition", ""))
    changed = [name for name in names if getattr(saved, name) != getattr(repo, name)]
    return after(saved, "general", done="saved", name=",".join(changed))


def _typed(name: str, text: str) -> Any:
    """What was typed into a field, as a value of `RepoChanges`; a text that is no number stays, and is refused."""
    text = text.strip()
    if name == "parameters":
        return text.replace(",", " ").split()
    if name in _TEXTS:
        return text
    if name in _NUMBERS or name == "poll":
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else text
    return text == "true"


def _differing(repo: Repo, names: Sequence[str], patch: RepoChanges) -> Iterator[str]:
    for name in names:
        now = getattr(repo, name)
        if getattr(patch, name) != (sorted(now) if name == "parameters" else now):
            yield name


async def _enable(request: Request[State], found: Access, _: Mapping[str, str]) -> str:
    return after(await verbs.enable(request.state, found), "general", done="enabled")


async def _disable(request: Request[State], found: Access, _: Mapping[str, str]) -> str:
    return after(await verbs.disable(request.state, found), "general", done="disabled")


async def _repair(request: Request[State], found: Access, _: Mapping[str, str]) -> str:
    return after(await verbs.repair(request.state, found), "general", done="repaired")


async def _chown(request: Request[State], found: Access, _: Mapping[str, str]) -> str:
    return after(await verbs.chown(request.state, found), "general", done="owned")


def _beside(form: Form, shown: Mapping[str, str], names: Sequence[str]) -> Form:
    """A form of settings that somebody else has changed: each field that differs says what is stored now."""
    problems = [
        Problem(name, "", views.stored_now(shown[name]))
        for name in names
        if form.typed.get(name, "").split() != shown[name].split()
    ]
    return replace(form, problems=[*form.problems, *problems])


PAGE = Subject(SETTINGS / "general", "settings/general.html", _reads, _view)
routes = PAGE.rows({"": _save, "enable": _enable, "disable": _disable, "repair": _repair, "chown": _chown})
