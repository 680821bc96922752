"""The SQL of builds."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from app.builds import stages
from app.builds.model import DONE, Build, Status, end
from app.db import schema
from app.db.mapper import MAPPING, Mapper
from app.db.tx import Tx, many, one, rows_of, run
from app.errors import NotFound
from app.evolve import evolve

Index = Literal["branch", "pull", "deployment"]

CREATE = schema.insert_sql(schema.builds)
BY_NUMBER = "SELECT * FROM builds WHERE repo_id = :repo_id AND number = :number"
BY_ID = "SELECT * FROM builds WHERE id = :id"
#: Changes nothing, and locks the row until the transaction ends, on both engines.
LOCK = "UPDATE builds SET version = version WHERE id = :id RETURNING *"
LOCK_OF_STAGE = """
    UPDATE builds SET version = version WHERE id = (SELECT build_id FROM stages WHERE id = :stage_id) RETURNING *
"""
LATEST_OF_REF = "SELECT * FROM builds WHERE repo_id = :repo_id AND ref = :ref ORDER BY number DESC LIMIT 1"
_VERSIONS = """
    SELECT id, version,
        (SELECT coalesce(sum(version), 0) FROM stages WHERE build_id = builds.id),
        (SELECT coalesce(sum(updated), 0) FROM stages WHERE build_id = builds.id),
        (SELECT coalesce(sum(s.version), 0) FROM stages CROSS JOIN steps s
            WHERE build_id = builds.id AND s.stage_id = stages.id),
        (SELECT coalesce(sum(length(card_schema)), 0) FROM stages CROSS JOIN steps s
            WHERE build_id = builds.id AND s.stage_id = stages.id)
    FROM builds WHERE repo_id = :repo_id
"""
VERSIONS_BY_NUMBER = f"{_VERSIONS} AND number = :number"
LATEST_VERSIONS = f"{_VERSIONS} AND ref = :ref ORDER BY number DESC LIMIT 1"
#: A promotion or rollback does not count, because its success does not show that the commit is good; a pull request
#: does not count, because it is not merged. (With `status || ''` the database reads the index of refs and not the index
#: of statuses: a ref has fewer builds than its repository has successful builds.)
LATEST_SUCCESS = """
    SELECT * FROM builds WHERE repo_id = :repo_id AND ref = :ref AND status || '' = 'success'
        AND event NOT IN ('promote', 'rollback', 'pull_request')
    ORDER BY number DESC LIMIT 1
"""
#: As LATEST_SUCCESS, of a commit.
SUCCESS_OF_COMMIT = """
    SELECT * FROM builds WHERE repo_id = :repo_id AND after_sha = :after AND status || '' = 'success'
        AND event NOT IN ('promote', 'rollback', 'pull_request')
    ORDER BY number DESC LIMIT 1
"""
NEWEST_OF_COMMIT = """
    SELECT * FROM builds WHERE repo_id = :repo_id AND after_sha = :after ORDER BY number DESC LIMIT :limit
"""
NEWEST_OF_COMMITS = """
    SELECT builds.* FROM :rows(asked; after_sha text) AS asked CROSS JOIN builds
    WHERE builds.repo_id = :repo_id AND builds.after_sha = asked.after_sha AND builds.number = (
        SELECT newest.number FROM builds newest
        WHERE newest.repo_id = :repo_id AND newest.after_sha = asked.after_sha ORDER BY newest.number DESC LIMIT 1
    )
"""
SET_STATUS = """
    UPDATE builds SET status = :status, started = :started, finished = :finished, updated = :updated,
        blocked = :blocked, version = version + 1
    WHERE id = :id RETURNING *
"""
#: An approval of one stage may leave other stages blocked.
SET_BLOCKED = """
    UPDATE builds SET blocked = blocked
        AND EXISTS (SELECT 1 FROM stages WHERE build_id = builds.id AND stages.status = 'blocked')
    WHERE id = :id RETURNING *
"""
SET_DEPLOY_ID = """
    UPDATE builds SET deploy_id = :deploy_id, version = version + 1 WHERE id = :id AND deploy_id = 0
