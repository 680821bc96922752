"""One accepted stage, from its details to its last report (contract drone-rpc 14, drone-env 8)."""

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.backoff import pauses, until_heard
from app.builds.model import Stage, Step
from app.errors import AppError, Conflict, NotFound
from app.pipeline.document import BadPipeline
from app.pipeline.steps import PlannedStep
from app.runners.exec import environ, process
from app.runners.exec.mask import Mask
from app.runners.exec.needles import Needles
from app.runners.exec.options import Options
from app.runners.exec.output import Writer
from app.runners.exec.plan import Plan, plan
from app.runners.exec.process import CannotStart, Process
from app.runners.exec.stage import Halt, State
from app.runners.exec.workspace import Workspace
from app.runners.manager import Context, Manager, Netrc

log = logging.getLogger(__name__)

#: Seconds of a minute of the repository's timeout, and the minutes for a repository without a timeout.
MINUTE = 60.0
DEFAULT_TIMEOUT = 60
#: Seconds for which the runner asks for the details of a stage, before it gives the stage up.
DETAILS_TIMEOUT = 60.0
#: Seconds before the next watch after a failed one, at first and at most.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where stages run: the folder of the workspaces, and the environment of the host."""

    base: Path
    environ: Mapping[str, str]
    options: Options = field(default_factory=Options)
    #: Each running step of any stage holds one slot.
    slots: AbstractAsyncContextManager[object] = field(default_factory=nullcontext)


