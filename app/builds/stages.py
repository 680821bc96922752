"""The SQL of stages and steps."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from app.builds.model import Stage, Status, Step
from app.db import schema
from app.db.mapper import MAPPING, NAMES, Mapper
from app.db.tx import Rows, Tx, many, one, run
from app.errors import Conflict, NotFound

CREATE = schema.insert_sql(schema.stages)
BY_ID = "SELECT * FROM stages WHERE id = :id"
OF_BUILD = "SELECT * FROM stages WHERE build_id = :build_id ORDER BY id"
STEPS_OF_BUILD = """
    SELECT steps.* FROM stages JOIN steps ON steps.stage_id = stages.id
    WHERE stages.build_id = :build_id ORDER BY steps.id
"""
STEPS_OF_STAGE = "SELECT * FROM steps WHERE stage_id = :stage_id ORDER BY id"
#: Builds that a runner works for or may be given.
HELD = """
    SELECT DISTINCT builds.id AS id, builds.number AS number FROM stages JOIN builds ON builds.id = stages.build_id
    WHERE stages.status IN ('pending', 'running') AND stages.repo_id = :repo_id ORDER BY builds.number
"""
STEPS_OF_REPO = """
    SELECT steps.id FROM builds JOIN stages ON stages.build_id = builds.id JOIN steps ON steps.stage_id = stages.id
    WHERE builds.repo_id = :repo_id
"""
RUNNING_STEPS = """
    SELECT id FROM steps
    WHERE stage_id IN (SELECT id FROM stages WHERE status IN ('pending', 'running')) AND status = 'running'
"""
QUEUED = """
    SELECT * FROM stages WHERE status IN ('pending', 'running') AND status = 'pending' AND machine = '' AND type = :type
        AND id > :after AND offered <= :now AND NOT EXISTS (SELECT 1 FROM switches WHERE switches.name = 'queue')
    ORDER BY id LIMIT :limit
"""
#: Of several servers that hand out at one moment, one gets the stage and no other waits for it. SQLite has one server.
OFFER = {
    "postgresql": """
        UPDATE stages SET offered = :until WHERE id IN (
            SELECT id FROM stages WHERE id = :id AND status = 'pending' AND machine = '' AND offered <= :now
            FOR UPDATE SKIP LOCKED
        ) RETURNING id
    """
}
WITHDRAW = "UPDATE stages SET offered = 0 WHERE id = :id AND machine = ''"
UNFINISHED = "SELECT * FROM stages WHERE status IN ('pending', 'running') AND id > :after ORDER BY id LIMIT :limit"
#: Every unfinished stage beside its build and repository, under the names of the wire (`spec` drone-rest 2.6).
#: The sign keeps SQLite to the index of what is unfinished: the other one has the order, and all that ever was.
ROWS = """
    SELECT repos.namespace AS repo_namespace, repos.name AS repo_name,
        repos.namespace || '/' || repos.name AS repo_slug, builds.number AS build_number,
        builds.author_login AS build_author, builds.author_name AS build_author_name,
        builds.author_email AS build_author_email, builds.author_avatar AS build_author_avatar,
        builds.sender AS build_sender, builds.started AS build_started, builds.finished AS build_finished,
        builds.created AS build_created, builds.updated AS build_updated, stages.name AS stage_name,
        stages.kind AS stage_kind, stages.type AS stage_type, stages.status AS stage_status,
        stages.machine AS stage_machine, stages.os AS stage_os, stages.arch AS stage_arch,
        stages.variant AS stage_variant, stages.kernel AS stage_kernel,
        CAST(stages.limit_count AS TEXT) AS stage_limit, CAST(stages.throttle AS TEXT) AS stage_limit_repo,
        stages.started AS stage_started, stages.stopped AS stage_stopped
    FROM stages JOIN builds ON builds.id = stages.build_id JOIN repos ON repos.id = builds.repo_id
    WHERE stages.status IN ('pending', 'running') ORDER BY +stages.build_id DESC, stages.id
