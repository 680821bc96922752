"""What runs in the targets of repositories, and what was begun there since.

The pipeline file of the default branch declares targets: these are listed in the order of the file, also before the
first promotion to them. Then come the other targets that were promoted to, in the order of the first promotions, each
until it is taken off the list of deployments.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from app.accounts.model import User
from app.builds import store
from app.builds.model import Build
from app.builds.store import MAPPER
from app.db.tx import Row, Tx, many, one, rows_of, run
from app.db.window import Part, Window
from app.errors import Conflict
from app.repos import aged
from app.repos import store as repos
from app.repos.model import Repo

#: Builds that are shown beside what runs.
SHOWN = 5
#: Promotions among which the one before what runs is looked for.
LOOKED_AT = 50

#: The build that ended last is what runs: of two promotions at one time, the later one may end first.
CURRENT_OF = """
    SELECT done.{what} FROM builds done WHERE done.repo_id = {repo_id} AND done.deploy_to = {name}
        AND done.deploy_to <> '' AND done.status = 'success' ORDER BY done.finished DESC, done.number DESC LIMIT 1
"""
CURRENT = CURRENT_OF.format(what="*", repo_id=":repo_id", name=":name")
#: Promotions to a target that succeeded before a number, newest first.
BEFORE = """
    SELECT * FROM builds WHERE repo_id = :repo_id AND deploy_to = :name AND deploy_to <> '' AND number < :number
        AND status || '' = 'success' AND event = 'promote'
    ORDER BY number DESC LIMIT :limit
"""
#: Promotions to a target that succeeded, but for one, those first that ended last.
SUCCEEDED = """
    SELECT * FROM builds WHERE repo_id = :repo_id AND deploy_to = :name AND deploy_to <> '' AND status = 'success'
        AND number <> :number AND event = 'promote'
    ORDER BY finished DESC, number DESC LIMIT :limit
"""
UNFINISHED = """
    SELECT * FROM builds WHERE repo_id = :repo_id AND deploy_to = :name AND deploy_to <> '' AND number > :number
        AND status || '' IN ('pending', 'running', 'blocked')
    ORDER BY number DESC LIMIT 1
"""
#: (Written so, the database reads the index of statuses: few builds are unfinished.)
LANE = """
    SELECT * FROM builds WHERE repo_id = :repo_id AND status IN ('pending', 'running', 'blocked')
        AND deploy_to || '' = :name AND deploy_to <> ''
    ORDER BY number + 0 LIMIT :limit
"""
PREVIOUS = CURRENT.replace("ORDER BY", "AND done.number <> :number ORDER BY")
#: The targets of a repository, or of each of those that `asked` joins, with what gives them their order.
KNOWN = """
    SELECT declared.repo_id, declared.name, TRUE AS declared, declared.position AS place
    FROM {asked} declared_targets declared WHERE declared.repo_id = {repo_id}
    UNION ALL
    SELECT latest.repo_id, latest.name, FALSE AS declared, latest.first_number AS place
    FROM {asked} latest WHERE latest.repo_id = {repo_id} AND latest.kind = 'deployment' AND NOT EXISTS (
        SELECT 1 FROM declared_targets named WHERE named.repo_id = latest.repo_id AND named.name = latest.name
    )
"""
TARGETS = f"""
    WITH asked AS (SELECT repo_id FROM :rows(asked; repo_id bigint) AS given),
        known AS ({KNOWN.format(asked="asked CROSS JOIN", repo_id="asked.repo_id")})
    SELECT known.repo_id AS repo_id, known.name AS name, known.declared AS declared,
        coalesce(({CURRENT_OF.format(what="id", repo_id="known.repo_id", name="known.name")}), 0) AS current_id,
        coalesce(({CURRENT_OF.format(what="number", repo_id="known.repo_id", name="known.name")}), 0) AS number,
        coalesce((
            SELECT latest.build_id FROM latest WHERE latest.repo_id = known.repo_id AND latest.kind = 'deployment'
                AND latest.name = known.name
        ), 0) AS newest_id
    FROM known ORDER BY known.repo_id, known.declared DESC, known.place, known.name
"""  # noqa: S608 - a constant
#: Builds among which one is looked for that may be promoted, where the newest one of the branch may not.
AMONG = 100
PROMOTABLE = """
    SELECT asked.repo_id AS repo_id, coalesce((
        SELECT builds.number FROM latest JOIN builds ON builds.id = latest.build_id
        WHERE latest.repo_id = asked.repo_id AND latest.kind = 'branch' AND latest.name = asked.branch
            AND builds.status = 'success'
    ), (
        SELECT max(recent.number) FROM (
            SELECT number, status, event FROM builds
            WHERE builds.repo_id = asked.repo_id AND builds.ref = 'refs/heads/' || asked.branch
            ORDER BY builds.number DESC LIMIT :among
        ) AS recent
        WHERE recent.status = 'success' AND recent.event NOT IN ('promote', 'rollback', 'pull_request')
    ), 0) AS number
    FROM :rows(asked; repo_id bigint, branch text) AS asked
