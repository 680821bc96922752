"""Routes of browsers' sessions: log in with a token for a cookie, log out again, see and end sessions (contract
drone-rest 3.1, 3.7).

Drone lets the host prove the account of a browser. The host of plain git has no accounts, so here the token is the
proof.
"""

from contextlib import suppress

from starlette.requests import Request

from app.accounts import auth, moments, proofs, store
from app.accounts.auth import ACCOUNT, COOKIE, Caller, State
from app.accounts.model import Session, User
from app.accounts.wire import SessionJSON, session_json, user_json
from app.db.tx import Tx
from app.errors import Conflict, Forbidden, NotFound, Unauthorized, Unavailable
from app.extensions.client import Extension, ExtensionFailed
from app.moments import SERVER, Actor, Change
from app.web import body, origin, pages
from app.web.connected import address
from app.web.needs import StoredNeeds
from app.web.path import Path, Word
from app.web.reply import HTML, JSON, Empty, SeeOther
from app.web.route import Endpoint, Param

#: Seconds that a session lasts: Drone's 720 hours.
SESSION = 720 * 3600
#: Characters that are kept of what a browser says that it is.
LONGEST_BROWSER = 250
#: The path to which a browser is sent after a log-in, and after a failed one.
HOME = "/"
FAILED = "/login?failed=true"
UNKNOWN = (
    "That is no token that a person's active account can log in with: such a token has the scope admin and is good for "
    "all repositories. An administrator makes a new one: gantry user rotate LOGIN"
)
ADMISSION = "application/vnd.drone.admission.v1+json"


async def show_login(request: Request[State]) -> HTML:
    """The page that asks for a token."""
    return _page(UNKNOWN if "failed" in body.query(request) else "")


def _page(problem: str, status: int = 200) -> HTML:
    return HTML(pages.render("login.html", problem=problem), status)


async def login(request: Request[State], caller: Caller | None) -> SeeOther | HTML:
    """Log a browser in: whoever shows the token of a person's account gets a session cookie, for 30 days.

    The session ends earlier with its token. An admission extension may refuse; the page then says what it says.
    """
    state, now = request.state, request.state["now"]()
    if caller is None:
        return SeeOther(FAILED)
    try:
        await _admit(request, state["admission"], caller.user, now)
    except (ExtensionFailed, Unavailable) as refusal:
        return _page(getattr(refusal, "text", "") or refusal.message, 403)
    value = auth.new_token()
    try:
        session = await _begin(request, caller, value, now)
    except (Unauthorized, NotFound):  # the token or the account is gone by now
        return SeeOther(FAILED)
    answer = SeeOther(HOME)
    https = state["public_url"].startswith("https://") or request.url.scheme == "https"
    lasts = session.expires - now
    answer.set_cookie(COOKIE, value, max_age=lasts, secure=https, httponly=True, samesite="lax")
    return answer


class _Person(StoredNeeds[Caller | None]):
    """Refuses only requests of other pages. Grants the person whose token the request shows, or None.

    A cookie alone grants None: with a cookie that renews itself, a session would never end.
    """

    async def asked(self, request: Request[State]) -> Tx[Caller | None]:
        """The caller; None for a machine account, an inactive account, or a token that is not good for everything."""
        _refuse_others(request)
        return _person(await auth.claim(request))


def _refuse_others(request: Request[State]) -> None:
    """Forbidden for a page of another origin: a page could log its visitor in or out, also without a cookie.

    No page can send the header Authorization to another origin.
    """
    if not request.headers.get("authorization"):
        origin.refuse_others(request)


def _person(shown: auth.Claim) -> Tx[Caller | None]:
    if not shown.token_hash:
        return None
    try:
        caller = yield from auth.caller_of(shown)
    except (Unauthorized, Forbidden):
        return None
    return None if caller is None or caller.user.machine else caller


async def _admit(request: Request[State], admission: Extension | None, user: User, now: int) -> None:
    """Ask the admission extension (contract drone-webhooks 9).

    The extension may make the account an administrator, or take that from the account; but the last active
    administrator stays one. Raises ExtensionFailed or Unavailable when the extension does not admit the account.
    """
    if admission is None:
        return
    question = {"event": "login", "user": user_json(user), "token": {"access": "", "refresh": ""}}
    answer = await admission.ask(question)
    admin = answer.get("admin") if isinstance(answer, dict) else None
    if isinstance(admin, bool) and admin != user.admin:
        changed = store.update(user.id, admin=admin, now=now)
        with suppress(Conflict):
            recorded = moments.updating(request.state["recorders"], SERVER, user.id, changed)
            await request.state["db"].write(recorded)


