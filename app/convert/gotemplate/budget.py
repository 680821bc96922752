"""What one rendering may cost: steps, and characters written or made on the way."""

from collections.abc import Iterable

from app.convert.fault import Fault

MAX_STEPS = 50_000
MAX_TEXT = 1_000_000
#: Characters that cost as much as a step when a function looks at them.
_PER_STEP = 100


class Budget:
    """Counts down; `line` is where the template is."""

    def __init__(self) -> None:
        self.line = 1
        self._steps = MAX_STEPS
        self._text = MAX_TEXT

    def step(self, steps: int = 1) -> None:
        """Take steps, or raise Fault."""
        self._steps -= steps
        if self._steps < 0:
            raise Fault(f"the template takes more than {MAX_STEPS} steps", self.line)

    def look(self, text: str) -> None:
        """Read a text: the longer, the more steps."""
        self.step(len(text) // _PER_STEP)

    def join(self, pieces: Iterable[str]) -> str:
        """Make one text of the pieces."""
        made = []
        for piece in pieces:
            self.step()
            self._text -= len(piece)
            if self._text < 0:
                raise Fault(f"the template makes more than {MAX_TEXT} characters", self.line)
            made.append(piece)
        return "".join(made)
