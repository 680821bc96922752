"""A row of the audit record, and the end of the chain."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One row: who did what to what, and its place in the chain once it is sealed."""

    id: int
    #: Unix seconds.
    at: int
    verb: str
    actor_kind: str
    actor_name: str
    actor_id: int
    address: str
    way: str
    request_id: str
    subject: str
    #: What the subject belongs to: the part of the subject before a `#`.
    about: str
    repo_id: int
    #: Facts, as canonical JSON.
    before: str
    after: str
    #: Place in the chain, from 1; 0 until the row is sealed.
    seq: int = 0
    #: The hash of the row before, and the row's own.
    previous: str = ""
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: the place and the hash of the last row; 0 and an empty text for an empty chain."""

    seq: int = 0
    hash: str = ""