"""
PLATFORMS = """
    SELECT os, arch, variant, kernel, count(CASE WHEN status = 'pending' THEN 1 END) AS pending,
        count(CASE WHEN status = 'running' THEN 1 END) AS running
    FROM stages WHERE status IN ('pending', 'running') GROUP BY os, arch, variant, kernel
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
    UPDATE stages SET machine = :machine, runner = :runner, peer = :peer, seen = :now, updated = :now,
        version = version + 1
    WHERE id = :id AND status = 'pending' AND (machine = '' OR (runner <> '' AND runner = :runner)) RETURNING *
"""
#: Stages of a build that were accepted from one address and are not over.
HELD_FROM = """
    SELECT id FROM stages
    WHERE build_id = :build_id AND status IN ('pending', 'running') AND machine <> '' AND peer = :peer
"""
SEE = "UPDATE stages SET seen = :now WHERE id = :id AND status IN ('pending', 'running')"
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
    RETURNING id
"""
STOP_STEPS = """
    UPDATE steps SET status = CASE WHEN started <> 0 THEN 'killed' ELSE 'skipped' END,
        started = CASE WHEN started <> 0 THEN started ELSE :now END,
        stopped = :now, exit_code = 130, version = version + 1
    WHERE stage_id IN (SELECT id FROM stages WHERE build_id = :build_id) AND status IN ('pending', 'running')
"""
CREATE_STEP = schema.insert_sql(schema.steps, "RETURNING *")
STEP_BY_ID = "SELECT * FROM steps WHERE id = :id"
STEP_BY_NUMBERS = """
    SELECT steps.* FROM builds JOIN stages ON stages.build_id = builds.id JOIN steps ON steps.stage_id = stages.id
    WHERE builds.repo_id = :repo_id AND builds.number = :build AND stages.number = :stage AND steps.number = :step
"""
#: A report that names no template for a card leaves the one that came with the card. How a step ended is final.
UPDATE_STEP = """
    UPDATE steps SET name = :name, status = :status, error = :error, errignore = :errignore, exit_code = :exit_code,
        started = :started, stopped = :stopped, depends_on = :depends_on, image = :image, detached = :detached,
        card_schema = CASE WHEN :card_schema <> '' THEN :card_schema ELSE card_schema END, version = version + 1
    WHERE id = :id AND stage_id = :stage_id AND version = :version
        AND (status IN ('pending', 'running') OR (status = :status AND exit_code = :exit_code)) RETURNING *
"""
_STAGES = Mapper(
    Stage,
    schema.stages,
    renamed={"limit": "limit_count"},
    codecs={"depends_on": NAMES, "labels": MAPPING},
    without=["steps"],
)
#: What the columns beside a stage's own hold before a runner has it.
_NOBODY = {"runner": "", "offered": 0, "peer": "", "seen": 0}
_STEPS = Mapper(Step, schema.steps, renamed={"schema": "card_schema"}, codecs={"depends_on": NAMES})
#: Bytes of a stage's or step's error that are kept (`spec` drone-rpc 3.2).
ERROR_LIMIT = 500


def create(stage: Stage, build_id: int) -> Tx[Stage]:
    """A new stage of a build that exists."""
    row = yield from one(CREATE, **(_STAGES.values(stage) | _NOBODY | {"build_id": build_id}))
    assert row is not None
    return replace(stage, id=row["id"], build_id=build_id)


def find(stage_id: int) -> Tx[Stage]:
    """A stage without its steps; NotFound."""
    row = yield from one(BY_ID, id=stage_id)
    if row is None:
        raise NotFound(f"stage {stage_id} not found")
    return _STAGES.make(row)


