"""The SQL of lists of builds: of a repository, of an account, of all unfinished builds; and of counts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal, NamedTuple

from sqlalchemy import BigInteger, bindparam, literal_column, select

from app.accounts.model import User
from app.builds import store
from app.builds.model import LISTED, Build
from app.builds.store import MAPPER, Index
from app.db import schema
from app.db.tx import Row, Tx, many, one, rows_of, run
from app.db.window import Part, Window
from app.errors import Invalid, Problem
from app.names import meant
from app.pipeline.event import EVENTS
from app.repos import aged
from app.repos import store as repos
from app.repos.model import Repo

REMEMBERED = """
    SELECT builds.id, builds.version, builds.number, builds.blocked
    FROM latest JOIN builds ON builds.id = latest.build_id
    WHERE latest.repo_id = :repo_id AND latest.kind = :kind ORDER BY latest.name
"""


FORGET = "DELETE FROM latest WHERE repo_id = :repo_id AND kind = :kind AND name = :name"


#: Newest builds of all repositories that are searched first: most accounts find enough of their builds there.
AMONG = 100


RECENT = f"""
    WITH recent AS (SELECT id, repo_id FROM builds WHERE id > 0 ORDER BY id DESC LIMIT :among)
    SELECT repos.*, builds.* FROM recent CROSS JOIN permissions JOIN builds ON builds.id = recent.id
    JOIN repos ON repos.id = recent.repo_id
    WHERE permissions.user_id = :user_id AND permissions.repo_id = recent.repo_id AND permissions.can_read
        AND {aged.LISTED}
    ORDER BY recent.id DESC LIMIT :limit
"""  # noqa: S608 - SQL of ours


#: Takes the `limit` repositories with the newest last build, and the `limit` newest builds of each: the newest builds
#: of all are among these. So no whole history is sorted.
FEED = f"""
    WITH recent AS (
        SELECT repo_id, coalesce((
            SELECT newest.id FROM builds newest WHERE newest.repo_id = permissions.repo_id
            ORDER BY newest.number DESC LIMIT 1
        ), 0) AS build_id
        FROM permissions WHERE user_id = :user_id AND can_read AND {aged.LISTED} ORDER BY build_id DESC LIMIT :limit
    )
    SELECT repos.*, builds.* FROM recent CROSS JOIN builds JOIN repos ON repos.id = recent.repo_id
    WHERE builds.repo_id = recent.repo_id AND builds.number > coalesce((
        SELECT older.number FROM builds older WHERE older.repo_id = recent.repo_id
        ORDER BY older.number DESC LIMIT 1 OFFSET :limit
    ), 0)
    ORDER BY builds.id DESC LIMIT :limit
"""  # noqa: S608 - SQL of ours


NEWEST = f"""
    SELECT builds.* FROM permissions JOIN builds ON builds.repo_id = permissions.repo_id AND builds.number = (
        SELECT newest.number FROM builds newest WHERE newest.repo_id = permissions.repo_id
        ORDER BY newest.number DESC LIMIT 1
    )
    WHERE permissions.user_id = :user_id AND permissions.can_read AND {aged.LISTED}
"""  # noqa: S608 - SQL of ours


NEWEST_OF_REPOS = """
    SELECT builds.* FROM :rows(asked; repo_id bigint) AS asked CROSS JOIN builds
    WHERE builds.repo_id = asked.repo_id AND builds.number = (
        SELECT newest.number FROM builds newest WHERE newest.repo_id = asked.repo_id
        ORDER BY newest.number DESC LIMIT 1
    )
"""


#: Newest unfinished stages that are searched first: the newest builds have the newest stages.
STAGES_AMONG = 1000


INCOMPLETE = """
    WITH recent AS (
        SELECT build_id FROM stages WHERE status IN ('pending', 'running') AND id > 0 ORDER BY id DESC LIMIT :among
    ), unfinished AS (
        SELECT DISTINCT build_id FROM recent ORDER BY build_id DESC LIMIT :limit
    )
    SELECT repos.*, builds.* FROM unfinished JOIN builds ON builds.id = unfinished.build_id
    JOIN repos ON repos.id = builds.repo_id ORDER BY builds.id DESC
"""


_APPROVABLE = f"""
    FROM builds CROSS JOIN repos WHERE builds.blocked AND repos.id = builds.repo_id AND (
        :everywhere OR EXISTS (
            SELECT 1 FROM permissions WHERE permissions.user_id = :user_id
                AND permissions.repo_id = builds.repo_id AND permissions.can_admin AND {aged.COUNTS}
        )
    )
