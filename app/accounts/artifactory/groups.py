"""Routes of groups of accounts, in the form that clients of Artifactory read."""

from typing import Any, NotRequired

from starlette.requests import Request
from typing_extensions import TypedDict

from app import names
from app.accounts import groups, moments
from app.accounts.artifactory import form
from app.accounts.auth import SYSTEM, Caller, State
from app.accounts.groups import Group
from app.db.tx import Tx
from app.errors import Conflict, Invalid, Problem
from app.web import body
from app.web.path import Path, Word, decoded
from app.web.reply import JSON, Created, Done, Text
from app.web.route import Endpoint, Param

#: Fields of a group that Gantry reads by itself.
_OWN = frozenset({"name", "description", "autoJoin", "userNames"})
LONGEST = 64


class GroupJSON(TypedDict):
    """A group. `userNames` only where they were asked for."""

    name: str
    description: str
    autoJoin: bool
    adminPrivileges: bool
    realm: str
    realmAttributes: str
    userNames: NotRequired[list[str]]


class GroupNameJSON(TypedDict):
    """A group in a list."""

    name: str
    uri: str


def group_json(group: Group, logins: list[str] | None) -> GroupJSON:
    """The JSON of a group, with what was sent beside."""
    known: dict[str, Any] = {"realm": "internal", "realmAttributes": ""} | group.settings
    made: Any = known | {
        "name": group.name,
        "description": group.description,
        "autoJoin": group.auto_join,
        "adminPrivileges": False,
    }
    if logins is not None:
        made["userNames"] = logins
    shown: GroupJSON = made
    return shown


def _all(_: Request[State], __: Caller) -> Tx[list[Group]]:
    return groups.list_all()


async def list_groups(request: Request[State], _: Caller, found: list[Group]) -> JSON[list[GroupNameJSON]]:
    """All groups, by name."""
    base = f"{request.state['public_url']}/artifactory/api/security/groups"
    return JSON([GroupNameJSON(name=group.name, uri=f"{base}/{group.name}") for group in found])


def _one(request: Request[State], _: Caller) -> Tx[tuple[Group, list[str]]]:
    group = yield from groups.find(decoded(request.path_params["group"]))
    return group, (yield from groups.members(group))


async def show(request: Request[State], _: Caller, found: tuple[Group, list[str]]) -> JSON[GroupJSON]:
    """A group; with `includeUsers=true` also its members."""
    group, logins = found
    asked = body.query(request).get("includeUsers", "").lower() == "true"
    return JSON(group_json(group, logins if asked else None))


async def create(request: Request[State], caller: Caller) -> Created:
    """Add a group, or replace it."""
    await _put(request, caller)
    return Created()


async def update(request: Request[State], caller: Caller) -> Done:
    """Change a group; what is left out stays."""
    await _put(request, caller, changes=True)
    return Done()


async def _put(request: Request[State], caller: Caller, *, changes: bool = False) -> None:
    name, said = decoded(request.path_params["group"]), await form.fields(request)
    if not names.is_name(name, LONGEST):
        raise Invalid.of([Problem("name", "bad_name", f"name: must be {names.rule(LONGEST)}")])
    if form.text(said, "name", name) != name:
        raise Conflict(f"name: the body names another group than the path, which names {name}", code="other_name")
    if form.flag(said, "adminPrivileges"):
        words = "adminPrivileges: groups cannot make administrators; make the accounts administrators"
        raise Invalid.of([Problem("adminPrivileges", "unsupported", words)])
    logins = form.texts(said, "userNames")
    writing = _written(name, said, logins, changes=changes)
    await moments.write(
        request,
        caller.by,
        writing,
        lambda by, found: moments.group_changed(by, "group.update" if found else "group.create", name, logins),
    )


def _written(name: str, said: dict[str, Any], logins: list[str] | None, *, changes: bool) -> Tx[bool]:
    """Add, replace or change a group; whether the group was there."""
    known = yield from groups.find_if_any(name)
    old = (yield from groups.find(name)) if changes else Group(0, name)
    rest = {key: value for key, value in said.items() if key not in _OWN}
    new = Group(
        0,
        name,
        form.text(said, "description", old.description),
        form.flag(said, "autoJoin", default=old.auto_join),
        {**old.settings, **rest},
    )
    yield from groups.put(new, logins)
    return known is not None


async def delete(request: Request[State], caller: Caller) -> Text:
    """Remove a group, with what it was granted."""
    name = decoded(request.path_params["group"])
    deleting = groups.delete(name)
    await moments.write(
        request, caller.by, deleting, lambda by, group: moments.group_changed(by, "group.delete", group.name, None)
    )
    return Text(f"Group '{name}' has been removed successfully.\n")


_GROUPS = Path.of("/artifactory/api/security/groups")
_GROUP = _GROUPS / Word("group", "Name of the group.", "deployers")
_USERS = [Param("includeUsers", "`true` = with the logins of the members.")]
routes = [
    Endpoint("GET", _GROUPS, list_groups, operation="groups.list", needs=SYSTEM, reads=_all),
    Endpoint("GET", _GROUP, show, operation="groups.show", needs=SYSTEM, reads=_one, query=_USERS),
    Endpoint("PUT", _GROUP, create, operation="groups.create", needs=SYSTEM, errors=[400, 409]),
    Endpoint("POST", _GROUP, update, operation="groups.update", needs=SYSTEM, errors=[400, 409]),
    Endpoint("DELETE", _GROUP, delete, operation="groups.delete", needs=SYSTEM),
]