def list_of(build_id: int) -> Tx[tuple[Stage, ...]]:
    """The stages of a build with their steps, both in order."""
    rows = yield from many(OF_BUILD, build_id=build_id)
    steps: defaultdict[int, list[Step]] = defaultdict(list)
    for row in (yield from many(STEPS_OF_BUILD, build_id=build_id)):
        steps[row["stage_id"]].append(_STEPS.make(row))
    return tuple(replace(_STAGES.make(row), steps=tuple(steps[row["id"]])) for row in rows)


def queued(kind: str, after: int, limit: int, *, now: int) -> Tx[list[Stage]]:
    """Stages of a type that nobody has and that are kept for nobody, oldest first, above an id.

    None while the queue is paused.
    """
    rows_ = yield from many(QUEUED, type=kind, after=after, limit=limit, now=now)
    return [_STAGES.make(row) for row in rows_]


def offer(stage_id: int, *, now: int, until: int) -> Tx[bool]:
    """Keep a stage for whom it is handed to, until then; false when another server has it, or it waits no more."""
    return (yield from one(OFFER["postgresql"], id=stage_id, now=now, until=until)) is not None


def withdraw(stage_id: int) -> Tx[None]:
    """A stage is kept for nobody."""
    yield from run(WITHDRAW, id=stage_id)


def unfinished(after: int, limit: int) -> Tx[Rows]:
    """Whole rows of stages that wait for a runner or run, oldest first, with an id above `after`."""
    return (yield from many(UNFINISHED, after=after, limit=limit))


def rows() -> Tx[Rows]:
    """Every unfinished stage beside its build and repository, the newest build's first; columns as in ROWS."""
    return (yield from many(ROWS))


def platforms() -> Tx[Rows]:
    """How many stages wait and run on each platform: columns os, arch, variant, kernel, pending, running."""
    return (yield from many(PLATFORMS))


def ahead(stage: Stage) -> Tx[tuple[int, int]]:
    """How many count against its concurrency limit and its repository's throttle (`spec` drone-rpc 6.2, 6.3)."""
    named = yield from one(SAME_NAME_AHEAD, id=stage.id, repo_id=stage.repo_id, name=stage.name)
    all_ = yield from one(SAME_REPO_AHEAD, id=stage.id, repo_id=stage.repo_id)
    assert named is not None
    assert all_ is not None
    return named["total"], all_["total"]


def take(stage_id: int, machine: str, *, runner: str, peer: str, now: int) -> Tx[Stage]:
    """Give a pending stage to one runner; every later caller gets Conflict, but the same runner: it asks again.

    `peer` is the address that the runner spoke from.
    """
    row = yield from one(TAKE, id=stage_id, machine=machine, runner=runner, peer=peer, now=now)
    if row is None:
        yield from find(stage_id)
        raise Conflict(f"stage {stage_id} is no longer waiting for a runner", code="stage_taken")
    return _STAGES.make(row)


def of_runner(runner: str) -> Tx[list[Stage]]:
    """The stages a runner holds."""
    return [_STAGES.make(row) for row in (yield from many(OF_RUNNER, runner=runner))]


def held_from(build_id: int, peer: str) -> Tx[list[int]]:
    """The ids of a build's unfinished stages that were accepted from this address."""
    return [row["id"] for row in (yield from many(HELD_FROM, build_id=build_id, peer=peer))]


def see(stage_ids: Iterable[int], now: int) -> Tx[None]:
    """The runners of these stages have given a sign."""
    for stage_id in stage_ids:
        yield from run(SEE, id=stage_id, now=now)


def see_all(now: int) -> Tx[None]:
    """Every runner gets its whole time anew: nobody could hear it until now."""
    yield from run(SEE_ALL, now=now)


def silent(before: int) -> Tx[list[int]]:
    """The ids of the stages whose runner has given no sign since then."""
    return [row["id"] for row in (yield from many(SILENT, before=before))]


def seen(stage_id: int) -> Tx[int]:
    """When a stage's runner last gave a sign; NotFound."""
    row = yield from one(BY_ID, id=stage_id)
    if row is None:
        raise NotFound(f"stage {stage_id} not found")
    time: int = row["seen"]
    return time


