"""All routes, in the order in which they are tried."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from app.accounts import api as accounts
from app.accounts import session
from app.audit import api as audit
from app.builds.api import builds, logs, streams
from app.builds.cards import api as cards
from app.builds.cron import api as cron
from app.repos.api import audit as repo_audit
from app.repos.api import collaborators, links, owners, repos, sign
from app.repos.secrets import api as secrets
from app.repos.templates import api as templates
from app.runners.dispatch import api as runners
from app.runners.dispatch.rpc import api as rpc
from app.runners.dispatch.rpc.api import State
from app.runners.manager import PREFIX
from app.web import docs, health
from app.web.errors import HANDLERS
from app.web.policy import Policy
from app.web.route import Endpoint
from app.web.server import Requests
from app.web.traffic import Traffic

#: The rows that the API's description shows, room by room.
ROWS: Sequence[Endpoint] = [
    *builds.routes,
    *logs.routes,
    *streams.routes,
    *runners.routes,
    *cards.routes,
    *cron.routes,
    *repos.routes,
    *collaborators.routes,
    *owners.routes,
    *secrets.routes,
    *templates.routes,
    *sign.routes,
    *links.routes,
    *accounts.routes,
    *session.routes,
    *audit.routes,
    *repo_audit.routes,
    *health.routes,
]


def application(state: State, traffic: Traffic, policy: Policy) -> Requests:
    """The whole application."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[State]:
        yield state

    app = Starlette(routes=[*ROWS, *docs.routes(ROWS)], exception_handlers=HANDLERS, lifespan=lifespan)
    app.router.redirect_slashes = False
    return Requests(_with_runners(app), traffic, policy, quiet=PREFIX)


def _with_runners(app: ASGIApp) -> ASGIApp:
    """The runner protocol beside an application: thousands of polls wait in it, without what it wraps around others."""
    runners_only = Router(rpc.routes, redirect_slashes=False)

    async def split(scope: Scope, receive: Receive, send: Send) -> None:
        mine = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        await (runners_only if mine else app)(scope, receive, send)

    return split
