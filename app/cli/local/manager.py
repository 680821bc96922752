"""The server's side of a stage that runs without a server: prints what the stage reports, and keeps its end."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from app.builds.model import DONE, FAILED, Line, Stage, Step
from app.cli.terminal import output
from app.runners.manager import Context, Filter


class LocalManager:
    """The Manager of one stage."""

    def __init__(self, context: Context, prefix: str) -> None:
        """`prefix` stands before the name of a step in each line."""
        self._context = context
        self._prefix = prefix
        self._names: dict[int, str] = {}
        self._rests: dict[int, str] = {}
        #: The stage as it was reported last.
        self.stage = context.stage

    async def request(self, wanted: Filter) -> Stage | None:
        """See Manager."""
        return self.stage

    async def accept(self, stage_id: int, machine: str) -> Stage:
        """See Manager."""
        return self.stage

    async def details(self, stage_id: int) -> Context:
        """See Manager."""
        return replace(self._context, stage=self.stage)

    async def update_stage(self, stage: Stage) -> Stage:
        """See Manager."""
        steps = tuple(self._known(step) for step in stage.steps)
        self.stage = replace(stage, version=stage.version + 1, steps=steps)
        return self.stage

    async def update_step(self, step: Step) -> Step:
        """See Manager."""
        if step.status in FAILED and step.status != "killed":
            output.write(f"{self._prefix}{step.name}: {step.status}, {output.reason(vars(step))}", err=True)
        return self._known(step)

    async def watch(self, build_id: int) -> bool:
        """See Manager; only a signal stops a stage."""
        await asyncio.Event().wait()
        return False

    async def write_log(self, step_id: int, lines: Sequence[Line]) -> None:
        """See Manager."""
        whole, newline, rest = (self._rests.get(step_id, "") + "".join(line.out for line in lines)).rpartition("\n")
        self._rests[step_id] = rest
        if newline:
            self._print(step_id, whole)

    async def upload_log(self, step_id: int, log: bytes) -> None:
        """See Manager; the lines are printed already."""

    async def upload_card(self, step_id: int, data: str) -> None:
        """See Manager; nobody draws cards here."""

    def _known(self, step: Step) -> Step:
        known = replace(step, id=step.number, version=step.version + 1)
        self._names[known.id] = step.name
        if step.status in DONE and (rest := self._rests.pop(known.id, "")):
            self._print(known.id, rest)
        return known

    def _print(self, step_id: int, text: str) -> None:
        label = f"[{self._prefix}{self._names[step_id]}] "
        output.raw("".join(f"{label}{line}\n" for line in text.split("\n")))
