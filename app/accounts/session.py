"""Routes of a browser's session: log in with a token for a cookie, and log out again (contract drone-rest 3.7).

Drone lets the host prove the account of a browser. The host of plain git has no accounts, so here the token is the
proof.
"""

from contextlib import suppress

from starlette.requests import Request

from app.accounts import auth, moments, store
from app.accounts.auth import COOKIE, State
from app.accounts.model import User
from app.accounts.wire import user_json
from app.db.tx import Tx
from app.errors import Conflict, Forbidden, Unauthorized, Unavailable
from app.extensions.client import Extension, ExtensionFailed
from app.moments import SERVER
from app.web import body, pages
from app.web.connected import address
from app.web.needs import StoredNeeds
from app.web.reply import HTML, SeeOther
from app.web.route import Endpoint, Param

#: Seconds that a session lasts: Drone's 720 hours.
SESSION = 720 * 3600
#: The path to which a browser is sent after a log-in, and after a failed one.
HOME = "/"
FAILED = "/login?failed=true"
UNKNOWN = (
    "That is not the token of a person's active account. An administrator makes a new one: gantry user rotate LOGIN"
)
ADMISSION = "application/vnd.drone.admission.v1+json"


async def show_login(request: Request[State]) -> HTML:
    """The page that asks for a token."""
    return _page(UNKNOWN if "failed" in body.query(request) else "")


def _page(problem: str, status: int = 200) -> HTML:
    return HTML(pages.render("login.html", problem=problem), status)


async def login(request: Request[State], user: User | None) -> SeeOther | HTML:
    """Log a browser in: whoever shows the token of a person's account gets a session cookie, for 30 days.

    An admission extension may refuse; the page then says what it says.
    """
    state = request.state
    if user is None:
        return SeeOther(FAILED)
    try:
        await _admit(request, state["admission"], user, state["now"]())
    except (ExtensionFailed, Unavailable) as refusal:
        return _page(getattr(refusal, "text", "") or refusal.message, 403)
    answer = SeeOther(HOME)
    value = auth.make_cookie(user.login, state["cookie_key"], state["now"]() + SESSION)
    https = state["public_url"].startswith("https://") or request.url.scheme == "https"
    answer.set_cookie(COOKIE, value, max_age=SESSION, secure=https, httponly=True, samesite="lax")
    return answer


class _Person(StoredNeeds[User | None]):
    """Refuses no request. Grants the account of a person whose token the request shows, or None.

    A cookie alone grants None: with a cookie that renews itself, a session would never end.
    """

    async def asked(self, request: Request[State]) -> Tx[User | None]:
        """The account of the token; None for a machine account or an inactive account."""
        return _person(await auth.claim(request))


def _person(shown: auth.Claim) -> Tx[User | None]:
    if not shown.token_hash:
        return None
    try:
        user = yield from auth.user_of(shown)
    except (Unauthorized, Forbidden):
        return None
    return None if user is None or user.machine else user


async def _admit(request: Request[State], admission: Extension | None, user: User, now: int) -> None:
    """Ask the admission extension, and record the log-in (contract drone-webhooks 9).

    The extension may make the account an administrator, or take that from the account; but the last active
    administrator stays one. Raises ExtensionFailed or Unavailable when the extension does not admit the account.
    """
    if admission is not None:
        question = {"event": "login", "user": user_json(user), "token": {"access": "", "refresh": ""}}
        answer = await admission.ask(question)
        admin = answer.get("admin") if isinstance(answer, dict) else None
        if isinstance(admin, bool) and admin != user.admin:
            changed = store.update(user.id, admin=admin, now=now)
            with suppress(Conflict):
                recorded = moments.updating(request.state["recorders"], SERVER, user.id, changed)
                await request.state["db"].write(recorded)
    by = (await auth.claim(request)).by(user)
    await moments.write(request, by, store.log_in(user.id, now), lambda by, _: moments.logged_in(by, user))


async def logout(request: Request[State]) -> HTML:
    """Log a browser out: its cookie goes; a token stays as good as it was."""
    state, login = request.state, auth.session(request)
    user = await state["db"].read(store.find_if_any(login)) if login else None
    if user is not None:
        by = auth.Claim(login=login, way="session", address=address(request)).by(user)
        await state["db"].write(state["recorders"].record(moments.logged_out(by, user)))
    answer = HTML(pages.render("logout.html"))
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return answer


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
        needs=_Person("Anybody.", refusals=(), strangers=True),
        query=[Param("access_token", "The token of the account.", form=True)],
    ),
    Endpoint("GET", "/logout", logout, operation="accounts.logout"),
    Endpoint("POST", "/logout", logout, operation="accounts.logout.post"),
]