"""
DECLARED = "SELECT name FROM declared_targets WHERE repo_id = :repo_id ORDER BY position"
_UNDECLARE = "DELETE FROM declared_targets WHERE repo_id = :repo_id"
_DECLARE = """
    INSERT INTO declared_targets (repo_id, position, name)
    SELECT repo_id, position, name FROM :rows(names; repo_id bigint, position bigint, name text) AS names
"""
#: Columns with the ids of the newest builds after a number; NULL where there are no more. (PostgreSQL would compile one
#: statement for all of this, which takes longer than the work.)
_LATER = ",".join(
    f"""(
        SELECT id FROM builds WHERE builds.repo_id = asked.repo_id AND builds.deploy_to = asked.name
            AND builds.deploy_to <> '' AND builds.number > asked.number AND builds.status <> 'success'
        ORDER BY builds.number DESC LIMIT 1 OFFSET {at}
    ) AS later_{at}"""  # noqa: S608 - a constant
    for at in range(SHOWN)
)
SINCE = f"""
    SELECT asked.repo_id AS repo_id, asked.name AS name, {_LATER}
    FROM :rows(asked; repo_id bigint, name text, number bigint) AS asked
"""  # noqa: S608 - a constant
_DEPLOYED = f"""
    SELECT repos.* FROM repos WHERE (
        EXISTS (SELECT 1 FROM latest WHERE latest.repo_id = repos.id AND latest.kind = 'deployment')
        OR EXISTS (SELECT 1 FROM declared_targets WHERE declared_targets.repo_id = repos.id)
    ) AND (
        :everywhere OR visibility <> 'private' OR EXISTS (
            SELECT 1 FROM permissions WHERE permissions.user_id = :user_id
                AND permissions.repo_id = repos.id AND permissions.can_read AND {aged.COUNTS}
        )
    )
"""  # noqa: S608 - SQL of ours
DEPLOYED = f"""
    {_DEPLOYED} AND (namespace, name) > (:namespace, :name) ORDER BY namespace, name LIMIT :limit OFFSET :offset
"""
DEPLOYED_BEFORE = f"""
    {_DEPLOYED} AND (namespace, name) < (:namespace, :name) ORDER BY namespace DESC, name DESC LIMIT :limit
