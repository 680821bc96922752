"""The SQL of the outbox.

A server takes entries for some time, in which no other server takes them; then it says what became of each. What it
says counts only while it has the entry, and only for the message that it has sent: if another message took that one's
place meanwhile, the other message still waits.
"""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import orjson

from app.db import schema
from app.db.mapper import Mapper
from app.db.tx import Tx, many, one, run
from app.errors import NotFound
from app.outbox.model import Entry, Message, State

#: A message that takes the place of one that is sent at this moment leaves after that one.
ADD = """
    INSERT INTO outbox (
        repo_id, kind, host, subject, part, payload, state, created, due, tries, error, owner, version
    )
    SELECT message.repo_id, message.kind, message.host, message.subject, message.part, message.payload,
        'waiting', :now, :now, 0, '', '', 1
    FROM :rows(messages; repo_id bigint, kind text, host text, subject text, part text, payload text) AS message
    WHERE TRUE
    ON CONFLICT (repo_id, kind, subject, part) DO UPDATE SET host = excluded.host, payload = excluded.payload,
        state = 'waiting', created = excluded.created, tries = 0, error = '', version = outbox.version + 1,
        due = CASE WHEN outbox.owner = '' THEN excluded.due ELSE outbox.due END
"""
#: The hosts that something waits for, and when the first of it is due. The index is searched once for each host.
HOSTS = """
    WITH RECURSIVE hosts (host) AS (
        SELECT min(host) FROM outbox WHERE state = 'waiting'
        UNION ALL
        SELECT (SELECT min(later.host) FROM outbox AS later WHERE later.state = 'waiting' AND later.host > hosts.host)
        FROM hosts WHERE hosts.host IS NOT NULL
    )
    SELECT host, (SELECT min(first.due) FROM outbox AS first WHERE first.state = 'waiting' AND first.host = hosts.host)
        AS due
    FROM hosts WHERE host IS NOT NULL
"""
TAKE = """
    WITH picked AS MATERIALIZED (
        SELECT id FROM outbox AS next
        WHERE next.state = 'waiting' AND next.host = :host AND next.due <= :now AND NOT EXISTS (
            SELECT 1 FROM outbox AS earlier
            WHERE earlier.repo_id = next.repo_id AND earlier.kind = next.kind AND earlier.subject = next.subject
                AND earlier.id < next.id AND earlier.state = 'waiting'
        )
        ORDER BY next.due, next.id LIMIT :limit :skipping
    )
    UPDATE outbox SET owner = :owner, due = :until WHERE id IN (SELECT id FROM picked) RETURNING *
"""
#: The oldest entries of a host, if the oldest of all is due: whoever sends that one sends the next ones, too.
TAKE_IN_ORDER = """
    WITH oldest AS MATERIALIZED (
        SELECT id, due FROM outbox WHERE state = 'waiting' AND host = :host ORDER BY id LIMIT :limit :exclusive
    )
    UPDATE outbox SET owner = :owner, due = :until
    WHERE id IN (SELECT id FROM oldest) AND (SELECT due FROM oldest ORDER BY id LIMIT 1) <= :now RETURNING *
"""
SENT = "DELETE FROM outbox WHERE id = :id AND owner = :owner AND version = :version RETURNING id"
FAILED = """
    UPDATE outbox SET owner = '', state = :state, due = :due, tries = :tries, error = :error
    WHERE id = :id AND owner = :owner AND version = :version RETURNING id
"""
RELEASE = "UPDATE outbox SET owner = '', due = :due WHERE id = :id AND owner = :owner"
RELEASE_ALL = "UPDATE outbox SET owner = '', due = :now WHERE owner <> ''"
RETRY = """
    UPDATE outbox SET state = 'waiting', tries = 0, due = CASE WHEN owner = '' THEN :now ELSE due END
    WHERE id = :id RETURNING repo_id
"""
DROP = """
    DELETE FROM outbox WHERE id IN (
        SELECT id FROM outbox WHERE state = :state AND host = :host ORDER BY id LIMIT :limit
    ) RETURNING id
"""
RETRY_DEAD = """
    WITH picked AS MATERIALIZED (
        SELECT id FROM outbox WHERE state = 'dead' ORDER BY created, id LIMIT :limit :skipping
    )
    UPDATE outbox SET state = 'waiting', tries = 0, due = :now WHERE id IN (SELECT id FROM picked) RETURNING id
"""
RETRY_WAITING = """
    WITH picked AS MATERIALIZED (
        SELECT id FROM outbox WHERE state = 'waiting' AND host = :host AND due > :now AND owner = ''
        ORDER BY due, id LIMIT :limit :skipping
    )
    UPDATE outbox SET tries = 0, due = :now WHERE id IN (SELECT id FROM picked) RETURNING id
"""
FORGET = """
    DELETE FROM outbox WHERE id IN (
        SELECT id FROM outbox WHERE state = 'dead' AND created < :before ORDER BY created, id LIMIT :limit
    ) RETURNING id
"""
COUNTS = """
    SELECT (SELECT count(*) FROM outbox WHERE state = 'waiting') AS waiting,
        (SELECT count(*) FROM outbox WHERE state = 'dead') AS dead,
        (SELECT coalesce(min(created), 0) FROM outbox WHERE state = 'waiting') AS oldest
"""

