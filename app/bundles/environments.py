"""The order of environments."""

from app.db.tx import Tx, many

SEQUENCE = "SELECT name FROM environment_order ORDER BY position"


def sequence() -> Tx[list[str]]:
    """The environments in the order in which versions go through them; those that it lacks have no place."""
    return [row["name"] for row in (yield from many(SEQUENCE))]