async def _begin(request: Request[State], caller: Caller, value: str, now: int) -> Session:
    """Store a session whose cookie has this value, and record the log-in. The session that was the browser's ends."""
    user, proof = caller.user, caller.proof
    expires = min(now + SESSION, proof.expires or now + SESSION)
    browser = "".join(filter(str.isprintable, request.headers.get("user-agent", "")))[:LONGEST_BROWSER]
    session = Session(0, user.id, proof.token_id, now, now, expires, browser, address(request))
    begun = _logged_in(session, value=auth.hash_cookie(value, request.state["cookie_key"]), request=request, now=now)
    return await moments.write(request, caller.by, begun, lambda by, _: moments.logged_in(by, user))


def _logged_in(session: Session, *, value: str, request: Request[State], now: int) -> Tx[Session]:
    yield from store.log_in(session.user_id, now)
    return (yield from proofs.begin_session(session, value, replaces=auth.session_hash(request), now=now))


async def show_logout(_: Request[State]) -> HTML:
    """The page that asks whether to log out."""
    return HTML(pages.render("logout.html", done=False))


async def logout(request: Request[State], found: Caller | None) -> HTML:
    """Log a browser out: its session ends and its cookie goes; a token stays as good as it was."""
    if found is not None:
        user, ending = found.user, proofs.end_session(found.user.id, found.proof.session_id)
        with suppress(NotFound):  # somebody else has ended the session
            await moments.write(request, found.by, ending, lambda by, _: moments.logged_out(by, user))
    answer = HTML(pages.render("logout.html", done=True))
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return answer


class _Browser(StoredNeeds[Caller | None]):
    """Refuses only requests of other pages. Grants the account of the cookie, whatever else the request shows."""

    async def asked(self, request: Request[State]) -> Tx[Caller | None]:
        """The caller; None without a session."""
        _refuse_others(request)
        shown = auth.Claim("", auth.session_hash(request), address(request), now=request.state["now"]())
        return _of_session(shown)


def _of_session(shown: auth.Claim) -> Tx[Caller | None]:
    found = yield from proofs.by_session(shown.session_hash, shown.now)
    return auth.Caller(found[0], shown, found[1]) if found else None


async def list_sessions(_: Request[State], caller: Caller, sessions: list[Session]) -> JSON[list[SessionJSON]]:
    """The browsers that are logged in to the caller's account, newest first."""
    return JSON([session_json(session, current=session.id == caller.proof.session_id) for session in sessions])


def _mine(request: Request[State], caller: Caller) -> Tx[list[Session]]:
    return proofs.list_sessions(caller.user.id, request.state["now"]())


async def end_sessions(request: Request[State], caller: Caller) -> Empty:
    """Log all browsers of the caller's account out, also the one that asks."""

    def moment(by: Actor, count: int) -> Change | None:
        return moments.sessions_ended(by, caller.user, count) if count else None

    await moments.write(request, caller.by, proofs.end_sessions(caller.user.id), moment)
    return Empty()


async def end_session(request: Request[State], caller: Caller) -> Empty:
    """Log one browser of the caller's account out."""
    ending = proofs.end_session(caller.user.id, body.number(request, "session", "session"))
    await moments.write(request, caller.by, ending, lambda by, session: moments.session_ended(by, caller.user, session))
    return Empty()


_SESSIONS = Path.of("/api/user/sessions")
routes = [
    Endpoint(
        "GET",
        "/login",
        show_login,
        operation="accounts.show_login",
        query=[Param("failed", "When the last try failed; the page says so.")],
    ),
    Endpoint(
        "POST",
        "/login",
        login,
        operation="accounts.login",
        needs=_Person("Anybody.", refusals=(403,), strangers=True),
        query=[Param("access_token", "The token of the account.", form=True)],
    ),
    Endpoint("GET", "/logout", show_logout, operation="accounts.show_logout"),
    Endpoint(
        "POST",
        "/logout",
        logout,
        operation="accounts.logout",
        needs=_Browser("Anybody.", refusals=(403,), strangers=True),
    ),
    Endpoint("GET", _SESSIONS, list_sessions, operation="accounts.list_sessions", needs=ACCOUNT, reads=_mine),
    Endpoint("DELETE", _SESSIONS, end_sessions, operation="accounts.end_sessions", needs=ACCOUNT),
    Endpoint(
        "DELETE",
        _SESSIONS / Word("session", "Id of the session.", 1),
        end_session,
        operation="accounts.end_session",
        needs=ACCOUNT,
    ),
]
