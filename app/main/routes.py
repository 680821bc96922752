"""All routes, in the order in which they are tried."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager

from starlette import routing as starlette
from starlette.types import Receive, Scope, Send

from app.accounts import api as accounts
from app.accounts import session
from app.audit import api as audit
from app.builds.api import builds, logs, streams
from app.builds.cards import api as cards
from app.builds.cron import api as cron
from app.builds.deliveries import api as deliveries
from app.repos.api import audit as repo_audit
from app.repos.api import collaborators, links, owners, repos, sign, tokens
from app.repos.secrets import api as secrets
from app.repos.templates import api as templates
from app.runners.dispatch import api as runners
from app.runners.dispatch.rpc import api as rpc
from app.runners.dispatch.rpc.api import State
from app.runners.manager import PREFIX
from app.web import docs, health
from app.web.policy import Policy
from app.web.route import Endpoint
from app.web.router import Router
from app.web.server import Requests
from app.web.traffic import Traffic

#: The endpoints that the description of the API shows.
ROWS: Sequence[Endpoint] = [
    *builds.routes,
    *logs.routes,
    *streams.routes,
    *runners.routes,
    *cards.routes,
    *cron.routes,
    *deliveries.routes,
    *repos.routes,
    *collaborators.routes,
    *owners.routes,
    *secrets.routes,
    *templates.routes,
    *sign.routes,
    *links.routes,
    *accounts.routes,
    *tokens.routes,
    *session.routes,
    *audit.routes,
    *repo_audit.routes,
    *health.routes,
]


def application(state: State, traffic: Traffic, policy: Policy) -> Requests:
    """The whole application."""

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[State]:
        yield state

    live = starlette.Router(lifespan=lifespan)
    api, runners_only = Router([*ROWS, *docs.routes(ROWS)]), Router(rpc.routes, rpc.answer_to)

    def split(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Returns the coroutine of the router. Not a coroutine itself: thousands of polls wait in this call."""
        if scope["type"] == "lifespan":
            return live(scope, receive, send)
        return (runners_only if scope["path"].startswith(PREFIX) else api)(scope, receive, send)

    return Requests(split, traffic, policy, quiet=PREFIX)
