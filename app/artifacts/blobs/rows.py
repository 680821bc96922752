"""The SQL of blobs: one row for each SHA-256."""

from collections.abc import Iterable

import orjson

from app.artifacts.blobs.store import Received
from app.artifacts.model import Blob
from app.db import holdings
from app.db.mapper import Mapper
from app.db.tx import Tx, many, one

#: Also locks the row until the transaction ends, so that what collects unused blobs leaves it.
ADD = """
    INSERT INTO blobs (sha256, sha1, md5, size, place, used) VALUES (:sha256, :sha1, :md5, :size, :place, :now)
    ON CONFLICT (sha256) DO UPDATE SET used = :now RETURNING *
"""
#: The same for any number of blobs; two transactions that add the same ones lock them in the same order.
ADD_ALL = """
    INSERT INTO blobs (sha256, sha1, md5, size, place, used)
    SELECT entry.sha256, entry.sha1, entry.md5, entry.size, entry.place, :now
    FROM :rows(entries; sha256 text, sha1 text, md5 text, size bigint, place text) AS entry
    WHERE TRUE ON CONFLICT (sha256) DO UPDATE SET used = :now RETURNING *
"""
USE = "UPDATE blobs SET used = :now WHERE id = :id RETURNING id"

MAPPER = Mapper(Blob, holdings.blobs)


def add(received: Received, now: int) -> Tx[Blob]:
    """The row of bytes that were received. When the same bytes have a row already, the row names another place, and
    the caller removes the received bytes."""
    sums = received.sums
    row = yield from one(
        ADD, sha256=sums.sha256, sha1=sums.sha1, md5=sums.md5, size=received.size, place=received.place, now=now
    )
    assert row is not None
    return MAPPER.make(row)


def add_all(received: Iterable[Received], now: int) -> Tx[dict[str, Blob]]:
    """The rows of bytes that were received, by SHA-256. As with `add`, a row may name another place."""
    each = {one.sums.sha256: one for one in received}
    rows = [[of.sums.sha256, of.sums.sha1, of.sums.md5, of.size, of.place] for _, of in sorted(each.items())]
    found = yield from many(ADD_ALL, entries=orjson.dumps(rows).decode(), now=now)
    return {row["sha256"]: MAPPER.make(row) for row in found}


def use(blob_id: int, now: int) -> Tx[bool]:
    """Keep a blob until the transaction ends; whether it is still there."""
    return (yield from one(USE, id=blob_id, now=now)) is not None
