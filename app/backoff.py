"""How long to wait before something is tried again."""

from collections.abc import Iterator


def pauses(first: float, longest: float) -> Iterator[float]:
    """Doubling, up to the longest, without end."""
    while True:
        yield first
        first = min(first * 2, longest)
