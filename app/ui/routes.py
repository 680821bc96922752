"""The rows of all pages, and how their addresses are read."""

from collections.abc import Sequence

from starlette.types import Scope

from app.ui import addresses, assets
from app.ui.pages import build, compare, everywhere, go, home, repo, sign_in
from app.web.route import Endpoint

routes: Sequence[Endpoint] = [
    *home.routes,
    *go.routes,
    *everywhere.routes,
    *assets.routes,
    *repo.routes,
    *build.routes,
    *compare.routes,
]
#: The pages to sign in and out are routes of Drone's API, too, and are described with it.
described: Sequence[Endpoint] = sign_in.routes


def split(scope: Scope) -> Sequence[str]:
    """The parts of a request's path; see `addresses.split`."""
    return addresses.split(scope["path"], scope.get("raw_path", b""))
