"""The limits of one rendering: steps, and characters of the texts that it makes; and its time."""

from collections.abc import Iterable

from app.convert.fault import Fault
from app.convert.gotemplate.times import Time

MAX_STEPS = 50_000
#: Characters that are printed, and that functions make.
MAX_TEXT = 8 * 1024 * 1024
#: Characters that cost one step when a function reads them.
_PER_STEP = 100


class Budget:
    """Counts down the steps and characters that are left; `line` is the line that is being rendered.

    `now` is the time of the whole rendering.
    """

    def __init__(self, now: Time) -> None:
        self.now = now
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

    def room(self, characters: int) -> None:
        """Fault if a text of so many characters would exceed the budget."""
        if characters > self._text:
            raise Fault(f"the template makes more than {MAX_TEXT} characters", self.line)

    def join(self, pieces: Iterable[str]) -> str:
        """One text of the pieces; Fault when it exceeds the budget."""
        made = []
        for piece in pieces:
            self.step()
            self.room(len(piece))
            self._text -= len(piece)
            made.append(piece)
        return "".join(made)
