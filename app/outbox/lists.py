"""Lists of the outbox, oldest first. Every page is read from an index, in its order."""

from typing import NamedTuple

from app.db.tx import Tx, many
from app.db.window import Part, Window
from app.outbox.model import Entry, State
from app.outbox.store import MAPPER

_ENTRIES = """
    SELECT outbox.*, coalesce(repos.namespace || '/' || repos.name, '') AS slug
    FROM outbox LEFT JOIN repos ON repos.id = outbox.repo_id
    WHERE outbox.state = :state
"""
FIRST = f"{_ENTRIES} ORDER BY outbox.created, outbox.id LIMIT :limit OFFSET :offset"
AFTER = f"""
    {_ENTRIES} AND (outbox.created, outbox.id) > (:created, :id) ORDER BY outbox.created, outbox.id LIMIT :limit
"""
BEFORE = f"""
    {_ENTRIES} AND (outbox.created, outbox.id) < (:created, :id)
    ORDER BY outbox.created DESC, outbox.id DESC LIMIT :limit
"""
#: What was tried in vain of the messages about a repository, the newest first: all of them are found by their index.
REFUSED = """
    SELECT * FROM outbox WHERE repo_id = :repo_id AND error <> '' ORDER BY created DESC, id DESC LIMIT :limit
"""
#: The form of the keys of a window.
KEYS = r"[0-9]{1,18}\.[0-9]{1,18}"


class Item(NamedTuple):
    """An entry, and the slug of its repository; empty for an entry that is about none."""

    entry: Entry
    slug: str

    @property
    def key(self) -> str:
        """The place in the list."""
        return f"{self.entry.created}.{self.entry.id}"


def page(state: State, window: Window) -> Tx[Part[Item]]:
    """A part of the entries of a state; the keys of the window are those of items."""
    if key := window.after or window.before:
        created, _, entry_id = key.partition(".")
        place = {"created": int(created), "id": int(entry_id)}
        rows = yield from many(AFTER if window.after else BEFORE, state=state, limit=window.reach, **place)
    else:
        rows = yield from many(FIRST, state=state, limit=window.reach, offset=window.offset)
    return window.part([Item(MAPPER.make(row), row["slug"]) for row in rows])


def refused(repo_id: int, limit: int) -> Tx[list[Entry]]:
    """The newest messages about a repository whose last attempt has failed, so many at most."""
    return [MAPPER.make(row) for row in (yield from many(REFUSED, repo_id=repo_id, limit=limit))]
