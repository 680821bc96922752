"""Opening the webhooks: subscriptions are known, and what happens is told to them, while the server runs."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from app.db.connect import Database
from app.db.tx import Tx
from app.main.artifacts import now_ms
from app.main.notify import Writer
from app.moments import Recorder, Recorders
from app.notify.webhooks import deliveries, drone, store
from app.notify.webhooks.flow import Webhooks
from app.notify.webhooks.formats import FORMATS
from app.notify.webhooks.known import Known
from app.notify.webhooks.masking import Masking
from app.notify.webhooks.model import Delivery, Webhook
from app.notify.webhooks.poster import Poster
from app.notify.webhooks.recorder import Telling
from app.notify.webhooks.sender import Sender
from app.notify.webhooks.upkeep import Upkeep
from app.notify.webhooks.wire import shown_url
from app.outbox.model import Kind
from app.outbox.worker import Channel, Worker
from app.repos.model import Repo
from app.sealing.seal import Seal
from app.settings.server import Settings
from app.ui import told


@dataclass(frozen=True, slots=True)
class Subscribers:
    """The opened objects of webhooks."""

    known: Known
    telling: Telling
    poster: Poster
    upkeep: Upkeep
    #: The end points of Drone's webhook, what writes down what they are told, and what posts to them.
    receivers: drone.Receivers
    notes: drone.Notes
    trusted: Poster

    @property
    def recorders(self) -> Sequence[Recorder]:
        """The recorders of what is told."""
        return [self.telling.recorder, self.notes.recorder]

    @property
    def writers(self) -> Sequence[Writer]:
        """What writes into the outbox what is told."""
        return [self.telling, self.notes]

    def channels(self, settings: Settings, db: Database, seal: Seal, recorders: Recorders) -> Mapping[Kind, Channel]:
        """What sends to subscribers."""
        url, masked = settings.public_url, Masking(db, seal)
        return {
            **Sender(db, seal, self.poster, FORMATS, recorders, url, now_ms).channels,
            **drone.Sender(self.receivers, url, now_ms, self.trusted, masked).channels,
        }

    def webhooks(self, settings: Settings, db: Database, seal: Seal, recorders: Recorders, worker: Worker) -> Webhooks:
        """The verbs of subscriptions."""
        private = settings.webhook_allow_private
        return Webhooks(db, seal, recorders, self.known, self.upkeep, worker, now_ms, private)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What pages read and do about the webhooks of a repository: see `app.ui.told.Outgoing`."""

    webhooks: Webhooks

    def told(self, repo: Repo, limit: int) -> Tx[told.Told]:
        """Reads both lists in one transaction."""
        place, now = store.of_repo(repo.id, repo.slug), self.webhooks.now_ms()
        found = yield from store.list_of(place, self.webhooks.seal, now)
        sent = yield from deliveries.newest(repo.id, limit)
        return told.Told([_webhook(one) for one in found], [_sent(one) for one in sent])

    async def redeliver(self, repo: Repo, webhook: int, delivery: int) -> None:
        """Calls the verb of the API."""
        place, seal = store.of_repo(repo.id, repo.slug), self.webhooks.seal
        found = await self.webhooks.db.read(store.find(place, webhook, seal, self.webhooks.now_ms()))
        await self.webhooks.redeliver(found, delivery)


def _webhook(found: Webhook) -> told.Webhook:
    address = shown_url(found).partition("?")[0]
    failing = found.failing_since // 1000
    return told.Webhook(found.id, address, found.format, found.active, found.reason, failing)


def _sent(found: Delivery) -> told.Sent:
    made, error = found.created // 1000, found.error
    return told.Sent(found.id, found.webhook_id, found.type, found.state, made, found.tries, found.status, error)


@asynccontextmanager
async def open_subscribers(settings: Settings, db: Database) -> AsyncIterator[Subscribers]:
    """Know the subscriptions while the block lasts, and tidy up what was sent to them."""
    known = Known(db)
    telling = Telling(known, settings.public_url, now_ms, _fresh)
    poster = Poster(private=settings.webhook_allow_private)
    upkeep = Upkeep(db, now_ms)
    receivers = drone.Receivers(settings.webhook_endpoint, settings.webhook_secret, settings.webhook_events)
    notes = drone.Notes(receivers, settings.public_url, now_ms, _fresh)
    trusted = Poster(trusted=True, verify=not settings.webhook_skip_verify)
    async with known.running(), poster.running(), trusted.running(), upkeep.running():
        yield Subscribers(known, telling, poster, upkeep, receivers, notes, trusted)


def _fresh() -> str:
    return str(uuid4())