NO_ENTRY = "there is no such entry: it has left, or its repository was deleted"
_JSON = (lambda value: orjson.dumps(dict(value)).decode(), orjson.loads)
MAPPER = Mapper(Entry, schema.outbox, codecs={"payload": _JSON})


class Counts(NamedTuple):
    """Entries by state, and when the oldest message that waits was written; 0 without any."""

    waiting: int
    dead: int
    oldest: int


def add(messages: Collection[Message], now: int) -> Tx[None]:
    """Let messages wait, in the transaction of their cause, each in the place of an earlier one that has not left."""
    rows = [[*_parts(message), orjson.dumps(dict(message.payload)).decode()] for message in messages]
    yield from run(ADD, messages=orjson.dumps(rows).decode(), now=now)


def _parts(message: Message) -> Sequence[Any]:
    return message.repo_id, message.kind, message.host, message.subject, message.part


def hosts() -> Tx[list[tuple[str, int]]]:
    """The hosts that messages wait for, and when the first of each may be sent."""
    return [(row["host"], row["due"]) for row in (yield from many(HOSTS))]


def take(host: str, owner: str, now: int, until: int, limit: int) -> Tx[list[Entry]]:
    """Give entries that are due to a server until a time: those that have waited longest, one of each subject."""
    rows = yield from many(TAKE, host=host, owner=owner, now=now, until=until, limit=limit)
    return sorted((MAPPER.make(row) for row in rows), key=lambda entry: entry.id)


def take_in_order(host: str, owner: str, now: int, until: int, limit: int) -> Tx[list[Entry]]:
    """Give the oldest entries of a host to a server until a time; none while the oldest one is not due.

    A server that could not send an entry leaves all that follow it: they wait for that entry.
    """
    rows = yield from many(TAKE_IN_ORDER, host=host, owner=owner, now=now, until=until, limit=limit)
    return sorted((MAPPER.make(row) for row in rows), key=lambda entry: entry.id)


def sent(entry: Entry, now: int) -> Tx[None]:
    """An entry that was taken has left. A message that took its place meanwhile is due now."""
    held = {"id": entry.id, "owner": entry.owner}
    if (yield from one(SENT, **held, version=entry.version)) is None:
        yield from run(RELEASE, **held, due=now)


def failed(entry: Entry, error: str, due: int | None, tries: int, now: int) -> Tx[None]:
    """An entry that was taken has not left: the next attempt is `due`, or there is none.

    A message that took its place meanwhile is due now.
    """
    held = {"id": entry.id, "owner": entry.owner}
    state = "waiting" if due is not None else "dead"
    values = {"state": state, "due": now if due is None else due, "tries": tries, "error": error}
    if (yield from one(FAILED, **held, **values, version=entry.version)) is None:
        yield from run(RELEASE, **held, due=now)


def release(entry: Entry, now: int) -> Tx[None]:
    """Leave an entry that was taken to other servers."""
    yield from run(RELEASE, id=entry.id, owner=entry.owner, due=now)


def release_all(now: int) -> Tx[None]:
    """Leave every entry that was taken to the server that asks: no other server is there."""
    yield from run(RELEASE_ALL, now=now)


def retry(entry_id: int, now: int) -> Tx[int]:
    """Let all attempts of an entry begin anew, now; returns the id of its repository, 0 for none.

    NotFound when there is no such entry. An attempt that is under way counts as the first.
    """
    row = yield from one(RETRY, id=entry_id, now=now)
    if row is None:
        raise NotFound(NO_ENTRY)
    return row["repo_id"] or 0


def drop(host: str, state: State, limit: int) -> Tx[int]:
    """Delete so many entries of a host at most, which is no more; returns their number."""
    return len((yield from many(DROP, host=host, state=state, limit=limit)))


def retry_dead(now: int, limit: int) -> Tx[int]:
    """The same for so many dead entries at most; returns their number."""
    return len((yield from many(RETRY_DEAD, now=now, limit=limit)))


def retry_waiting(host: str, now: int, limit: int) -> Tx[int]:
    """The same for so many entries at most that wait for a host and are not due yet; returns their number."""
    return len((yield from many(RETRY_WAITING, host=host, now=now, limit=limit)))


def forget(before: int, limit: int) -> Tx[int]:
    """Delete so many dead entries at most that were written before a time; returns their number."""
    return len((yield from many(FORGET, before=before, limit=limit)))


def counts() -> Tx[Counts]:
    """How much waits, and how much is dead."""
    row = yield from one(COUNTS)
    assert row is not None
    return Counts(*row)
