"""The SQL of events and their deliveries: what is to be sent, what became of it, and sending again."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

import orjson

from app.db.tx import Row, Tx, many, one, run
from app.db.window import Part, Window
from app.errors import Conflict, NotFound
from app.notify.webhooks import store
from app.notify.webhooks.model import Answer, Attempt, Delivery, Event, Request, State, Webhook
from app.outbox import store as outbox
from app.outbox.model import Message
from app.repos import sharing
from app.repos.model import Repo
from app.sealing.seal import Seal

ADD_EVENTS = """
    INSERT INTO webhook_events (key, type, drone, payload, created)
    SELECT told.key, told.type, told.drone, told.payload, :now
    FROM :rows(events; key text, type text, drone text, payload text) AS told WHERE TRUE RETURNING id, key
"""
#: Subscriptions that were removed or made inactive meanwhile get nothing, and so do those of a namespace in which the
#: repository has no share: one that was just deleted and was the only one there has. The lock lets a removal that is
#: under way end first.
ADD = f"""
    WITH live AS MATERIALIZED (
        SELECT id FROM webhooks WHERE id IN (
            SELECT pair.webhook_id FROM :rows(pairs; webhook_id bigint, event_id bigint) AS pair
        ) AND active AND (namespace = '' OR coalesce({sharing.condition(":scm", ":namespace")}, TRUE)) :shared
    )
    INSERT INTO webhook_deliveries (
        webhook_id, event_id, state, created, attempted, tries, request, status, answer, duration, error
    )
    SELECT live.id, pair.event_id, 'waiting', :now, 0, 0, '', 0, '', 0, ''
    FROM :rows(pairs; webhook_id bigint, event_id bigint) AS pair JOIN live ON live.id = pair.webhook_id
    ORDER BY pair.event_id, live.id RETURNING id, webhook_id, event_id
"""  # noqa: S608 - SQL of ours
#: What is to be sent, with the subscription.
SENDING = """
    SELECT deliveries.state, events.key, events.type, events.drone, events.payload, events.created AS at, webhooks.*,
        webhooks.id AS webhook_id
    FROM webhook_deliveries AS deliveries JOIN webhook_events AS events ON events.id = deliveries.event_id
        JOIN webhooks ON webhooks.id = deliveries.webhook_id
    WHERE deliveries.id = :id
"""
ATTEMPTED = """
    UPDATE webhook_deliveries SET state = :state, attempted = :attempted, tries = tries + 1, request = :request,
        status = :status, answer = :answer, duration = :duration, error = :error
    WHERE id = :id
"""
LEFT = "UPDATE webhook_deliveries SET state = 'failed', error = :error WHERE id = :id AND state = 'waiting'"
LEAVE = """
    UPDATE webhook_deliveries SET state = 'failed', error = :error WHERE id IN (
        SELECT id FROM webhook_deliveries WHERE webhook_id = :webhook_id AND state = 'waiting' ORDER BY id LIMIT :limit
    ) RETURNING id
"""
REMOVE = """
    DELETE FROM webhook_deliveries WHERE id IN (
        SELECT id FROM webhook_deliveries WHERE webhook_id = :webhook_id ORDER BY id LIMIT :limit
    ) RETURNING id
"""
_COLUMNS = """
    deliveries.id, deliveries.webhook_id, events.key, events.type, events.drone, deliveries.state, deliveries.created,
    deliveries.attempted, deliveries.tries, deliveries.status, deliveries.duration, deliveries.error
"""
_FROM = """
    FROM webhook_deliveries AS deliveries JOIN webhook_events AS events ON events.id = deliveries.event_id
    WHERE deliveries.webhook_id = :webhook_id
"""
_NEWEST = "ORDER BY deliveries.id DESC LIMIT :limit"


class Pages(NamedTuple):
    """The SQL of the pages of a list of deliveries, the newest first."""

    first: str
    after: str
    before: str


def _pages(condition: str) -> Pages:
    listed = f"SELECT {_COLUMNS} {_FROM} {condition}"
    return Pages(
        first=f"{listed} {_NEWEST} OFFSET :offset",
        after=f"{listed} AND deliveries.id < :id {_NEWEST}",
        before=f"{listed} AND deliveries.id > :id ORDER BY deliveries.id LIMIT :limit",
    )


PAGES, PAGES_OF_STATE = _pages(""), _pages("AND deliveries.state = :state")
#: The newest deliveries of all subscriptions of a repository: of each the newest are found by their index.
NEWEST = f"""
    SELECT {_COLUMNS}
    FROM webhooks JOIN webhook_deliveries AS deliveries ON deliveries.webhook_id = webhooks.id AND deliveries.id >= (
            SELECT coalesce(min(last.id), 0) FROM (
                SELECT newest.id FROM webhook_deliveries AS newest WHERE newest.webhook_id = webhooks.id
                ORDER BY newest.id DESC LIMIT :limit
            ) AS last
        )
        JOIN webhook_events AS events ON events.id = deliveries.event_id
    WHERE webhooks.repo_id = :repo_id {_NEWEST}
