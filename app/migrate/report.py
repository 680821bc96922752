"""What a move has brought over, what it has left out, and why."""

from collections.abc import Iterable
from dataclasses import dataclass, field

#: Names that a report shows for each reason.
SHOWN = 5


@dataclass(slots=True)
class Left:
    """Things that were left out for one reason."""

    reason: str
    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Part:
    """One kind of things: how many the source has, how many came over, and why others did not."""

    name: str
    found: int = 0
    moved: int = 0
    left: dict[str, Left] = field(default_factory=dict)

    def leave(self, reason: str, example: str = "", count: int = 1) -> None:
        """Note that something is left out."""
        left = self.left.setdefault(reason, Left(reason))
        left.count += count
        if example and len(left.examples) < SHOWN:
            left.examples.append(example)


@dataclass(slots=True)
class Report:
    """All parts, and what else an administrator should know."""

    source: str
    dry_run: bool
    parts: list[Part] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: Whether everything was read back, and was as it was written.
    verified: bool = False
    #: Whether an earlier, interrupted move was continued.
    resumed: bool = False
    seconds: float = 0.0

    def part(self, name: str, found: int) -> Part:
        """A new part."""
        self.parts.append(part := Part(name, found))
        return part

    def note(self, words: Iterable[str]) -> None:
        """Add sentences."""
        self.notes += words
