"""The chain of hashes: every sealed row holds the hash of the row before. This module seals rows, and verifies them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from app.audit.canonical import about, hash_of, joined
from app.audit.model import Entry, Head
from app.audit.store import MAPPER
from app.db.connect import Database
from app.db.tx import Tx, many, one, run

#: Rows in one transaction, when sealing and when verifying: few, so that other transactions do not wait long.
BATCH, PAGE = 500, 200
#: Rows that one statement seals.
TOGETHER = 100

ANY_UNSEALED = "SELECT id FROM audit WHERE seq = 0 ORDER BY id LIMIT 1"
UNSEALED = "SELECT * FROM audit WHERE seq = 0 ORDER BY id LIMIT :limit"
COUNT_UNSEALED = "SELECT count(*) AS total FROM audit WHERE seq = 0"
HEAD = "SELECT seq, hash FROM audit_head WHERE id = 1"
#: Changes nothing, and locks the row until the transaction ends: one server seals at a time, and the next server reads
#: the new end of the chain.
HOLD = "UPDATE audit_head SET seq = seq WHERE id = 1 RETURNING seq, hash"
MOVE = "UPDATE audit_head SET seq = :seq, hash = :hash WHERE id = 1"
CHAIN = "SELECT * FROM audit WHERE seq <> 0 AND seq > :after ORDER BY seq LIMIT :limit"

#: A place before every row, also before a forged row with a negative place.
_START = -(2**63)
#: What is wrong with a row.
Fault = Literal["changed", "missing", "inserted", "reordered", "cut"]


class NoHead(Exception):
    """The row that remembers the end of the chain is missing; sealing stops until an administrator has repaired it."""


def unsealed() -> Tx[bool]:
    """Whether any row waits to be sealed."""
    return (yield from one(ANY_UNSEALED)) is not None


def seal(limit: int = BATCH) -> Tx[int]:
    """Put the oldest unsealed rows at the end of the chain; return how many. NoHead.

    The chain has the order of sealing, not of ids: a row that was committed late comes late, even if its id is low.
    """
    row = yield from one(HOLD)
    if row is None:
        raise NoHead("the end of the audit chain is missing: run gantry audit verify")
    head = Head(*row)
    ids: list[int] = []
    heads = [head]
    for waiting in (yield from many(UNSEALED, limit=limit)):
        entry = MAPPER.make(waiting)
        head = joined(entry, head)
        ids.append(entry.id)
        heads.append(head)
    for start in range(0, len(ids), TOGETHER):
        part = slice(start, start + TOGETHER)
        yield from _write(ids[part], heads[start : start + TOGETHER + 1])
    if ids:
        yield from run(MOVE, seq=head.seq, hash=head.hash)
    return len(ids)


def _write(ids: Sequence[int], heads: Sequence[Head]) -> Tx[None]:
    """Write the places and hashes of rows; `heads` are the end of the chain before the first row and after each."""
    values: dict[str, Any] = {}
    for number, (entry_id, last, head) in enumerate(zip(ids, heads[:-1], heads[1:], strict=True)):
        values[f"id_{number}"], values[f"seq_{number}"] = entry_id, head.seq
        values[f"previous_{number}"], values[f"hash_{number}"] = last.hash, head.hash
    yield seal_sql(len(ids)), values


@cache
def seal_sql(rows: int) -> str:
    """The statement that writes the places and hashes of so many rows."""
    types = {"id": "BIGINT", "seq": "BIGINT", "previous": "TEXT", "hash": "TEXT"}
    values = ", ".join(
        "(" + ", ".join(f"CAST(:{name}_{number} AS {kind})" for name, kind in types.items()) + ")"
        for number in range(rows)
    )
    return f"""
        WITH sealed (id, seq, previous, hash) AS (VALUES {values})
        UPDATE audit SET seq = sealed.seq, previous = sealed.previous, hash = sealed.hash
        FROM sealed WHERE audit.id = sealed.id
    """  # noqa: S608 - names and numbers only


def chain(after: int, limit: int) -> Tx[list[Entry]]:
    """The sealed rows after a place in the chain, in the order of the chain."""
    return [MAPPER.make(row) for row in (yield from many(CHAIN, after=after, limit=limit))]


@dataclass(frozen=True, slots=True)
class Broken:
    """The first row that does not hold: its place in the chain, its id (0 when the row is missing), and the fault."""

    seq: int
    id: int
    fault: Fault
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many rows of the chain hold, the last of them, how many rows are unsealed, and the first row that is broken.

    `broken` is None when all rows hold.
    """

    holds: int
    head: Head
    unsealed: int
    broken: Broken | None


async def verify(db: Database) -> Verdict:
    """Walk the whole chain, a page at a time, up to its first broken row.

    Each page is one snapshot, for rows are sealed meanwhile.
    """
    walk, after = Head(), _START
    while True:
        page, end, waiting = await db.read_many(_page(after))
        for entry in page:
            if (broken := _fault(entry, walk, end)) is not None:
                return Verdict(walk.seq, walk, waiting, broken)
            walk = Head(entry.seq, entry.hash)
        if len(page) < PAGE:
            return Verdict(walk.seq, walk, waiting, _fault_at_end(walk, end))
        after = walk.seq


def _page(after: int) -> Tx[tuple[list[Entry], Head, int]]:
    """A page of rows, the remembered end of the chain, and how many rows are unsealed."""
    page = yield from chain(after, PAGE)
    end = yield from _head()
    waiting = yield from one(COUNT_UNSEALED)
    return page, end, int(waiting["total"]) if waiting else 0


def _head() -> Tx[Head]:
    """The remembered end of the chain; the end of an empty chain when the row of the end was deleted."""
    row = yield from one(HEAD)
    return Head(*row) if row else Head()


def _fault(entry: Entry, last: Head, end: Head) -> Broken | None:
    """What is wrong with a row that follows the row `last`, if anything. Pure."""
    if entry.seq > end.seq or entry.seq <= last.seq:
        return _broken(entry, "inserted", "was put in: the chain has no such place")
    if entry.seq > last.seq + 1:
        return Broken(last.seq + 1, 0, "missing", f"row {last.seq + 1} is missing")
    if hash_of(entry) != entry.hash or entry.about != about(entry.subject):
        return _broken(entry, "changed", "was changed: its hash is another")
    if entry.previous != last.hash:
        return _broken(entry, "reordered", "does not follow the row before it")
    return None


def _broken(entry: Entry, fault: Fault, words: str) -> Broken:
    return Broken(entry.seq, entry.id, fault, f"row {entry.seq} (id {entry.id}, {entry.verb} {entry.subject}) {words}")


def _fault_at_end(last: Head, end: Head) -> Broken | None:
    """What is wrong if the last row is not the row that was remembered as the last; else None. Pure."""
    if last.seq < end.seq:
        words = f"row {last.seq + 1} is missing, and all after it: the chain went on up to row {end.seq}"
        return Broken(last.seq + 1, 0, "cut", words)
    if last.hash != end.hash:
        return Broken(last.seq, 0, "reordered", f"row {last.seq} is not the one that was remembered as the last")
    return None
