"""The SQL of looks for what was missed."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict

import orjson

from app.builds.deliveries import store as deliveries
from app.builds.missed.model import TAGS, Look
from app.db import schema
from app.db.mapper import Mapper
from app.db.tx import Tx, many, one, run
from app.repos import store as repos
from app.repos.model import Repo

UNKNOWN = """
    SELECT repos.* FROM repos LEFT JOIN looks ON looks.repo_id = repos.id
    WHERE repos.active AND looks.repo_id IS NULL AND repos.id > :id ORDER BY repos.id LIMIT :limit
"""
ADD = """
    INSERT INTO looks (repo_id, server, enabled, looked, due, tries)
    SELECT repo_id, server, enabled, looked, due, tries
    FROM :rows(added; repo_id bigint, server text, enabled bigint, looked bigint, due bigint, tries bigint) added
    WHERE true ON CONFLICT (repo_id) DO NOTHING
"""
DROP = "DELETE FROM looks WHERE repo_id = :repo_id"
FORGET = "DELETE FROM seen_refs WHERE repo_id = :repo_id"
#: All looks, and those at one server, that are not due and were made before a time.
HASTEN = "UPDATE looks SET due = :now WHERE due > :now AND looked < :before"
HASTEN_AT = "UPDATE looks SET due = :now WHERE server = :server AND due > :now AND looked < :before"
#: Looks at one server that are due sooner.
PUT_OFF = "UPDATE looks SET due = :until WHERE server = :server AND due < :until"
SERVERS = "SELECT DISTINCT server FROM looks WHERE due <= :now"
SOONEST = "SELECT min(due) AS due FROM looks"
DUE = "SELECT * FROM looks WHERE server = :server AND due <= :now ORDER BY due, repo_id LIMIT :limit"
#: Of several servers that see one due look, one takes the look.
TAKE = "UPDATE looks SET due = :until WHERE repo_id = :repo_id AND due = :due RETURNING repo_id"
DONE = "UPDATE looks SET looked = :looked, due = :due, tries = 0 WHERE repo_id = :repo_id"
LATER = "UPDATE looks SET due = :due, tries = :tries WHERE repo_id = :repo_id"
SEEN = "SELECT ref, oid FROM seen_refs WHERE repo_id = :repo_id"
SEE = """
    INSERT INTO seen_refs (repo_id, ref, oid) SELECT :repo_id, ref, oid FROM :rows(refs; ref text, oid text) listed
    WHERE true ON CONFLICT (repo_id, ref) DO UPDATE SET oid = excluded.oid
"""
UNSEE = """
    DELETE FROM seen_refs WHERE repo_id = :repo_id AND ref IN (SELECT ref FROM :rows(refs; ref text) gone)
"""
#: Whether a commit was built, as a push of a ref; and whether a tag was built at all, since a time. (With `event || ''`
#: the database reads the index of refs: a tag has few builds.)
BUILT = """
    SELECT id FROM builds WHERE repo_id = :repo_id AND after_sha = :after AND ref = :ref AND event IN ('push', 'tag')
    LIMIT 1
"""
BUILT_SINCE = """
    SELECT id FROM builds WHERE repo_id = :repo_id AND ref = :ref AND event || '' = 'tag' AND created >= :since
        AND NOT found_late
    LIMIT 1
"""

#: Repositories of one page.
PAGE = 500
_MAPPER = Mapper(Look, schema.looks)


def add(looks: Iterable[Look]) -> Tx[None]:
    """Compare more repositories from now on; one that is compared already is left out."""
    yield from run(ADD, added=_dump(list(asdict(look).values()) for look in looks))


def drop(repo_id: int) -> Tx[None]:
    """Compare a repository no more, and forget its refs."""
    yield from run(DROP, repo_id=repo_id)
    yield from run(FORGET, repo_id=repo_id)


def unknown(after: int) -> Tx[list[Repo]]:
    """The next enabled repositories, by id, that nobody compares."""
    return [repos.made(row) for row in (yield from many(UNKNOWN, id=after, limit=PAGE))]


def hasten(now: int, before: int, server: str | None = None) -> Tx[None]:
    """Let the repositories, all or those of a server, be compared now that were not compared since a time."""
    if server is None:
        yield from run(HASTEN, now=now, before=before)
    else:
        yield from run(HASTEN_AT, now=now, before=before, server=server)


def put_off(server: str, until: int) -> Tx[None]:
    """Compare no repository of a server before a time."""
    yield from run(PUT_OFF, server=server, until=until)


def due_servers(now: int) -> Tx[list[str]]:
    """The servers whose repositories are to be compared now."""
    return [row["server"] for row in (yield from many(SERVERS, now=now))]


def soonest() -> Tx[int | None]:
    """When the next repository is to be compared; None without any."""
    row = yield from one(SOONEST)
    return row["due"] if row else None


def take(server: str, now: int, until: int, limit: int) -> Tx[list[Look]]:
    """Take looks that are due: nobody else does so before `until`."""
    rows = yield from many(DUE, server=server, now=now, limit=limit)
    taken = list[Look]()
    for look in map(_MAPPER.make, rows):
        if (yield from one(TAKE, repo_id=look.repo_id, due=look.due, until=until)) is not None:
            taken.append(look)
    return taken


def later(repo_id: int, due: int, tries: int) -> Tx[None]:
    """Make a look that was not made at another time."""
    yield from run(LATER, repo_id=repo_id, due=due, tries=tries)


def seen(repo_id: int) -> Tx[dict[str, str]]:
    """The ids of refs of which nothing is left to be built."""
    return {row["ref"]: row["oid"] for row in (yield from many(SEEN, repo_id=repo_id))}


def see(repo_id: int, known: Mapping[str, str], gone: Collection[str] = ()) -> Tx[None]:
    """Remember refs of whose ids nothing is left to be built, and forget refs that are gone."""
    if known:
        yield from run(SEE, repo_id=repo_id, refs=_dump(known.items()))
    if gone:
        yield from run(UNSEE, repo_id=repo_id, refs=_dump([ref] for ref in gone))


def end(repo_id: int, looked: int, due: int, known: Mapping[str, str], gone: Collection[str]) -> Tx[None]:
    """A look has been made."""
    yield from see(repo_id, known, gone)
    yield from run(DONE, repo_id=repo_id, looked=looked, due=due)


def is_built(repo_id: int, ref: str, after: str, since: int) -> Tx[bool]:
    """Whether a ref was built at an id, or a delivery has told of that; of a tag also, of any id since a time."""
    if (yield from deliveries.is_told(repo_id, ref, after, since)):
        return True
    if (yield from one(BUILT, repo_id=repo_id, ref=ref, after=after)) is not None:
        return True
    if not ref.startswith(TAGS):
        return False
    return (yield from one(BUILT_SINCE, repo_id=repo_id, ref=ref, since=since)) is not None


def _dump(rows: Iterable[Iterable[object]]) -> str:
    return orjson.dumps([list(row) for row in rows]).decode()
