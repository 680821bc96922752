"""Purges old builds, with their stages, steps and logs: by hand, or when they expire; and single logs, by hand."""

import asyncio
from dataclasses import dataclass
from typing import Any

from app.builds.model import Step
from app.builds.ports import Ports
from app.db.tx import Tx, many, one, run
from app.errors import Conflict
from app.moments import SERVER, Actor, Change
from app.repos import store as repos
from app.repos.model import Repo

#: Builds that one transaction deletes: few, so that other transactions do not wait long.
BATCH = 100

#: Builds that are over, with numbers between two bounds, except builds of which a stage may still run.
_OVER = """
    builds.repo_id = :repo_id AND builds.number > :after AND builds.number < :before
    AND builds.status NOT IN ('pending', 'running', 'blocked') AND NOT EXISTS (
        SELECT 1 FROM stages unfinished WHERE unfinished.build_id = builds.id
            AND unfinished.status IN ('pending', 'running', 'waiting_on_dependencies', 'blocked')
    )
"""
#: Of these, the builds that have ended before a time, except those that are current on a target: the last that has
#: succeeded there, by its number or by its end.
_EXPIRED = f"""
    {_OVER} AND builds.updated < :ended AND NOT (
        builds.deploy_to <> '' AND builds.status = 'success' AND NOT EXISTS (
            SELECT 1 FROM builds later WHERE later.repo_id = builds.repo_id AND later.deploy_to = builds.deploy_to
                AND later.deploy_to <> '' AND later.status = 'success'
                AND later.number > builds.number AND later.finished >= builds.finished
        )
    )
"""  # noqa: S608 - a constant


class _Statements:
    """The SQL that finds and deletes the builds of a condition."""

    def __init__(self, condition: str) -> None:
        self.last = f"""
            SELECT max(number) AS number FROM (
                SELECT builds.number AS number FROM builds WHERE {condition} ORDER BY builds.number LIMIT :limit
            ) AS batch
        """  # noqa: S608 - a constant
        self.steps = f"""
            SELECT steps.id AS id FROM builds
            JOIN stages ON stages.build_id = builds.id JOIN steps ON steps.stage_id = stages.id WHERE {condition}
        """  # noqa: S608 - a constant
        self.targets = f"""
            SELECT latest.name AS name, latest.first_number AS first_number
            FROM builds JOIN latest ON latest.build_id = builds.id WHERE latest.kind = 'deployment' AND {condition}
        """  # noqa: S608 - a constant
        self.delete = f"DELETE FROM builds WHERE {condition}"  # noqa: S608 - a constant


#: The entry of a target whose newest build was deleted, made anew of the newest of its builds that stays.
KEEP_TARGET = """
    INSERT INTO latest (repo_id, kind, name, build_id, first_number)
    SELECT repo_id, 'deployment', deploy_to, id, CAST(:first_number AS BIGINT) FROM builds
    WHERE repo_id = :repo_id AND deploy_to = :name AND deploy_to <> '' ORDER BY number DESC LIMIT 1
    ON CONFLICT DO NOTHING
"""
OVER, EXPIRED = _Statements(_OVER), _Statements(_EXPIRED)


@dataclass(frozen=True, slots=True)
class _Batch:
    """The builds that are over between two numbers, both excluded, and the ids of their steps (to delete the logs)."""

    after: int
    before: int
    steps: tuple[int, ...]


async def purge(ports: Ports, repo: Repo, before: int, by: Actor = SERVER) -> None:
    """Delete the builds below a number that are over; builds that are not over stay, and the next purge deletes them.

    One moment is recorded, at the beginning.

    Logs are deleted before the rows that name them, so that after an interrupted purge a second one finds all logs.
    """
    await _record(ports, repo, before, Change("builds.purge", by, repo.slug, repo.id, after={"below": before}))
    await _delete(ports, repo, before, OVER)


async def expire(ports: Ports, repo: Repo, before: int, ended: int, *, pause: float) -> None:
    """Delete the builds below a number that have ended before a time, but for those that are current on a target.

    Nothing is recorded when there is no such build. `pause`: seconds between two transactions, for other work.
    """
    if await ports.db.read(_next(repo.id, 0, before, EXPIRED, ended=ended)) is None:
        return
    told = {"below": before, "ended_before": ended}
    await _record(ports, repo, before, Change("builds.purge", SERVER, repo.slug, repo.id, after=told))
    await _delete(ports, repo, before, EXPIRED, pause=pause, ended=ended)


async def delete_log(ports: Ports, repo: Repo, number: int, stage: int, step: Step, by: Actor) -> None:
    """Delete the log of a step of a build; recorded, unless there is none. Conflict while the step is running.

    What was done is recorded first: no log goes without a record.
    """
    if step.status == "running":
        words = f"step {step.name} is running: wait until it is over, or cancel its build, then delete its log"
        raise Conflict(words, code="step_running")
    if (log := await ports.logs.open_record(step.id)) is None:
        return
    log.file.close()
    told = {"stage": stage, "step": step.number, "name": step.name}
    deleted = Change("log.delete", by, f"{repo.slug}#{number}", repo.id, before=told)
    await ports.db.write(ports.moments.recorders.record(deleted))
    await ports.logs.remove([step.id])


async def _record(ports: Ports, repo: Repo, before: int, purged: Change) -> None:
    await ports.db.write(ports.moments.recorders.recorded(repos.break_numbers(repo.id, before), lambda _: purged))


async def _delete(ports: Ports, repo: Repo, before: int, sql: _Statements, *, pause: float = 0, **values: Any) -> None:
    after = 0
    while (batch := await ports.db.read(_next(repo.id, after, before, sql, **values))) is not None:
        await ports.logs.remove(batch.steps)
        await ports.db.write(_drop(repo.id, sql, after=batch.after, before=batch.before, **values))
        after = batch.before - 1
        if pause:
            await asyncio.sleep(pause)


def _drop(repo_id: int, sql: _Statements, **values: Any) -> Tx[None]:
    """Delete a batch. The targets stay: what runs in a target is kept longer than what has failed there since."""
    gone = yield from many(sql.targets, repo_id=repo_id, **values)
    yield from run(sql.delete, repo_id=repo_id, **values)
    for row in gone:
        yield from run(KEEP_TARGET, repo_id=repo_id, name=row["name"], first_number=row["first_number"])


def _next(repo_id: int, after: int, before: int, sql: _Statements, **values: Any) -> Tx[_Batch | None]:
    between: dict[str, Any] = {"repo_id": repo_id, "after": after, **values}
    row = yield from one(sql.last, **between, before=before, limit=BATCH)
    if row is None or row["number"] is None:
        return None
    end = row["number"] + 1
    steps = yield from many(sql.steps, **between, before=end)
    return _Batch(after, end, tuple(step["id"] for step in steps))