"""
REMEMBER = """
    INSERT INTO latest (repo_id, kind, name, build_id, first_number)
    VALUES (:repo_id, :kind, :name, :build_id, :number)
    ON CONFLICT (repo_id, kind, name) DO UPDATE SET build_id = excluded.build_id
    WHERE excluded.build_id > latest.build_id
"""
BY_IDS = "SELECT builds.* FROM :rows(asked; id bigint) AS asked CROSS JOIN builds WHERE builds.id = asked.id"
NEWEST_OF_REPO = "SELECT * FROM builds WHERE repo_id = :repo_id ORDER BY number DESC LIMIT 1"
_RENAMED = {
    "source_branch": "source",
    "target_branch": "target",
    "trigger": "trigger_by",
    "before": "before_sha",
    "after": "after_sha",
}
MAPPER = Mapper(Build, schema.builds, renamed=_RENAMED, codecs={"params": MAPPING}, without=["stages"])


def create(build: Build) -> Tx[Build]:
    """A new build, without its stages. It becomes the newest build of its branch, pull request or target."""
    row = yield from one(CREATE, **MAPPER.values(build))
    assert row is not None
    made = evolve(build, id=row["id"])
    if indexed := _indexed(build):
        kind, name = indexed
        yield from run(REMEMBER, repo_id=build.repo_id, kind=kind, name=name, build_id=made.id, number=build.number)
    return made


def _indexed(build: Build) -> tuple[Index, str] | None:
    if build.event == "push":
        return "branch", build.target_branch
    if build.event == "pull_request":
        return "pull", "".join(part for part in build.ref.split("/") if part.isdecimal())
    if build.event in ("promote", "rollback"):
        return "deployment", build.deploy_to
    return None


def find(repo_id: int, number: int) -> Tx[Build]:
    """A build without its stages; NotFound."""
    build = yield from find_numbered_if_any(repo_id, number)
    if build is None:
        raise NotFound(f"build {number} not found")
    return build


def find_numbered_if_any(repo_id: int, number: int) -> Tx[Build | None]:
    """A build without its stages, by number."""
    row = yield from one(BY_NUMBER, repo_id=repo_id, number=number)
    return MAPPER.make(row) if row else None


def find_if_any(build_id: int) -> Tx[Build | None]:
    """A build without its stages, by id."""
    row = yield from one(BY_ID, id=build_id)
    return MAPPER.make(row) if row else None


def find_by_id(build_id: int) -> Tx[Build]:
    """A build without its stages, by id; NotFound."""
    build = yield from find_if_any(build_id)
    if build is None:
        raise NotFound("build not found")
    return build


def whole(build_id: int) -> Tx[Build]:
    """A build with stages and steps, by id; NotFound."""
    return (yield from _with_stages((yield from find_by_id(build_id))))


def latest_of_ref(repo_id: int, ref: str) -> Tx[Build | None]:
    """The newest build of exactly this ref, with any event, with stages and steps."""
    row = yield from one(LATEST_OF_REF, repo_id=repo_id, ref=ref)
    return (yield from _with_stages(MAPPER.make(row))) if row else None


class Versions(NamedTuple):
    """A build, and the versions of all parts that are shown of it: equal versions stand for the same content."""

    id: int
    build: int
    stages: int
    #: The sum of the stages' `updated`: a stage whose waiting time begins anew gets no new version.
    updated: int
    steps: int
    #: Characters of the addresses of card templates: a new card gives its step no new version.
    cards: int


def versions(repo_id: int, number: int) -> Tx[Versions]:
    """The versions of a build; NotFound."""
    row = yield from one(VERSIONS_BY_NUMBER, repo_id=repo_id, number=number)
    if row is None:
        raise NotFound(f"build {number} not found")
    return Versions(*row)


def latest_versions(repo_id: int, ref: str) -> Tx[Versions]:
    """The versions of the newest build of exactly this ref, with any event; NotFound."""
    row = yield from one(LATEST_VERSIONS, repo_id=repo_id, ref=ref)
    if row is None:
        raise NotFound("no build of this branch or ref yet")
    return Versions(*row)


def latest_success(repo_id: int, ref: str) -> Tx[Build | None]:
    """The newest build of this ref that succeeded and was no promotion, rollback or pull request; without stages."""
    row = yield from one(LATEST_SUCCESS, repo_id=repo_id, ref=ref)
    return MAPPER.make(row) if row else None


def success_of_commit(repo_id: int, after: str) -> Tx[Build | None]:
    """As `latest_success`, of a commit in place of a ref."""
    row = yield from one(SUCCESS_OF_COMMIT, repo_id=repo_id, after=after)
    return MAPPER.make(row) if row else None


def newest_of_commit(repo_id: int, after: str, limit: int) -> Tx[list[Build]]:
    """The newest builds of a commit, without their stages, newest first."""
    rows = yield from many(NEWEST_OF_COMMIT, repo_id=repo_id, after=after, limit=limit)
    return [MAPPER.make(row) for row in rows]


def newest_of_commits(repo_id: int, commits: Iterable[str]) -> Tx[Mapping[str, Build]]:
    """The newest build of each of these commits that has one, without its stages, by the commit's id."""
    asked = rows_of((commit,) for commit in commits)
    rows = yield from many(NEWEST_OF_COMMITS, repo_id=repo_id, asked=asked)
    return {row["after_sha"]: MAPPER.make(row) for row in rows}


