"""The text from which the hash of a row is computed, and the text of facts (docs/audit.md). Pure."""

import hashlib
from collections.abc import Callable
from typing import Any

import orjson
from typing_extensions import TypedDict

from app.audit.model import Entry, Head
from app.evolve import evolve
from app.moments import Facts


class ActorJSON(TypedDict):
    """Who did it; `id` is 0 for who has no account."""

    kind: str
    name: str
    id: int
    address: str
    way: str


class EntryJSON(TypedDict):
    """One row. `seq` is 0, `previous` and `hash` are empty until the row is sealed; see docs/audit.md for the hash."""

    id: int
    seq: int
    time: int
    verb: str
    actor: ActorJSON
    subject: str
    repo_id: int
    before: dict[str, Any]
    after: dict[str, Any]
    request_id: str
    previous: str
    hash: str


def facts_text(facts: Facts) -> str:
    """Facts as canonical JSON: sorted keys, no spaces. Sets become sorted lists, and tuples lists."""
    return orjson.dumps(dict(facts), default=_plain, option=orjson.OPT_SORT_KEYS).decode() if facts else "{}"


def _plain(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def entry_json(entry: Entry, facts: Callable[[str], Any] = orjson.loads) -> EntryJSON:
    """A row as clients read it; `facts` turns the text of the row's facts into the value to write."""
    return EntryJSON(
        id=entry.id,
        seq=entry.seq,
        time=entry.at,
        verb=entry.verb,
        actor=ActorJSON(
            kind=entry.actor_kind,
            name=entry.actor_name,
            id=entry.actor_id,
            address=entry.address,
            way=entry.way,
        ),
        subject=entry.subject,
        repo_id=entry.repo_id,
        before=facts(entry.before),
        after=facts(entry.after),
        request_id=entry.request_id,
        previous=entry.previous,
        hash=entry.hash,
    )


def hash_of(entry: Entry) -> str:
    """SHA-256, in hexadecimal, of the row as clients read it, without its hash, as canonical JSON in UTF-8."""
    body: dict[str, Any] = dict(entry_json(entry, orjson.Fragment))
    del body["hash"]
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def joined(entry: Entry, head: Head) -> Head:
    """The end of a chain after a row is sealed as the next row of it; `head` is the end before."""
    seq = head.seq + 1
    return Head(seq, hash_of(evolve(entry, seq=seq, previous=head.hash)))


def about(subject: str) -> str:
    """What a subject belongs to: `octocat/hello` of `octocat/hello#42`."""
    return subject.partition("#")[0]
