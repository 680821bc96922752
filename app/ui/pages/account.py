"""The page of one's own account: tokens, browsers, accounts at hosts, and how this browser shows pages."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from starlette.requests import Request

from app import names
from app.accounts import proofs, session
from app.accounts import verbs as accounts
from app.accounts.auth import ACCOUNT, COOKIE, Caller
from app.accounts.hosted import store as hosted
from app.accounts.hosted.model import AccountHost, HostAccount
from app.accounts.model import Session, Token, User
from app.builds.cron import zones
from app.db.tx import Tx
from app.errors import AppError, Invalid, Problem, Unauthorized
from app.repos import tokens
from app.repos.access import State
from app.repos.hosted import disconnect
from app.repos.input import NewToken
from app.ui import actions, addresses, frame
from app.ui.actions import Form
from app.ui.frame import Read
from app.web import body
from app.web.path import Path
from app.web.reply import HTML, SeeOther
from app.web.route import Endpoint, Param

#: What an action does with the fields that were sent; gives what was done, and a name.
Act: TypeAlias = Callable[[Request[State], Caller, Mapping[str, str]], Awaitable[tuple[str, str]]]
#: How long a new token may be good, in seconds, by the words of the form.
LASTING: Mapping[str, int] = {"30 days": 30 * 86400, "90 days": 90 * 86400, "1 year": 365 * 86400, "for ever": 0}
SCOPES = ("read", "promote", "deploy", "admin")
#: The themes of the form; the first is that of the browser's system.
THEMES = ("system", *frame.THEMES)
#: Seconds for which a browser keeps how it shows pages, and characters of a name in the query.
_KEPT, _LONGEST = 365 * 86400, 200


@dataclass(frozen=True, slots=True)
class Found:
    """What is read for the page."""

    tokens: Sequence[Token]
    sessions: Sequence[Session]
    at_hosts: Sequence[HostAccount]
    #: How many repositories the server reads as the account, by host.
    read_by: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class View:
    """The page."""

    user: User
    tokens: Sequence[Token]
    sessions: Sequence[Session]
    #: The id of the session of this browser; 0 without one.
    current: int
    hosts: Sequence[AccountHost]
    #: What the account has at hosts, by the name of the host, and at which of them it is synchronised now.
    mine: Mapping[str, HostAccount]
    syncing: frozenset[str]
    read_by: Mapping[str, int]
    scopes: Sequence[str]
    lasting: Sequence[str]
    themes: Sequence[str]
    theme: str
    zone: str
    #: What was done before this page, and to what; empty for nothing.
    done: str
    name: str
    form: Form


async def show(request: Request[State], caller: Caller, read: Read[Found]) -> HTML:
    """The page."""
    return _page(request, caller, read, Form())


def _reads(request: Request[State], caller: Caller) -> Tx[Found]:
    mine = yield from proofs.list_named_tokens(caller.user.id)
    browsers = yield from proofs.list_sessions(caller.user.id, request.state["now"]())
    at_hosts = yield from hosted.of_user(caller.user.id)
    read_by = (yield from disconnect.read_by(caller.user.id)) if at_hosts else {}
    return Found(mine, browsers, at_hosts, read_by)


def _page(request: Request[State], caller: Caller, read: Read[Found], form: Form) -> HTML:
    found, now, said = read.found, request.state["now"](), body.query(request)
    done, name = said.get("done", ""), said.get("name", "")
    view = View(
        caller.user,
        found.tokens,
        found.sessions,
        caller.proof.session_id,
        request.state["logins"].hosts,
        {account.host: account for account in found.at_hosts},
        frozenset(account.host for account in found.at_hosts if account.syncing(now)),
        found.read_by,
        SCOPES,
        list(LASTING),
        THEMES,
        frame.theme(request) or THEMES[0],
        frame.zone(request),
        done if names.is_name(done, _LONGEST) else "",
        name if names.is_name(name, _LONGEST) else "",
        form,
    )
    return frame.page(request, "account.html", caller.user, read, status=form.status, view=view)


async def _again(request: Request[State], caller: Caller, form: Form) -> HTML:
    """The page with a form that comes back."""
    read = await request.state["db"].read(frame.reading(_reads)(request, caller))
    return _page(request, caller, read, form)


async def create_token(request: Request[State], caller: Caller) -> HTML:
    """Add a token, and show it: in this answer alone, which nobody stores."""
    typed = await body.form(request)
    try:
        made, value = await tokens.create(request.state, caller, _new_token(typed, request.state["now"]()))
    except Unauthorized:
        raise
    except AppError as error:
        form = actions.refused(typed, error)
        if error.code == "token_exists":
            form = replace(form, problems=[Problem("name", error.code, error.message)])
        return await _again(request, caller, form)
    return _shown(request, caller.user, made.name, value)


def _new_token(typed: Mapping[str, str], now: int) -> NewToken:
    lasts = LASTING.get(typed.get("expires", ""))
    if lasts is None:
        words = f"expires: must be one of {', '.join(LASTING)}"
        raise Invalid.of([Problem("expires", "unknown_time", words)])
    slugs = typed.get("repos", "").replace(",", " ").split()
    values = {"name": typed.get("name", "").strip(), "scope": typed.get("scope", ""), "repos": slugs}
    return body.checked(NewToken, values | {"expires": now + lasts if lasts else 0})


async def rotate_token(request: Request[State], caller: Caller) -> HTML:
    """Make another default token, and show it; all browsers of the account are signed out, this one too."""
    _, value = await accounts.rotate(request.state, caller, caller.user)
    answer = _shown(request, None, proofs.DEFAULT, value)
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return answer


def _shown(request: Request[State], user: User | None, name: str, value: str) -> HTML:
    answer = frame.whole(request, "token.html", user, narrow=True, token=name, value=value)
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def _revoke(request: Request[State], caller: Caller, typed: Mapping[str, str]) -> tuple[str, str]:
    token = await accounts.revoke(request.state, caller, typed.get("token", ""))
    return "revoked", token.name


async def _end_session(request: Request[State], caller: Caller, typed: Mapping[str, str]) -> tuple[str, str]:
    given = typed.get("session", "")
    if not (given.isascii() and given.isdecimal() and len(given) < 19):
        raise Invalid.of([Problem("", "not_a_number", "the session must be a number of the list")])
    await accounts.end_session(request.state, caller, int(given))
    return "ended", ""


async def _end_others(request: Request[State], caller: Caller, _: Mapping[str, str]) -> tuple[str, str]:
    await accounts.end_sessions(request.state, caller, but=caller.proof.session_id)
    return "others", ""


async def _sync(request: Request[State], caller: Caller, _: Mapping[str, str]) -> tuple[str, str]:
    request.state["syncs"].begin_all(caller.user)
    return "syncing", ""


async def _disconnect(request: Request[State], caller: Caller, typed: Mapping[str, str]) -> tuple[str, str]:
    gone = await disconnect.disconnect(request.state, caller, typed.get("host", ""))
    return "disconnected", gone.host


async def _keep_display(request: Request[State], _: Caller, typed: Mapping[str, str]) -> tuple[str, str]:
    theme, zone = typed.get("theme", ""), typed.get("zone", "").strip()
    problems = []
    if theme not in THEMES:
        problems.append(Problem("theme", "unknown_theme", f"theme: must be one of {', '.join(THEMES)}"))
    try:
        zones.check(zone)
    except zones.UnknownZone as error:
        problems.append(Problem("zone", "unknown_zone", f"zone: {error}"))
    if problems:
        raise Invalid.of(problems)
    return "display", ""


async def set_display(request: Request[State], caller: Caller) -> HTML | SeeOther:
    """Let this browser keep a theme and a time zone."""
    answer = await _acted(request, caller, _keep_display)
    if isinstance(answer, SeeOther):
        typed = await body.form(request)
        chosen = {frame.THEME: typed.get("theme", ""), frame.ZONE: typed.get("zone", "").strip()}
        for name, value in chosen.items():
            kept = value if value != THEMES[0] else ""
            https = session.is_https(request)
            answer.set_cookie(name, kept, max_age=_KEPT if kept else 0, secure=https, httponly=True, samesite="lax")
    return answer


async def _acted(request: Request[State], caller: Caller, act: Act) -> HTML | SeeOther:
    async def acting(typed: Mapping[str, str]) -> str:
        done, name = await act(request, caller, typed)
        return addresses.ACCOUNT + addresses.asking({"done": done, "name": name})

    async def again(form: Form) -> HTML:
        return await _again(request, caller, form)

    return await actions.carry_out(request, acting, again)


def _action(words: str, act: Act) -> Endpoint:
    async def acted(request: Request[State], caller: Caller) -> HTML | SeeOther:
        return await _acted(request, caller, act)

    return _posted(words, acted)


def _posted(words: str, handler: Callable[[Request[Any], Caller], Awaitable[Any]], *, secret: bool = False) -> Endpoint:
    return Endpoint("POST", _HERE / words, handler, needs=ACCOUNT, secret=secret)


_HERE = Path.of(addresses.ACCOUNT)
routes = [
    Endpoint(
        "GET",
        _HERE,
        show,
        needs=ACCOUNT,
        reads=frame.reading(_reads),
        query=[
            Param("done", "What was done before this page; the page says so."),
            Param("name", "What that was done to."),
        ],
    ),
    _posted("tokens", create_token, secret=True),
    _posted("tokens/rotate", rotate_token, secret=True),
    _action("tokens/revoke", _revoke),
    _action("sessions/end", _end_session),
    _action("sessions/others", _end_others),
    _action("sync", _sync),
    _action("hosts/disconnect", _disconnect),
    _posted("display", set_display),
]
