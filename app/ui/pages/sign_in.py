"""The pages to sign in, by an account at a host or by a token, and to sign out (contract drone-rest 3.7, scm-api 7).

`next` is the page that a person wanted to see: a path of this server, and no other address.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from starlette.requests import Request

from app.accounts import auth, session
from app.accounts.auth import COOKIE, Caller, Claim, State
from app.accounts.hosted import people
from app.accounts.hosted.login import HostLogins, StartAgain
from app.accounts.hosted.model import AccountHost
from app.accounts.hosted.people import Entry
from app.accounts.hosted.started import COOKIE as STARTED
from app.accounts.hosted.started import LIFETIME, Started
from app.accounts.model import Proof
from app.db.tx import Tx
from app.errors import AppError, Forbidden, Invalid, NotFound, Problem, Unauthorized, Unavailable
from app.extensions.client import ExtensionFailed
from app.moments import Actor
from app.ui import frame
from app.ui.addresses import ACCOUNT, asking, is_own
from app.web import body, errors
from app.web.connected import address
from app.web.needs import StoredNeeds
from app.web.path import Path, Word
from app.web.reply import HTML, SeeOther
from app.web.route import Endpoint, Param

#: The path to which a browser is sent after a sign-in with a token that failed.
FAILED = "/login?failed=true"
UNKNOWN = (
    "That is no token that a person's active account can sign in with: such a token has the scope admin and is good "
    "for all repositories. An administrator makes a new one: gantry user rotate LOGIN"
)
#: Characters that are shown of what a host says.
SHOWN = 300
#: Errors of a host's page (RFC 6749, 4.1.2.1), in words of ours. A page can send anybody here with any words, so words
#: of the host are shown only to a browser that has begun the log-in.
WORDS = {
    "access_denied": "You, or an administrator of the host, have refused this server access to the account.",
    "temporarily_unavailable": "The host cannot let anybody log in at present: try again a little later.",
    "redirect_uri_mismatch": "The host knows another address of this server: an administrator must give it the address "
    "of this page.",
}
_ELSE = "The host did not let you log in."


async def show_login(request: Request[State], caller: Caller | None) -> HTML | SeeOther:
    """The page that asks how to sign in; with `code` or `error`, a host has sent the browser back here."""
    said = body.query(request)
    if request.method == "GET" and said.keys() & {"code", "error"}:
        return await _returned(request, caller, said)
    return _page(request, UNKNOWN if "failed" in said else "", caller=caller)


def _page(
    request: Request[State],
    problem: str,
    status: int = 200,
    *,
    caller: Caller | None = None,
    back: str | None = None,
    typed: Mapping[str, str] = MappingProxyType({}),
) -> HTML:
    """The page. `back` is the page that follows, if the query does not name it; `typed` is a form that comes back."""
    return frame.whole(
        request,
        "sign_in.html",
        caller.user if caller else None,
        status=status,
        narrow=True,
        problem=problem,
        hosts=request.state["logins"].hosts,
        next=_next(body.whole_query(request)) if back is None else back,
        typed=typed,
    )


def _next(said: Mapping[str, str]) -> str:
    """The page that follows; empty where none is named, or one that is not of this server."""
    path = said.get("next", "")
    return path if is_own(path) else ""


async def _returned(request: Request[State], caller: Caller | None, said: Mapping[str, str]) -> HTML | SeeOther:
    """The answer to a browser that a host has sent back."""
    logins: HostLogins = request.state["logins"]
    started = logins.started(request.cookies.get(STARTED, ""), said.get("state", ""))
    back = started.back if started else ""
    answer: HTML | SeeOther
    if error := said.get("error"):
        words = _words(logins, started, error, said.get("error_description", ""))
        answer = _page(request, words, 403, caller=caller, back=back)
    else:
        try:
            if started and started.user_id and (caller is None or caller.user.id != started.user_id):
                raise StartAgain("the account that was to be connected is not logged in here any more: log in again")
            answer = await _entered(request, await logins.finish(started, said["code"]), back)
        except (ExtensionFailed, AppError) as refusal:
            answer = _refusal(request, refusal, caller=caller, back=back)
    if started:  # what comes back late, or twice, leaves alone a log-in that another tab has begun
        answer.delete_cookie(STARTED, secure=session.is_https(request), httponly=True, samesite="lax")
    return answer


def _words(logins: HostLogins, started: Started | None, error: str, description: str) -> str:
    ours = WORDS.get(error, _ELSE)
    if started is None:
        return ours
    title = next((host.title for host in logins.hosts if host.name == started.host), started.host)
    theirs = "".join(filter(str.isprintable, f"{error}: {description}" if description else error))[:SHOWN]
    return f"{ours} {title} says: {theirs}"


def _refusal(request: Request[State], refusal: AppError, **more: Any) -> HTML:
    return _page(request, getattr(refusal, "text", "") or refusal.message, errors.status_of(refusal), **more)


async def _entered(request: Request[State], entry: Entry, back: str = "") -> SeeOther:
    """Log in a browser whose person has proved an account at a host."""
    state, now, token = request.state, request.state["now"](), auth.new_token()
    logins: HostLogins = state["logins"]
    asked = people.whose(entry.host, entry.person, logins.rules, user_id=entry.user_id)
    admin = await session.admitted(request, await state["db"].read(asked))
    user, token_id = await state["db"].write(
        people.enter(
            entry, logins.rules, state["recorders"], admin=admin, token=token, address=address(request), now=now
        )
    )
    await session.set_admin(request, user, admin)
    logins.entered(user.id)
    if entry.user_id:  # the browser is logged in already
        return SeeOther(ACCOUNT + asking({"done": "connected", "name": entry.host.title}))
    by: Actor = replace(Claim(address=address(request)).by(user), way="session")
    return await session.begin(request, user, Proof(token_id), by, back or session.HOME)


async def begin(request: Request[State]) -> SeeOther:
    """To the page of a host, which asks the person and sends the browser back to `GET /login`."""
    back = _next(body.query(request))
    url, started = request.state["logins"].begin(request.path_params["host"], back=back)
    answer = SeeOther(url)
    _keep(request, answer, started)
    return answer


async def connect(request: Request[State], caller: Caller | None) -> HTML | SeeOther:
    """A page with the way to a host, whose account then belongs to the account that is logged in.

    The page of a host without pages to log in asks for name and password there, and sends them here again.
    """
    if caller is None:
        raise Unauthorized("no account is logged in here that could be connected")
    logins: HostLogins = request.state["logins"]
    host = logins.host(request.path_params["host"])
    if host.logins is None:
        return await _connected(request, caller, host, await body.form(request))
    url, started = logins.begin(host.name, caller.user.id)
    answer = _connect_page(request, host, caller, url=url)
    _keep(request, answer, started)
    return answer


async def _connected(
    request: Request[State], caller: Caller, host: AccountHost, form: Mapping[str, str]
) -> HTML | SeeOther:
    """Connect the account at a host whose name and password a form has, or ask for them."""
    if not form.get("username"):
        return _connect_page(request, host, caller)
    try:
        return await _entered(request, await _proved(request, form, host.name, caller.user.id))
    except (ExtensionFailed, AppError) as refusal:
        problem = getattr(refusal, "text", "") or refusal.message
        return _connect_page(request, host, caller, problem, errors.status_of(refusal), name=form["username"])


def _connect_page(
    request: Request[State],
    host: AccountHost,
    caller: Caller,
    problem: str = "",
    status: int = 200,
    *,
    url: str = "",
    name: str = "",
) -> HTML:
    return frame.whole(
        request,
        "connect.html",
        caller.user,
        status=status,
        narrow=True,
        host=host,
        problem=problem,
        url=url,
        typed=name,
    )


def _keep(request: Request[State], answer: HTML | SeeOther, started: Started) -> None:
    value = started.cookie(request.state["logins"].key)
    https = session.is_https(request)
    answer.set_cookie(STARTED, value, max_age=LIFETIME, secure=https, httponly=True, samesite="lax")


async def login(request: Request[State], caller: Caller | None) -> SeeOther | HTML:
    """Log a browser in: whoever shows the token of a person's account gets a session cookie, for 30 days.

    The session ends earlier with its token. The browser is sent to `next`, a path of this server. `username` and
    `password` are shown to the host of `host`, or to the first host at which people log in so. An admission extension
    may refuse; the page then says what it says.
    """
    back = _next(await body.words(request))
    try:
        if caller is None:
            form = await body.form(request)
            if not form.get("username"):
                return _failed(back)
            logins: HostLogins = request.state["logins"]
            host = form.get("host") or next((host.name for host in logins.hosts if host.passwords), "")
            return await _entered(request, await _proved(request, form, host), back)
        admin = await session.admitted(request, caller.user)
    except ExtensionFailed as refusal:
        return _page(request, refusal.text or refusal.message, 403, back=back, typed=await body.form(request))
    except AppError as refusal:
        status = 403 if isinstance(refusal, Unavailable) and caller else errors.status_of(refusal)
        return _page(request, refusal.message, status, back=back, typed=await body.form(request))
    await session.set_admin(request, caller.user, admin)
    with suppress(Unauthorized, NotFound):  # the token or the account is gone by now
        return await session.begin(request, caller.user, caller.proof, caller.by, back or session.HOME)
    return _failed(back)


def _failed(back: str) -> SeeOther:
    return SeeOther(f"{FAILED}&next={quote(back, safe='')}" if back else FAILED)


async def _proved(request: Request[State], form: Mapping[str, str], host: str, user_id: int = 0) -> Entry:
    logins: HostLogins = request.state["logins"]
    if not form.get("password"):
        raise Invalid.of([Problem("password", "missing_password", "the password is missing")])
    return await logins.with_password(host, form["username"], form["password"], user_id)


class _Person(StoredNeeds[Caller | None]):
    """Refuses only requests of other pages. Grants the person whose token the request shows, or None.

    A cookie alone grants None: with a cookie that renews itself, a session would never end.
    """

    async def asked(self, request: Request[State]) -> Tx[Caller | None]:
        """The caller; None for a machine account, an inactive account, or a token that is not good for everything."""
        session.refuse_others(request)
        return _person(await auth.claim(request))


def _person(shown: Claim) -> Tx[Caller | None]:
    if not shown.token_hash:
        return None
    try:
        caller = yield from auth.caller_of(shown)
    except (Unauthorized, Forbidden):
        return None
    return None if caller is None or caller.user.machine else caller


async def show_logout(request: Request[State], caller: Caller | None) -> HTML:
    """The page that asks whether to sign out."""
    return frame.whole(request, "sign_out.html", caller.user if caller else None, narrow=True)


async def logout(request: Request[State], caller: Caller | None) -> HTML:
    """Sign a browser out: its session ends and its cookie goes; a token stays as good as it was."""
    if caller is not None:
        await session.end(request, caller)
    answer = frame.whole(request, "sign_out.html", None, narrow=True)
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return answer


_LOGIN = Path.of("/login")
_NEXT = Param("next", "The path of the page that follows; the first page without it.")
_HOST = _LOGIN / Word("host", "Name of the host, as the settings have it.", "github")
routes = [
    Endpoint(
        "GET",
        _LOGIN,
        show_login,
        operation="accounts.show_login",
        needs=session.BROWSER,
        query=[
            Param("failed", "When the last try failed; the page says so."),
            _NEXT,
            Param("code", "What a host proves an account with."),
            Param("state", "What the browser was sent to the host with."),
            Param("error", "Why a host proves nothing."),
            Param("error_description", "The same, in words of the host."),
        ],
        quick=True,
    ),
    Endpoint(
        "POST",
        _LOGIN,
        login,
        operation="accounts.login",
        needs=_Person("Anybody.", refusals=(403,), strangers=True),
        query=[
            Param("access_token", "The token of the account.", form=True, example="gantry-token-of-24-chars"),
            Param("username", "The login at a host without pages to log in; in the body alone.", form=True),
            Param("password", "The password there; in the body alone.", form=True),
            Param("host", "Name of that host; else the first such host.", form=True),
            Param("next", _NEXT.means, form=True),
        ],
    ),
    Endpoint("GET", _HOST, begin, operation="accounts.begin_login", query=[_NEXT]),
    Endpoint(
        "POST",
        _HOST,
        connect,
        operation="accounts.connect",
        needs=session.BROWSER,
        query=[
            Param(
                "username",
                "The login at a host without pages to log in; in the body alone.",
                form=True,
                example="octocat",
            ),
            Param("password", "The password there; in the body alone.", form=True, example="correct horse battery"),
        ],
        errors=[401],
    ),
    Endpoint("GET", "/logout", show_logout, operation="accounts.show_logout", needs=session.BROWSER),
    Endpoint("POST", "/logout", logout, operation="accounts.logout", needs=session.BROWSER),
]
