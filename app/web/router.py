"""Finds the row of a request, by the parts of its path and its method, in a tree of parts."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote

from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.errors import AppError
from app.web import errors, packing
from app.web.errors import ErrorPage
from app.web.path import Word
from app.web.route import Endpoint, enter


class _Node:
    """The parts and rows that may follow the parts of a path that were read so far."""

    __slots__ = ("ends", "parts", "rests", "word")

    def __init__(self) -> None:
        self.parts: dict[str, _Node] = {}
        self.word: _Node | None = None
        #: Rows that end here, by method.
        self.ends: dict[str, Endpoint] = {}
        #: Rows whose last word is the rest of the path, by method.
        self.rests: dict[str, Endpoint] = {}


def split_decoded(scope: Scope) -> Sequence[str]:
    """The parts of a request's path, decoded; an encoded slash belongs to its part, as in a nested group's name."""
    path, raw = scope["path"], scope.get("raw_path", b"")
    if b"%2f" in raw.lower():
        return [unquote(part) for part in raw.decode("latin-1").split("/")]
    parts: list[str] = path.split("/")
    return parts


def split_raw(scope: Scope) -> Sequence[str]:
    """The parts of a request's path as they came, not decoded; several slashes together count as one."""
    raw: str = scope["raw_path"].decode("latin-1")
    first, *middle, last = raw.split("/") if "/" in raw else ("", raw, "")
    return [first, *(part for part in middle if part), last]


class Router:
    """Answers requests by these rows; `answer_to` makes the answer of every error, `split` parts a request's path.

    With `page`, clients that prefer pages get errors as pages. With `strict`, a path with a text where a number belongs
    is an unknown one; else the row answers, and says what is wrong.

    Of several matching rows, a fixed part wins over a word, and a word over the rest of the path. HEAD is answered
    like GET. No other layer lies between the router and a handler, as thousands of requests may wait here.
    """

    def __init__(
        self,
        rows: Sequence[Endpoint],
        answer_to: Callable[[Exception], Response] = errors.answer_to,
        split: Callable[[Scope], Sequence[str]] = split_decoded,
        page: ErrorPage | None = None,
        *,
        strict: bool = False,
    ) -> None:
        self._root = _Node()
        self._strict = strict
        self._answer_to = answer_to
        self._split = split
        self._page = page
        for row in rows:
            self._add(row)

    def _add(self, row: Endpoint) -> None:
        node, ends = self._root, self._root.ends
        for part in row.path.parts:
            if isinstance(part, Word) and part.rest:
                ends = node.rests
                break
            if isinstance(part, Word):
                node.word = node.word or _Node()
                node = node.word
            else:
                node = node.parts.setdefault(part, _Node())
            ends = node.ends
        for method in ("GET", "HEAD") if row.method == "GET" else (row.method,):
            if method in ends:
                raise ValueError(f"two rows for {method} {row.path}")
            ends[method] = row

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; a bug is answered, too, and then raised again, so that the caller logs it."""
        request = Request[Any](scope, receive, send)
        row = None
        try:
            row = self._enter(request)
            answer = await row.handler(request, *await row.arguments(request))
        except errors.EXPECTED as error:
            answer = await errors.as_page(request, self._answer_to(error), self._page)
            answer.background = _told_of_refusal(request, error)
        except Exception as bug:  # the client gets an answer; the middleware logs the bug
            await (await errors.as_page(request, self._answer_to(bug), self._page))(scope, receive, send)
            raise
        if packing.may_shrink(answer) and not (row and row.secret):
            await packing.pack(answer, scope["headers"])
        await answer(scope, receive, send)

    def allowed(self, scope: Scope) -> set[str]:
        """The methods of the rows of a request's path."""
        split = self._split(scope)
        return set(_methods(self._root, split, 1)) if not split[0] else set()

    def _enter(self, request: Request[Any]) -> Endpoint:
        split = self._split(request.scope)
        row = _find(self._root, split, 1, request.method) if not split[0] else None
        if row is None:
            raise _no_row(self._root, split)
        if self._strict and not row.path.has_numbers(split):
            raise HTTPException(404)
        enter(request, row, split)
        return row


def _told_of_refusal(request: Request[Any], error: Exception) -> BackgroundTask | None:
    """The task that reports a refusal after the answer, to the state's `refused`; None without a known account."""
    if not isinstance(error, AppError) or error.refused is None:
        return None
    tell = request.scope.get("state", {}).get("refused")
    return BackgroundTask(tell, request, error) if tell else None


def _find(node: _Node, split: Sequence[str], at: int, method: str) -> Endpoint | None:
    """The row of a path whose parts from `at` on follow this node."""
    if at == len(split):
        return node.ends.get(method)
    part = split[at]
    if (child := node.parts.get(part)) and (row := _find(child, split, at + 1, method)):
        return row
    if part and node.word and (row := _find(node.word, split, at + 1, method)):
        return row
    if not part and at + 1 == len(split) and (row := node.ends.get(method)):
        return row
    return node.rests.get(method)


def _no_row(root: _Node, split: Sequence[str]) -> HTTPException:
    """405 when the path has rows with other methods, else 404."""
    if allowed := set(_methods(root, split, 1)) if not split[0] else None:
        return HTTPException(405, headers={"Allow": ", ".join(sorted(allowed))})
    return HTTPException(404)


def _methods(node: _Node, split: Sequence[str], at: int) -> Iterator[str]:
    """The methods of all rows of a path, found in the same way as in `_find`."""
    if at == len(split):
        yield from node.ends
        return
    if child := node.parts.get(split[at]):
        yield from _methods(child, split, at + 1)
    if split[at] and node.word:
        yield from _methods(node.word, split, at + 1)
    if not split[at] and at + 1 == len(split):
        yield from node.ends
    yield from node.rests
