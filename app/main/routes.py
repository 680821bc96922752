"""All routes, in the order in which they are tried."""

from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager

from starlette import routing as starlette
from starlette.types import Receive, Scope, Send

from app.accounts import api as accounts
from app.accounts import session
from app.accounts.artifactory import groups, keys, users
from app.accounts.artifactory import tokens as issued
from app.artifacts import errors as faults
from app.artifacts.api import (
    environment_order,
    files,
    moving,
    permissions,
    platform,
    properties,
    repositories,
    search,
    storage,
    system,
    totals,
    upkeep,
)
from app.audit import api as audit
from app.buildinfo.api import promotion, removal, runs
from app.builds.api import builds, logs, streams
from app.builds.cards import api as cards
from app.builds.cron import api as cron
from app.builds.deliveries import api as deliveries
from app.bundles.api import asked as bundles
from app.bundles.api import creation as bundle_creation
from app.bundles.api import evidence as bundle_evidence
from app.bundles.api import keys as key_pairs
from app.bundles.api import promotion as bundle_promotion
from app.bundles.api import reading as bundle_reading
from app.bundles.api import records as bundle_records
from app.bundles.api import transfer as bundle_transfer
from app.chatops import linking as chats
from app.chatops.systems.bot import api as bot
from app.chatops.systems.mattermost import api as mattermost
from app.chatops.systems.slack import api as slack
from app.chatops.systems.teams import api as teams
from app.main.codes import CODES
from app.main.examples import EXAMPLES
from app.notify.webhooks import api as webhooks
from app.outbox import api as outbox
from app.repos.api import audit as repo_audit
from app.repos.api import collaborators, credentials, hosts, links, owners, polls, repos, sign, tokens
from app.repos.secrets import api as secrets
from app.repos.templates import api as templates
from app.runners.dispatch import api as runners
from app.runners.dispatch.rpc import api as rpc
from app.runners.manager import PREFIX
from app.ui import routes as pages
from app.ui import told
from app.ui.addresses import OURS
from app.web import docs, health
from app.web.errors import ErrorJSON, ErrorPage
from app.web.policy import Policy
from app.web.route import Endpoint
from app.web.router import Router, split_raw
from app.web.server import Requests
from app.web.traffic import Traffic


class State(
    rpc.State,
    promotion.State,
    bundles.State,
    bundle_creation.State,
    bundle_promotion.State,
    outbox.RequestState,
    webhooks.RequestState,
    told.State,
    bot.BotState,
    mattermost.MattermostState,
    slack.SlackState,
    teams.TeamsState,
):
    """The state of every request."""


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
    *credentials.routes,
    *polls.routes,
    *secrets.routes,
    *templates.routes,
    *sign.routes,
    *links.routes,
    *accounts.routes,
    *tokens.routes,
    *hosts.routes,
    *pages.described,
    *session.routes,
    *audit.routes,
    *outbox.routes,
    *webhooks.routes,
    *chats.routes,
    *bot.routes,
    *slack.routes,
    *mattermost.routes,
    *teams.routes,
    *repo_audit.routes,
    *bundle_evidence.routes,
    *bundle_transfer.routes,
    *environment_order.routes,
    *health.routes,
]
#: The endpoints that clients of Artifactory call, which the description shows, too.
ARTIFACTORY_ROWS: Sequence[Endpoint] = [
    *runs.routes,
    *promotion.routes,
    *removal.routes,
    *bundle_creation.routes,
    *bundle_promotion.routes,
    *bundle_records.routes,
    *storage.routes,
    *properties.routes,
    *totals.routes,
    *moving.routes,
    *search.routes,
    *repositories.routes,
    *platform.routes,
    *permissions.routes,
    *issued.routes,
    *keys.routes,
    *users.routes,
    *owners.artifactory_routes,
    *groups.routes,
    *system.routes,
    *key_pairs.routes,
    *upkeep.routes,
    *bundle_reading.routes,
    *files.routes,
]
#: The pages, which the description does not show.
PAGES: Sequence[Endpoint] = pages.routes
#: The first words of the paths of these endpoints.
ARTIFACTORY = frozenset({"artifactory", "access", "jfconnect", "lifecycle", "v2"})


def _first_words(rows: Iterable[Endpoint]) -> Iterator[str]:
    return (part for row in rows for part in row.path.parts[:1] if isinstance(part, str))


#: The first words of the server's own paths, and the word below which its pages are. No namespace may equal one.
RESERVED = frozenset({OURS, *ARTIFACTORY, *_first_words([*ROWS, *ARTIFACTORY_ROWS, *rpc.routes, *docs.routes(ROWS)])})
#: Of these, those whose paths are Drone's API and the server's own.
API = RESERVED - ARTIFACTORY - {OURS}


def _error_of(row: Endpoint) -> type:
    """The type of the body of a row's errors."""
    return faults.FaultsJSON if ARTIFACTORY.intersection(row.path.parts[:1]) else ErrorJSON


def _parts(scope: Scope) -> Sequence[str]:
    """The raw parts of a path. Some clients know one address only, and append `access` to that of the artifacts."""
    first, *parts = split_raw(scope)
    return [first, *(parts[1:] if parts[:2] == ["artifactory", "access"] else parts)]


def application(state: State, traffic: Traffic, policy: Policy, page: ErrorPage) -> Requests:
    """The whole application; `page` shows the errors of Drone's API and of unknown paths to people.

    Clients of Artifactory and runners never get pages: some of them say that they prefer HTML, and read JSON.
    """

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[State]:
        yield state

    live = starlette.Router(lifespan=lifespan)
    rows = [*ROWS, *docs.routes([*ROWS, *ARTIFACTORY_ROWS], _error_of, CODES, EXAMPLES)]
    api, shown = Router(rows, page=page), Router(PAGES, split=pages.split, page=page, strict=True)
    runners_only = Router(rpc.routes, rpc.answer_to)
    calls = Router([row for row in ARTIFACTORY_ROWS if row not in files.routes], split=_parts)
    artifactory = Router([*ARTIFACTORY_ROWS, *system.unserved(calls.allowed)], faults.answer_to, _parts)

    def split(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Returns the coroutine of the router. Not a coroutine itself: thousands of polls wait in this call."""
        if scope["type"] == "lifespan":
            return live(scope, receive, send)
        path: str = scope["path"]
        if path.startswith(PREFIX):
            return runners_only(scope, receive, send)
        first = path.lstrip("/").partition("/")[0]
        router = artifactory if first in ARTIFACTORY else api if first in API else shown
        return router(scope, receive, send)

    return Requests(split, traffic, policy, quiet=PREFIX, page=page)
