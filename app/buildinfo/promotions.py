"""The SQL of promotions that were carried out. A promotion is kept when its run is deleted: a record lasts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.buildinfo.selection import Message
from app.db import holdings, schema
from app.db.mapper import Codec, Mapper
from app.db.tx import Tx, many, one, run
from app.db.window import Part, Window

#: How many messages a row holds.
PART = 1000
ADD = schema.insert_sql(holdings.build_promotions)
ADD_MESSAGES = """
    INSERT INTO build_promotion_messages (promotion_id, part, messages)
    SELECT :promotion_id, entry.part, entry.messages FROM :rows(entries; part bigint, messages text) AS entry
"""
_OF_NUMBER = "SELECT * FROM build_promotions WHERE repo_id = :repo_id AND name = :name AND number = :number"
OLDER = f"{_OF_NUMBER} AND id < :id ORDER BY id DESC LIMIT :limit OFFSET :offset"
NEWER = f"{_OF_NUMBER} AND id > :id ORDER BY id LIMIT :limit"
FIND = "SELECT * FROM build_promotions WHERE id = :id AND repo_id = :repo_id AND name = :name AND number = :number"
MESSAGES = """
    SELECT messages FROM build_promotion_messages WHERE promotion_id = :promotion_id AND part = :part
"""

_LAST = 2**63 - 1
_OBJECT: Codec = (lambda value: orjson.dumps(value).decode(), orjson.loads)


@dataclass(frozen=True)
class Promotion:
    """One promotion of a run. Times are Unix milliseconds."""

    id: int
    #: The repository of build-info.
    repo_id: int
    name: str
    number: str
    #: When the run began that was promoted.
    started: int
    at: int
    by_id: int
    by_name: str
    ci_user: str = ""
    status: str = ""
    comment: str = ""
    #: Keys of repositories as they were asked for; empty for none.
    source: str = ""
    target: str = ""
    copy: bool = False
    #: `success`, or `failed` when any file was refused or not found.
    result: str = "success"
    #: How many files were promoted, and how many failed.
    files: int = 0
    failures: int = 0
    #: The rest of what was asked.
    request: Mapping[str, Any] = field(default_factory=dict)


MAPPER = Mapper(Promotion, holdings.build_promotions, codecs={"request": _OBJECT})


def add(promotion: Promotion, messages: Sequence[Message]) -> Tx[int]:
    """Keep a promotion with all that it says; its id."""
    row = yield from one(ADD, **MAPPER.values(promotion))
    assert row is not None
    if messages:
        parts = [(at, orjson.dumps(part).decode()) for at, part in enumerate(_parts(messages))]
        yield from run(ADD_MESSAGES, promotion_id=row["id"], entries=orjson.dumps(parts).decode())
    return int(row["id"])


def _parts(messages: Sequence[Message]) -> Iterator[list[tuple[object, ...]]]:
    return ([tuple(message) for message in messages[at : at + PART]] for at in range(0, len(messages), PART))


def key(promotion: Promotion) -> str:
    """The place of a promotion in the list of its number."""
    return str(promotion.id)


def page(repo_id: int, name: str, number: str, window: Window) -> Tx[Part[Promotion]]:
    """A part of the promotions of a number, the newest first. The window's keys are made by `key`."""
    of = {"repo_id": repo_id, "name": name, "number": number, "limit": window.reach}
    if window.before:
        rows = yield from many(NEWER, **of, id=int(window.before))
    else:
        rows = yield from many(OLDER, **of, id=int(window.after or _LAST), offset=window.offset)
    return window.part([MAPPER.make(row) for row in rows])


def find(promotion_id: int, repo_id: int, name: str, number: str) -> Tx[Promotion | None]:
    """A promotion of a number."""
    row = yield from one(FIND, id=promotion_id, repo_id=repo_id, name=name, number=number)
    return MAPPER.make(row) if row is not None else None


def messages_of(promotion_id: int, part: int) -> Tx[list[Message]]:
    """A part of what a promotion says, from 0; empty behind the last part."""
    row = yield from one(MESSAGES, promotion_id=promotion_id, part=part)
    if row is None:
        return []
    return [Message(level, text, path, tuple(repos)) for level, text, path, repos in orjson.loads(row["messages"])]
