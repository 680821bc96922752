"""Shows how far something is, in one line of a terminal that is overwritten."""

import shutil
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from app.cli.terminal.output import line
from app.size import text

#: Seconds between two changes of the line.
PAUSE = 0.1
_BAR = 20


class Progress:
    """One transfer of `total` bytes; 0 when the number is not known. Shows nothing where there is no terminal.

    With another `words`, what is counted are other things, such as files: `words` says how a number of them is shown.
    """

    def __init__(self, name: str, total: int, *, done: int = 0, words: Callable[[int], str] = text) -> None:
        self._name, self._total, self._done = name, total, done
        self._text = words
        self._first = done
        self._began = self._shown = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal:
            _overwrite("")

    def add(self, count: int) -> None:
        """Some more bytes are there."""
        self.at(self._done + count, self._total)

    def at(self, done: int, total: int) -> None:
        """So many bytes are there, of so many."""
        self._done, self._total = done, total
        now = time.monotonic()
        if self._terminal and now - self._shown >= PAUSE:
            self._shown = now
            _overwrite(self.words(now))

    def words(self, now: float) -> str:
        """The line, at this time of the monotonic clock."""
        rate = (self._done - self._first) / max(now - self._began, 0.001)
        parts = [self._text(self._done), f"{self._text(int(rate))}/s"]
        if self._total:
            share = min(self._done / self._total, 1.0)
            full = int(share * _BAR)
            parts = [
                f"[{'#' * full}{'.' * (_BAR - full)}] {share:4.0%}",
                f"{parts[0]} of {self._text(self._total)}",
                parts[1],
            ]
        return "  ".join([line(self._name, 40), *parts])


class StatusLine:
    """Words that change, on standard error; where there is no terminal, each change is a line."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown = ""

    def show(self, words: str) -> None:
        """Show these words instead of those before."""
        if self._terminal:
            _overwrite(words)
        elif words != self._shown:
            sys.stderr.write(f"{words}\n")
        self._shown = words

    def clear(self) -> None:
        """Remove the line from a terminal."""
        if self._terminal and self._shown:
            _overwrite("")
        self._shown = ""


def _overwrite(words: str) -> None:
    width = shutil.get_terminal_size().columns - 1
    sys.stderr.write(f"\r\x1b[K{words[:width]}")
    sys.stderr.flush()
