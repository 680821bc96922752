"""The rows of all pages, and how their addresses are read."""

from collections.abc import Sequence

from starlette.types import Scope

from app.ui import addresses, assets
from app.ui.pages import (
    account,
    again,
    approvals,
    board,
    build,
    cancel,
    compare,
    decide,
    everywhere,
    go,
    keys,
    new,
    promote,
    repo,
    rollback,
    sign_in,
    target,
)
from app.ui.pages.settings import access, cron, danger, general, hooks, secrets
from app.ui.pages.stores import artifacts, build_info, bundles
from app.web.route import Endpoint

routes: Sequence[Endpoint] = [
    *board.routes,
    *go.routes,
    *everywhere.routes,
    *keys.routes,
    *account.routes,
    *assets.routes,
    *repo.routes,
    *target.routes,
    *build.routes,
    *again.routes,
    *cancel.routes,
    *decide.routes,
    *approvals.routes,
    *compare.routes,
    *artifacts.routes,
    *build_info.routes,
    *bundles.routes,
    *general.routes,
    *access.routes,
    *secrets.routes,
    *cron.routes,
    *hooks.routes,
    *danger.routes,
    *promote.routes,
    *rollback.routes,
    *new.routes,
]
#: The pages to sign in and out are routes of Drone's API, too, and are described with it.
described: Sequence[Endpoint] = sign_in.routes


def split(scope: Scope) -> Sequence[str]:
    """The parts of a request's path; see `addresses.split`."""
    return addresses.split(scope["path"], scope.get("raw_path", b""))
