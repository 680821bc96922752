"""Routes of a browser's session: a token becomes a cookie, and the cookie goes again (`spec` drone-rest 3.7).

Drone leaves the proof of who it is to the git host; a plain git host knows no accounts, so here it is the token.
"""

from starlette.requests import Request

from app.accounts import auth
from app.accounts.auth import COOKIE, State
from app.accounts.model import User
from app.errors import Forbidden, Unauthorized
from app.web import body, pages
from app.web.reply import HTML, SeeOther
from app.web.route import Endpoint, Param

#: Seconds that a session lasts: Drone's 720 hours.
SESSION = 720 * 3600
#: Where a browser is sent that has logged in.
HOME = "/"
FAILED = "/login?failed=true"


async def show_login(request: Request[State]) -> HTML:
    """The page that asks for a token."""
    return HTML(pages.render("login.html", failed="failed" in body.query(request)))


async def login(request: Request[State]) -> SeeOther:
    """Log a browser in: whoever shows the token of a person's account gets a session cookie, for 30 days."""
    state = request.state
    user = await _shown(request)
    if user is None:
        return SeeOther(FAILED)
    answer = SeeOther(HOME)
    value = auth.make_cookie(user.login, state["cookie_key"], state["now"]() + SESSION)
    https = state["public_url"].startswith("https://")
    answer.set_cookie(COOKIE, value, max_age=SESSION, secure=https, httponly=True, samesite="lax")
    return answer


async def _shown(request: Request[State]) -> User | None:
    """The person whose token the request shows; a cookie alone makes no new one, or none would ever end."""
    shown = await auth.claim(request)
    if not shown.token_hash:
        return None
    try:
        user = await request.state["db"].read(auth.caller(shown))
    except (Unauthorized, Forbidden):
        return None
    return None if user is None or user.machine else user


async def logout(_: Request[State]) -> HTML:
    """Log a browser out: its cookie goes; a token stays as good as it was."""
    answer = HTML(pages.render("logout.html"))
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return answer


routes = [
    Endpoint("GET", "/login", show_login, query=[Param("failed", "When the last try failed; the page says so.")]),
    Endpoint("POST", "/login", login, query=[Param("access_token", "The token of the account.", form=True)]),
    Endpoint("GET", "/logout", logout),
    Endpoint("POST", "/logout", logout),
]
