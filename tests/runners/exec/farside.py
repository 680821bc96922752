"""A manager in memory that keeps versions and statuses as strictly as the server does."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import psutil

from app.builds.model import DONE, Build, Line, Stage, Step
from app.errors import Conflict
from app.repos.model import Repo, Secret
from app.runners.exec.options import Options
from app.runners.exec.runner import Runner
from app.runners.manager import Context, Filter, System

SHA = "eddc4cb5fc792866da099684f99d448a2c87fe8e"
HOST = {"PATH": "/usr/local/bin:/usr/bin:/bin", "USER": "ada", "LANG": "C.UTF-8", "SECRET_OF_HOST": "x"}


class FakeManager:
    """Holds one stage of one build. `calls` names every verb in the order of arrival."""

    def __init__(self, config: str, *, repo: Repo | None = None, build: Build | None = None) -> None:
        self.repo = repo or Repo(id=1, namespace="octocat", name="hello", visibility="public", timeout=60)
        self.build = build or Build(
            id=2, repo_id=1, number=2, event="promote", after=SHA, ref="refs/heads/main", target_branch="main"
        )
        self.stage = Stage(id=3, repo_id=1, build_id=2, number=1, name="default", type="exec")
        self.config = config
        self.secrets: tuple[Secret, ...] = ()
        self.key = ""
        self.steps: dict[int, Step] = {}
        self.calls: list[str] = []
        self.live: dict[int, list[Line]] = {}
        self.batches: list[tuple[int, int]] = []
        self.logs: dict[int, list[dict[str, Any]]] = {}
        self.sizes: dict[int, int] = {}
        self.cards: dict[int, str] = {}
        #: Errors to raise, by verb, one per call.
        self.failures: dict[str, list[Exception]] = {}
        self.cancelled = asyncio.Event()
        self.done = asyncio.Event()
        self.waiting = asyncio.Condition()

    async def request(self, wanted: Filter) -> Stage | None:
        await self._enter("request")
        if self.stage.machine or wanted.type != self.stage.type:
            await asyncio.sleep(30)
            return None
        return self.stage

    async def accept(self, stage_id: int, machine: str) -> Stage:
        await self._enter("accept")
        if stage_id != self.stage.id or self.stage.machine:
            raise Conflict("another runner was faster")
        self.stage = replace(self.stage, machine=machine, version=self.stage.version + 1)
        return self.stage

    async def details(self, stage_id: int) -> Context:
        await self._enter("details")
        assert stage_id == self.stage.id
        build = replace(self.build, stages=(replace(self.stage, steps=()),))
        stage = replace(self.stage, steps=tuple(self.steps.values()))
        system = System("http", "drone.example.com", "2.25.0")
        return Context(self.repo, build, stage, self.config, self.secrets, system, self.key)

    async def update_stage(self, stage: Stage) -> Stage:
        await self._enter(f"stage {stage.status}")
        self._check(stage.version, self.stage.version)
        starts = stage.status in ("pending", "running")
        if starts:
            assert [step.number for step in stage.steps] == list(range(1, len(stage.steps) + 1))
            assert all((step.id, step.version, step.status) == (0, 0, "pending") for step in stage.steps)
            steps = tuple(replace(step, id=100 + step.number, version=1) for step in stage.steps)
        else:
            assert all(step.status in DONE for step in stage.steps)
            for step in stage.steps:
                self._check(step.version, self.steps[step.id].version)
            steps = tuple(replace(step, version=step.version + 1) for step in stage.steps)
        self.steps = {step.id: step for step in steps}
        self.stage = replace(stage, version=stage.version + 1, steps=steps)
        if not starts:
            self.done.set()
        await self._tell()
        return self.stage

    async def update_step(self, step: Step) -> Step:
        await self._enter(f"step {step.name} {step.status}")
        self._check(step.version, self.steps[step.id].version)
        self.steps[step.id] = replace(step, version=step.version + 1)
        await self._tell()
        return self.steps[step.id]

    async def watch(self, build_id: int) -> bool:
        await self._enter("watch")
        assert build_id == self.build.id
        try:
            await asyncio.wait_for(self.cancelled.wait(), 30)
        except TimeoutError:
            return False
        return True

    async def write_log(self, step_id: int, lines: Sequence[Line]) -> None:
        await self._enter(f"log {self.steps[step_id].name}")
        assert lines
        self.live.setdefault(step_id, []).extend(lines)
        self.batches.append((step_id, len(lines)))
        await self._tell()

    async def upload_log(self, step_id: int, log: bytes) -> None:
        await self._enter(f"upload {self.steps[step_id].name}")
        self.logs[step_id] = orjson.loads(log)
        self.sizes[step_id] = len(log)

    async def upload_card(self, step_id: int, data: str) -> None:
        await self._enter(f"card {self.steps[step_id].name}")
        self.cards[step_id] = data

    def cancel(self) -> None:
        """As a user's cancel does: versions move, the watcher is told."""
        self.stage = replace(self.stage, version=self.stage.version + 1, status="killed")
        self.steps = {
            key: step if step.status in DONE else replace(step, version=step.version + 1, status="killed")
            for key, step in self.steps.items()
        }
        self.cancelled.set()

    async def until(self, call: str) -> None:
        """Wait for a verb to have been called."""
        async with asyncio.timeout(20), self.waiting:
            await self.waiting.wait_for(lambda: call in self.calls)

    async def until_shown(self, name: str, text: str) -> None:
        """Wait for a text in the live log of a step."""
        async with asyncio.timeout(20), self.waiting:
            await self.waiting.wait_for(lambda: text in self.shown(name))

    def step(self, name: str) -> Step:
        return next(step for step in self.stage.steps if step.name == name)

    def statuses(self) -> dict[str, str]:
        return {step.name: step.status for step in self.stage.steps}

    def shown(self, name: str) -> str:
        """The live log so far."""
        ids = [step.id for step in self.steps.values() if step.name == name]
        return "".join(line.out for key in ids for line in self.live.get(key, ()))

    def log(self, name: str) -> str:
        """The uploaded log."""
        return "".join(line["out"] for line in self.logs[self.step(name).id])

    async def _enter(self, call: str) -> None:
        self.calls.append(call)
        await self._tell()
        await asyncio.sleep(0)
        if errors := self.failures.get(call):
            raise errors.pop(0)

    async def _tell(self) -> None:
        async with self.waiting:
            self.waiting.notify_all()

    @staticmethod
    def _check(sent: int, kept: int) -> None:
        if sent != kept:
            raise Conflict(f"version {sent} is not the latest, {kept} is")