"""  # noqa: S608 - SQL of ours
APPROVALS = f"""
    SELECT repos.*, builds.* {_APPROVABLE} AND builds.id < :key ORDER BY builds.id DESC LIMIT :limit OFFSET :offset
"""
COUNT_APPROVALS = f"SELECT count(*) AS count FROM (SELECT 1 {_APPROVABLE} AND builds.id > 0 LIMIT :most) AS found"  # noqa: S608 - SQL of ours
APPROVALS_BEFORE = f"SELECT repos.*, builds.* {_APPROVABLE} AND builds.id > :key ORDER BY builds.id LIMIT :limit"


_UNAPPROVABLE = f"""
    FROM builds CROSS JOIN repos
    WHERE builds.blocked AND repos.id = builds.repo_id AND {repos.MAY_READ} AND NOT EXISTS (
        SELECT 1 FROM permissions WHERE permissions.user_id = :user_id
            AND permissions.repo_id = builds.repo_id AND permissions.can_admin AND {aged.COUNTS}
    )
"""  # noqa: S608 - SQL of ours
UNAPPROVABLE = f"SELECT repos.*, builds.* {_UNAPPROVABLE} AND builds.id < :key ORDER BY builds.id DESC LIMIT :limit"
UNAPPROVABLE_BEFORE = f"SELECT repos.*, builds.* {_UNAPPROVABLE} AND builds.id > :key ORDER BY builds.id LIMIT :limit"


#: Builds are counted repository by repository (CROSS JOIN makes SQLite join in that order), so that the database
#: searches an index instead of reading all of it.
COUNTS = """
    SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM repos) AS repos,
        (SELECT count(*) FROM repos WHERE active) AS active_repos,
        (SELECT coalesce(sum(counter), 0) FROM repos) AS builds,
        (SELECT count(*) FROM repos r CROSS JOIN builds
            WHERE repo_id = r.id AND status = 'pending' AND NOT blocked) AS pending_builds,
        (SELECT count(*) FROM builds WHERE blocked AND id > 0) AS blocked_builds,
        (SELECT count(*) FROM repos r CROSS JOIN builds WHERE repo_id = r.id AND status = 'running') AS running_builds,
        (SELECT count(*) FROM stages WHERE status IN ('pending', 'running') AND status = 'pending') AS pending_jobs,
        (SELECT count(*) FROM stages WHERE status IN ('pending', 'running') AND status = 'running') AS running_jobs
"""


COUNTED = (
    "users",
    "repos",
    "active_repos",
    "builds",
    "pending_builds",
    "blocked_builds",
    "running_builds",
    "pending_jobs",
    "running_jobs",
)


#: What a list may be filtered by, beside the repository.
FILTERS = ("ref", "event", "status", "deploy_to", "after_sha")
#: The condition of a filter that no index serves: it is looked for in a part of the history at a time.
BY = "(:by IN (builds.trigger_by, builds.author_login, builds.author_name))"
#: Builds of a repository among which somebody's are looked for; and the number of the last one of these.
HISTORY = 10_000
LOWEST = (
    "SELECT number FROM builds WHERE repo_id = :repo_id AND number < :key ORDER BY number DESC LIMIT 1 OFFSET :among"
)
HIGHEST = "SELECT number FROM builds WHERE repo_id = :repo_id AND number > :key ORDER BY number LIMIT 1 OFFSET :among"
#: The conditions of two filters of the status: `blocked` is no status of a build in the table, and what waits for
#: approval is not also among the builds that are `pending`.
WAITING: Mapping[str, str] = {"blocked": "builds.blocked", "pending": "NOT builds.blocked"}
#: The values that builds have where there are only a few, by filter.
VALUES: Mapping[str, Sequence[str]] = {"event": EVENTS, "status": LISTED}
#: The commits of a repository's builds whose ids begin with `least`; `beyond` is the first text after all of these.
COMMITS = """
    SELECT min(after_sha) AS first, max(after_sha) AS last FROM builds
    WHERE repo_id = :repo_id AND after_sha >= :least AND after_sha < :beyond
