"""The SQL of stages and steps."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from app.builds.model import Stage, Status, Step
from app.db import schema
from app.db.tx import Row, Tx, many, one, run
from app.errors import Conflict, NotFound

CREATE = schema.insert_sql(schema.stages)
BY_ID = "SELECT * FROM stages WHERE id = :id"
OF_BUILD = "SELECT * FROM stages WHERE build_id = :build_id ORDER BY id"
STEPS_OF_BUILD = """
    SELECT steps.* FROM stages JOIN steps ON steps.stage_id = stages.id
    WHERE stages.build_id = :build_id ORDER BY steps.id
"""
STEPS_OF_STAGE = "SELECT * FROM steps WHERE stage_id = :stage_id ORDER BY id"
QUEUED = """
    SELECT * FROM stages WHERE status IN ('pending', 'running') AND status = 'pending' AND machine = '' AND id > :after
    ORDER BY id LIMIT :limit
"""
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
    UPDATE stages SET machine = :machine, runner = :runner, updated = :now, version = version + 1
    WHERE id = :id AND status = 'pending' AND machine = '' RETURNING *
"""
OF_RUNNER = """
    SELECT * FROM stages WHERE status IN ('pending', 'running') AND runner = :runner ORDER BY id
"""
UPDATE = """
    UPDATE stages SET status = :status, error = :error, exit_code = :exit_code, machine = :machine,
        started = :started, stopped = :stopped, updated = :now, version = version + 1
    WHERE id = :id AND version = :version RETURNING *
"""
SET_STATUS = """
    UPDATE stages SET status = :status, started = started + :skipped, stopped = stopped + :skipped, updated = :now,
        version = version + 1
    WHERE id = :id
"""
STOP = """
    UPDATE stages SET status = CASE WHEN started <> 0 THEN 'killed' ELSE 'skipped' END,
        started = CASE WHEN started <> 0 THEN started ELSE :now END,
        stopped = :now, updated = :now, version = version + 1
    WHERE build_id = :build_id
        AND status IN ('pending', 'running', 'waiting_on_dependencies', 'blocked')
"""
STOP_STEPS = """
    UPDATE steps SET status = CASE WHEN started <> 0 THEN 'killed' ELSE 'skipped' END,
        started = CASE WHEN started <> 0 THEN started ELSE :now END,
        stopped = :now, exit_code = 130, version = version + 1
    WHERE stage_id IN (SELECT id FROM stages WHERE build_id = :build_id) AND status IN ('pending', 'running')
"""
CREATE_STEP = schema.insert_sql(schema.steps).replace("RETURNING id", "RETURNING *")
STEP_BY_ID = "SELECT * FROM steps WHERE id = :id"
STEP_BY_NUMBERS = """
    SELECT steps.* FROM builds JOIN stages ON stages.build_id = builds.id JOIN steps ON steps.stage_id = stages.id
    WHERE builds.repo_id = :repo_id AND builds.number = :build AND stages.number = :stage AND steps.number = :step
"""
UPDATE_STEP = """
    UPDATE steps SET name = :name, status = :status, error = :error, errignore = :errignore, exit_code = :exit_code,
        started = :started, stopped = :stopped, depends_on = :depends_on, image = :image, detached = :detached,
        card_schema = :card_schema, version = version + 1
    WHERE id = :id AND stage_id = :stage_id AND version = :version RETURNING *
"""
#: Bytes of a stage's or step's error that are kept (`spec` drone-rpc 3.2).
ERROR_LIMIT = 500


def create(stage: Stage) -> Tx[Stage]:
    """A new stage of a build that exists."""
    row = yield from one(CREATE, **_columns(stage))
    assert row is not None
    return replace(stage, id=row["id"])


def find(stage_id: int) -> Tx[Stage]:
    """A stage without its steps; NotFound."""
    row = yield from one(BY_ID, id=stage_id)
    if row is None:
        raise NotFound(f"stage {stage_id} not found")
    return _stage(row)


def list_of(build_id: int) -> Tx[tuple[Stage, ...]]:
    """The stages of a build with their steps, both in order."""
    rows = yield from many(OF_BUILD, build_id=build_id)
    steps: defaultdict[int, list[Step]] = defaultdict(list)
    for row in (yield from many(STEPS_OF_BUILD, build_id=build_id)):
        steps[row["stage_id"]].append(_step(row))
    return tuple(replace(_stage(row), steps=tuple(steps[row["id"]])) for row in rows)


def queued(after: int, limit: int) -> Tx[list[Stage]]:
    """Stages that nobody has taken, oldest first, with an id above `after`."""
    return [_stage(row) for row in (yield from many(QUEUED, after=after, limit=limit))]


def ahead(stage: Stage) -> Tx[tuple[int, int]]:
    """How many count against its concurrency limit and its repository's throttle (`spec` drone-rpc 6.2, 6.3)."""
    named = yield from one(SAME_NAME_AHEAD, id=stage.id, repo_id=stage.repo_id, name=stage.name)
    all_ = yield from one(SAME_REPO_AHEAD, id=stage.id, repo_id=stage.repo_id)
    assert named is not None
    assert all_ is not None
    return named["total"], all_["total"]


