"""Routes of accounts, in the form that clients of Artifactory read. The password of an account is its default token."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NotRequired

from starlette.requests import Request
from typing_extensions import TypedDict

from app import names
from app.accounts import auth, groups, moments, store
from app.accounts.artifactory import form
from app.accounts.auth import SYSTEM, Caller, State
from app.accounts.groups import Group
from app.accounts.model import User
from app.db.tx import Tx
from app.errors import Conflict, Invalid, Problem
from app.moments import Actor, Recorders
from app.names import LONGEST_LOGIN
from app.web.path import Path, Word, decoded
from app.web.reply import JSON, Created, Done, Text
from app.web.route import Endpoint

#: Characters of a password, which is a token that a person has chosen.
SHORTEST, LONGEST = 8, 500
#: Clients refuse an account without an e-mail address; this domain is nobody's.
_NO_MAIL = "gantry.internal"


class UserNameJSON(TypedDict):
    """An account in a list."""

    name: str
    uri: str
    realm: str


class UserJSON(TypedDict):
    """An account, with its groups. `lastLoggedIn` is absent for an account that never logged in."""

    name: str
    email: str
    admin: bool
    groups: list[str]
    lastLoggedIn: NotRequired[str]
    realm: str
    profileUpdatable: bool
    disableUIAccess: bool
    internalPasswordDisabled: bool


def _all(_: Request[State], __: Caller) -> Tx[list[User]]:
    return store.list_all()


async def list_users(request: Request[State], _: Caller, users: list[User]) -> JSON[list[UserNameJSON]]:
    """All accounts, by login."""
    base = f"{request.state['public_url']}/artifactory/api/security/users"
    return JSON([UserNameJSON(name=user.login, uri=f"{base}/{user.login}", realm="internal") for user in users])


def _one(request: Request[State], _: Caller) -> Tx[tuple[User, list[Group]]]:
    user = yield from store.find(decoded(request.path_params["user"]))
    return user, (yield from groups.of_user(user.id))


async def show(_: Request[State], __: Caller, found: tuple[User, list[Group]]) -> JSON[UserJSON]:
    """An account, with its groups."""
    user, member_of = found
    shown = UserJSON(
        name=user.login,
        email=user.email or f"{user.login}@{_NO_MAIL}",
        admin=user.admin,
        groups=[group.name for group in member_of],
        realm="internal",
        profileUpdatable=True,
        disableUIAccess=False,
        internalPasswordDisabled=False,
    )
    if user.last_login:
        shown["lastLoggedIn"] = datetime.fromtimestamp(user.last_login, UTC).isoformat(timespec="milliseconds")
    return JSON(shown)


async def create(request: Request[State], caller: Caller) -> Created:
    """Add an account, or change the one of this name. Its password becomes its default token."""
    login, said = decoded(request.path_params["user"]), await form.fields(request)
    known = await request.state["db"].glance(store.find_if_any(login))
    if known is not None:
        await _changed(request, caller, known, said)
        return Created()
    if not names.is_name(login, LONGEST_LOGIN):
        raise Invalid.of([Problem("name", "bad_name", f"name: must be {names.rule(LONGEST_LOGIN)}")])
    _check_name(said, login)
    token, now = _password(said) or auth.new_token(), request.state["now"]()
    await request.state["db"].write(_made(request.state["recorders"], caller.by, login, said, token, now))
    return Created()


def _check_name(said: dict[str, Any], login: str) -> None:
    if form.text(said, "name", login).lower() != login.lower():
        raise Conflict(f"name: the body names another account than the path, which names {login}", code="other_name")


def _made(recorders: Recorders, by: Actor, login: str, said: dict[str, Any], token: str, now: int) -> Tx[None]:
    making = store.create(login, token=token, now=now, email=_email(said) or "", admin=form.flag(said, "admin"))
    user = yield from recorders.recorded(making, lambda made: moments.created(by, made))
    yield from _set_groups(recorders, by, user, said, before=[])


def _set_groups(recorders: Recorders, by: Actor, user: User, said: dict[str, Any], before: Sequence[str]) -> Tx[None]:
    """Make an account a member of the groups that were sent, and record what changed."""
    if (wanted := form.texts(said, "groups")) is not None:
        yield from groups.set_of_user(user, wanted)
    after = [group.name for group in (yield from groups.of_user(user.id))]
    if (change := moments.groups_set(by, user, before, after)) is not None:
        yield from recorders.record(change)


async def update(request: Request[State], caller: Caller, found: tuple[User, list[Group]]) -> Done:
    """Change an account; what is left out stays."""
    await _changed(request, caller, found[0], await form.fields(request))
    return Done()


async def _changed(request: Request[State], caller: Caller, user: User, said: dict[str, Any]) -> None:
    _check_name(said, user.login)
    changing = _changes(request.state["recorders"], caller.by, user, said, _password(said), request.state["now"]())
    await request.state["db"].write(changing)


def _changes(recorders: Recorders, by: Actor, user: User, said: dict[str, Any], password: str, now: int) -> Tx[None]:
    admin = form.flag(said, "admin") if "admin" in said else None
    changing = store.update(user.id, email=_email(said), admin=admin, now=now)
    yield from moments.updating(recorders, by, user.id, changing)
    if password:
        rotating = store.set_token(user.id, password, now)
        yield from recorders.recorded(rotating, lambda rotated: moments.rotated(by, rotated))
    before = [group.name for group in (yield from groups.of_user(user.id))]
    yield from _set_groups(recorders, by, user, said, before)


def _email(said: dict[str, Any]) -> str | None:
    if "email" not in said:
        return None
    email = form.text(said, "email")
    if len(email) > 250 or not email.isprintable():
        raise Invalid.of([Problem("email", "bad_email", "email: must have at most 250 characters, all printable")])
    return "" if email.endswith(f"@{_NO_MAIL}") else email


def _password(said: dict[str, Any]) -> str:
    password = form.text(said, "password")
    if password and not (SHORTEST <= len(password) <= LONGEST and password.isprintable() and password.isascii()):
        words = f"password: must have {SHORTEST} to {LONGEST} printable ASCII characters; it is the account's token"
        raise Invalid.of([Problem("password", "bad_password", words)])
    return password


async def unlock(_: Request[State], __: Caller) -> Text:
    """Nothing: accounts are never locked."""
    return Text("The account is not locked.\n")


#: The paths of all accounts, and of one account.
USERS = Path.of("/artifactory/api/security/users")
_WORD = Word("user", "Login of the account.", "octocat")
USER = USERS / _WORD
routes = [
    Endpoint("GET", USERS, list_users, operation="people.list", needs=SYSTEM, reads=_all),
    Endpoint("GET", USER, show, operation="people.show", needs=SYSTEM, reads=_one),
    Endpoint("PUT", USER, create, operation="people.create", needs=SYSTEM, errors=[400, 409]),
    Endpoint("POST", USER, update, operation="people.update", needs=SYSTEM, reads=_one, errors=[400, 409]),
    Endpoint(
        "POST",
        Path.of("/artifactory/api/security/unlockUsers") / _WORD,
        unlock,
        operation="people.unlock",
        needs=SYSTEM,
    ),
]
