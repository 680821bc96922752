"""The SQL of steps."""

from dataclasses import replace

from app.builds.model import Step, cut, end
from app.db import schema
from app.db.mapper import NAMES, Mapper
from app.db.tx import Tx, many, one, run
from app.errors import Conflict, NotFound

OF_STAGE = "SELECT * FROM steps WHERE stage_id = :stage_id ORDER BY id"


OF_REPO = """
    SELECT steps.id FROM builds JOIN stages ON stages.build_id = builds.id JOIN steps ON steps.stage_id = stages.id
    WHERE builds.repo_id = :repo_id
"""


RUNNING = """
    SELECT id FROM steps
    WHERE stage_id IN (SELECT id FROM stages WHERE status IN ('pending', 'running')) AND status = 'running'
"""


OF_BUILD = """
    SELECT steps.* FROM stages JOIN steps ON steps.stage_id = stages.id
    WHERE stages.build_id = :build_id ORDER BY steps.id
"""
CREATE = schema.insert_sql(schema.steps, "RETURNING *")


BY_ID = "SELECT * FROM steps WHERE id = :id"


BY_NUMBERS = """
    SELECT steps.* FROM builds JOIN stages ON stages.build_id = builds.id JOIN steps ON steps.stage_id = stages.id
    WHERE builds.repo_id = :repo_id AND builds.number = :build AND stages.number = :stage AND steps.number = :step
"""


#: A report without a card template leaves the template that came with the card. A step that has ended keeps its status
#: and its exit code.
UPDATE = """
    UPDATE steps SET name = :name, status = :status, error = :error, errignore = :errignore, exit_code = :exit_code,
        started = :started, stopped = :stopped, depends_on = :depends_on, image = :image, detached = :detached,
        card_schema = CASE WHEN :card_schema <> '' THEN :card_schema ELSE card_schema END, version = version + 1
    WHERE id = :id AND stage_id = :stage_id AND version = :version
        AND (status IN ('pending', 'running') OR (status = :status AND exit_code = :exit_code)) RETURNING *
"""


STOP = """
    UPDATE steps SET status = CASE WHEN started <> 0 THEN 'killed' ELSE 'skipped' END,
        started = CASE WHEN started <> 0 THEN started ELSE :now END,
        stopped = CASE WHEN started > :now THEN started ELSE :now END, exit_code = 130, version = version + 1
    WHERE stage_id IN (SELECT id FROM stages WHERE build_id = :build_id) AND status IN ('pending', 'running')
"""
MAPPER = Mapper(Step, schema.steps, renamed={"schema": "card_schema"}, codecs={"depends_on": NAMES})


def ids_of_repo(repo_id: int) -> Tx[list[int]]:
    """The ids of all steps of a repository; the log of a step has the id of the step."""
    return [row["id"] for row in (yield from many(OF_REPO, repo_id=repo_id))]


def create(step: Step) -> Tx[Step]:
    """A new step at version 1."""
    row = yield from one(CREATE, **MAPPER.values(replace(step, version=1, error=cut(step.error))))
    assert row is not None
    return MAPPER.make(row)


def of_stage(stage_id: int) -> Tx[tuple[Step, ...]]:
    """The steps of a stage, in order."""
    return tuple(MAPPER.make(row) for row in (yield from many(OF_STAGE, stage_id=stage_id)))


def of_build(build_id: int) -> Tx[dict[int, list[Step]]]:
    """The steps of all stages of a build, in order, by the id of their stage."""
    found: dict[int, list[Step]] = {}
    for row in (yield from many(OF_BUILD, build_id=build_id)):
        found.setdefault(row["stage_id"], []).append(MAPPER.make(row))
    return found


def find(step_id: int) -> Tx[Step]:
    """A step by id; NotFound."""
    row = yield from one(BY_ID, id=step_id)
    if row is None:
        raise NotFound(f"step {step_id} not found")
    return MAPPER.make(row)


def find_by_numbers(repo_id: int, build: int, stage: int, step: int) -> Tx[Step]:
    """A step by the numbers of its build, its stage and itself; NotFound."""
    row = yield from one(BY_NUMBERS, repo_id=repo_id, build=build, stage=stage, step=step)
    if row is None:
        raise NotFound(f"build {build} has no step {step} in a stage {stage}")
    return MAPPER.make(row)


def update(step: Step) -> Tx[Step]:
    """Write a step, if `version` is still the stored one; else Conflict."""
    stopped = step.stopped and end(step.started, step.stopped)
    row = yield from one(UPDATE, **MAPPER.values(replace(step, error=cut(step.error), stopped=stopped)), id=step.id)
    if row is None:
        raise Conflict(f"step {step.id} was changed meanwhile", code="stale_version")
    return MAPPER.make(row)


def running() -> Tx[list[int]]:
    """The ids of the steps that run."""
    return [row["id"] for row in (yield from many(RUNNING))]


def stop_all(build_id: int, now: int) -> Tx[None]:
    """End the unfinished steps of a build: `killed` if they had started, else `skipped` (contract drone-rpc 11.1)."""
    yield from run(STOP, build_id=build_id, now=now)
