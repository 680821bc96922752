"""Searches: what a query finds of what the caller may read."""

from collections.abc import AsyncGenerator
from itertools import islice

from app.artifacts import repositories
from app.artifacts.rights import Rights
from app.artifacts.search.compile import Compiled, compiled
from app.artifacts.search.limits import ROWS, SECONDS
from app.artifacts.search.model import Query
from app.artifacts.search.refusals import wrong
from app.artifacts.search.results import BEGIN, Found, rendered
from app.artifacts.search.scope import Scope
from app.artifacts.visible import visible_to
from app.db.connect import Database
from app.db.tx import Tx, one
from app.errors import TooLong

#: How many items count as few, as long as no way leads to fewer.
FEW = (100, 400, 1600, 6400, 25_600)


async def search(db: Database, query: Query, rights: Rights) -> tuple[Found, bytes]:
    """What a query finds, and the JSON of the first items. Invalid names the limit that the search exceeds."""
    try:
        return await db.search(find(query, rights), SECONDS)
    except TooLong:
        words = f"takes longer than {SECONDS:g} seconds, the most of one query: begin paths with known letters"
        raise wrong("too_slow", f"{words}, name the repository, or ask for less") from None


async def text_of(db: Database, found: Found, first: bytes) -> AsyncGenerator[bytes, None]:
    """The text of an answer, piece by piece."""
    yield BEGIN + first
    for ids in islice(found.batches(), 1, None):
        if text := await db.read(rendered(found, ids)):
            yield b"," + text
    yield found.end()


def find(query: Query, rights: Rights) -> Tx[tuple[Found, bytes]]:
    """What a query finds of what these rights let see, and the JSON of the first items."""
    known = yield from repositories.read_all()
    found = Found(query, known, rights)
    sql = compiled(query, Scope(query.condition, known, visible_to(rights, known)))
    if sql is None:
        return found, b""
    row = yield from one((yield from _best(sql)), **sql.values)
    if row is None or not row["total"]:
        return found, b""
    if row["total"] > ROWS:
        words = f"finds more than {ROWS} items, the most of one query: use .limit and .offset, or narrower conditions"
        raise wrong("too_many_rows", words)
    found = Found(query, known, rights, row["ids"], row["total"])
    return found, (yield from rendered(found, next(found.batches())))


def _best(sql: Compiled) -> Tx[str]:
    """The SQL by the way that leads to the fewest items, nearly; when all lead to many, by the one expected to be best.

    To compare the ways costs no more than a few times what the search by the best way costs.
    """
    for few in FEW if sql.counts else ():
        for count, candidate in zip(sql.counts, sql.found, strict=True):
            row = yield from one(count, **sql.values, few=few)
            if row is not None and row["total"] < few:
                return candidate
    return sql.found[0]