class Execution:
    """Runs one stage; `run` returns when the stage is reported and its workspace is removed."""

    def __init__(self, manager: Manager, accepted: Stage, place: Place) -> None:
        self._manager = manager
        self._accepted = accepted
        self._place = place
        self._state = State(accepted)
        self._halt: Halt | None = None
        self._error = ""
        self._running: set[Process] = set()

    async def run(self) -> None:
        """Run the stage; call this once. Errors of the manager end the stage and are not raised."""
        try:
            async with asyncio.timeout(DETAILS_TIMEOUT):
                context = await until_heard(lambda: self._manager.details(self._accepted.id))
        except AppError as error:
            await self.fail(f"the details of the stage could not be had: {error.message}")
            return
        except TimeoutError:
            await self.fail(f"the details of the stage could not be had in {DETAILS_TIMEOUT:.0f} seconds")
            return
        watcher = asyncio.create_task(self._watch(context.build.id))
        timer = self._limit(context.repo.timeout)
        try:
            await self._run(context)
        finally:
            timer.cancel()
            watcher.cancel()
            await asyncio.wait([watcher])

    def halt(self, why: Halt, error: str = "") -> None:
        """Kill the running steps and start no more steps; the first reason counts."""
        if self._halt is None:
            self._halt, self._error = why, error
            for running in self._running:
                running.kill()

    async def fail(self, error: str) -> None:
        """Report that the stage has ended with an error that no step has caused."""
        self._state.fail(error)
        await self._report_stage(self._state.close(_now()))

    def _limit(self, minutes: int) -> asyncio.TimerHandle:
        minutes = minutes if minutes > 0 else DEFAULT_TIMEOUT
        text = f"the stage took longer than its repository's timeout of {minutes} min"
        return asyncio.get_running_loop().call_later(minutes * MINUTE, self.halt, Halt.TIMED_OUT, text)

    async def _watch(self, build_id: int) -> None:
        waits = pauses(FIRST_PAUSE, LONGEST_PAUSE)
        while True:
            try:
                if await self._manager.watch(build_id):
                    self.halt(Halt.CANCELLED)
                    return
            except AppError as error:
                log.warning("cannot watch a build", extra={"build": build_id, "reason": error.message})
                await asyncio.sleep(next(waits))

    async def _run(self, context: Context) -> None:
        if refusal := self._place.options.refusal(context):
            await self.fail(refusal)
            return
        plugins = self._place.options.plugins
        try:
            given = await plugins.variables(context)
            variables = {**self._place.options.environ, **given.values}
            todo = plan(context, _now(), variables)
            if todo.elsewhere:
                todo = replace(todo, secrets={**todo.secrets, **await plugins.secrets(todo.elsewhere, context)})
            todo = replace(todo, variables=variables, masked={n: given.values[n] for n in given.masked})
        except BadPipeline as error:
            await self._fail_masked(error.text(context.repo.config_path), context)
            return
        except AppError as error:
            await self._fail_masked(error.message, context)
            return
        accepted = self._accepted
        stage = replace(context.stage, version=accepted.version, machine=accepted.machine)
        self._state = State(stage, todo.steps)
        if await self._report_stage(self._state.begin(_now())):
            await self._run_in_workspace(context, todo)

    async def _fail_masked(self, error: str, context: Context) -> None:
        """Fail with a text that an extension or the pipeline file may have put a secret into."""
        secrets = {secret.name: secret.data for secret in context.secrets}
        await self.fail(Mask(await asyncio.to_thread(Needles, secrets)).whole(error))

    async def _run_in_workspace(self, context: Context, todo: Plan) -> None:
        workspace = Workspace(self._place.base)
        secrets = {**todo.secrets, **todo.masked, **_password(context)}
        try:
            creating = self._create(workspace, todo, context.repo.git_http_url, context.netrc)
            created, needles = await asyncio.gather(creating, asyncio.to_thread(Needles, secrets))
            if created:
                await self._run_steps(_Run(context, todo, workspace, needles))
            await self._report_stage(self._state.close(_now(), self._halt, self._error))
        finally:
            # After the report, so that the report does not wait for the removal of the workspace.
            await asyncio.to_thread(workspace.clear)

    async def _create(self, workspace: Workspace, todo: Plan, git_url: str, netrc: Netrc | None) -> bool:
        steps = self._state.stage.steps
        scripts = {step.number: todo.scripts[step.name] for step in steps}
        try:
            await asyncio.to_thread(workspace.create, scripts, git_url, self._place.options.symlinks, netrc)
        except OSError as error:
            self._state.fail(f"the workspace could not be made: {error.filename}: {error.strerror}")
            return False
        return True

    async def _run_steps(self, run: "_Run") -> None:
        """Run each step in its own task, which waits for the steps that the step depends on.

        Detached steps run until all other steps have ended, and are killed then.
        """
        ended = {planned.name: asyncio.Event() for planned in run.todo.steps}
        async with asyncio.TaskGroup() as detached:
            async with asyncio.TaskGroup() as steps:
                for planned in run.todo.steps:
                    steps.create_task(self._in_turn(planned, run, ended, detached))
            for running in self._running:
                running.kill()

    async def _in_turn(
        self,
        planned: PlannedStep,
        run: "_Run",
        ended: Mapping[str, asyncio.Event],
        detached: asyncio.TaskGroup,
    ) -> None:
        for name in planned.depends_on:
            await ended[name].wait()
        if not self._halt:
            match self._state.turn(planned):
                case "skip":
                    await self._report_step(self._state.skip(planned.name, _now()))
                case "run":
                    async with self._place.slots:
                        await self._run_step(planned, run, detached)
        ended[planned.name].set()

    async def _run_step(self, planned: PlannedStep, run: "_Run", detached: asyncio.TaskGroup) -> None:
        await self._report_step(self._state.start(planned.name, _now()))
        if self._halt:
            return
        mask = Mask(run.needles)
        writer = Writer(self._manager, self._state.step(planned.name).id, mask)
        try:
            started = run.start(planned, self._state, self._place)
        except CannotStart as error:
            await self._report_step(self._state.refuse(planned.name, mask.whole(error.message), _now()))
            return
        self._running.add(started)
        if planned.detach:
            detached.create_task(self._follow(planned.name, started, writer))
            return
        code = await self._follow(planned.name, started, writer)
        if not self._halt:
            ended = self._state.finish(planned.name, code, _now())
            if planned.fail_fast and ended.status == "failure":
                self.halt(Halt.FAILED)
            await self._report_step(ended)

    async def _follow(self, name: str, started: Process, writer: Writer) -> int:
        """Take the output of a step's process until it ends, and store it."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(writer.send())
            code = await started.finish(writer.write)
            self._running.discard(started)
            writer.close()
        if card := await writer.upload():
            self._state.shows(name, card.schema)
        return code

    async def _report_stage(self, stage: Stage) -> bool:
        """Whether the manager has accepted the report."""
        try:
            self._state.heard(await until_heard(lambda: self._manager.update_stage(stage)))
        except AppError as error:
            _refused(error, stage=stage.id)
            return False
        return True

    async def _report_step(self, step: Step) -> None:
        try:
            self._state.heard(await until_heard(lambda: self._manager.update_step(step)))
        except AppError as error:
            _refused(error, stage=step.stage_id, step=step.id)
            self.halt(Halt.LOST, f"the report of step {step.name} was refused: {error.message}")


@dataclass(frozen=True, slots=True)
class _Run:
    """The data that all steps of a stage need."""

    context: Context
    todo: Plan
    workspace: Workspace
    needles: Needles

    def start(self, planned: PlannedStep, state: State, place: Place) -> Process:
        """Start the process of a step. Raises CannotStart."""
        step = state.step(planned.name)
        clone = self.todo.pipeline.clone
        variables = environ.for_step(
            self.context,
            state.stage,
            step,
            _now(),
            host=place.environ,
            runner=self.todo.variables,
            root=str(self.workspace.root),
            literals=self.todo.literals(planned),
            secrets=self.todo.revealed(planned),
            trace=clone.trace,
            skip_verify=clone.skip_verify,
        )
        wanted = planned.step.shell if planned.step else ""
        shell = process.shell(wanted, variables.get("PATH", ""))
        arguments = [shell, "-e", str(self.workspace.script(step.number))]
        return Process(arguments, folder=self.workspace.source, environment=variables)


def _password(context: Context) -> dict[str, str]:
    """The password of the netrc, which is masked in logs like a secret named `netrc`."""
    return {"netrc": context.netrc.password} if context.netrc else {}


def _refused(error: AppError, **what: int) -> None:
    """Log a refused report. Conflict and NotFound are expected: the stage was cancelled or deleted meanwhile."""
    level = logging.INFO if isinstance(error, (Conflict, NotFound)) else logging.ERROR
    log.log(level, "a report was refused", extra={**what, "reason": error.message})


def _now() -> int:
    return int(time.time())
