"""An error in a file, without the file's name. Imports nothing, so that the worker's process starts fast."""

#: Characters; longer reasons are cut, as a file can make the text of its own errors.
MAX_REASON = 1000


class Fault(Exception):
    """An error in a file and its line; `line` counts from 1, 0 = not known."""

    def __init__(self, reason: str, line: int = 0) -> None:
        self.reason = reason if len(reason) <= MAX_REASON else reason[:MAX_REASON] + "…"
        self.line = line
        super().__init__(self.reason)
