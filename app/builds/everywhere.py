"""Builds of all repositories that somebody may read, newest first: one stretch of the history after another.

A filter that few builds fit would read a whole history, so one stretch looks at a bounded number of builds. Where a
stretch ends before its list is full, the next stretch begins there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.accounts.model import User
from app.builds import lists, store
from app.builds.model import DONE, Build
from app.builds.store import MAPPER
from app.db.tx import Tx, many, one, rows_of
from app.repos import store as repos
from app.repos.model import Repo

#: Builds that one stretch looks at.
AMONG = 10_000
FLOOR = "SELECT id FROM builds WHERE id < :key ORDER BY id DESC LIMIT 1 OFFSET :among"
#: The promotion or rollback that was the last to succeed in the target of another before that one began; of two in one
#: second, the one with the lower number was before the other.
BEFORE = """
    SELECT asked.id AS id, coalesce((
        SELECT done.id FROM builds done WHERE done.repo_id = asked.repo_id AND done.deploy_to = asked.name
            AND done.deploy_to <> '' AND done.status = 'success'
            AND (done.finished, done.number) < (asked.began, asked.number)
        ORDER BY done.finished DESC, done.number DESC LIMIT 1
    ), 0) AS before_id
    FROM :rows(asked; id bigint, repo_id bigint, name text, began bigint, number bigint) AS asked
"""
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Filters:
    """What builds must have; empty values do not count. `since` is in Unix seconds."""

    status: str = ""
    event: str = ""
    target: str = ""
    #: The login of whoever began the build, or the login or the name of who made its commit.
    by: str = ""
    slug: str = ""
    since: int = 0
    #: Whether only promotions and rollbacks count.
    deployed: bool = False

    def conditions(self) -> Mapping[str, Mapping[str, object]]:
        """The filters that count, as SQL on `builds`, each with its values. Invalid for what no build can have."""
        lists.check({name: value for name, value in (("status", self.status), ("event", self.event)) if value})
        namespace, _, name = self.slug.rpartition("/")
        known: Sequence[tuple[object, str, Mapping[str, object]]] = (
            (self.status, lists.WAITING.get(self.status, "TRUE"), {}),
            (self.status != "blocked" and self.status, "builds.status = :status", {"status": self.status}),
            (self.event, "builds.event = :event", {"event": self.event}),
            (self.target, "builds.deploy_to = :target", {"target": self.target}),
            (self.target or self.deployed, "builds.deploy_to <> ''", {}),
            (self.by, lists.BY, {"by": self.by}),
            (self.slug, "repos.namespace = :namespace AND repos.name = :name", {"namespace": namespace, "name": name}),
            (self.since, "builds.created >= :began", {"began": self.since}),
        )
        return {sql: values for used, sql, values in known if used}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some builds, newest first. `below` is the id below which the next stretch begins; 0 where the history ends."""

    builds: Sequence[tuple[Repo, Build]]
    below: int
    #: Whether the stretch ended because of the number of builds that were looked at, and not because it is full.
    is_short: bool


def stretch(
    user: User | None, filters: Filters, limit: int, now: int, below: int = 0, among: int = AMONG
) -> Tx[Stretch]:
    """At most `limit` builds below an id, of those that somebody may read; 0 stands for the newest.

    Invalid for a status or an event that no build has. (The index of what is blocked holds nothing else, so that a list
    of that needs no bound.)
    """
    conditions, key = filters.conditions(), below or _LARGEST
    floor = 0 if filters.status == "blocked" else (yield from _floor(key, among))
    values = {name: value for each in conditions.values() for name, value in each.items()}
    sql = page_sql(tuple(conditions))
    rows = yield from many(sql, key=key, floor=floor, limit=limit + 1, **values, **repos.reader(user, now))
    found = [(repos.made(row), MAPPER.make(row, repos.WIDTH)) for row in rows[:limit]]
    if len(rows) > limit:
        return Stretch(found, found[-1][1].id, is_short=False)
    return Stretch(found, floor, is_short=floor > 0)


def _floor(key: int, among: int) -> Tx[int]:
    """The id of the last build that a stretch below an id looks at; 0 where the history ends before."""
    row = yield from one(FLOOR, key=key, among=among)
    return int(row["id"]) if row else 0


@lru_cache(maxsize=128)
def page_sql(conditions: tuple[str, ...]) -> str:
    """The SQL of a stretch with these conditions."""
    more = "".join(f" AND {one}" for one in conditions)
    return f"""
        SELECT repos.*, builds.* FROM builds CROSS JOIN repos
        WHERE builds.id < :key AND builds.id >= :floor AND repos.id = builds.repo_id{more} AND {repos.MAY_READ}
        ORDER BY builds.id DESC LIMIT :limit
    """  # noqa: S608 - SQL of ours


def before(builds: Sequence[Build]) -> Tx[Mapping[int, Build]]:
    """What ran in the target of each of these promotions and rollbacks when it began, by the id of the promotion.

    Of one that has not begun, what runs there now. Builds that are neither are left out.
    """
    asked = [
        (build.id, build.repo_id, build.deploy_to, _began(build), build.number) for build in builds if build.deploy_to
    ]
    if not asked:
        return {}
    rows = yield from many(BEFORE, asked=rows_of(asked))
    wanted = {row["id"]: row["before_id"] for row in rows if row["before_id"]}
    known = (yield from store.by_ids(set(wanted.values()))) if wanted else {}
    return {own: known[earlier] for own, earlier in wanted.items() if earlier in known}


def _began(build: Build) -> int:
    return build.started or (build.created if build.status in DONE else _LARGEST)