"""  # noqa: S608 - SQL of ours
SHOW = f"SELECT {_COLUMNS}, deliveries.request, deliveries.answer {_FROM} AND deliveries.id = :id"
AGAIN = """
    UPDATE webhook_deliveries SET state = 'waiting' WHERE id = :id AND webhook_id = :webhook_id AND state <> 'waiting'
    RETURNING id
"""
FAILED_AGAIN = """
    UPDATE webhook_deliveries SET state = 'waiting' WHERE id IN (
        SELECT id FROM webhook_deliveries
        WHERE webhook_id = :webhook_id AND state = 'failed' AND id > :after AND created >= :since AND created < :until
        ORDER BY id LIMIT :limit
    ) RETURNING id
"""
#: The names of the events of deliveries.
NAMES = """
    SELECT deliveries.id, events.type, events.drone FROM webhook_deliveries AS deliveries
        JOIN webhook_events AS events ON events.id = deliveries.event_id
    WHERE deliveries.id IN (SELECT known.id FROM :rows(ids; id bigint) AS known) ORDER BY deliveries.id
"""
FORGET = """
    DELETE FROM webhook_events WHERE id IN (
        SELECT old.id FROM webhook_events AS old WHERE old.created < :before AND NOT EXISTS (
            SELECT 1 FROM webhook_deliveries AS waiting WHERE waiting.event_id = old.id AND waiting.state = 'waiting'
        ) ORDER BY old.created, old.id LIMIT :limit
    ) RETURNING id
