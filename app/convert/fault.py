"""What is wrong with a file, said by those who do not know its name. Imports nothing: the worker starts with it."""

#: Characters; a file can make its own reasons.
MAX_REASON = 1000


class Fault(Exception):
    """What is wrong and where; `line` counts from 1, 0 = not known."""

    def __init__(self, reason: str, line: int = 0) -> None:
        self.reason = reason if len(reason) <= MAX_REASON else reason[:MAX_REASON] + "…"
        self.line = line
        super().__init__(self.reason)
