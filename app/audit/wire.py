"""The verdict on the chain, as clients read it."""

from typing import Literal

from typing_extensions import TypedDict

from app.audit.chain import Fault, Verdict


class HeadJSON(TypedDict):
    """The last row of the chain that holds: its place, 0 for none, and its hash."""

    seq: int
    hash: str


class BrokenJSON(TypedDict):
    """The first row that does not hold. `id` is 0 for a row that is missing."""

    seq: int
    id: int
    fault: Fault
    message: str


class VerdictJSON(TypedDict):
    """Whether the chain holds. `holds` rows do, from the first one on; `unsealed` rows are not in the chain yet."""

    status: Literal["whole", "broken"]
    holds: int
    unsealed: int
    head: HeadJSON
    broken: BrokenJSON | None


def verdict_json(verdict: Verdict) -> VerdictJSON:
    """A verdict, as clients read it."""
    broken = verdict.broken
    return VerdictJSON(
        status="broken" if broken else "whole",
        holds=verdict.holds,
        unsealed=verdict.unsealed,
        head=HeadJSON(seq=verdict.head.seq, hash=verdict.head.hash),
        broken=BrokenJSON(seq=broken.seq, id=broken.id, fault=broken.fault, message=broken.message) if broken else None,
    )
