"""Removes folders that have become empty."""

from collections.abc import Iterable

import orjson

from app.artifacts.model import TOP, depth, parted
from app.db.tx import Tx, run

PRUNE = """
    DELETE FROM items WHERE id IN (
        SELECT items.id FROM :rows(folders; whole text, path text, name text) AS old CROSS JOIN items
        WHERE items.repo_id = :repo_id AND items.path = old.path AND items.name = old.name
            AND items.folder AND NOT EXISTS (
            SELECT 1 FROM items AS inside WHERE inside.repo_id = :repo_id AND inside.path = old.whole
        )
    )
"""


def prune(repo_id: int, folders: Iterable[str]) -> Tx[None]:
    """Remove these folders, and the folders around them, as far as nothing is in them.

    The caller holds the repository.
    """
    wanted = set[str]()
    for folder in folders:
        while folder not in (TOP, "") and folder not in wanted:
            wanted.add(folder)
            folder = parted(folder)[0]
    for level in sorted({depth(folder) for folder in wanted}, reverse=True):
        entries = [(folder, *parted(folder)) for folder in wanted if depth(folder) == level]
        yield from run(PRUNE, repo_id=repo_id, folders=orjson.dumps(entries).decode())