"""


#: Gives builds without their stages, by id; see `store.by_ids`.
ByIds: TypeAlias = Callable[[Collection[int]], Tx[Mapping[int, Build]]]


@dataclass(frozen=True, slots=True)
class Target:
    """A target of a repository."""

    name: str
    #: The promotion or rollback that was the last to succeed; without its stages. None if none ever did.
    current: Build | None
    #: The newest builds that were begun after `current` and did not succeed (yet), newest first; at most SHOWN.
    since: Sequence[Build]
    #: Whether the pipeline file of the default branch names the target.
    declared: bool = False


def current(repo_id: int, target: str) -> Tx[Build | None]:
    """The promotion or rollback that was the last to succeed in a target; without its stages."""
    row = yield from one(CURRENT, repo_id=repo_id, name=target)
    return MAPPER.make(row) if row else None


def before(repo_id: int, target: str) -> Tx[tuple[Build | None, Build | None]]:
    """What runs in a target, and what ran there before: a promotion of another commit, or with other parameters.

    If what runs was rolled back to, then what ran before that: to roll back twice goes back twice.
    """
    now = origin = yield from current(repo_id, target)
    while origin is not None and origin.event == "rollback" and 0 < origin.parent < origin.number:
        parent = yield from store.find_numbered_if_any(repo_id, origin.parent)
        if parent is None:
            break
        origin = parent
    if now is None or origin is None:
        return None, None
    rows = yield from many(BEFORE, repo_id=repo_id, name=target, number=origin.number, limit=LOOKED_AT)
    found = (MAPPER.make(row) for row in rows)
    return now, next((one for one in found if (one.after, one.params) != (now.after, now.params)), None)


def others(repo_id: int, target: str, now: Build, limit: int) -> Tx[Sequence[Build]]:
    """What a target may be rolled back to: promotions to it that succeeded, of the last LOOKED_AT, the last first.

    A commit with the same parameters is there once, and what runs there, `now`, not at all.
    """
    rows = yield from many(SUCCEEDED, repo_id=repo_id, name=target, number=now.number, limit=LOOKED_AT)
    known, found = [(now.after, now.params)], list[Build]()
    for build in map(MAPPER.make, rows):
        if (build.after, build.params) not in known and len(found) < limit:
            known.append((build.after, build.params))
            found.append(build)
    return found


def still_runs(repo_id: int, target: str, number: int) -> Tx[None]:
    """Conflict where another build than that of this number runs in a target; 0 stands for none."""
    now = yield from current(repo_id, target)
    if (now.number if now else 0) == number:
        return
    was, runs = (f"build {one}" if one else "nothing" for one in (number, now.number if now else 0))
    words = f"{target} has changed: {runs} runs there now, and no longer {was}; nothing was begun"
    raise Conflict(words, code="target_changed")


def unfinished_after(repo_id: int, target: str, number: int) -> Tx[Build | None]:
    """The newest promotion or rollback to a target with a greater number that is not over; without its stages."""
    row = yield from one(UNFINISHED, repo_id=repo_id, name=target, number=number)
    return MAPPER.make(row) if row else None


def lane(repo_id: int, target: str, limit: int) -> Tx[Sequence[Build]]:
    """The promotions and rollbacks to a target that are not over, without their stages: what runs, then what waits."""
    found = [MAPPER.make(row) for row in (yield from many(LANE, repo_id=repo_id, name=target, limit=limit))]
    return sorted(found, key=lambda build: build.status != "running")


def previous(repo_id: int, target: str, number: int) -> Tx[Build | None]:
    """The same without the promotion or rollback of this number."""
    row = yield from one(PREVIOUS, repo_id=repo_id, name=target, number=number)
    return MAPPER.make(row) if row else None


def declare(repo_id: int, names: Sequence[str]) -> Tx[None]:
    """Keep the targets that the pipeline file names; nothing is written where they are known so.

    The row of the repository must be locked, so that one declares after another.
    """
    known = yield from many(DECLARED, repo_id=repo_id)
    if [row["name"] for row in known] == list(names):
        return
    yield from run(_UNDECLARE, repo_id=repo_id)
    yield from run(_DECLARE, names=rows_of((repo_id, at, name) for at, name in enumerate(names)))


def promotable(listed: Iterable[Repo]) -> Tx[Mapping[int, int]]:
    """By id of a repository, the number of the newest build of its default branch that succeeded; 0 for none.

    Where the newest push has not succeeded, it is looked for among the newest builds of the branch, AMONG of them.
    """
    asked = rows_of((repo.id, repo.default_branch) for repo in listed)
    rows = yield from many(PROMOTABLE, asked=asked, among=AMONG)
    return {row["repo_id"]: row["number"] for row in rows}


def of_repo(repo_id: int) -> Tx[Sequence[Target]]:
    """The targets of a repository, in their order."""
    return (yield from of_repos([repo_id]))[repo_id]


def page(user: User, window: Window, now: int) -> Tx[Part[tuple[Repo, Sequence[Target]]]]:
    """A part of the repositories that an account may read and that have targets, by slug; the keys are slugs."""
    namespace, _, name = (window.after or window.before).rpartition("/")
    who = {"user_id": user.id, "everywhere": user.admin, "since": aged.since(now)}
    values: Mapping[str, object] = {**who, "namespace": namespace, "name": name}
    if window.before:
        rows = yield from many(DEPLOYED_BEFORE, limit=window.reach, **values)
    else:
        rows = yield from many(DEPLOYED, limit=window.reach, offset=window.offset, **values)
    part = window.part([repos.made(row) for row in rows])
    found = yield from of_repos([repo.id for repo in part.items])
    return Part([(repo, found[repo.id]) for repo in part.items], part.earlier, part.later)


def of_repos(ids: Sequence[int], by_ids: ByIds = store.by_ids) -> Tx[Mapping[int, Sequence[Target]]]:
    """The targets of several repositories in their order, by id; a repository that has none is there, too.

    What was begun since is asked for only where the newest promotion is not the one that runs. `by_ids` reads builds.
    """
    known = yield from many(TARGETS, asked=rows_of((repo_id,) for repo_id in ids))
    moved = (row for row in known if not row["newest_id"] or row["newest_id"] != row["current_id"])
    asked = rows_of((row["repo_id"], row["name"], row["number"]) for row in moved)
    since = {_place(row): _later(row) for row in (yield from many(SINCE, asked=asked))}
    wanted = {row["current_id"] for row in known} | {build_id for each in since.values() for build_id in each}
    builds = yield from by_ids(wanted)
    found: dict[int, list[Target]] = {repo_id: [] for repo_id in ids}
    for row in known:
        later = [builds[build_id] for build_id in since.get(_place(row), ()) if build_id in builds]
        current_build = builds.get(row["current_id"])
        found[row["repo_id"]].append(Target(row["name"], current_build, later, bool(row["declared"])))
    return found


def _place(row: Row) -> tuple[int, str]:
    return row["repo_id"], row["name"]


def _later(row: Row) -> Sequence[int]:
    return [build_id for at in range(SHOWN) if (build_id := row[f"later_{at}"]) is not None]
