"""The last state that was shown of each commit and label, so that GitLab is not asked to repeat a state."""

from collections import OrderedDict

#: Subjects that are remembered.
MOST = 5000


class Sent:
    """Of each subject, what was sent last; the oldest are forgotten, which costs a call and nothing else."""

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, ...], tuple[str, ...]] = OrderedDict()

    def holds(self, subject: tuple[str, ...], state: tuple[str, ...]) -> bool:
        """Whether this is what was sent last."""
        return self._last.get(subject) == state

    def note(self, subject: tuple[str, ...], state: tuple[str, ...]) -> None:
        """Remember what was sent."""
        self._last[subject] = state
        self._last.move_to_end(subject)
        if len(self._last) > MOST:
            self._last.popitem(last=False)
