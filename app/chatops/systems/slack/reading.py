"""Commands and pressed buttons as Slack sends them (contract gantry-chatops 2.1, 2.4). Pure."""

import re
from collections.abc import Mapping
from typing import Any

from app.chatops.model import Person, Place, Press, Request
from app.chatops.systems.fields import missing, of_form, of_json, text
from app.errors import Unauthorized

_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
_ENTITY = re.compile("|".join(_ENTITIES))
#: What Slack makes of names and addresses, if the command's option says so: `<@U1|alice>`, `<https://x|x>`.
_WRAPPED = re.compile(r"<(?P<sign>[@#!]?)(?P<what>[^<>|]+)(?:\|(?P<label>[^<>|]*))?>")


def decoded(typed: str) -> str:
    """What a person has typed."""
    unwrapped = _WRAPPED.sub(_unwrapped, typed)
    return _ENTITY.sub(lambda found: _ENTITIES[found[0]], unwrapped).strip()


def _unwrapped(found: "re.Match[str]") -> str:
    sign, what, label = found["sign"], found["what"], found["label"] or ""
    if sign in ("@", "#"):
        return sign + (label or what).removeprefix(sign)
    if sign == "!":
        return label or f"@{what}"
    was_typed = what.removesuffix("/") in {
        prefix + label.removesuffix("/") for prefix in ("http://", "https://", "mailto:")
    }
    return label if was_typed else what


def is_probe(body: bytes) -> bool:
    """Whether Slack only looks at the certificate of this server."""
    return len(body) < 1000 and b"ssl_check=1" in body.split(b"&")


class Tenants:
    """Whose requests are taken: of which app, and of which workspaces; empty for all that are signed."""

    def __init__(self, app: str = "", teams: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._teams = teams

    def check(self, app: str, *teams: str) -> None:
        """Unauthorized for another app, and for a workspace or an enterprise that is not named."""
        if (self._app and app != self._app) or (self._teams and not self._teams.intersection(filter(None, teams))):
            raise Unauthorized


def command(body: bytes, tenants: Tenants, address: str = "") -> Request:
    """The command of a verified request."""
    found = of_form(body)
    team, user, key = (found.get(name, "") for name in ("team_id", "user_id", "trigger_id"))
    tenants.check(found.get("api_app_id", ""), team, found.get("enterprise_id", ""))
    for name, value in (("team_id", team), ("user_id", user), ("trigger_id", key)):
        if not value:
            raise missing(name)
    place = Place(url=found.get("response_url", ""), channel=found.get("channel_id", ""))
    by = Person("slack", team, user, found.get("user_name", ""), found.get("team_domain", ""))
    return Request(by, decoded(found.get("text", "")), key, place, address)


def press(body: bytes, tenants: Tenants, address: str = "") -> Press | None:
    """The pressed button of a verified request; None for other interactions, which this server has not asked for."""
    found = of_json(of_form(body).get("payload", ""))
    team, enterprise = text(found, "team", "id"), text(found, "enterprise", "id")
    tenants.check(text(found, "api_app_id"), team, enterprise)
    if text(found, "type") != "block_actions" or text(found, "actions", 0, "type") != "button":
        return None
    user, tenant = text(found, "user", "id"), text(found, "user", "team_id") or team
    value, time = text(found, "actions", 0, "value"), text(found, "actions", 0, "action_ts")
    for name, given in (("user.id", user), ("team.id", tenant), ("actions[0].action_ts", time)):
        if not given:
            raise missing(name)
    key = _key(found, team or tenant, user)
    return Press(_person(found, tenant, user), value, key, _place(found), address, unanswered=True)


def _person(found: Mapping[str, Any], tenant: str, user: str) -> Person:
    name = text(found, "user", "username") or text(found, "user", "name")
    domain = text(found, "team", "domain") if text(found, "team", "id") == tenant else ""
    return Person("slack", tenant, user, name, domain)


def _key(found: Mapping[str, Any], team: str, user: str) -> str:
    """What is the same whenever this press is sent (contract gantry-chatops 6.4)."""
    message = text(found, "container", "message_ts")
    action, time = text(found, "actions", 0, "action_id"), text(found, "actions", 0, "action_ts")
    return "\n".join((team, message, action, user, time))


def _place(found: Mapping[str, Any]) -> Place:
    """Where the answer goes. Only a message that is not shown to one person alone can be changed with a token."""
    channel = text(found, "channel", "id") or text(found, "container", "channel_id")
    hidden = isinstance(found.get("container"), dict) and found["container"].get("is_ephemeral") is True
    message = "" if hidden else text(found, "container", "message_ts")
    thread = text(found, "container", "thread_ts")
    return Place(text(found, "response_url"), channel, message, thread)
