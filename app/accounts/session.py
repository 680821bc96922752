"""Sessions of browsers, and their routes: see and end sessions (contract drone-rest 3.1, 3.7)."""

from contextlib import suppress
from typing import Any
from urllib.parse import quote

from starlette.requests import Request

from app.accounts import auth, moments, proofs, store, verbs
from app.accounts.auth import ACCOUNT, COOKIE, Caller, State
from app.accounts.model import Proof, Session, User
from app.accounts.wire import SessionJSON, session_json, user_json
from app.db.tx import Tx
from app.errors import Conflict, NotFound
from app.moments import SERVER, Actor
from app.web import body, origin
from app.web.connected import address
from app.web.needs import StoredNeeds
from app.web.path import Path, Word
from app.web.reply import JSON, Empty, SeeOther
from app.web.route import Endpoint

#: Seconds that a session lasts: Drone's 720 hours.
SESSION = 720 * 3600
#: Characters that are kept of what a browser says that it is.
LONGEST_BROWSER = 250
#: The path to which a browser is sent after a log-in.
HOME = "/"
ADMISSION = "application/vnd.drone.admission.v1+json"


async def admitted(request: Request[State], user: User) -> bool | None:
    """Ask the admission extension (contract drone-webhooks 9): whether the account is to be an administrator.

    None when the extension does not say, or there is none. ExtensionFailed or Unavailable when the extension does not
    admit the account. The id of an account that is not made yet is 0.
    """
    admission = request.state["admission"]
    if admission is None:
        return None
    question = {"event": "login", "user": user_json(user), "token": {"access": "", "refresh": ""}}
    answer = await admission.ask(question)
    admin = answer.get("admin") if isinstance(answer, dict) else None
    return admin if isinstance(admin, bool) else None


async def set_admin(request: Request[State], user: User, admin: bool | None) -> None:
    """Do what the admission extension says. The last active administrator of the server stays one."""
    if admin is None or admin == user.admin:
        return
    changed = store.update(user.id, admin=admin, now=request.state["now"]())
    with suppress(Conflict):  # the account is the last administrator
        recorded = moments.updating(request.state["recorders"], SERVER, user.id, changed)
        await request.state["db"].write(recorded)


async def begin(request: Request[State], user: User, proof: Proof, by: Actor, to: str = HOME) -> SeeOther:
    """Log a browser in: a session, recorded, and the answer with its cookie. The session that was the browser's ends.

    `to` is the path of the page that follows. `proof` is of the token that the session ends with. Unauthorized or
    NotFound when the token or the account is gone.
    """
    state, now, value = request.state, request.state["now"](), auth.new_token()
    expires = min(now + SESSION, proof.expires or now + SESSION)
    browser = "".join(filter(str.isprintable, request.headers.get("user-agent", "")))[:LONGEST_BROWSER]
    session = Session(0, user.id, proof.token_id, now, now, expires, browser, address(request))
    begun = _logged_in(session, value=auth.hash_cookie(value, state["cookie_key"]), request=request, now=now)
    await moments.write(request, by, begun, lambda by, _: moments.logged_in(by, user))
    answer = SeeOther(to)
    answer.set_cookie(COOKIE, value, max_age=expires - now, secure=is_https(request), httponly=True, samesite="lax")
    return answer


def to_login(path: str) -> SeeOther:
    """Send a browser that is not logged in to the page that logs in, and from there back to a path of this server."""
    return SeeOther(f"/login?next={quote(path, safe='')}")


def is_https(request: Request[Any]) -> bool:
    """Whether browsers reach the server by https alone, so that cookies need not travel otherwise."""
    public_url: str = request.state["public_url"]
    return public_url.startswith("https://") or request.url.scheme == "https"


def _logged_in(session: Session, *, value: str, request: Request[State], now: int) -> Tx[Session]:
    yield from store.log_in(session.user_id, now)
    return (yield from proofs.begin_session(session, value, replaces=auth.session_hash(request), now=now))


async def end(request: Request[State], found: Caller) -> None:
    """End the session of a browser, recorded; one that somebody else has ended stays ended."""
    user, ending = found.user, proofs.end_session(found.user.id, found.proof.session_id)
    with suppress(NotFound):  # the session has ended already
        await moments.write(request, found.by, ending, lambda by, _: moments.logged_out(by, user))


def refuse_others(request: Request[State]) -> None:
    """Forbidden for a page of another origin: a page could log its visitor in or out, also without a cookie.

    No page can send the header Authorization to another origin.
    """
    if not request.headers.get("authorization"):
        origin.refuse_others(request)


class Browser(StoredNeeds[Caller | None]):
    """Refuses only requests of other pages. Grants the account of the cookie, whatever else the request shows."""

    async def asked(self, request: Request[State]) -> Tx[Caller | None]:
        """The caller; None without a session."""
        refuse_others(request)
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
    await verbs.end_sessions(request.state, caller)
    return Empty()


async def end_session(request: Request[State], caller: Caller) -> Empty:
    """Log one browser of the caller's account out."""
    await verbs.end_session(request.state, caller, body.number(request, "session", "session"))
    return Empty()


BROWSER = Browser("Anybody.", refusals=(403,), strangers=True)
_SESSIONS = Path.of("/api/user/sessions")
routes = [
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
