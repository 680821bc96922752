"""The SQL of stages."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from app.builds import steps
from app.builds.model import ERROR_CODE, Stage, Status, cut
from app.db import schema
from app.db.mapper import MAPPING, NAMES, Mapper
from app.db.tx import Rows, Tx, many, one, rows_of, run
from app.errors import Conflict, NotFound
from app.evolve import evolve

CREATE = schema.insert_sql(schema.stages)
BY_ID = "SELECT * FROM stages WHERE id = :id"
OF_BUILD = "SELECT * FROM stages WHERE build_id = :build_id ORDER BY id"
OF_BUILDS = """
    SELECT stages.* FROM :rows(asked; id bigint) AS asked CROSS JOIN stages WHERE stages.build_id = asked.id
    ORDER BY stages.id
"""
#: Builds of which a runner runs a stage, or may get one.
HELD = """
    SELECT DISTINCT builds.id AS id, builds.number AS number FROM stages JOIN builds ON builds.id = stages.build_id
    WHERE stages.status IN ('pending', 'running') AND stages.repo_id = :repo_id ORDER BY builds.number
"""
STATUSES = "SELECT status FROM stages WHERE build_id = :build_id ORDER BY number"
UNFINISHED = "SELECT * FROM stages WHERE status IN ('pending', 'running') AND id > :after ORDER BY id LIMIT :limit"
#: Every unfinished stage with its build and repository; the columns have the names of the JSON keys (contract
#: drone-rest 2.6). The `+` makes SQLite use the index of unfinished stages: without it, SQLite would take the index
#: that has this order already, and read all stages ever made.
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
UPDATE = """
    UPDATE stages SET status = :status, error = :error, exit_code = :exit_code, machine = :machine,
        started = :started, stopped = :stopped, updated = :now, version = version + 1
    WHERE id = :id AND version = :version RETURNING *
"""
SET_STATUS = """
    UPDATE stages SET status = :status, error = :error, exit_code = :exit_code, started = started + :over,
        stopped = stopped + :over, updated = :now, version = version + 1
    WHERE id = :id
"""
STOP = """
    UPDATE stages SET status = CASE WHEN started <> 0 THEN 'killed' ELSE 'skipped' END,
        error = CASE WHEN started <> 0 THEN error ELSE '' END,
        started = CASE WHEN started <> 0 THEN started ELSE :now END,
        stopped = CASE WHEN started > :now THEN started ELSE :now END, updated = :now, version = version + 1
    WHERE build_id = :build_id
        AND status IN ('pending', 'running', 'waiting_on_dependencies', 'blocked')
    RETURNING id
"""
MAPPER = Mapper(
    Stage,
    schema.stages,
    renamed={"limit": "limit_count"},
    codecs={"depends_on": NAMES, "labels": MAPPING},
    without=["steps"],
)
#: The values, before a runner accepts a stage, of the columns that are not fields of Stage.
_NOBODY = {"runner": "", "offered": 0, "peer": "", "seen": 0}


def create(stage: Stage, build_id: int) -> Tx[Stage]:
    """A new stage of a build that exists."""
    row = yield from one(CREATE, **(MAPPER.values(stage) | _NOBODY | {"build_id": build_id}))
    assert row is not None
    return evolve(stage, id=row["id"], build_id=build_id)


def find(stage_id: int) -> Tx[Stage]:
    """A stage without its steps; NotFound."""
    row = yield from one(BY_ID, id=stage_id)
    if row is None:
        raise NotFound(f"stage {stage_id} not found")
    return MAPPER.make(row)


def list_of(build_id: int) -> Tx[tuple[Stage, ...]]:
    """The stages of a build with their steps, both in order."""
    rows = yield from many(OF_BUILD, build_id=build_id)
    found = yield from steps.of_build(build_id)
    return tuple(evolve(MAPPER.make(row), steps=tuple(found.get(row["id"], ()))) for row in rows)


def of_builds(ids: Iterable[int]) -> Tx[Mapping[int, Sequence[Stage]]]:
    """The stages of builds, in order and without their steps, by id of the build; none for a build without stages."""
    found: dict[int, list[Stage]] = {build_id: [] for build_id in ids}
    for row in (yield from many(OF_BUILDS, asked=rows_of((build_id,) for build_id in found))):
        found[row["build_id"]].append(MAPPER.make(row))
    return found


def first_with(build_id: int, statuses: Collection[Status]) -> Tx[Status | None]:
    """The status of the first stage of a build that has one of these statuses."""
    rows = yield from many(STATUSES, build_id=build_id)
    return next((row["status"] for row in rows if row["status"] in statuses), None)


def unfinished(after: int, limit: int) -> Tx[Rows]:
    """Whole rows of stages that wait for a runner or run, oldest first, with an id above `after`."""
    return (yield from many(UNFINISHED, after=after, limit=limit))


def rows() -> Tx[Rows]:
    """Every unfinished stage with its build and repository, the newest build first; columns as in ROWS."""
    return (yield from many(ROWS))


def platforms() -> Tx[Rows]:
    """How many stages wait and run on each platform: columns os, arch, variant, kernel, pending, running."""
    return (yield from many(PLATFORMS))


def held(repo_id: int) -> Tx[list[tuple[int, int]]]:
    """Ids and numbers of the builds of which a runner runs a stage, or may get one."""
    return [(row["id"], row["number"]) for row in (yield from many(HELD, repo_id=repo_id))]


def update(stage: Stage, now: int) -> Tx[Stage]:
    """Write the fields of a stage that a runner sets, if `version` is still the stored one; else Conflict."""
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
    return evolve(MAPPER.make(row), steps=stage.steps)


def set_status(stage: Stage, status: Status, now: int) -> Tx[None]:
    """Give a stage of a locked build a new status; for `skipped` and `error`, it started and stopped now.

    The error of a declined stage is why it was declined.
    """
    over = now if status in ("skipped", "error") else 0
    error = "" if status == "skipped" else stage.error
    code = ERROR_CODE if status == "error" else stage.exit_code
    yield from run(SET_STATUS, id=stage.id, status=status, error=error, exit_code=code, over=over, now=now)


def stop_all(build_id: int, now: int) -> Tx[list[int]]:
    """End the unfinished stages and steps of a build: `killed` if they had started, else `skipped`.

    The ids of these stages. Contract drone-rpc 11.1.
    """
    yield from steps.stop_all(build_id, now)
    return [row["id"] for row in (yield from many(STOP, build_id=build_id, now=now))]
