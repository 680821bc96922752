"""The limits of one rendering: steps, and characters of the texts that it makes."""

from collections.abc import Iterable

from app.convert.fault import Fault

MAX_STEPS = 50_000
MAX_TEXT = 1_000_000
#: Characters that cost one step when a function reads them.
_PER_STEP = 100


class Budget:
    """Counts down the steps and characters that are left; `line` is the line that is being rendered."""

    def __init__(self) -> None:
        self.line = 1
        self._steps = MAX_STEPS
        self._text = MAX_TEXT

    def step(self, steps: int = 1) -> None:
        """Take steps from the budget; Fault when none are left."""
        self._steps -= steps
        if self._steps < 0:
            raise Fault(f"the template takes more than {MAX_STEPS} steps", self.line)

    def look(self, text: str) -> None:
        """Take the steps that reading a text costs, by its length."""
        self.step(len(text) // _PER_STEP)

    def join(self, pieces: Iterable[str]) -> str:
        """One text of the pieces; Fault when it exceeds the budget."""
        made = []
        for piece in pieces:
            self.step()
            self._text -= len(piece)
            if self._text < 0:
                raise Fault(f"the template makes more than {MAX_TEXT} characters", self.line)
            made.append(piece)
        return "".join(made)
