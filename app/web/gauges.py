"""Numbers of a room for monitoring, which `main` hands to the page of all metrics."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number: its name, what the number is, and whether it only grows while the server runs."""

    name: str
    means: str
    value: float
    grows: bool = False


#: Reads the numbers of a room.
Gauges: TypeAlias = Callable[[], Awaitable[Sequence[Gauge]]]