def runner(manager: FakeManager, base: Path, *, capacity: int = 1, options: Options | None = None) -> Runner:
    serves = Filter(type="exec", os="linux", arch="amd64")
    return Runner(manager, capacity=capacity, machine="lab", base=base, environ=HOST, serves=serves, options=options)


@asynccontextmanager
async def polling(manager: FakeManager, base: Path, *, capacity: int = 1) -> AsyncIterator[Runner]:
    """A runner at work, stopped at the end."""
    one = runner(manager, base, capacity=capacity)
    task = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        await one.stop(0)
        await task


async def finish(manager: FakeManager, base: Path, options: Options | None = None) -> FakeManager:
    """Run the manager's stage to its end, and its clearing too."""
    async with asyncio.timeout(60):
        one = runner(manager, base, options=options)
        task = asyncio.create_task(one.run())
        await manager.done.wait()
        await one.stop(20)
        await task
    return manager


def pipeline(*steps: str, clone: bool = False) -> str:
    """A file of one exec pipeline out of the YAML of its steps."""
    head = "kind: pipeline\ntype: exec\nname: default\n"
    return head + ("" if clone else "clone:\n  disable: true\n") + "steps:\n" + "".join(steps)


def step(name: str, *commands: str, **keys: Any) -> str:
    """The YAML of one step; JSON is YAML. A backslash is doubled, because substitution makes one of two."""
    entry = {"name": name, "commands": list(commands)} | keys
    return f"- {orjson.dumps(entry).decode()}\n".replace("\\\\", "\\\\\\\\")


async def ran(base: Path, *steps: str) -> FakeManager:
    """What has become of a stage of these steps."""
    return await finish(FakeManager(pipeline(*steps)), base)


def order(manager: FakeManager) -> list[str]:
    """The calls about steps, without logs."""
    return [call for call in manager.calls if call.startswith("step ")]


def secrets(values: Mapping[str, str]) -> tuple[Secret, ...]:
    return tuple(Secret(n, 1, name, data) for n, (name, data) in enumerate(values.items(), start=1))


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def marked(mark: int, script: str) -> "subprocess.Popen[bytes]":
    """A running script with the mark that processes of steps have; what it prints is in `stdout`."""
    command = ["sh", "-c", f"ulimit -w {mark} && echo && {script}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"\n"
    return process


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(entry.name for entry in folder.iterdir())