"""


def check(filters: Mapping[str, str]) -> None:
    """Invalid for each filter whose value no build can have: a list without builds would hide the slip."""
    problems = [
        Problem(
            name,
            f"unknown_{name}",
            f"no build has the {name} {value[:80]!r}{meant(value, known)} Known: {', '.join(known)}",
        )
        for name, known in VALUES.items()
        if (value := filters.get(name, known[0])) not in known
    ]
    if problems:
        raise Invalid.of(problems)


class Head(NamedTuple):
    """A build and its version: two equal heads stand for the same content."""

    id: int
    version: int
    number: int
    #: An approval changes nothing else of a build, and gives the build no new version.
    blocked: bool


def page(repo: Repo, filters: Mapping[str, str], window: Window) -> Tx[Part[Head]]:
    """A part of the builds, newest first. `filters`: values for some of FILTERS; the window's keys: build numbers.

    With `by`, the login or the name of a person, only those that the person began, or whose commit is theirs. These are
    looked for among HISTORY builds; the part may end there without being full.

    The status `blocked` finds all builds that wait for approval, also those of which other stages run; `pending` finds
    none of them.
    """
    way, key, offset = _way(repo, window, filtered=bool(filters))
    waiting = filters.get("status", "") if filters.get("status") in WAITING else ""
    if waiting == "blocked":
        filters = {name: value for name, value in filters.items() if name != "status"}
    sql = _page_sql(tuple(sorted(filters)), way, waiting)
    values: dict[str, object] = {"offset": offset} if way == "skip" else {}
    end = (yield from _end(repo, way, key)) if "by" in filters else None
    if "by" in filters:
        values["end"] = end or (_LARGEST if way == "up" else 0)
    rows = yield from many(sql, repo_id=repo.id, key=key, limit=window.reach, **values, **filters)
    return window.part([Head(*row) for row in rows], str(end or ""))


def _end(repo: Repo, way: "Way", key: int) -> Tx[int | None]:
    """The number of the last build that is looked at from a place on; None where the history ends before."""
    row = yield from one(HIGHEST if way == "up" else LOWEST, repo_id=repo.id, key=key, among=HISTORY - 1)
    return int(row["number"]) if row else None


def whole(part: Part[Head]) -> Tx[Part[Build]]:
    """The builds of a part, without their stages; one that was deleted meanwhile is left out."""
    builds = yield from store.by_ids(head.id for head in part.items)
    its = [builds[head.id] for head in part.items if head.id in builds]
    return Part(its, part.earlier, part.later, part.stopped)


def commit(repo_id: int, digits: str) -> Tx[str]:
    """The whole id of the commit, of those that have builds, that begins with these digits; empty for none.

    Invalid when the ids of several commits do.
    """
    row = yield from one(COMMITS, repo_id=repo_id, least=digits, beyond=digits + "g")
    first, last = (row["first"], row["last"]) if row else (None, None)
    if first != last:
        text = f"builds of several commits begin with {digits}: give more digits"
        raise Invalid.of([Problem("commit", "ambiguous_commit", text)])
    return first or ""


#: How a page is read: `down` from below a build number, `up` from above a build number, or `skip`: down from below a
#: build number, without the first builds.
Way = Literal["down", "up", "skip"]


def _way(repo: Repo, window: Window, *, filtered: bool) -> tuple[Way, int, int]:
    """The way, the build number to begin at, and how many builds to skip from there.

    Where no build number is missing, the offset gives the build number itself, and no build has to be skipped.
    """
    if window.before:
        return "up", int(window.before), 0
    if window.after or not window.offset:
        return "down", int(window.after or _LARGEST), 0
    if filtered:
        return "skip", _LARGEST, window.offset
    rest = window.offset - max(repo.counter - repo.unbroken_from + 1, 0)
    if rest <= 0:
        return "down", repo.counter - window.offset + 1, 0
    return "skip", min(repo.unbroken_from, repo.counter + 1), rest


_LARGEST = 2**63 - 1


@lru_cache(maxsize=128)
def _page_sql(filters: tuple[str, ...], way: Way, waiting: str = "") -> str:
    table, up = schema.builds, way == "up"
    number, key = table.c.number, bindparam("key", type_=BigInteger)
    shown = (table.c.id, table.c.version, number, table.c.blocked)
    query = select(*shown).where(table.c.repo_id == bindparam("repo_id"))
    if waiting:
        query = query.where(literal_column(WAITING[waiting]))
    for name in filters:
        if name == "by":
            end = bindparam("end", type_=BigInteger)
            query = query.where(literal_column(BY), number <= end if up else number >= end)
            continue
        query = query.where(table.c[name] == bindparam(name))
        if name == "deploy_to":
            query = query.where(table.c.deploy_to != literal_column("''"))
    query = query.where(number > key if up else number < key).order_by(number if up else number.desc())
    return schema.sql(query) + " LIMIT :limit" + (" OFFSET :offset" if way == "skip" else "")


def remembered(repo_id: int, kind: Index) -> Tx[list[Head]]:
    """The newest build of each branch, pull request or deployment target, by name."""
    return [Head(*row) for row in (yield from many(REMEMBERED, repo_id=repo_id, kind=kind))]


def forget(repo_id: int, kind: Index, name: str) -> Tx[None]:
    """Drop one entry of the index of newest builds; the builds stay."""
    yield from run(FORGET, repo_id=repo_id, kind=kind, name=name)


def feed(user_id: int, limit: int, now: int) -> Tx[list[tuple[Repo, Build]]]:
    """The newest builds of all repositories in which an account has the right to read; see repos.store.list_of."""
    since = aged.since(now)
    rows = yield from many(RECENT, user_id=user_id, limit=limit, among=AMONG, since=since)
    if len(rows) < limit:
        rows = yield from many(FEED, user_id=user_id, limit=limit, since=since)
    return _with_repos(rows)


def _with_repos(rows: Sequence[Row]) -> list[tuple[Repo, Build]]:
    return [(repos.made(row), MAPPER.make(row, repos.WIDTH)) for row in rows]


def approvals(user: User, window: Window, now: int) -> Tx[Part[tuple[Repo, Build]]]:
    """A part of the builds that wait for approval and that an account may approve, newest first; the keys are ids.

    An administrator of the server may approve all; another account, those of the repositories that it administers.
    """
    values = {"user_id": user.id, "everywhere": user.admin, "since": aged.since(now), "limit": window.reach}
    if window.before:
        rows = yield from many(APPROVALS_BEFORE, key=int(window.before), **values)
    else:
        rows = yield from many(APPROVALS, key=int(window.after or _LARGEST), offset=window.offset, **values)
    return window.part(_with_repos(rows))


def unapprovable(user: User, window: Window, now: int) -> Tx[Part[tuple[Repo, Build]]]:
    """A part of the builds that wait for approval and that an account may read but not approve; as `approvals`.

    The window's offset is ignored.
    """
    if user.admin:
        return Part((), earlier=False, later=False)
    sql, key = (UNAPPROVABLE_BEFORE, window.before) if window.before else (UNAPPROVABLE, window.after)
    rows = yield from many(sql, key=int(key or _LARGEST), limit=window.reach, **repos.reader(user, now))
    return replace(window, offset=0).part(_with_repos(rows))


def count_approvals(user: User, most: int, now: int) -> Tx[int]:
    """How many builds `approvals` lists, counted up to `most`."""
    row = yield from one(COUNT_APPROVALS, user_id=user.id, everywhere=user.admin, since=aged.since(now), most=most)
    return int(row["count"]) if row else 0


def newest(user_id: int, now: int) -> Tx[dict[int, Build]]:
    """The newest build of each repository in which an account has the right to read, by repository id; as `feed`."""
    rows = yield from many(NEWEST, user_id=user_id, since=aged.since(now))
    return {row["repo_id"]: MAPPER.make(row) for row in rows}


def newest_of(repo_ids: Iterable[int]) -> Tx[Mapping[int, Build]]:
    """The newest build of each of these repositories that has one, without its stages, by repository id."""
    rows = yield from many(NEWEST_OF_REPOS, asked=rows_of((repo_id,) for repo_id in repo_ids))
    return {row["repo_id"]: MAPPER.make(row) for row in rows}


def incomplete(limit: int) -> Tx[list[tuple[Repo, Build]]]:
    """The newest builds of which a stage waits for a runner or runs."""
    rows = yield from many(INCOMPLETE, limit=limit, among=STAGES_AMONG)
    if len(rows) < limit:
        rows = yield from many(INCOMPLETE, limit=limit, among=_LARGEST)
    return _with_repos(rows)


def counts() -> Tx[dict[str, int]]:
    """How many accounts, repositories, builds and stages there are."""
    row = yield from one(COUNTS)
    assert row is not None
    return {name: int(row[name]) for name in COUNTED}