def take(stage_id: int, machine: str, runner: str, now: int) -> Tx[Stage]:
    """Give a pending stage to one runner; every later caller gets Conflict."""
    row = yield from one(TAKE, id=stage_id, machine=machine, runner=runner, now=now)
    if row is None:
        yield from find(stage_id)
        raise Conflict(f"stage {stage_id} is no longer waiting for a runner", code="stage_taken")
    return _stage(row)


def of_runner(runner: str) -> Tx[list[Stage]]:
    """The stages a runner holds."""
    return [_stage(row) for row in (yield from many(OF_RUNNER, runner=runner))]


def update(stage: Stage, now: int) -> Tx[Stage]:
    """Write what a runner owns of a stage, if `version` is still the stored one; else Conflict."""
    row = yield from one(
        UPDATE,
        id=stage.id,
        version=stage.version,
        status=stage.status,
        error=_cut(stage.error),
        exit_code=stage.exit_code,
        machine=stage.machine,
        started=stage.started,
        stopped=stage.stopped,
        now=now,
    )
    if row is None:
        raise Conflict(f"stage {stage.id} was changed meanwhile", code="stale_version")
    return replace(_stage(row), steps=stage.steps)


def set_status(stage: Stage, status: Status, now: int) -> Tx[None]:
    """Move a stage of a locked build on; one that is skipped started and stopped now."""
    skipped = now if status == "skipped" else 0
    yield from run(SET_STATUS, id=stage.id, status=status, skipped=skipped, now=now)


def stop_all(build_id: int, now: int) -> Tx[None]:
    """End what is unfinished of a build: killed if it had started, else skipped (`spec` drone-rpc 11.1)."""
    yield from run(STOP_STEPS, build_id=build_id, now=now)
    yield from run(STOP, build_id=build_id, now=now)


def create_step(step: Step) -> Tx[Step]:
    """A new step at version 1."""
    row = yield from one(CREATE_STEP, **_step_columns(replace(step, version=1)))
    assert row is not None
    return _step(row)


def steps_of(stage_id: int) -> Tx[tuple[Step, ...]]:
    """The steps of a stage, in order."""
    return tuple(_step(row) for row in (yield from many(STEPS_OF_STAGE, stage_id=stage_id)))


def find_step(step_id: int) -> Tx[Step]:
    """A step by id; NotFound."""
    row = yield from one(STEP_BY_ID, id=step_id)
    if row is None:
        raise NotFound(f"step {step_id} not found")
    return _step(row)


def find_step_by_numbers(repo_id: int, build: int, stage: int, step: int) -> Tx[Step]:
    """A step by the numbers of a path; NotFound."""
    row = yield from one(STEP_BY_NUMBERS, repo_id=repo_id, build=build, stage=stage, step=step)
    if row is None:
        raise NotFound(f"build {build} has no step {step} in a stage {stage}")
    return _step(row)


def update_step(step: Step) -> Tx[Step]:
    """Write a step, if `version` is still the stored one; else Conflict."""
    row = yield from one(UPDATE_STEP, **_step_columns(step), id=step.id)
    if row is None:
        raise Conflict(f"step {step.id} was changed meanwhile", code="stale_version")
    return _step(row)


def _cut(text: str) -> str:
    return text.encode()[:ERROR_LIMIT].decode("utf-8", "ignore")


_STAGE_RENAMED = {"limit": "limit_count"}
_STAGE_FLAGS = ("errignore", "on_success", "on_failure")
_STAGE_FIELDS = tuple(
    (name, _STAGE_RENAMED.get(name, name))
    for name in Stage.__dataclass_fields__
    if name not in (*_STAGE_FLAGS, "depends_on", "labels", "steps")
)


def _stage(row: Row) -> Stage:
    values = {field: row[column] for field, column in _STAGE_FIELDS}
    values |= {name: bool(row[name]) for name in _STAGE_FLAGS}
    return Stage(**values, depends_on=_list(row["depends_on"]), labels=_map(row["labels"]))


def _columns(stage: Stage) -> dict[str, Any]:
    values = {column: getattr(stage, field) for field, column in _STAGE_FIELDS if field != "id"}
    values |= {name: getattr(stage, name) for name in _STAGE_FLAGS}
    return values | {"runner": "", "depends_on": _dump(stage.depends_on), "labels": _dump(dict(stage.labels))}


_STEP_RENAMED = {"schema": "card_schema"}
_STEP_FLAGS = ("errignore", "detached")
_STEP_FIELDS = tuple(
    (name, _STEP_RENAMED.get(name, name))
    for name in Step.__dataclass_fields__
    if name not in (*_STEP_FLAGS, "depends_on")
)


def _step(row: Row) -> Step:
    values = {field: row[column] for field, column in _STEP_FIELDS}
    values |= {name: bool(row[name]) for name in _STEP_FLAGS}
    return Step(**values, depends_on=_list(row["depends_on"]))


def _step_columns(step: Step) -> dict[str, Any]:
    values = {column: getattr(step, field) for field, column in _STEP_FIELDS if field != "id"}
    values |= {name: getattr(step, name) for name in _STEP_FLAGS}
    return values | {"depends_on": _dump(step.depends_on), "error": _cut(step.error)}


def _list(text: str) -> tuple[str, ...]:
    return tuple(orjson.loads(text)) if text != "[]" else ()


def _map(text: str) -> dict[str, str]:
    return dict(orjson.loads(text)) if text != "{}" else {}


def _dump(value: Sequence[str] | dict[str, str]) -> str:
    return orjson.dumps(value).decode()
