"""The SQL of synchronising: each statement is for any number of repositories (contract scm-api 6.1)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from app.db.tx import Row, Tx, many, run
from app.repos import store
from app.repos.model import Repo, Visibility
from app.scm.forge import Listed

#: Repositories of one statement that makes new ones.
MOST = 100

KNOWN = """
    SELECT repos.id AS id, repos.uid AS uid, repos.namespace AS namespace, repos.name AS name,
        repos.git_http_url AS git_http_url, repos.git_ssh_url AS git_ssh_url, repos.link AS link,
        repos.default_branch AS default_branch, repos.visibility AS visibility
    FROM :rows(listed; uid text) listed JOIN repos ON repos.scm = :scm AND repos.uid = listed.uid AND repos.scm <> ''
"""
#: A repository that was registered by its address has its slug as its id until the host tells the id.
ADOPT = """
    UPDATE repos SET uid = listed.uid FROM :rows(listed; uid text, namespace text, name text) listed
    WHERE repos.namespace = listed.namespace AND repos.name = listed.name AND repos.scm = :scm
        AND repos.uid = listed.namespace || '/' || listed.name
        AND NOT EXISTS (SELECT 1 FROM repos other WHERE other.scm = :scm AND other.uid = listed.uid AND other.scm <> '')
"""
HOLDERS = """
    SELECT repos.id AS id, repos.namespace AS namespace, repos.name AS name
    FROM :rows(wanted; namespace text, name text) wanted
        JOIN repos ON repos.namespace = wanted.namespace AND repos.name = wanted.name
"""
#: A slug that no repository has, and none can get.
LET_GO = """
    UPDATE repos SET namespace = '', name = '#' || CAST(repos.id AS TEXT) FROM :rows(moved; id bigint) moved
    WHERE repos.id = moved.id
"""
MOVE = """
    UPDATE repos SET namespace = moved.namespace, name = moved.name, updated = :now, version = repos.version + 1
    FROM :rows(moved; id bigint, namespace text, name text) moved WHERE repos.id = moved.id
"""
#: An empty link says nothing.
UPDATE = """
    UPDATE repos SET git_http_url = listed.http, git_ssh_url = listed.ssh, default_branch = listed.branch,
        link = CASE WHEN listed.link = '' THEN repos.link ELSE listed.link END, visibility = listed.visibility,
        synced = :now, updated = :now, version = repos.version + 1
    FROM :rows(listed; id bigint, http text, ssh text, branch text, link text, visibility text) listed
    WHERE repos.id = listed.id
"""
CREATE = "INSERT INTO repos ({columns}) VALUES {rows} ON CONFLICT DO NOTHING RETURNING id, uid"
#: A repository goes on with the numbers of a deleted one of its slug.
RESUME = """
    UPDATE repos SET counter = retired.counter, unbroken_from = retired.counter + 1
    FROM :rows(made; id bigint, namespace text, name text) made
        JOIN retired ON retired.namespace = made.namespace AND retired.name = made.name
    WHERE repos.id = made.id
"""
#: A repository that was deleted meanwhile is in no row of `repos`.
GRANT = """
    INSERT INTO permissions (user_id, repo_id, can_read, can_write, can_admin, created, updated, synced)
    SELECT users.id, repos.id, told.can_read, told.can_write, told.can_admin, :now, :now, :now
    FROM :rows(told; id bigint, can_read boolean, can_write boolean, can_admin boolean) told
        JOIN repos ON repos.id = told.id JOIN users ON users.id = :user_id WHERE TRUE
    ON CONFLICT (user_id, repo_id) DO UPDATE SET can_read = excluded.can_read, can_write = excluded.can_write,
        can_admin = excluded.can_admin, updated = excluded.updated, synced = excluded.synced
"""
REVOKE = """
    DELETE FROM permissions WHERE user_id = :user_id AND repo_id IN (
        SELECT held.repo_id FROM permissions held JOIN repos ON repos.id = held.repo_id
        WHERE held.user_id = :user_id AND repos.scm = :scm
    ) AND repo_id NOT IN (SELECT id FROM :rows(kept; id bigint) kept)
    RETURNING repo_id
"""
SYNCED = "UPDATE users SET synced = :now WHERE id = :user_id"

#: Who may read is narrowed by the host, and widened only here: an administrator may have hidden what is public there.
_VISIBILITIES: tuple[Visibility, ...] = ("public", "internal", "private")
_WIDTHS: Mapping[str, int] = {name: at for at, name in enumerate(_VISIBILITIES)}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A repository as the host lists it."""

    listed: Listed
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Matched:
    """What the database knows of listed repositories: ids by the host's id, and what may not be made or moved."""

    ids: Mapping[str, int]
    #: Rows of UPDATE.
    changed: Sequence[Sequence[Any]]
    #: Slugs that another repository has, or that are refused: the new ones, and the ones that were renamed there.
    taken: Collection[str]
    renamed: int

    def is_new(self, one: Wanted) -> bool:
        """Whether a listed repository is to be made."""
        return one.listed.uid not in self.ids and one.listed.slug not in self.taken


