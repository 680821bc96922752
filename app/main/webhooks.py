"""Opening the webhooks: subscriptions are known, and what happens is told to them, while the server runs."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from app.db.connect import Database
from app.main.artifacts import now_ms
from app.main.notify import Writer
from app.moments import Recorder, Recorders
from app.notify.webhooks import drone
from app.notify.webhooks.flow import Webhooks
from app.notify.webhooks.formats import FORMATS
from app.notify.webhooks.known import Known
from app.notify.webhooks.masking import Masking
from app.notify.webhooks.poster import Poster
from app.notify.webhooks.recorder import Telling
from app.notify.webhooks.sender import Sender
from app.notify.webhooks.upkeep import Upkeep
from app.outbox.model import Kind
from app.outbox.worker import Channel, Worker
from app.sealing.seal import Seal
from app.settings.server import Settings


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
