"""First words of the server's own paths, which no namespace may equal: the page of a repository is at its slug.

The words follow from the rows of all routes, and are handed in.
"""

from collections.abc import Collection

from app.db.tx import Tx, many
from app.errors import Problem

NAMESPACES = "SELECT DISTINCT namespace FROM repos ORDER BY namespace"


def is_reserved(namespace: str, words: Collection[str]) -> bool:
    """Whether the first word of a namespace, of which groups may have several, is one of these."""
    return namespace.partition("/")[0] in words


def check(namespace: str, words: Collection[str]) -> Problem | None:
    """The fault of a namespace with a reserved word; None for a right one."""
    if not is_reserved(namespace, words):
        return None
    text = f"namespace cannot be {namespace}: addresses of this server begin with this word; choose another namespace"
    return Problem("namespace", "reserved_name", text)


def held(words: Collection[str]) -> Tx[list[str]]:
    """The namespaces of repositories that have a reserved word: they were made before the word was."""
    return [row["namespace"] for row in (yield from many(NAMESPACES)) if is_reserved(row["namespace"], words)]
