"""Shows a build as a picture that is redrawn in place: the tree of its stages and steps, and what runs.

The picture stands on the terminal's alternate screen, which no terminal reflows when its window is resized. In the end
the whole tree is printed on the usual screen, so that it stays.
"""

import shutil
import signal
import sys
import time
from collections import defaultdict, deque
from types import TracebackType

import anyio
import click

from app.builds.model import DONE
from app.cli.remote.client import Json
from app.cli.terminal import output, tree, words
from app.cli.terminal.plain import Notes

#: Seconds from one drawing to the next: when nothing happens (durations grow), and at least.
PAUSE, LEAST = 1.0, 0.05
#: Lines of logs that are kept: more than a terminal shows.
_KEPT = 500
#: The alternate screen without cursor, and back.
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
#: A drawing from the top left, which terminals that can do so show at once; no line wraps. What was drawn before is
#: overwritten, not erased before: nothing flickers.
_BEGIN, _END = "\x1b[?2026h\x1b[?7l\x1b[H", "\x1b[J\x1b[?7h\x1b[?2026l"
_UNSTYLED, _LINE_END = "\x1b[0m", "\x1b[K"


class Live(Notes):
    """A picture on standard output, which must be a terminal."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        context = click.get_current_context(silent=True)
        self._colours = context is None or context.color is not False
        self._build: Json = {}
        self._lost = ""
        self._said: deque[tree.Said] = deque(maxlen=_KEPT)
        self._last: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=words.LAST))
        self._rests: dict[str, str] = {}
        self._drawn = False
        self._changed = anyio.Event()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn:
            self._drawn = False
            self._put(_LEAVE)
        if self._build:
            columns, _ = shutil.get_terminal_size()
            output.write("\n".join(tree.whole(self._build, time.time(), columns, self.slug)))

    def shows(self, step: Json) -> bool:
        return words.has_failed(step) or (step.get("status") == "running" and not words.is_clone(step))

    def state(self, build: Json) -> None:
        self._build = build
        self._changed.set()

    def open(self, label: str) -> None:
        self._rests[label] = ""

    def write(self, label: str, text: str) -> None:
        *whole, self._rests[label] = (self._rests[label] + text).split("\n")
        for one in whole:
            self._keep(label, one)

    def close(self, label: str, outcome: str) -> None:
        if rest := self._rests.pop(label):
            self._keep(label, rest)

    def _keep(self, label: str, text: str) -> None:
        for one in output.harmless(text).expandtabs().split("\n"):
            self._said.append(tree.Said(label, one))
            self._last[label].append(one)
        self._changed.set()

    def lost(self, why: str) -> None:
        if not self._build:
            super().lost(why)
        self._lost = f"Trying again: {why}"
        self._changed.set()

    def found(self) -> None:
        if not self._build:
            super().found()
        self._lost = ""
        self._changed.set()

    def end(self, build: Json) -> None:
        for stage in build.get("stages") or []:
            if error := stage.get("error"):
                output.write(f"\n{output.line(stage.get('name', ''))}: {output.printable(error)}")
        for stage, step in words.steps(build):
            if words.has_failed(step):
                last = self._last[words.label(stage, step)]
                output.write("\n" + words.report(build, self.slug, stage, step, last))
        output.write("\n" + words.ending(build))

    async def run(self) -> None:
        """Draw when something has changed, at least every second, until cancelled.

        A resized window is a change. An end by a signal leaves the terminal as it was.
        """
        with anyio.open_signal_receiver(signal.SIGWINCH, signal.SIGTERM) as signals:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._draw_changes)
                async for number in signals:
                    if number != signal.SIGWINCH:
                        raise SystemExit(128 + number)
                    self._changed.set()

    async def _draw_changes(self) -> None:
        while True:
            with anyio.move_on_after(PAUSE):
                await self._changed.wait()
            self._changed = anyio.Event()
            self._draw()
            await anyio.sleep(LEAST)

    def _draw(self) -> None:
        if not self._build or self._build.get("status") in DONE:
            return
        columns, height = shutil.get_terminal_size()
        size = tree.Size(columns - 1, height)  # _LINE_END erases from the cursor on, which stays in the last column
        lines = tree.picture(self._build, self._said, time.time(), size, self.slug, self._lost)
        shown = [line + _UNSTYLED if self._colours else output.unstyled(line) for line in lines]
        frame = _BEGIN + "\r\n".join(line + _LINE_END for line in shown) + _END
        self._put(frame if self._drawn else _ENTER + frame)
        self._drawn = True

    def _put(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
