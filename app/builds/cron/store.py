"""The SQL of cron jobs."""

from dataclasses import replace

from app.builds.cron.model import Cron
from app.db import schema
from app.db.mapper import Mapper
from app.db.tx import Tx, many, one, run
from app.errors import Conflict, NotFound

CREATE = schema.insert_sql(schema.crons, "ON CONFLICT DO NOTHING RETURNING id")
OF_REPO = "SELECT * FROM crons WHERE repo_id = :repo_id ORDER BY name"
BY_NAME = "SELECT * FROM crons WHERE repo_id = :repo_id AND name = :name"
#: Changes nothing, and locks the row until the transaction ends, on both engines.
LOCK = "UPDATE crons SET version = version WHERE repo_id = :repo_id AND name = :name RETURNING *"
SAVE = """
    UPDATE crons SET expr = :expr, zone = :zone, next = :next, event = :event, branch = :branch, target = :target,
        parent = :parent, disabled = :disabled, hurried = :hurried, updated = :updated, version = :version
    WHERE id = :id
"""
DELETE = "DELETE FROM crons WHERE repo_id = :repo_id AND name = :name RETURNING *"
AFTER = "SELECT * FROM crons WHERE id > :id ORDER BY id LIMIT :limit"
SOONEST = "SELECT * FROM crons WHERE NOT disabled ORDER BY next LIMIT :limit"
#: `version` shows whether the job was changed after it was read: the job as it was read must not run then.
CLAIM = """
    UPDATE crons SET prev = :now, next = :next
    WHERE id = :id AND next = :seen AND version = :version AND NOT disabled RETURNING id
"""

MOVE = "UPDATE crons SET next = :next WHERE id = :id AND next = :seen AND version = :version"

_MAPPER = Mapper(Cron, schema.crons)


class Claimed(Conflict):
    """Another server began this run, or the job was changed: this server must not make the run."""

    code = "cron_claimed"


def create(job: Cron) -> Tx[Cron]:
    """A new job; Conflict when its repository has one of this name."""
    row = yield from one(CREATE, **_MAPPER.values(job))
    if row is None:
        raise Conflict(f"cron job {job.name} exists already; change it, or delete it first", code="cron_exists")
    return replace(job, id=row["id"])


def list_of(repo_id: int) -> Tx[list[Cron]]:
    """The jobs of a repository, by name."""
    return [_MAPPER.make(row) for row in (yield from many(OF_REPO, repo_id=repo_id))]


def find(repo_id: int, name: str) -> Tx[Cron]:
    """A job; NotFound."""
    return (yield from _one(BY_NAME, repo_id, name))


def lock(repo_id: int, name: str) -> Tx[Cron]:
    """A job, locked until the transaction ends; NotFound."""
    return (yield from _one(LOCK, repo_id, name))


def _one(sql: str, repo_id: int, name: str) -> Tx[Cron]:
    row = yield from one(sql, repo_id=repo_id, name=name)
    if row is None:
        raise NotFound(f"cron job {name} not found")
    return _MAPPER.make(row)


def save(job: Cron) -> Tx[Cron]:
    """Write the fields of a locked job that users may change, and when the job is due."""
    yield from run(SAVE, id=job.id, **_MAPPER.values(job))
    return job


def delete(repo_id: int, name: str) -> Tx[Cron | None]:
    """Remove a job and return it as it was; None when there was none."""
    row = yield from one(DELETE, repo_id=repo_id, name=name)
    return _MAPPER.make(row) if row else None


def soonest(limit: int) -> Tx[list[Cron]]:
    """The jobs that are not disabled, in the order of the times at which they are due."""
    return [_MAPPER.make(row) for row in (yield from many(SOONEST, limit=limit))]


def after(id: int, limit: int) -> Tx[list[Cron]]:  # noqa: A002 - as the column
    """Jobs with an id above `id`, in the order of their ids."""
    return [_MAPPER.make(row) for row in (yield from many(AFTER, id=id, limit=limit))]


def move(job: Cron, next: int) -> Tx[None]:  # noqa: A002 - as the column
    """Let a job be due at another time, unless it was changed or has run meanwhile."""
    yield from run(MOVE, id=job.id, seen=job.next, version=job.version, next=next)


def claim(job: Cron, *, now: int, next: int) -> Tx[None]:  # noqa: A002 - as the column
    """Take the run that a job is due for, and set when the next run is due. One server gets the run, others Claimed."""
    row = yield from one(CLAIM, id=job.id, seen=job.next, version=job.version, now=now, next=next)
    if row is None:
        raise Claimed(f"the run of cron job {job.name} is not to be had any more")
