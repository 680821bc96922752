"""The columns of the board: the targets that most repositories of a page have. Pure."""

from collections import Counter
from collections.abc import Sequence

#: Targets that have a column; the others of a repository are grouped at the end of its row.
MOST = 6


def columns(rows: Sequence[Sequence[str]], most: int = MOST) -> Sequence[str]:
    """The targets that have columns, of the targets of each row: those of most rows, in the order of their appearance.

    Where there are too many, a target of a single row has no column, unless no target is in two rows. Of two targets
    that are in as many rows, the one that appears first has a column.
    """
    counts = Counter(name for row in rows for name in dict.fromkeys(row))
    if len(counts) > most:
        shared = Counter({name: count for name, count in counts.items() if count > 1})
        counts = shared or counts
    chosen = {name for name, _ in counts.most_common(most)}
    return [name for name in counts if name in chosen]
