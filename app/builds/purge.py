"""Purges old builds: with their stages, steps and logs, and with their entries in the index of newest builds."""

from dataclasses import dataclass
from typing import Any

from app.builds.ports import Ports
from app.db.tx import Tx, many, one, run
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
LAST = f"""
    SELECT max(number) AS number FROM (
        SELECT builds.number AS number FROM builds WHERE {_OVER} ORDER BY builds.number LIMIT :limit
    ) AS batch
"""  # noqa: S608 - a constant
STEPS = f"""
    SELECT steps.id AS id
    FROM builds JOIN stages ON stages.build_id = builds.id JOIN steps ON steps.stage_id = stages.id WHERE {_OVER}
"""  # noqa: S608 - a constant
DELETE = f"DELETE FROM builds WHERE {_OVER}"  # noqa: S608 - a constant


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
    purged = Change("builds.purge", by, repo.slug, repo.id, after={"below": before})
    await ports.db.write(ports.moments.recorders.recorded(repos.break_numbers(repo.id, before), lambda _: purged))
    after = 0
    while (batch := await ports.db.read(_next(repo.id, after, before))) is not None:
        await ports.logs.remove(batch.steps)
        await ports.db.write(run(DELETE, repo_id=repo.id, after=batch.after, before=batch.before))
        after = batch.before - 1


def _next(repo_id: int, after: int, before: int) -> Tx[_Batch | None]:
    between: dict[str, Any] = {"repo_id": repo_id, "after": after}
    row = yield from one(LAST, **between, before=before, limit=BATCH)
    if row is None or row["number"] is None:
        return None
    end = row["number"] + 1
    steps = yield from many(STEPS, **between, before=end)
    return _Batch(after, end, tuple(step["id"] for step in steps))
