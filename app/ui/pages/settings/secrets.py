"""The pages of the secrets of a repository: their names, and forms into which values only go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request

from app.audit import lists as audit
from app.audit.model import Entry
from app.builds.api.request import State
from app.db.tx import Tx
from app.repos.access import Access
from app.repos.model import Repo, Secret
from app.repos.secrets import store, uses, verbs
from app.repos.secrets.input import NewSecret, SecretChanges
from app.repos.secrets.uses import Uses
from app.ui.actions import Form
from app.ui.pages.settings.subject import SETTINGS, Subject, after, word
from app.web import body

#: Changes of secrets that are looked through for the last one of each.
CHANGES = 500
#: The field with a value, which is never shown again.
_VALUE = "data"


@dataclass(frozen=True, slots=True)
class View:
    """The page of all secrets, with the last change of each by its name in lower case, as far as it is recorded."""

    repo: Repo
    own: Sequence[Secret]
    #: Secrets of the namespace, and those of them that a secret of the repository hides.
    shared: Sequence[Secret]
    hidden: frozenset[str]
    last: Mapping[str, Entry]
    #: The steps that name secrets; None while no pipeline file was read.
    uses: Uses | None
    form: Form


@dataclass(frozen=True, slots=True)
class One:
    """The page of one secret."""

    repo: Repo
    secret: Secret
    form: Form


@dataclass(frozen=True, slots=True)
class Found:
    """What is read for the page of all secrets."""

    own: Sequence[Secret]
    shared: Sequence[Secret]
    changes: Sequence[Entry]
    uses: Uses | None


def _reads(_: Request[State], found: Access) -> Tx[Found]:
    own = yield from store.list_of(store.of_repo(found.repo.id))
    shared = yield from store.list_shared(found.repo)
    changes = yield from audit.changes_of_secrets(found.repo.id, CHANGES)
    return Found(own, shared, changes, (yield from uses.find(found.repo.id)))


def _view(_: Request[State], found: Access, read: Found, form: Form) -> View:
    names = frozenset(secret.name.lower() for secret in read.own)
    last = {change.subject.rpartition("/")[2].lower(): change for change in reversed(read.changes)}
    hidden = frozenset(secret.name for secret in read.shared if secret.name.lower() in names)
    return View(found.repo, read.own, read.shared, hidden, last, read.uses, _without_value(form))


def _reads_one(request: Request[State], found: Access) -> Tx[Secret]:
    return store.find(store.of_repo(found.repo.id), request.path_params["secret"])


def _view_one(_: Request[State], found: Access, secret: Secret, form: Form) -> One:
    return One(found.repo, secret, _without_value(form))


def _without_value(form: Form) -> Form:
    """A form that comes back without the value: no page shows a secret, not even to the one who typed it."""
    return replace(form, typed={name: text for name, text in form.typed.items() if name != _VALUE})


async def _add(request: Request[State], found: Access, typed: Mapping[str, str]) -> str:
    new = body.checked(NewSecret, {"name": typed.get("name", "").strip(), **_sent(typed)})
    made = await verbs.create(request.state, found, new)
    return after(found.repo, "secrets", done="added", name=made.name)


async def _replace(request: Request[State], found: Access, typed: Mapping[str, str]) -> str:
    """Set the flag, and the value if one was typed: nobody can read it to type it again."""
    sent = _sent(typed)
    if not sent[_VALUE]:
        del sent[_VALUE]
    changes = body.checked(SecretChanges, sent)
    changed = await verbs.update(request.state, found, request.path_params["secret"], changes)
    return after(found.repo, "secrets", done="replaced" if _VALUE in sent else "changed", name=changed.name)


def _sent(typed: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a value. Browsers end the lines of a text with two characters; a file has one."""
    value = typed.get(_VALUE, "").replace("\r\n", "\n")
    return {_VALUE: value, "pull_request": typed.get("pull_request") == "true"}


async def _remove(request: Request[State], found: Access, _: Mapping[str, str]) -> str:
    name = request.path_params["secret"]
    await verbs.delete(request.state, found, name)
    return after(found.repo, "secrets", done="removed", name=name)


_SECRETS = SETTINGS / "secrets"
PAGE = Subject(_SECRETS, "settings/secrets.html", _reads, _view)
ONE = Subject(_SECRETS / word("secret", "Name of the secret."), "settings/secret.html", _reads_one, _view_one)
routes = [*PAGE.rows({"": _add}), *ONE.rows({"": _replace, "remove": _remove})]