"""
#: The form of the keys of a window.
KEYS = r"[0-9]{1,18}"


class Sending(NamedTuple):
    """What is to be sent, and the subscription that it is for."""

    state: State
    event: Event
    webhook: Webhook


class Shown(NamedTuple):
    """A delivery with its last request and answer."""

    delivery: Delivery
    request: Request | None
    answer: Answer | None


def host(webhook_id: int) -> str:
    """The name of a subscription in the outbox."""
    return f"webhook:{webhook_id}"


def add(events: Sequence[tuple[Event, Sequence[int]]], repo: Repo | None, now: int) -> Tx[None]:
    """Let each event wait for subscriptions, by their ids, in the order of the events. Three statements.

    `repo` is the repository that the events are about.
    """
    rows = [[event.key, event.type, event.drone, orjson.dumps(dict(event.facts)).decode()] for event, _ in events]
    written = yield from many(ADD_EVENTS, events=_text(rows), now=now)
    ids = {row["key"]: row["id"] for row in written}
    pairs = [[webhook_id, ids[event.key]] for event, wanted in events for webhook_id in wanted]
    about = {"scm": repo.scm if repo else "", "namespace": repo.namespace if repo else ""}
    made = yield from many(ADD, pairs=_text(pairs), now=now, **about)
    names = {ids[event.key]: event.type or event.drone for event, _ in events}
    found = sorted(made, key=lambda row: row["id"])
    if found:
        messages = [_message(row["webhook_id"], row["id"], names[row["event_id"]]) for row in found]
        yield from outbox.add(messages, now)


def _message(webhook_id: int, delivery_id: int, name: str) -> Message:
    return Message(None, "webhook", host(webhook_id), name, str(delivery_id), {"delivery": delivery_id})


def sending(delivery_id: int, seal: Seal, now: int) -> Tx[Sending | None]:
    """What is to be sent; None when the subscription was removed."""
    row = yield from one(SENDING, id=delivery_id)
    if row is None:
        return None
    event = Event(row["key"], row["type"], row["drone"], row["at"], orjson.loads(row["payload"]))
    return Sending(row["state"], event, store.opened(row, seal, now))


def attempted(delivery_id: int, state: State, attempt: Attempt, error: str = "") -> Tx[None]:
    """Write what became of an attempt."""
    answer = attempt.answer
    yield from run(
        ATTEMPTED,
        id=delivery_id,
        state=state,
        attempted=attempt.at,
        duration=attempt.duration,
        request=_request_text(attempt.request) if attempt.request else "",
        status=answer.status if answer else 0,
        answer=orjson.dumps(asdict(answer)).decode() if answer else "",
        error=error,
    )


def _request_text(request: Request) -> str:
    return orjson.dumps({"headers": dict(request.headers), "body": request.body.decode()}).decode()


def left(delivery_id: int, error: str) -> Tx[None]:
    """A delivery that waits is not sent any more."""
    yield from run(LEFT, id=delivery_id, error=error)


def leave(webhook_id: int, error: str, limit: int) -> Tx[int]:
    """So many deliveries at most that wait for a subscription are not sent any more; returns how many were found."""
    found = yield from many(LEAVE, webhook_id=webhook_id, error=error, limit=limit)
    dropped = yield from outbox.drop(host(webhook_id), "waiting", limit)
    return max(len(found), dropped)


def remove(webhook_id: int, limit: int) -> Tx[int]:
    """Delete so many deliveries of a subscription at most, and what waits to leave; returns how many were found."""
    found = yield from many(REMOVE, webhook_id=webhook_id, limit=limit)
    dropped = yield from outbox.drop(host(webhook_id), "waiting", limit)
    return max(len(found), dropped)


def page(webhook_id: int, state: State | None, window: Window) -> Tx[Part[Delivery]]:
    """A part of the deliveries of a subscription, the newest first; `state` None is every state."""
    sql = PAGES if state is None else PAGES_OF_STATE
    about = {"webhook_id": webhook_id, "limit": window.reach} | ({} if state is None else {"state": state})
    if key := window.after or window.before:
        rows = yield from many(sql.after if window.after else sql.before, id=int(key), **about)
    else:
        rows = yield from many(sql.first, offset=window.offset, **about)
    return window.part([_delivery(row) for row in rows])


def newest(repo_id: int, limit: int) -> Tx[list[Delivery]]:
    """The newest deliveries of all subscriptions of a repository, the newest first."""
    return [_delivery(row) for row in (yield from many(NEWEST, repo_id=repo_id, limit=limit))]


def show(webhook_id: int, delivery_id: int) -> Tx[Shown]:
    """A delivery of a subscription with its last request and answer; NotFound."""
    row = yield from one(SHOW, webhook_id=webhook_id, id=delivery_id)
    if row is None:
        raise NotFound("there is no such delivery: deliveries are kept for 14 days")
    request = orjson.loads(row["request"]) if row["request"] else None
    return Shown(
        _delivery(row),
        Request(request["headers"], request["body"].encode()) if request else None,
        Answer(**orjson.loads(row["answer"])) if row["answer"] else None,
    )


def send_again(webhook: Webhook, delivery_id: int, now: int) -> Tx[Delivery]:
    """Let a delivery be sent once more, after all that waits; one that waits itself stays where it is.

    NotFound; Conflict for a subscription that is not active.
    """
    _refuse_inactive(webhook)
    again = yield from one(AGAIN, webhook_id=webhook.id, id=delivery_id)
    shown = yield from show(webhook.id, delivery_id)
    if again is not None:
        yield from outbox.add([_message(webhook.id, delivery_id, shown.delivery.type)], now)
    return shown.delivery


def send_failed_again(webhook: Webhook, since: int, until: int, after: int, limit: int, now: int) -> Tx[Sequence[int]]:
    """Let so many failed deliveries at most be sent once more, in their order; returns their ids.

    They were made from `since` on and before `until`, and their ids are greater than `after`.
    """
    _refuse_inactive(webhook)
    window = {"since": since, "until": until, "after": after, "limit": limit}
    rows = yield from many(FAILED_AGAIN, webhook_id=webhook.id, **window)
    ids = [[row["id"]] for row in rows]
    if not ids:
        return []
    named = yield from many(NAMES, ids=_text(ids))
    yield from outbox.add([_message(webhook.id, row["id"], row["type"] or row["drone"]) for row in named], now)
    return [row["id"] for row in named]


def ping(webhook: Webhook, event: Event, now: int) -> Tx[Delivery]:
    """Let an event wait for one subscription alone; Conflict for one that is not active."""
    _refuse_inactive(webhook)
    rows = [[event.key, event.type, event.drone, orjson.dumps(dict(event.facts)).decode()]]
    [written] = yield from many(ADD_EVENTS, events=_text(rows), now=now)
    # The condition of the share is no matter of this: `scm` '' fulfils it.
    made = yield from many(ADD, pairs=_text([[webhook.id, written["id"]]]), now=now, scm="", namespace="")
    if not made:
        raise Conflict("the webhook was removed or made inactive meanwhile")
    yield from outbox.add([_message(webhook.id, made[0]["id"], event.type)], now)
    return (yield from show(webhook.id, made[0]["id"])).delivery


def _refuse_inactive(webhook: Webhook) -> None:
    if not webhook.active:
        words = "the webhook is not active, so nothing is sent: make it active first"
        raise Conflict(words + (f" (inactive because {webhook.reason})" if webhook.reason else ""), code="inactive")


def forget(before: int, limit: int) -> Tx[int]:
    """Delete so many events at most of which no delivery waits and which happened before a time, with deliveries."""
    return len((yield from many(FORGET, before=before, limit=limit)))


def _delivery(row: Row) -> Delivery:
    return Delivery(
        id=row["id"],
        webhook_id=row["webhook_id"],
        key=row["key"],
        type=row["type"] or row["drone"],
        state=row["state"],
        created=row["created"],
        attempted=row["attempted"],
        tries=row["tries"],
        status=row["status"],
        duration=row["duration"],
        error=row["error"],
    )


def _text(rows: Sequence[Sequence[object]]) -> str:
    return orjson.dumps(rows).decode()