def by_ids(ids: Iterable[int]) -> Tx[Mapping[int, Build]]:
    """Builds without their stages, by id; one that was deleted is left out."""
    rows = yield from many(BY_IDS, asked=rows_of((one,) for one in ids))
    return {row["id"]: MAPPER.make(row) for row in rows}


def newest_of(repo_id: int) -> Tx[Build | None]:
    """The build with the greatest number, without its stages."""
    row = yield from one(NEWEST_OF_REPO, repo_id=repo_id)
    return MAPPER.make(row) if row else None


def lock(build_id: int) -> Tx[Build]:
    """The build, locked until the transaction ends: changes of its stages are made one after another. NotFound."""
    row = yield from one(LOCK, id=build_id)
    if row is None:
        raise NotFound("build not found")
    return MAPPER.make(row)


def lock_of_stage(stage_id: int) -> Tx[Build]:
    """The build of a stage, locked likewise; NotFound."""
    row = yield from one(LOCK_OF_STAGE, stage_id=stage_id)
    if row is None:
        raise NotFound(f"stage {stage_id} not found")
    return MAPPER.make(row)


def set_status(build: Build, status: Status, *, now: int, finished: bool) -> Tx[Build]:
    """Start or finish a locked build. A build that finishes without a start gets the same time for both."""
    row = yield from one(
        SET_STATUS,
        id=build.id,
        status=status,
        started=build.started or now,
        finished=end(build.started, now) if finished else build.finished,
        updated=now,
        blocked=build.blocked and status not in DONE,
    )
    assert row is not None
    return evolve(MAPPER.make(row), stages=build.stages)


def after_approval(build: Build) -> Tx[Build]:
    """A locked build after some of its stages were approved: it waits as long as one stage is blocked."""
    row = yield from one(SET_BLOCKED, id=build.id)
    assert row is not None
    return evolve(MAPPER.make(row), stages=build.stages)


def decline(build: Build, now: int) -> Tx[None]:
    """Mark a locked build as declined. Its times of start and end stay as they are."""
    times = {"started": build.started, "finished": build.finished, "updated": now}
    yield from run(SET_STATUS, id=build.id, status="declined", blocked=False, **times)


def set_deploy_id(build_id: int, deploy_id: int) -> Tx[None]:
    """Store the id that the host has given to a deployment; an id that is stored already stays."""
    yield from run(SET_DEPLOY_ID, id=build_id, deploy_id=deploy_id)


def _with_stages(build: Build) -> Tx[Build]:
    return evolve(build, stages=(yield from stages.list_of(build.id)))
