"""The chain of hashes: every sealed row holds the hash of the row before. Sealing it, and walking it to verify it."""

from dataclasses import dataclass
from typing import Literal

from app.audit.canonical import about, hash_of, sealed
from app.audit.model import Entry, Head
from app.audit.store import MAPPER
from app.db.connect import Database
from app.db.tx import Tx, many, one, run

#: Rows a transaction, when sealing and when verifying: others wait no longer than that takes.
BATCH, PAGE = 100, 200

ANY_UNSEALED = "SELECT id FROM audit WHERE seq = 0 ORDER BY id LIMIT 1"
UNSEALED = "SELECT * FROM audit WHERE seq = 0 ORDER BY id LIMIT :limit"
COUNT_UNSEALED = "SELECT count(*) AS total FROM audit WHERE seq = 0"
HEAD = "SELECT seq, hash FROM audit_head WHERE id = 1"
#: Changes nothing and holds the row until the transaction ends: of several servers one seals, and who comes next
#: sees where the chain ends.
HOLD = "UPDATE audit_head SET seq = seq WHERE id = 1 RETURNING seq, hash"
MOVE = "UPDATE audit_head SET seq = :seq, hash = :hash WHERE id = 1"
SEAL = "UPDATE audit SET seq = :seq, previous = :previous, hash = :hash WHERE id = :id"
CHAIN = "SELECT * FROM audit WHERE seq <> 0 AND seq > :after ORDER BY seq LIMIT :limit"

#: Before the first row, whatever its number says.
_START = -(2**63)
#: What is wrong with a row.
Fault = Literal["changed", "missing", "inserted", "reordered", "cut"]


class NoHead(Exception):
    """The row of the chain's end is gone; sealing stops until somebody has looked into that."""


def unsealed() -> Tx[bool]:
    """Whether any row waits to be sealed."""
    return (yield from one(ANY_UNSEALED)) is not None


def seal(limit: int = BATCH) -> Tx[int]:
    """Put the oldest unsealed rows at the end of the chain; how many. NoHead.

    The order of the chain is that of sealing: a row whose id is lower and that was committed later comes later.
    """
    row = yield from one(HOLD)
    if row is None:
        raise NoHead("the end of the audit chain is missing: run gantry audit verify")
    first = head = Head(*row)
    for waiting in (yield from many(UNSEALED, limit=limit)):
        entry = sealed(MAPPER.make(waiting), head)
        yield from run(SEAL, id=entry.id, seq=entry.seq, previous=entry.previous, hash=entry.hash)
        head = Head(entry.seq, entry.hash)
    if head != first:
        yield from run(MOVE, seq=head.seq, hash=head.hash)
    return head.seq - first.seq


def chain(after: int, limit: int) -> Tx[list[Entry]]:
    """The sealed rows after a place in the chain, in its order."""
    return [MAPPER.make(row) for row in (yield from many(CHAIN, after=after, limit=limit))]


@dataclass(frozen=True, slots=True)
class Broken:
    """The first row that does not hold: its place in the chain, its id (0 when it is not there), and why."""

    seq: int
    id: int
    fault: Fault
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many rows of the chain hold, where that ends, how many rows wait to be sealed, and what is broken if any."""

    holds: int
    head: Head
    unsealed: int
    broken: Broken | None


async def verify(db: Database) -> Verdict:
    """Walk the whole chain, a page at a time, up to its first broken row."""
    walk, after = Head(), _START
    while True:
        page, ends, waiting = await db.read(_page(after))
        for entry in page:
            if (broken := _fault(entry, walk, ends)) is not None:
                return Verdict(walk.seq, walk, waiting, broken)
            walk = Head(entry.seq, entry.hash)
        if len(page) < PAGE:
            return Verdict(walk.seq, walk, waiting, _fault_at_end(walk, ends))
        after = walk.seq


@dataclass(frozen=True, slots=True)
class _Ends:
    """The remembered end of the chain before a page was read, and after it: rows are sealed meanwhile."""

    before: Head
    after: Head


def _page(after: int) -> Tx[tuple[list[Entry], _Ends, int]]:
    """Rows, the chain's end, and how many rows wait."""
    before = yield from _head()
    page = yield from chain(after, PAGE)
    ends = _Ends(before, (yield from _head()))
    waiting = yield from one(COUNT_UNSEALED)
    return page, ends, int(waiting["total"]) if waiting else 0


def _head() -> Tx[Head]:
    """The remembered end; that of an empty chain when somebody has deleted it."""
    row = yield from one(HEAD)
    return Head(*row) if row else Head()


def _fault(entry: Entry, last: Head, ends: _Ends) -> Broken | None:
    """What is wrong with the row that follows another. Pure."""
    if entry.seq > ends.after.seq or entry.seq <= last.seq:
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


def _fault_at_end(last: Head, ends: _Ends) -> Broken | None:
    """Whether the last row is the one that was remembered as the last. Pure."""
    if last.seq < ends.before.seq:
        words = f"row {last.seq + 1} is missing, and all after it: the chain went on up to row {ends.before.seq}"
        return Broken(last.seq + 1, 0, "cut", words)
    if any(last.seq == end.seq and last.hash != end.hash for end in (ends.before, ends.after)):
        return Broken(last.seq, 0, "reordered", f"row {last.seq} is not the one that was remembered as the last")
    return None
