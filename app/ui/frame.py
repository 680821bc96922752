"""What is around every page: who is signed in, the way to other pages, and notices about the server."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote

from starlette.requests import Request

from app.accounts.model import User
from app.builds import lists, switches
from app.builds.cron import zones
from app.db.tx import Tx
from app.ui import fragments, render
from app.ui.views import Tone
from app.web import body
from app.web.reply import HTML

A = TypeVar("A", bound="Known | None")
T = TypeVar("T")

#: Builds that wait for the account's approval are counted up to this number.
MOST_WAITING = 100
#: The cookies of how a browser wants to see pages, and the themes beside that of its system.
THEME, ZONE = "theme", "zone"
THEMES = ("light", "dark")
#: Names of a query that a link back to the page leaves out.
_SECRET = frozenset({"access_token"})


class Known(Protocol):
    """What needs grant that know who asks."""

    @property
    def user(self) -> User | None:
        """The account of the caller; None without an account."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that everybody should know who looks at a page, and since when it is so."""

    text: str
    since: int


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """What one transaction has read for a page and for its frame."""

    found: T
    notices: Sequence[Notice] = ()
    #: How many builds wait for an approval that the caller may give; MOST_WAITING also stands for more.
    waiting: int = 0
    #: The newest change of a build that was announced before the transaction; see `Broadcast.newest`.
    heard: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """The values of the base template."""

    #: The time of the page, Unix seconds.
    now: int
    user: User | None
    #: Path and query of the page.
    here: str
    notices: Sequence[Notice] = ()
    waiting: int = 0
    #: The icon of the browser's tab.
    tab: str = "tab.svg"
    #: Whether the browser shows a session that the page has not looked up.
    has_session: bool = False
    #: The change after which a script goes on to keep the page as it is; None for a page that is not kept so.
    heard: str | None = None
    #: `light` or `dark`; empty for what the system of the browser says.
    theme: str = ""
    #: The clock that times are shown by.
    clock: tzinfo = UTC

    @property
    def zone(self) -> str:
        """The name of the clock's time zone."""
        return str(self.clock)

    @property
    def path(self) -> str:
        """The path of the page."""
        return self.here.partition("?")[0]

    @property
    def account(self) -> int:
        """The id of the account that the page is for; 0 without one."""
        return self.user.id if self.user else 0

    @property
    def approvals(self) -> str:
        """The number of builds that wait for the account's approval."""
        return f"{MOST_WAITING - 1}+" if self.waiting == MOST_WAITING else str(self.waiting)

    @property
    def sign_in(self) -> str:
        """The page to sign in, which leads back here."""
        if self.here == "/" or self.here.startswith(("/login", "/logout")):
            return "/login"
        return f"/login?next={quote(self.here, safe='')}"


def reading(reads: Callable[[Request[Any], A], Tx[T]]) -> Callable[[Request[Any], A], Tx[Read[T]]]:
    """The reads of a page, and those of its frame in the same transaction."""

    def both(request: Request[Any], granted: A) -> Tx[Read[T]]:
        heard = request.state["broadcast"].newest
        found, user = (yield from reads(request, granted)), granted.user if granted is not None else None
        counting = lists.count_approvals(user, MOST_WAITING, request.state["now"]()) if user else None
        return Read(found, (yield from _notices()), (yield from counting) if counting else 0, heard)

    return both


def _notices() -> Tx[Sequence[Notice]]:
    paused = yield from switches.on_since("queue")
    return [Notice("The queue is paused by an administrator: no stage begins.", paused)] if paused else []


def here(request: Request[Any]) -> str:
    """Path and query of a request, without what a link must not hold."""
    path = quote(request.scope["path"], safe="/:@-._~!$&'()*+,;=")
    raw: bytes = request.scope.get("raw_path", b"")
    if b"%2f" in raw.lower():
        path = raw.decode("latin-1")
    kept = [(name, value) for name, value in body.query_pairs(request) if name not in _SECRET]
    return path + ("?" + "&".join(f"{quote(name)}={quote(value)}" for name, value in kept) if kept else "")


def theme(request: Request[Any]) -> str:
    """The theme that the browser has chosen; empty for that of its system."""
    found: str = request.cookies.get(THEME, "")
    return found if found in THEMES else ""


def zone(request: Request[Any]) -> str:
    """The time zone that the browser has chosen; empty for UTC."""
    found: str = request.cookies.get(ZONE, "")
    return found if zones.find(found) else ""


def clock(request: Request[Any]) -> tzinfo:
    """The clock that times are shown by."""
    return zones.find(zone(request)) or UTC


def _display(request: Request[Any]) -> dict[str, Any]:
    return {"theme": theme(request), "clock": clock(request)}


def whole(
    request: Request[Any],
    template: str,
    user: User | None,
    *,
    status: int = 200,
    has_session: bool = False,
    **values: Any,
) -> HTML:
    """A page in its frame, for pages without regions."""
    frame = Frame(request.state["now"](), user, here(request), has_session=has_session, **_display(request))
    return HTML(render.whole(template, frame=frame, **values), status)


def page(
    request: Request[Any],
    template: str,
    user: User | None,
    read: Read[Any],
    *,
    status: int = 200,
    tone: Tone | None = None,
    **values: Any,
) -> HTML:
    """A page in its frame, or the regions of the page that the request asks for; `tone` is of its tab's icon."""
    tab = f"tab-{tone}.svg" if tone else "tab.svg"
    heard = read.heard if request.method == "GET" else None  # the address of a form that was sent shows something else
    now = request.state["now"]()
    around = Frame(now, user, here(request), read.notices, read.waiting, tab, heard=heard, **_display(request))
    given = {"frame": around, **values}
    if regions := fragments.asked(request):
        return fragments.answer(request, regions, template, given)
    return HTML(render.whole(template, **given), status, {"Vary": fragments.HEADER})