def untaken(before: int) -> Tx[list[int]]:
    """The ids of the stages that wait for a runner since then, or longer; none while the queue is paused."""
    return [row["id"] for row in (yield from many(UNTAKEN, before=before))]


def wait_anew(now: int) -> Tx[None]:
    """Nobody has waited for a runner until now: there was none to be had."""
    yield from run(WAIT_ANEW, now=now)


def held(repo_id: int) -> Tx[list[tuple[int, int]]]:
    """Ids and numbers of the builds that a runner works for, or may be given."""
    return [(row["id"], row["number"]) for row in (yield from many(HELD, repo_id=repo_id))]


def step_ids(repo_id: int) -> Tx[list[int]]:
    """The ids of all steps of a repository, which are those of their logs."""
    return [row["id"] for row in (yield from many(STEPS_OF_REPO, repo_id=repo_id))]


def update(stage: Stage, now: int) -> Tx[Stage]:
    """Write what a runner owns of a stage, if `version` is still the stored one; else Conflict."""
    row = yield from one(
        UPDATE,
        id=stage.id,
        version=stage.version,
        status=stage.status,
        error=cut(stage.error),
        exit_code=stage.exit_code,
        machine=stage.machine,
        started=stage.started,
        stopped=stage.stopped,
        now=now,
    )
    if row is None:
        raise Conflict(f"stage {stage.id} was changed meanwhile", code="stale_version")
    return replace(_STAGES.make(row), steps=stage.steps)


def set_status(stage: Stage, status: Status, now: int) -> Tx[None]:
    """Move a stage of a locked build on; one that is skipped started and stopped now."""
    skipped = now if status == "skipped" else 0
    yield from run(SET_STATUS, id=stage.id, status=status, skipped=skipped, now=now)


def stop_all(build_id: int, now: int) -> Tx[bool]:
    """End what is unfinished of a build: killed if it had started, else skipped; false when nothing was.

    `spec` drone-rpc 11.1.
    """
    yield from run(STOP_STEPS, build_id=build_id, now=now)
    return bool((yield from many(STOP, build_id=build_id, now=now)))


def create_step(step: Step) -> Tx[Step]:
    """A new step at version 1."""
    row = yield from one(CREATE_STEP, **_STEPS.values(replace(step, version=1, error=cut(step.error))))
    assert row is not None
    return _STEPS.make(row)


def steps_of(stage_id: int) -> Tx[tuple[Step, ...]]:
    """The steps of a stage, in order."""
    return tuple(_STEPS.make(row) for row in (yield from many(STEPS_OF_STAGE, stage_id=stage_id)))


def find_step(step_id: int) -> Tx[Step]:
    """A step by id; NotFound."""
    row = yield from one(STEP_BY_ID, id=step_id)
    if row is None:
        raise NotFound(f"step {step_id} not found")
    return _STEPS.make(row)


def find_step_by_numbers(repo_id: int, build: int, stage: int, step: int) -> Tx[Step]:
    """A step by the numbers of a path; NotFound."""
    row = yield from one(STEP_BY_NUMBERS, repo_id=repo_id, build=build, stage=stage, step=step)
    if row is None:
        raise NotFound(f"build {build} has no step {step} in a stage {stage}")
    return _STEPS.make(row)


def update_step(step: Step) -> Tx[Step]:
    """Write a step, if `version` is still the stored one; else Conflict."""
    row = yield from one(UPDATE_STEP, **_STEPS.values(replace(step, error=cut(step.error))), id=step.id)
    if row is None:
        raise Conflict(f"step {step.id} was changed meanwhile", code="stale_version")
    return _STEPS.make(row)


def running_steps() -> Tx[list[int]]:
    """The ids of the steps that run."""
    return [row["id"] for row in (yield from many(RUNNING_STEPS))]


def cut(text: str) -> str:
    """What is kept of an error."""
    return text.encode()[:ERROR_LIMIT].decode("utf-8", "ignore")
