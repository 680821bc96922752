"""Routes of the outbox, for administrators of the server (Drone has no such routes)."""

from collections.abc import Callable
from functools import partial
from typing import cast, get_args

from starlette.requests import Request
from typing_extensions import TypedDict

from app.accounts.auth import SYSTEM, Caller
from app.accounts.auth import State as Shared
from app.db.connect import Database
from app.db.tx import Tx
from app.db.window import Part
from app.errors import Invalid, NotFound, Problem
from app.moments import Actor, Change, Recorders
from app.outbox import lists, store
from app.outbox.lists import Item
from app.outbox.model import Kind, State
from app.outbox.worker import Worker
from app.web import body, paging
from app.web.path import Path, Word
from app.web.reply import JSON, Empty
from app.web.route import PAGE, Endpoint, Param

ENTRY = Word("id", "Id of the entry.", 1)
#: Entries that one transaction lets begin anew.
ROWS = 1000


class RequestState(Shared):
    """What these routes need."""

    outbox: Worker


class EntryJSON(TypedDict):
    """A message that has not left: what about, where to, when it was written, and when it is tried next.

    `tries` attempts have failed, the last one because of `error`. Times are Unix seconds; `due` is 0 for a dead entry.
    """

    id: int
    kind: Kind
    repo: str
    host: str
    subject: str
    state: State
    created: int
    due: int
    tries: int
    error: str


class RetriedJSON(TypedDict):
    """How many entries are tried again."""

    retried: int


async def list_entries(request: Request[RequestState], _: Caller, part: Part[Item]) -> JSON[list[EntryJSON]]:
    """The messages to hosts that wait, or those that are not tried any more, oldest first."""
    links = paging.links(request, part, lambda item: item.key)
    return JSON([_entry_json(item) for item in part.items], headers=links)


def _page(request: Request[RequestState], _: Caller) -> Tx[Part[Item]]:
    state = body.query(request).get("state") or "waiting"
    if state not in get_args(State):
        words = f"state must be waiting or dead, not {state[:100]!r}"
        raise Invalid.of([Problem("state", "bad_state", words)])
    return lists.page(cast("State", state), paging.window(request, lists.KEYS))


def _entry_json(item: Item) -> EntryJSON:
    entry = item.entry
    return EntryJSON(
        id=entry.id,
        kind=entry.kind,
        repo=item.slug,
        host=entry.host,
        subject=f"{entry.subject} {entry.part}".rstrip(),
        state=entry.state,
        created=entry.created // 1000,
        due=entry.due // 1000 if entry.state == "waiting" else 0,
        tries=entry.tries,
        error=entry.error,
    )


async def retry(request: Request[RequestState], caller: Caller) -> Empty:
    """Try an entry again now, also a dead one, and with all delays anew if that fails."""
    await send_again(request.state, body.number(request, ENTRY.name, "id of an entry"), caller.by)
    return Empty()


async def send_again(state: RequestState, entry_id: int, by: Actor, *, repo: int | None = None) -> None:
    """Try an entry again now. NotFound, also for one that is not about the repository with the id `repo`, if given."""
    await state["db"].write(_retry(entry_id, by, state["now"]() * 1000, state["recorders"], repo))
    state["outbox"].reopen()


def _retry(entry_id: int, by: Actor, now: int, recorders: Recorders, only: int | None) -> Tx[None]:
    repo_id = yield from store.retry(entry_id, now)
    if only is not None and repo_id != only:
        raise NotFound(store.NO_ENTRY)
    yield from recorders.record(Change("outbox.retry", by, f"outbox#{entry_id}", repo_id))


async def retry_all(request: Request[RequestState], caller: Caller) -> JSON[RetriedJSON]:
    """Try all entries again now, dead ones and those that wait, and with all delays anew if that fails."""
    state = request.state
    retried = await _retry_all(state["db"], state["now"]() * 1000)
    if retried:
        await state["db"].write(state["recorders"].record(Change("outbox.retry", caller.by, "outbox")))
    state["outbox"].reopen()
    return JSON(RetriedJSON(retried=retried))


async def _retry_all(db: Database, now: int) -> int:
    """Piece by piece, so that no other transaction waits long; returns how many there were."""
    hosts = await db.read(store.hosts())
    pieces: list[Callable[[int, int], Tx[int]]] = [partial(store.retry_waiting, host) for host, _ in hosts]
    pieces.append(store.retry_dead)
    retried = 0
    for piece in pieces:
        while count := await db.write(piece(now, ROWS)):
            retried += count
            if count < ROWS:
                break
    return retried


_OUTBOX = Path.of("/api/outbox")
routes = [
    Endpoint(
        "GET",
        _OUTBOX,
        list_entries,
        operation="outbox.list_entries",
        needs=SYSTEM,
        reads=_page,
        query=[Param("state", "`waiting`, which is the default, or `dead`."), *PAGE],
        errors=[400],
    ),
    Endpoint("POST", _OUTBOX / "retry", retry_all, operation="outbox.retry_all", needs=SYSTEM),
    Endpoint("POST", _OUTBOX / ENTRY / "retry", retry, operation="outbox.retry", needs=SYSTEM),
]
