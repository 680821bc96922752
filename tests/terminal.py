"""A terminal with a window of any size, and the command in it: what a user sees."""

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import pyte

from app.cli.terminal.output import unstyled
from tests.soon import soon_sync

#: A terminal goes to its alternate screen, and comes back.
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """Runs a command whose outputs are a terminal."""

    def __init__(
        self, args: Sequence[str], env: Mapping[str, str], *, columns: int = 80, lines: int = 24, term: str = "xterm"
    ) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        #: All that was written.
        self.written = b""
        self._ours, theirs = pty.openpty()
        self._set_size(columns, lines)
        clean = {name: value for name, value in env.items() if name not in ("COLUMNS", "LINES")}
        with os.fdopen(theirs, "wb", buffering=0) as terminal:
            command = [sys.executable, "-m", "app", *args]
            self.process = subprocess.Popen(command, env=clean | {"TERM": term}, stdout=terminal, stderr=terminal)
        self._reader = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        os.close(self._ours)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the command has ended
            while piece := os.read(self._ours, 65536):
                with self._lock:
                    self.written += piece
                    self._stream.feed(piece)

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns: int, lines: int) -> None:
        """Give the window another size; what it showed there is gone."""
        with self._lock:
            self._screen.resize(lines, columns)
            self._screen.reset()
            self._set_size(columns, lines)
        self.process.send_signal(signal.SIGWINCH)

    @property
    def lines(self) -> list[str]:
        """What the window shows, without empty lines at the end."""
        with self._lock:
            return [line.rstrip() for line in "\n".join(self._screen.display).rstrip().split("\n")]

    @property
    def stays(self) -> str:
        """What the command wrote outside of the alternate screen, without colours."""
        usual = b"".join(part.rpartition(LEAVE)[2] for part in self.written.split(ENTER))
        return unstyled(usual.decode().replace("\r\n", "\n"))

    def shows(self, *texts: str) -> list[str]:
        """Wait until the window shows all these texts; its lines."""
        return self.until(lambda lines: all(text in "\n".join(lines) for text in texts), f"it shows {texts}")

    def until(self, check: Callable[[list[str]], bool], what: str) -> list[str]:
        """Wait until the lines of the window are as they should be; those lines."""

        def found() -> list[str]:
            lines = self.lines
            return lines if check(lines) else []

        return soon_sync(found, what, about=lambda: "\n".join(self.lines))

    def end(self) -> int:
        """Wait for the end of the command, and until all is drawn; its exit code."""
        code = self.process.wait(60)
        self._reader.join()
        return code
