"""Sends to subscribers what waits in the outbox (contract gantry-webhooks 6)."""

import logging
from collections.abc import Callable, Mapping

from app.db.connect import Database
from app.db.tx import Tx
from app.errors import AppError, Unavailable, Unreadable
from app.moments import Recorders
from app.notify.webhooks import deliveries, store
from app.notify.webhooks.deliveries import Sending
from app.notify.webhooks.formats import Renderer
from app.notify.webhooks.masking import Masking
from app.notify.webhooks.model import Answer, Attempt, Format, Request, State, Webhook
from app.notify.webhooks.moments import Disabled, disabled, host_of
from app.notify.webhooks.poster import NotSent, Poster
from app.outbox.model import Entry, Kind
from app.outbox.worker import Channel, nothing
from app.repos import store as repos
from app.scm.client import retry_after
from app.scm.forge import Later
from app.sealing.seal import Seal

log = logging.getLogger(__name__)

#: Milliseconds without a success after which a subscription is made inactive: five days.
PATIENCE = 5 * 24 * 3600 * 1000
#: The endpoint wants nothing any more, ever.
GONE = 410
#: The endpoint, or what stands before it, wants less. Seconds to wait where TOO_MANY names no time.
TOO_MANY, PAUSE = 429, 60.0
BUSY = frozenset({TOO_MANY, 502, 503, 504})
#: Characters of an answer that an error shows.
SHOWN = 200
UNTOLD = "the format of the webhook has nothing that tells of this event"
INACTIVE = "the webhook is not active"


class NotTaken(Unavailable):
    """The endpoint has not taken a delivery; a later attempt may succeed."""

    code = "endpoint_failed"

    def __init__(self, message: str, attempt: Attempt) -> None:
        super().__init__(message)
        self.attempt = attempt


class NotNow(Later):
    """The endpoint wants no call for some seconds."""

    def __init__(self, message: str, seconds: float, attempt: Attempt) -> None:
        super().__init__(message, seconds)
        self.attempt = attempt


class Gone(Unreadable):
    """The endpoint wants nothing any more."""

    code = "endpoint_gone"

    def __init__(self, message: str, attempt: Attempt) -> None:
        super().__init__(message)
        self.attempt = attempt


class Sender:
    """Sends deliveries. `server` is the public address of this server."""

    def __init__(
        self,
        db: Database,
        seal: Seal,
        poster: Poster,
        formats: Mapping[Format, Renderer],
        recorders: Recorders,
        server: str,
        now_ms: Callable[[], int],
    ) -> None:
        self._db = db
        self._seal = seal
        self._masked = Masking(db, seal)
        self._poster = poster
        self._formats = formats
        self._recorders = recorders
        self._server = server
        self._now_ms = now_ms

    @property
    def channels(self) -> Mapping[Kind, Channel]:
        """What sends entries, by kind."""
        return {"webhook": Channel(self.send, self._failed, in_order=True, keeps_dead=False)}

    async def send(self, entry: Entry) -> Tx[None]:
        """Make one attempt. Of several requests that tell of one event, one that fails keeps the next from leaving."""
        delivery, now = entry.payload["delivery"], self._now_ms()
        sending = await self._db.glance(deliveries.sending(delivery, self._seal, now))
        if sending is None or sending.state == "delivered":
            return nothing()
        webhook = sending.webhook
        if not webhook.active:
            return deliveries.left(delivery, INACTIVE)
        event = await self._masked(sending.event)
        requests = self._formats[webhook.format](event, webhook.secrets, now // 1000, self._server)
        attempt = Attempt(now, 0)
        for request in requests:
            attempt = await self._post(webhook, request)
        return _delivered(delivery, sending, attempt, "" if requests else UNTOLD)

    async def _post(self, webhook: Webhook, request: Request) -> Attempt:
        """The attempt, which has succeeded; NotTaken, NotNow, Gone."""
        begun = self._now_ms()
        try:
            answer = await self._poster.post(webhook.url, request)
        except NotSent as error:
            raise NotTaken(error.message, Attempt(begun, self._now_ms() - begun, request)) from error
        attempt = Attempt(begun, self._now_ms() - begun, request, answer)
        if not 200 <= answer.status < 300:
            raise _refusal(answer, attempt)
        return attempt

    def _failed(self, entry: Entry, error: AppError, due: int | None) -> Tx[None]:
        """What is written when an attempt has failed. A subscription of which all have for five days is inactive."""
        now, webhook_id = self._now_ms(), int(entry.host.partition(":")[2])
        attempt = error.attempt if isinstance(error, NotTaken | NotNow | Gone) else Attempt(now, 0)
        state: State = "failed" if due is None else "waiting"
        yield from deliveries.attempted(entry.payload["delivery"], state, attempt, error.message)
        since = yield from store.failing(webhook_id, now)
        if isinstance(error, Gone):
            yield from self._disable(webhook_id, "the endpoint says that it is gone (410)", now)
        elif now - since >= PATIENCE:
            yield from self._disable(webhook_id, f"no delivery was taken for five days: {error.message}", now)

    def _disable(self, webhook_id: int, reason: str, now: int) -> Tx[None]:
        webhook = yield from store.disable(webhook_id, reason, self._seal, now)
        if webhook is None:
            return
        repo = (yield from repos.find(webhook.repo_id)) if webhook.repo_id is not None else None
        found = Disabled(webhook, repo)
        yield from self._recorders.record(disabled(found))
        about = {"webhook": webhook_id, "place": found.place, "host": host_of(webhook), "reason": reason}
        log.warning("a webhook is inactive now", extra=about)


def _delivered(delivery_id: int, sending: Sending, attempt: Attempt, error: str) -> Tx[None]:
    yield from deliveries.attempted(delivery_id, "delivered", attempt, error)
    if sending.webhook.failing_since:
        yield from store.working(sending.webhook.id)


def _refusal(answer: Answer, attempt: Attempt) -> AppError:
    """The error for an answer of another status than 2xx."""
    said = "".join(char if char.isprintable() else " " for char in answer.body[:SHOWN]).strip()
    message = f"the endpoint answered {answer.status}" + (f": {said}" if said else "")
    if answer.status == GONE:
        return Gone(message, attempt)
    if 300 <= answer.status < 400:
        return NotTaken(f"{message}; redirects are not followed: change the address of the webhook", attempt)
    if answer.status in BUSY and (seconds := _wait(answer, attempt.at / 1000)) is not None:
        return NotNow(f"{message}; it wants a pause of {seconds:.0f} s", seconds, attempt)
    return NotTaken(message, attempt)


def _wait(answer: Answer, now: float) -> float | None:
    """Seconds until the endpoint takes calls again; None if its answer does not tell."""
    seconds = retry_after(answer.headers, now)
    return PAUSE if seconds is None and answer.status == TOO_MANY else seconds