def match(scm: str, wanted: Sequence[Wanted], now: int, refused: Collection[str] = ()) -> Tx[Matched]:
    """Find the known ones among listed repositories, and give the renamed ones their new slugs, but none of `refused`.

    A repository that has a refused slug keeps it.
    """
    yield from run(ADOPT, scm=scm, listed=_dump([one.listed.uid, one.namespace, one.name] for one in wanted))
    rows = yield from many(KNOWN, scm=scm, listed=_dump([one.listed.uid] for one in wanted))
    known = {row["uid"]: row for row in rows}
    moved = [one for one in wanted if one.listed.uid in known and _slug(known[one.listed.uid]) != one.listed.slug]
    movable = [one for one in moved if one.listed.slug not in refused]
    stuck = {one.listed.slug for one in moved if one.listed.slug in refused}
    stuck |= yield from _move(known, movable, now)
    fresh = [one for one in wanted if one.listed.uid not in known]
    held = yield from many(HOLDERS, wanted=_dump([one.namespace, one.name] for one in fresh))
    changed = [
        row for one in wanted if one.listed.uid in known and (row := _changed(known[one.listed.uid], one.listed))
    ]
    taken = {*stuck, *(_slug(row) for row in held), *(one.listed.slug for one in fresh if one.listed.slug in refused)}
    return Matched({uid: row["id"] for uid, row in known.items()}, changed, taken, len(moved) - len(stuck))


def _move(known: Mapping[str, Row], moved: Sequence[Wanted], now: int) -> Tx[set[str]]:
    """Give repositories other slugs, also those of each other; the slugs that cannot be given."""
    if not moved:
        return set()
    rows = yield from many(HOLDERS, wanted=_dump([one.namespace, one.name] for one in moved))
    holders = {_slug(row): row["id"] for row in rows}
    going = {known[one.listed.uid]["id"]: one for one in moved}
    stuck = set[str]()
    while blocked := [at for at, one in going.items() if holders.get(one.listed.slug, at) not in going]:
        stuck |= {going.pop(at).listed.slug for at in blocked}
    yield from run(LET_GO, moved=_dump([at] for at in going))
    yield from run(MOVE, moved=_dump([at, one.namespace, one.name] for at, one in going.items()), now=now)
    return stuck


def _changed(row: Row, listed: Listed) -> Sequence[Any] | None:
    """The row of UPDATE of a known repository; None when nothing differs."""
    visibility = narrower(row["visibility"], listed.visibility)
    before = (row["git_http_url"], row["git_ssh_url"], row["default_branch"], row["link"], row["visibility"])
    after = (listed.http_url, listed.ssh_url, listed.default_branch, listed.link or row["link"], visibility)
    return (row["id"], *after) if before != after else None


def narrower(one: Visibility, other: str) -> Visibility:
    """Of two visibilities the one that fewer may read; a host's word that is none of ours is `private`."""
    return _VISIBILITIES[max(_VISIBILITIES.index(one), _WIDTHS.get(other, 2))]


def write(user_id: int, matched: Matched, wanted: Sequence[Wanted], fresh: Sequence[Repo], now: int) -> Tx[set[int]]:
    """Change some repositories, make `fresh` ones of them, and set an account's rights in all; their ids."""
    ids = {one.listed.uid: matched.ids[one.listed.uid] for one in wanted if one.listed.uid in matched.ids}
    of_these = set(ids.values())
    if changed := [row for row in matched.changed if row[0] in of_these]:
        yield from run(UPDATE, listed=_dump(changed), now=now)
    if fresh:
        made = yield from _create(fresh)
        rows = ([made[repo.uid], repo.namespace, repo.name] for repo in fresh if repo.uid in made)
        yield from run(RESUME, made=_dump(rows))
        ids |= made
    told = [(ids[one.listed.uid], one.listed) for one in wanted if one.listed.uid in ids]
    rights = ([repo_id, listed.read, listed.write, listed.admin] for repo_id, listed in told)
    yield from run(GRANT, user_id=user_id, told=_dump(rights), now=now)
    return set(ids.values())


def _create(repos: Sequence[Repo]) -> Tx[dict[str, int]]:
    """New repositories, without those whose slug or id is taken at this moment; their ids, by the host's id."""
    values: dict[str, Any] = {}
    for at, repo in enumerate(repos):
        values |= {f"{column}_{at}": value for column, value in store.values(repo).items()}
    rows = yield from many(_create_sql(len(repos)), **values)
    return {row["uid"]: row["id"] for row in rows}


@lru_cache(maxsize=MOST)
def _create_sql(count: int) -> str:
    columns = list(store.values(Repo(0, "", "")))
    rows = (f"({', '.join(f':{column}_{at}' for column in columns)})" for at in range(count))
    return CREATE.format(columns=", ".join(columns), rows=", ".join(rows))


def end(user_id: int, scm: str, kept: Iterable[int], now: int) -> Tx[int]:
    """Take the rights in all other repositories of a host away from an account; how many they were."""
    revoked = yield from many(REVOKE, user_id=user_id, scm=scm, kept=_dump([repo_id] for repo_id in kept))
    yield from run(SYNCED, user_id=user_id, now=now)
    return len(revoked)


def _slug(row: Row) -> str:
    return f"{row['namespace']}/{row['name']}"


def _dump(rows: Iterable[Sequence[Any]]) -> str:
    return orjson.dumps(list(rows)).decode()
