"""The SQL of polls: which repositories of plain git are looked at, when, and which refs they had."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from app.db.tx import Row, Tx, many, one, run

#: A new interval counts from now on.
SET = """
    INSERT INTO polls (repo_id, due, owner, lease, seen, tries, error, number, digest, refs)
    VALUES (:repo_id, :now, '', 0, 0, 0, '', 0, '', '')
    ON CONFLICT (repo_id) DO UPDATE SET due = excluded.due
"""
STOP = "DELETE FROM polls WHERE repo_id = :repo_id"
#: The refs are left out: there may be many. A due time beyond `latest` was set while the clock was ahead.
TAKE = """
    WITH picked AS MATERIALIZED (
        SELECT id FROM polls WHERE (due <= :now OR due > :latest) AND (lease <= :now OR lease > :latest)
        ORDER BY due, id LIMIT :limit :skipping
    )
    UPDATE polls SET owner = :owner, lease = :until WHERE id IN (SELECT id FROM picked)
    RETURNING repo_id, owner, lease, seen, tries, error, number, digest, due
"""
FIND = "SELECT repo_id, owner, lease, seen, tries, error, number, digest, due FROM polls WHERE repo_id = :repo_id"
REFS = "SELECT refs FROM polls WHERE repo_id = :repo_id AND owner = :owner AND lease = :lease"
_HELD = "WHERE repo_id = :repo_id AND owner = :owner AND lease = :lease RETURNING id"
SEEN = f"UPDATE polls SET owner = '', lease = 0, due = :due, seen = :seen, tries = 0, error = '' {_HELD}"  # noqa: S608 - a constant
LEARN = f"UPDATE polls SET number = :number, digest = :digest, refs = :refs {_HELD}"  # noqa: S608 - a constant
FAILED = f"UPDATE polls SET owner = '', lease = 0, due = :due, tries = :tries, error = :error {_HELD}"  # noqa: S608 - a constant
FORGET = f"""
    UPDATE polls SET owner = '', lease = 0, due = :due, seen = 0, tries = 0, error = '', number = 0, digest = '',
        refs = '' {_HELD}
"""  # noqa: S608 - a constant
RELEASE = "UPDATE polls SET owner = '', lease = 0 WHERE owner = :owner"
RELEASE_ALL = "UPDATE polls SET owner = '', lease = 0 WHERE owner <> ''"


@dataclass(frozen=True, slots=True)
class Poll:
    """What is known of a repository that is polled, but for its refs. Times are Unix seconds."""

    repo_id: int
    #: The server that lists the refs now, and until when others leave it alone.
    owner: str
    lease: int
    #: When the refs were listed last; 0 for never.
    seen: int
    #: Attempts that have failed since then, and why the last one has.
    tries: int
    error: str
    #: How many refs there were, and what tells them from others; empty before they were listed.
    number: int
    digest: str
    due: int


def set_interval(repo_id: int, seconds: int, now: int) -> Tx[None]:
    """Begin to poll a repository, poll it more or less often, or end that (0); then its refs are forgotten."""
    if seconds:
        yield from run(SET, repo_id=repo_id, now=now)
    else:
        yield from run(STOP, repo_id=repo_id)


def take(owner: str, now: int, until: int, latest: int, limit: int) -> Tx[list[Poll]]:
    """Give repositories that are due to a server until a time: those that have waited longest."""
    rows = yield from many(TAKE, owner=owner, now=now, until=until, latest=latest, limit=limit)
    return [_poll(row) for row in rows]


def find(repo_id: int) -> Tx[Poll | None]:
    """The poll of a repository; None where there is none."""
    row = yield from one(FIND, repo_id=repo_id)
    return _poll(row) if row is not None else None


def refs(poll: Poll) -> Tx[Mapping[str, str]]:
    """The refs of a repository that was taken, as they were listed last; none when another server has taken it."""
    row = yield from one(REFS, **_held(poll))
    return orjson.loads(row["refs"] or "{}") if row is not None else {}


def learn(poll: Poll, found: Mapping[str, str], digest: str) -> Tx[bool]:
    """Keep the refs of a repository that was taken; false when another server has taken it meanwhile."""
    text = orjson.dumps(dict(found)).decode()
    row = yield from one(LEARN, **_held(poll), number=len(found), digest=digest, refs=text)
    return row is not None


def seen(poll: Poll, at: int, due: int) -> Tx[None]:
    """The refs of a repository that was taken were listed."""
    yield from run(SEEN, **_held(poll), seen=at, due=due)


def failed(poll: Poll, error: str, due: int) -> Tx[None]:
    """The refs of a repository that was taken could not be listed."""
    yield from run(FAILED, **_held(poll), tries=poll.tries + 1, error=error, due=due)


def forget(poll: Poll, due: int) -> Tx[None]:
    """Forget the refs of a repository that was taken: the next look only learns."""
    yield from run(FORGET, **_held(poll), due=due)


def release(owner: str) -> Tx[None]:
    """Leave what a server has taken to others."""
    yield from run(RELEASE, owner=owner)


def release_all() -> Tx[None]:
    """Leave everything that was taken to the server that asks: no other server is there."""
    yield from run(RELEASE_ALL)


def _held(poll: Poll) -> dict[str, Any]:
    return {"repo_id": poll.repo_id, "owner": poll.owner, "lease": poll.lease}


def _poll(row: Row) -> Poll:
    return Poll(*row)
