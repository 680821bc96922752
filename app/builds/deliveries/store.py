"""The SQL of deliveries."""

from dataclasses import replace

from app.builds.deliveries.model import Delivery
from app.db import schema
from app.db.mapper import NAMES, Mapper
from app.db.tx import Tx, many, one, run
from app.errors import Conflict

FIND = "SELECT * FROM deliveries WHERE repo_id = :repo_id AND name = :name"
#: Changes nothing but the lock, which is held until the transaction ends: the next number of a build is known then.
COUNTER = "UPDATE repos SET counter = counter WHERE id = :repo_id RETURNING counter"
CLAIM = schema.insert_sql(
    schema.deliveries,
    """
    ON CONFLICT (repo_id, name) DO UPDATE SET build = excluded.build, due = 0 WHERE deliveries.build = 0 RETURNING id
    """,
)
KEEP = schema.insert_sql(
    schema.deliveries,
    """
    ON CONFLICT (repo_id, name) DO UPDATE
    SET due = CASE WHEN deliveries.due = 0 THEN excluded.due ELSE deliveries.due END, error = excluded.error
    WHERE deliveries.build = 0 RETURNING id
    """,
)
WAITING_FOR_REF = "SELECT id FROM deliveries WHERE due <> 0 AND repo_id = :repo_id AND ref = :ref LIMIT 1"
OF_REPO = "SELECT * FROM deliveries WHERE due <> 0 AND repo_id = :repo_id ORDER BY ref, id LIMIT :limit"
#: The pushes of one ref are tried in their order: the first of each is next.
_NEXT = """
    deliveries WHERE due <> 0 AND NOT EXISTS (
        SELECT 1 FROM deliveries earlier WHERE earlier.due <> 0 AND earlier.repo_id = deliveries.repo_id
            AND earlier.ref = deliveries.ref AND earlier.id < deliveries.id
    )
"""
#: A due time beyond `latest` was set while the clock was ahead.
DUE = f"SELECT * FROM {_NEXT} AND (due <= :now OR due > :latest) ORDER BY id LIMIT :limit"  # noqa: S608 - a constant
SOONEST = f"SELECT min(due) AS due FROM {_NEXT}"  # noqa: S608 - a constant
#: Of several servers that see one due delivery, one takes the attempt.
TAKE = """
    UPDATE deliveries SET due = :due, tries = tries + 1 WHERE id = :id AND due = :seen AND due <> 0 RETURNING id
"""
FAILED = "UPDATE deliveries SET error = :error WHERE id = :id AND due <> 0"
DROP = "UPDATE deliveries SET due = 0 WHERE id = :id"
FORGET = "DELETE FROM deliveries WHERE due = 0 AND received <= :before"

_MAPPER = Mapper(Delivery, schema.deliveries, codecs={"options": NAMES})


class Delivered(Conflict):
    """The delivery has become a build before."""

    code = "delivered"


def find_if_any(repo_id: int, name: str) -> Tx[Delivery | None]:
    """The delivery of this name; None for an unknown one."""
    row = yield from one(FIND, repo_id=repo_id, name=name)
    return _MAPPER.make(row) if row else None


def claim(delivery: Delivery) -> Tx[None]:
    """Let the next build of the repository be that of a delivery; Delivered when the delivery has a build already."""
    row = yield from one(COUNTER, repo_id=delivery.repo_id)
    number = row["counter"] + 1 if row else 0  # without a repository, the build that follows is refused
    claimed = replace(delivery, build=number, due=0, error="")
    if (yield from one(CLAIM, **_MAPPER.values(claimed))) is None:
        raise Delivered(f"the push of {delivery.ref} has a build already")


def keep(delivery: Delivery) -> Tx[None]:
    """Let a delivery wait; one that waits already keeps its time, and one that has a build stays as it is."""
    yield from run(KEEP, **_MAPPER.values(delivery))


def is_waiting(repo_id: int, ref: str) -> Tx[bool]:
    """Whether an earlier push of this ref waits."""
    return (yield from one(WAITING_FOR_REF, repo_id=repo_id, ref=ref)) is not None


def list_of(repo_id: int, limit: int) -> Tx[list[Delivery]]:
    """The deliveries of a repository that wait, by ref, oldest first."""
    return [_MAPPER.make(row) for row in (yield from many(OF_REPO, repo_id=repo_id, limit=limit))]


def due(now: int, latest: int, limit: int) -> Tx[list[Delivery]]:
    """The deliveries whose next attempt is due, oldest first, one for each ref of a repository."""
    return [_MAPPER.make(row) for row in (yield from many(DUE, now=now, latest=latest, limit=limit))]


def soonest() -> Tx[int | None]:
    """When the first attempt of all is due, of those that `due` returns; None when no delivery waits."""
    row = yield from one(SOONEST)
    return row["due"] if row else None


def take(delivery: Delivery, due: int) -> Tx[bool]:
    """Take an attempt, and set when the next one is due; false when another server was faster."""
    return (yield from one(TAKE, id=delivery.id, seen=delivery.due, due=due)) is not None


def failed(delivery: Delivery, error: str) -> Tx[None]:
    """Write why an attempt failed."""
    yield from run(FAILED, id=delivery.id, error=error)


def drop(delivery: Delivery) -> Tx[None]:
    """Let a delivery wait no more: nothing is to be built."""
    yield from run(DROP, id=delivery.id)


def forget(before: int) -> Tx[None]:
    """Delete the deliveries that do not wait and were received before this time."""
    yield from run(FORGET, before=before)
