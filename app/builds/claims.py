"""The SQL that gives stages to runners, keeps their leases, and finds the stages whose runner is silent or missing."""

from collections.abc import Mapping

from app.builds.model import Stage
from app.builds.stages import BY_ID, MAPPER, find
from app.db.tx import Tx, many, one, run
from app.errors import Conflict, NotFound

#: Seconds that a reservation lasts: enough for any runner to accept, and few for a stage whose server was killed.
KEPT = 20
#: A reservation that would last for more seconds was made while a clock was ahead, and does not count.
PLAUSIBLE = 120

QUEUED = """
    SELECT * FROM stages WHERE status IN ('pending', 'running') AND status = 'pending' AND machine = '' AND type = :type
        AND id > :after AND (offered <= :now OR offered > :latest)
        AND NOT EXISTS (SELECT 1 FROM switches WHERE switches.name = 'queue')
    ORDER BY id LIMIT :limit
"""


#: When several servers reserve one stage at the same time, one server gets it and the others do not wait. Only for
#: PostgreSQL: a database of SQLite has one server.
RESERVE = {
    "postgresql": """
        UPDATE stages SET offered = :until WHERE id IN (
            SELECT id FROM stages WHERE id = :id AND status = 'pending' AND machine = ''
                AND (offered <= :now OR offered > :latest)
            FOR UPDATE SKIP LOCKED
        ) RETURNING id
    """
}


WITHDRAW = "UPDATE stages SET offered = 0 WHERE id = :id AND machine = ''"


SAME_NAME_AHEAD = """
    SELECT count(*) AS total FROM stages
    WHERE status IN ('pending', 'running') AND repo_id = :repo_id AND name = :name AND id <> :id
        AND (id < :id OR status = 'running')
"""


SAME_REPO_AHEAD = """
    SELECT count(*) AS total FROM stages
    WHERE status IN ('pending', 'running') AND repo_id = :repo_id AND id < :id
"""


TAKE = """
    UPDATE stages SET machine = :machine, runner = :runner, peer = :peer, seen = :now, updated = :now,
        version = version + 1
    WHERE id = :id AND status = 'pending' AND (machine = '' OR (runner <> '' AND runner = :runner)) RETURNING *
"""


#: Stages of a build that were accepted from one address and are not over.
HELD_FROM = """
    SELECT id FROM stages
    WHERE build_id = :build_id AND status IN ('pending', 'running') AND machine <> '' AND peer = :peer
"""


SEE = "UPDATE stages SET seen = :at WHERE id = :id AND status IN ('pending', 'running') AND seen < :at"


SEE_ALL = "UPDATE stages SET seen = :now WHERE status IN ('pending', 'running') AND machine <> ''"


SILENT = """
    SELECT id FROM stages
    WHERE status IN ('pending', 'running') AND machine <> '' AND seen <= :before ORDER BY id
"""


UNTAKEN = """
    SELECT id FROM stages
    WHERE status IN ('pending', 'running') AND status = 'pending' AND machine = '' AND updated <= :before
        AND NOT EXISTS (SELECT 1 FROM switches WHERE switches.name = 'queue') ORDER BY id
"""


WAIT_ANEW = """
    UPDATE stages SET updated = :now
    WHERE status IN ('pending', 'running') AND status = 'pending' AND machine = ''
"""


OF_RUNNER = """
    SELECT * FROM stages WHERE status IN ('pending', 'running') AND runner = :runner ORDER BY id
"""


def queued(kind: str, after: int, limit: int, *, now: int) -> Tx[list[Stage]]:
    """Pending stages of a type without a runner and without a reservation, of ids above `after`, oldest first.

    No stages while the queue is paused.
    """
    rows_ = yield from many(QUEUED, type=kind, after=after, limit=limit, now=now, latest=now + PLAUSIBLE)
    return [MAPPER.make(row) for row in rows_]


def reserve(stage_id: int, *, now: int) -> Tx[bool]:
    """Reserve a stage for `KEPT` seconds; false when another server has reserved it, or it is not pending."""
    times = {"now": now, "until": now + KEPT, "latest": now + PLAUSIBLE}
    return (yield from one(RESERVE["postgresql"], id=stage_id, **times)) is not None


def withdraw(stage_id: int) -> Tx[None]:
    """End the reservation of a stage."""
    yield from run(WITHDRAW, id=stage_id)


def ahead(stage: Stage) -> Tx[tuple[int, int]]:
    """How many stages count against a stage's concurrency limit, and how many against its repository's throttle.

    Contract drone-rpc 6.2, 6.3.
    """
    named = yield from one(SAME_NAME_AHEAD, id=stage.id, repo_id=stage.repo_id, name=stage.name)
    all_ = yield from one(SAME_REPO_AHEAD, id=stage.id, repo_id=stage.repo_id)
    assert named is not None
    assert all_ is not None
    return named["total"], all_["total"]


def take(stage_id: int, machine: str, *, runner: str, peer: str, now: int) -> Tx[Stage]:
    """Give a pending stage to one runner. Every other runner gets Conflict; the same runner may repeat its request.

    `peer` is the address from which the runner sent the request.
    """
    row = yield from one(TAKE, id=stage_id, machine=machine, runner=runner, peer=peer, now=now)
    if row is None:
        yield from find(stage_id)
        raise Conflict(f"stage {stage_id} is no longer waiting for a runner", code="stage_taken")
    return MAPPER.make(row)


def of_runner(runner: str) -> Tx[list[Stage]]:
    """The unfinished stages that a runner holds."""
    return [MAPPER.make(row) for row in (yield from many(OF_RUNNER, runner=runner))]


def held_from(build_id: int, peer: str) -> Tx[list[int]]:
    """The ids of a build's unfinished stages that were accepted from this address."""
    return [row["id"] for row in (yield from many(HELD_FROM, build_id=build_id, peer=peer))]


def see(signs: Mapping[int, int]) -> Tx[None]:
    """Renew the leases of these stages; the values are the times at which their runners have given a sign."""
    for stage_id, at in sorted(signs.items()):
        yield from run(SEE, id=stage_id, at=at)


def see_all(now: int) -> Tx[None]:
    """Renew all leases: until now no server could receive the signs of the runners."""
    yield from run(SEE_ALL, now=now)


def silent(before: int) -> Tx[list[int]]:
    """The ids of the stages whose runner has given no sign since `before`."""
    return [row["id"] for row in (yield from many(SILENT, before=before))]


def seen(stage_id: int) -> Tx[int]:
    """When a stage's runner last gave a sign; NotFound."""
    row = yield from one(BY_ID, id=stage_id)
    if row is None:
        raise NotFound(f"stage {stage_id} not found")
    time: int = row["seen"]
    return time


def untaken(before: int) -> Tx[list[int]]:
    """The ids of the stages that have waited for a runner since `before` or longer; none while the queue is paused."""
    return [row["id"] for row in (yield from many(UNTAKEN, before=before))]


def wait_anew(now: int) -> Tx[None]:
    """Let the waiting time of every pending stage begin now: until now the queue was paused."""
    yield from run(WAIT_ANEW, now=now)
