"""The list of keys; on other pages the key `?` shows the same list in a dialog."""

from starlette.requests import Request

from app.accounts.auth import Caller
from app.builds.api.request import State
from app.db.tx import Tx
from app.repos.access import ADMITTED
from app.ui import addresses, frame
from app.ui.frame import Read
from app.web.reply import HTML
from app.web.route import Endpoint


async def show(request: Request[State], caller: Caller | None, read: Read[None]) -> HTML:
    """The page."""
    return frame.page(request, "keys.html", caller.user if caller else None, read)


def _reads(_: Request[State], __: Caller | None) -> Tx[None]:
    yield from ()


routes = [Endpoint("GET", addresses.KEYS, show, needs=ADMITTED, reads=frame.reading(_reads))]
