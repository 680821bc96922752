"""Prints the logs of several steps to one output, and a status line."""

import shutil
import sys
import time
from collections.abc import Callable

import anyio
import click

from app.cli.terminal.output import printable, raw


class Screen:
    """Writes whole lines; names the step in a header, or before each line of steps that print at the same time.

    Logs go to standard output (with `to_err`, to standard error), as `output.raw` prints. Notes go to standard error.
    On a terminal the status is one line there that is overwritten; elsewhere plain lines tell the progress.
    """

    def __init__(self, *, headers: bool = True, to_err: bool = False, terminal: bool | None = None) -> None:
        self.terminal = sys.stderr.isatty() if terminal is None else terminal
        self._headers = headers
        self._to_err = to_err
        self._rests: dict[str, str] = {}
        self._mixed: set[str] = set()
        self._header = ""
        self._status: Callable[[float], str] | None = None
        self._said: set[str] = set()

    def open(self, label: str) -> None:
        """Begin a step's output; if several steps are open, each of their lines starts with its step's name."""
        self._rests[label] = ""
        if len(self._rests) > 1:
            self._mixed.update(self._rests)

    def write(self, label: str, text: str) -> None:
        """Print a step's text up to its last line end; the rest waits for a line end or for `close`."""
        whole, newline, rest = (self._rests[label] + text).rpartition("\n")
        self._rests[label] = rest
        if newline:
            self._print(label, whole + newline)

    def close(self, label: str) -> None:
        """End a step's output."""
        if rest := self._rests.get(label):
            self._print(label, rest + "\n")
        self._rests.pop(label, None)

    def note(self, text: str) -> None:
        """Print a text on standard error; a repeated text is printed once."""
        if text not in self._said:
            self._said.add(text)
            self._around(lambda: click.echo(printable(text), err=True))

    def progress(self, text: str) -> None:
        """Print a note, but not on a terminal, where the status line shows the same."""
        if not self.terminal:
            self.note(text)

    def status(self, text: Callable[[float], str] | None) -> None:
        """Set the function that makes the status line's text for a time (Unix seconds); None removes the line."""
        self._clear()
        self._status = text
        self._draw()

    async def tick(self) -> None:
        """Redraw the status line every second, until cancelled."""
        while self.terminal:
            self._draw()
            await anyio.sleep(1)

    def _print(self, label: str, text: str) -> None:
        if self._headers and label in self._mixed:
            text = "".join(f"[{label}] {line}\n" for line in text.split("\n")[:-1])
            self._header = ""
        elif self._headers and self._header != label:
            text = f"[{label}]\n{text}"
            self._header = label
        self._around(lambda: raw(text, err=self._to_err))

    def _around(self, act: Callable[[], None]) -> None:
        self._clear()
        act()
        self._draw()

    def _clear(self) -> None:
        if self.terminal and self._status:
            click.echo("\r\x1b[K", nl=False, err=True, color=True)

    def _draw(self) -> None:
        if self.terminal and self._status:
            width = shutil.get_terminal_size().columns - 1
            click.echo("\r\x1b[K" + printable(self._status(time.time()))[:width], nl=False, err=True, color=True)
