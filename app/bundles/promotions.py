"""The SQL of promotions of release bundles."""

from collections.abc import Sequence

import orjson

from app.bundles.model import MessageJSON, Promotion, Status
from app.bundles.store import MESSAGES, OBJECT
from app.db import releases, schema
from app.db.mapper import NAMES, Mapper
from app.db.tx import Tx, many, one, run

#: Nothing is returned when another promotion to the environment is not finished, or has the time.
ADD = schema.insert_sql(releases.bundle_promotions, "ON CONFLICT DO NOTHING RETURNING id")
BY_ID = "SELECT * FROM bundle_promotions WHERE id = :id"
FIND = "SELECT * FROM bundle_promotions WHERE bundle_id = :bundle_id AND created = :created"
#: The index of `created` holds the newest; promotions of one version are few.
COMPLETED = """
    SELECT * FROM bundle_promotions WHERE bundle_id = :bundle_id AND status = 'COMPLETED' ORDER BY created DESC
"""
OF = "SELECT * FROM bundle_promotions WHERE bundle_id = :bundle_id ORDER BY created"
OPEN = """
    SELECT * FROM bundle_promotions WHERE bundle_id = :bundle_id AND environment = :environment
        AND status IN ('PENDING', 'PROCESSING', 'STARTED', 'DELETING')
"""
LAST = "SELECT max(created) AS created FROM bundle_promotions WHERE bundle_id = :bundle_id"
BEGAN = "UPDATE bundle_promotions SET status = 'PROCESSING' WHERE id = :id AND status = 'PENDING'"
SET_STATUS = "UPDATE bundle_promotions SET status = :status, messages = :messages, files = :files WHERE id = :id"
REMOVE = "DELETE FROM bundle_promotions WHERE id = :id"

MAPPER = Mapper(
    Promotion,
    releases.bundle_promotions,
    codecs={
        "included": NAMES,
        "excluded": NAMES,
        "properties": OBJECT,
        "targets": NAMES,
        "messages": MESSAGES,
    },
)


def add(promotion: Promotion) -> Tx[Promotion | None]:
    """Keep a promotion; None when another one to the environment is not finished, or has the same time."""
    row = yield from one(ADD, **MAPPER.values(promotion))
    return (yield from by_id(row["id"])) if row is not None else None


def by_id(promotion_id: int) -> Tx[Promotion | None]:
    """The promotion of an id."""
    row = yield from one(BY_ID, id=promotion_id)
    return MAPPER.make(row) if row is not None else None


def find(bundle_id: int, created: int) -> Tx[Promotion | None]:
    """The promotion of a version that has a time."""
    row = yield from one(FIND, bundle_id=bundle_id, created=created)
    return MAPPER.make(row) if row is not None else None


def completed(bundle_id: int) -> Tx[list[Promotion]]:
    """The completed promotions of a version, the newest first: the first one says where the version is."""
    return [MAPPER.make(row) for row in (yield from many(COMPLETED, bundle_id=bundle_id))]


def of(bundle_id: int) -> Tx[list[Promotion]]:
    """All promotions of a version, the oldest first."""
    return [MAPPER.make(row) for row in (yield from many(OF, bundle_id=bundle_id))]


def unfinished(bundle_id: int, environment: str) -> Tx[Promotion | None]:
    """The promotion of a version to an environment that is not finished."""
    row = yield from one(OPEN, bundle_id=bundle_id, environment=environment)
    return MAPPER.make(row) if row is not None else None


def next_time(bundle_id: int, now_ms: int) -> Tx[int]:
    """A time for a new promotion, which names it within the version: now, or a little later."""
    row = yield from one(LAST, bundle_id=bundle_id)
    last = row["created"] if row is not None and row["created"] is not None else 0
    return max(now_ms, int(last) + 1)


def began(promotion_id: int) -> Tx[None]:
    """A worker has taken a promotion that waited."""
    yield from run(BEGAN, id=promotion_id)


def set_status(promotion_id: int, status: Status, messages: Sequence[MessageJSON] = (), files: int = 0) -> Tx[None]:
    """Give a promotion another state, and what is told of it."""
    yield from run(
        SET_STATUS, id=promotion_id, status=status, messages=orjson.dumps(list(messages)).decode(), files=files
    )


def remove(promotion_id: int) -> Tx[None]:
    """Remove a promotion with its claims."""
    yield from run(REMOVE, id=promotion_id)
