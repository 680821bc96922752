"""The verbs of subscriptions: each is one transaction with its moment, and is in effect when it returns."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from app.db.connect import Database
from app.db.tx import Tx
from app.errors import Invalid
from app.moments import Actor, Recorders
from app.notify.webhooks import deliveries, moments, rules, store
from app.notify.webhooks.formats import SIGNED, fault_of_secret, new_secret, signing
from app.notify.webhooks.known import Known
from app.notify.webhooks.model import Delivery, Event, Webhook
from app.notify.webhooks.store import Place, Secret
from app.notify.webhooks.upkeep import ROWS, Upkeep
from app.outbox import store as outbox
from app.outbox.worker import Worker
from app.sealing.seal import Seal

#: Milliseconds for which requests are also signed with a secret that another one has followed: a day.
OVERLAP = 24 * 3600 * 1000
#: Drone's name of the event of a ping, which Drone itself has not.
PING = "ping:sent"


@dataclass(frozen=True, slots=True)
class Webhooks:
    """What the verbs need. `private` says that private networks may be called."""

    db: Database
    seal: Seal
    recorders: Recorders
    known: Known
    upkeep: Upkeep
    worker: Worker
    now_ms: Callable[[], int]
    private: bool = False

    async def create(self, place: Place, given: Mapping[str, Any], by: Actor) -> tuple[Webhook, str]:
        """Add a subscription; returns it with the secret that the server has made for it, '' for none. Invalid,
        Conflict."""
        wanted = _given_secrets(given)
        made = "" if wanted or given["format"] not in SIGNED else new_secret(given["format"], _random())
        self._check({**given, "secrets": wanted})
        kept = [Secret(text) for text in wanted or filter(None, [made])]
        adding = store.add(place, {**given, "creator": by.name}, kept, self.seal, self.now_ms())
        recorded = self.recorders.recorded(adding, lambda webhook: moments.created(by, place.name, webhook))
        webhook = await self.db.write(recorded)
        await self.known.changed()
        return webhook, made

    async def update(self, place: Place, webhook_id: int, changes: Mapping[str, Any], by: Actor) -> tuple[Webhook, str]:
        """Change a subscription; returns as `create`. NotFound, Invalid, Conflict.

        What waits for one that is changed is tried at once; what waits for one that is made inactive is given up.
        """
        updating = self._updating(place, webhook_id, changes, by, random=_random(), now=self.now_ms())
        before, after, made = await self.db.write(updating)
        await self.known.changed()
        if not after.active:
            self.upkeep.wake()
        elif (before.url, before.secrets, before.format) != (after.url, after.secrets, after.format):
            await self._try_now(after.id)
        return after, made

    def _updating(
        self, place: Place, webhook_id: int, changes: Mapping[str, Any], by: Actor, *, random: bytes, now: int
    ) -> Tx[tuple[Webhook, Webhook, str]]:
        before = yield from store.find(place, webhook_id, self.seal, now)
        known = yield from store.secrets_of(place, webhook_id, self.seal, now)
        values = {name: getattr(before, name) for name in store.CHANGED}
        values |= {name: value for name, value in changes.items() if name in values and name != "secrets"}
        kept, made = _exchanged(known, changes, values["format"], random, now)
        self._check({**values, "secrets": [secret.text for secret in kept]})
        after = yield from store.update(place, before, values, kept, self.seal, now)
        if change := moments.updated(by, place.name, before, after):
            yield from self.recorders.record(change)
        return before, after, made

    async def delete(self, place: Place, webhook_id: int, by: Actor) -> None:
        """Remove a subscription with its deliveries; NotFound. Nothing is sent any more from the beginning on."""
        now = self.now_ms()
        await self.db.write(self._stopping(place, webhook_id, now))
        await self.known.changed()
        await self.upkeep.empty(webhook_id)
        deleting = store.delete(place, webhook_id, self.seal, now)
        recorded = self.recorders.recorded(deleting, lambda gone: moments.deleted(by, place.name, gone))
        await self.db.write(recorded)

    def _stopping(self, place: Place, webhook_id: int, now: int) -> Tx[None]:
        yield from store.find(place, webhook_id, self.seal, now)
        yield from store.stop(webhook_id, now)

    async def ping(self, webhook: Webhook, by: Actor) -> Delivery:
        """Let an event wait that tells nothing, for one subscription; Conflict for an inactive one."""
        now = self.now_ms()
        facts = {"by": {"kind": by.kind, "name": by.name}, "webhook": {"id": webhook.id}}
        delivery = await self.db.write(deliveries.ping(webhook, Event(str(uuid4()), "ping", PING, now, facts), now))
        self.worker.wake()
        return delivery

    async def redeliver(self, webhook: Webhook, delivery_id: int) -> Delivery:
        """Let a delivery be sent once more, or at once if it waits. NotFound; Conflict for an inactive subscription."""
        delivery = await self.db.write(deliveries.send_again(webhook, delivery_id, self.now_ms()))
        await self._try_now(webhook.id)
        return delivery

    async def redeliver_failed(self, webhook: Webhook, since: int, until: int) -> int:
        """Let the failed deliveries of a time be sent once more, in their order; returns their number. Conflict."""
        count, after = 0, 0
        while True:
            again = deliveries.send_failed_again(webhook, since, until, after, ROWS, self.now_ms())
            ids = await self.db.write(again)
            count += len(ids)
            if len(ids) < ROWS:
                break
            after = ids[-1]
        await self._try_now(webhook.id)
        return count

    async def _try_now(self, webhook_id: int) -> None:
        """Try what waits for a subscription now, with all delays anew if that fails."""
        trying = partial(outbox.retry_waiting, deliveries.host(webhook_id), self.now_ms(), ROWS)
        while await self.db.write(trying()) == ROWS:
            pass
        self.worker.reopen()

    def _check(self, values: Mapping[str, Any]) -> None:
        if found := rules.problems(values, private=self.private):
            raise Invalid.of(found)


def _random() -> bytes:
    return os.urandom(signing.RANDOM)


def _given_secrets(given: Mapping[str, Any]) -> list[str]:
    """The secrets that a caller names for a new subscription."""
    return [*filter(None, [given.get("secret")]), *(given.get("secrets") or ())]


def _exchanged(
    known: Sequence[Secret], changes: Mapping[str, Any], format_: Any, random: bytes, now: int
) -> tuple[list[Secret], str]:
    """The secrets after a change, the newest first, and the one that was made; '' for none."""
    if (exactly := changes.get("secrets")) is not None and not changes.get("secret"):
        kept = [Secret(text) for text in exactly]
    else:
        kept = list(known)
    if format_ not in SIGNED:
        return ([Secret(changes["secret"])] if changes.get("secret") else []), ""
    new, made = changes.get("secret"), ""
    if "format" in changes and any(fault_of_secret(format_, secret.text) for secret in kept):
        kept = []  # they are keys of another kind
    if new == "" or (not kept and not new):
        new = made = new_secret(format_, random)
    if not new:
        return kept, ""
    before = [secret._replace(until=secret.until or now + OVERLAP) for secret in kept if secret.text != new]
    return [Secret(new), *before][: rules.MOST_SECRETS], made
