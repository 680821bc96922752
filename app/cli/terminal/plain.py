"""Tells of a build line by line, for pipes and files: the logs of its steps, and notes of what happens."""

from collections import defaultdict, deque
from types import TracebackType
from typing import Self

import click

from app.cli.remote.client import Json
from app.cli.terminal import words
from app.cli.terminal.output import harmless, line, printable, raw


class Notes:
    """Says on standard error only for what a build waits, and whether the server answers."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        self._noted: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is to be undone."""

    def shows(self, step: Json) -> bool:
        """Whether the log of a step is wanted."""
        return False

    def state(self, build: Json) -> None:
        """The build is in this state now; the same state may come several times."""
        for stage in build.get("stages") or []:
            if why := stage.get("pending_reason"):
                self._once(f"{line(stage.get('name', ''))} waits: {line(why)}")
        if waiting := words.approval(build, self.slug):
            self._once(f"{waiting.what}: {waiting.command}")

    def open(self, label: str) -> None:
        """The log of a step begins."""

    def write(self, label: str, text: str) -> None:
        """A step has written this text."""

    def close(self, label: str, outcome: str) -> None:
        """The log of a step is complete; `outcome` says how the step failed."""

    def stage(self, stage: Json) -> None:
        """A stage has ended, and the logs of its steps are complete."""

    def lost(self, why: str) -> None:
        """The server does not answer; it is asked again."""
        self._note(f"Trying again: {why}")

    def found(self) -> None:
        """The server answers again."""
        self._note("The server answers again")

    def end(self, build: Json) -> None:
        """The build has ended."""

    async def run(self) -> None:
        """Work until cancelled."""

    def _once(self, text: str) -> None:
        if text not in self._noted:
            self._noted.add(text)
            self._note(text)

    def _note(self, text: str) -> None:
        click.echo(printable(text), err=True)


class Log(Notes):
    """Prints the logs of all steps on standard output.

    Only whole lines are printed. Without `headers`, for the log of one step, nothing says to which step a line belongs.
    With them, a header names the step; while several steps write, the name stands before each of their lines.
    """

    headers = False

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self._rests: dict[str, str] = {}
        self._mixed: set[str] = set()
        self._header = ""

    def shows(self, step: Json) -> bool:
        return True

    def open(self, label: str) -> None:
        self._rests[label] = ""
        if len(self._rests) > 1:
            self._mixed.update(self._rests)

    def write(self, label: str, text: str) -> None:
        whole, newline, rest = (self._rests[label] + text).rpartition("\n")
        self._rests[label] = rest
        if newline:
            self._print(label, whole + newline)

    def close(self, label: str, outcome: str) -> None:
        if rest := self._rests.pop(label):
            self._print(label, rest + "\n")
        if outcome:
            self._note(outcome)

    def _print(self, label: str, text: str) -> None:
        if self.headers and label in self._mixed:
            text = "".join(f"[{label}] {one}\n" for one in text.split("\n")[:-1])
            self._header = ""
        elif self.headers and self._header != label:
            text = f"[{label}]\n{text}"
            self._header = label
        raw(text)


class Plain(Log):
    """Prints the logs of all steps, each below its name, and says on standard error how stages and steps go on.

    The log of a clone step is printed only if the step failed.
    """

    headers = True

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self._last: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=words.LAST))

    def shows(self, step: Json) -> bool:
        return words.has_failed(step) or not words.is_clone(step)

    def state(self, build: Json) -> None:
        super().state(build)
        for stage in build.get("stages") or []:
            if stage.get("status") == "running":
                self._once(f"{line(stage.get('name', ''))}: running")
        for stage, step in words.steps(build):
            if step.get("status") == "skipped":
                self._once(f"[{words.label(stage, step)}] skipped")

    def stage(self, stage: Json) -> None:
        name = line(stage.get("name", ""))
        self._once(f"{name}: {stage.get('status')}")
        if error := stage.get("error"):
            self._once(f"{name}: {line(error)}")

    def end(self, build: Json) -> None:
        for stage, step in words.steps(build):
            if words.has_failed(step):
                label = words.label(stage, step)
                last = () if self._header == label else self._last[label]
                shown = [harmless(text, err=True) for text in last]
                click.echo(words.report(build, self.slug, stage, step, shown), err=True)
        self._note(words.ending(build))

    def _print(self, label: str, text: str) -> None:
        self._last[label].extend(text.removesuffix("\n").split("\n")[-words.LAST :])
        super()._print(label, text)
