"""Which part of a list of release bundles a query asks for (contract release-bundle 4.4, 6.7)."""

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from starlette.requests import Request

from app.errors import Invalid, Problem
from app.web import body
from app.web.route import Param

OrderT = TypeVar("OrderT", bound=str)

#: The most entries of an answer, and those of an answer to a query that says no number.
MOST, USUAL = 10_000, 1000
PAGE = (
    Param("limit", f"How many entries; {USUAL} without it, at most {MOST}."),
    Param("offset", "How many entries are left out before them."),
)
ASCENDING = Param("order_asc", "`true` = the first in order comes first; else the last.")


class Part(NamedTuple, Generic[OrderT]):
    """A part of a list, its order, and what the entries must match."""

    limit: int
    offset: int
    order: OrderT
    ascending: bool
    filter: str


def part(request: Request[Any], orders: Sequence[OrderT], longest_filter: int) -> Part[OrderT]:
    """The part of a list that the query asks for; Invalid names everything that is wrong.

    Without an order, the first of `orders` counts. `longest_filter` is in characters.
    """
    said, problems = body.query(request), list[Problem]()
    limit = _number(said.get("limit", ""), "limit", USUAL, problems)
    offset = _number(said.get("offset", ""), "offset", 0, problems)
    wanted = said.get("order_by", "").strip() or orders[0]
    order = next((each for each in orders if each == wanted), None)
    if order is None:
        words = f"order_by: {wanted[:100]!r} is no order of this list; say {' or '.join(orders)}"
        problems.append(Problem("order_by", "bad_order", words))
    text = said.get("filter_by", "").strip()
    if len(text) > longest_filter:
        words = f"filter_by: has {len(text)} characters; at most {longest_filter} are read"
        problems.append(Problem("filter_by", "too_long", words))
    if problems or order is None:
        raise Invalid.of(problems)
    return Part(min(limit, MOST), offset, order, bool(body.flag(request, "order_asc")), text)


def _number(text: str, field: str, without: int, problems: list[Problem]) -> int:
    text = text.strip()
    if not text:
        return without
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return int(text)
    problems.append(Problem(field, "wrong_type", f"{field}: {text[:100]!r} is no number from 0"))
    return without
