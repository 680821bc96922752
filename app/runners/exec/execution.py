"""One accepted stage, from its details to its last report (contract drone-rpc 14, drone-env 8)."""

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from app.backoff import pauses, until_heard
from app.builds.model import FAILED, Stage, Step
from app.errors import AppError
from app.pipeline import source
from app.pipeline.document import BadPipeline
from app.pipeline.steps import PlannedStep
from app.runners.exec import environ, process
from app.runners.exec.confinement import Confinement
from app.runners.exec.growth import Growth
from app.runners.exec.mask import Mask
from app.runners.exec.needles import Needles
from app.runners.exec.options import Options
from app.runners.exec.output import Writer
from app.runners.exec.plan import Plan, plan
from app.runners.exec.process import CannotStart, Process
from app.runners.exec.reports import Reports
from app.runners.exec.stage import Halt, State
from app.runners.exec.workspace import Workspace
from app.runners.manager import Context, Manager
from app.scm import ssh
from app.turns import short_turns

log = logging.getLogger(__name__)

#: Seconds of a minute of the repository's timeout, and the minutes for a repository without a timeout.
MINUTE = 60.0
DEFAULT_TIMEOUT = 60
#: Seconds for which the runner asks for the details of a stage, before it gives the stage up.
DETAILS_TIMEOUT = 60.0
#: Seconds after which the last report of a stage is late: perhaps a process that is left fills the disk.
LATE = 1.0
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
    #: The processes of all stages' steps.
    running: set[Process] = field(default_factory=set)
    confinement: Confinement = field(default_factory=Confinement)
    #: The folder in which all steps run, as it is; None: each stage clones its repository into its workspace.
    here: Path | None = None


class Execution:
    """Runs one stage; `run` returns when the stage is reported and its workspace is removed."""

    def __init__(self, manager: Manager, accepted: Stage, place: Place) -> None:
        self._manager = manager
        self._accepted = accepted
        self._place = place
        self._state = State(accepted)
        self._reports = Reports(manager)
        self._halt: Halt | None = None
        self._error = ""
        self._running: set[Process] = set()
        self._removing: asyncio.Task[None] | None = None
        self._clearing: asyncio.Task[None] | None = None
        #: Whether a step has used the workspace, and the growth of each step that uses the workspace now.
        self._used = False
        self._growing: set[Growth] = set()

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
            self._kill()  # what runs after an error of the runner
            timer.cancel()
            watcher.cancel()
            await asyncio.wait([watcher])

    def halt(self, why: Halt, error: str = "") -> None:
        """Kill the running steps and start no more steps; the first reason counts."""
        if self._halt is None:
            self._halt, self._error = why, error
            self._kill()

    async def fail(self, error: str) -> None:
        """Report that the stage has ended with an error that no step has caused."""
        self._state.fail(error)
        await self._reports.last(self._state, self._state.close(_now()))

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
        masked: dict[str, str] = {}
        try:
            given = await plugins.variables(context)
            masked = {name: given.values[name] for name in given.masked}
            variables = {**self._place.options.environ, **given.values}
            todo = await self._plan(context, variables)
            if todo.elsewhere:
                todo = replace(todo, secrets={**todo.secrets, **await plugins.secrets(todo.elsewhere, context)})
            todo = replace(todo, variables=variables, masked=masked)
        except BadPipeline as error:
            await self._fail_masked(error.text(context.repo.config_path), context, masked)
            return
        except AppError as error:
            await self._fail_masked(error.message, context, masked)
            return
        accepted = self._accepted
        stage = replace(context.stage, version=accepted.version, machine=accepted.machine)
        self._state = State(stage, todo.steps)
        if await self._reports.stage(self._state, self._state.begin(_now())):
            await self._run_in_workspace(context, todo)

    async def _plan(self, context: Context, variables: Mapping[str, str]) -> Plan:
        """The plan of the stage. Of a large file it is made in a thread, so that other stages and requests go on."""
        place = self._place
        make = partial(
            plan, context, _now(), variables, quote=place.options.quote_substitution, clones=place.here is None
        )
        return await asyncio.to_thread(make) if source.is_costly(context.config) else make()

    async def _fail_masked(self, error: str, context: Context, masked: Mapping[str, str]) -> None:
        """Fail with a text that an extension or the pipeline file may have put a secret or a masked variable into."""
        secrets = {**{secret.name: secret.data for secret in context.secrets}, **masked, **_given(context)}
        await self.fail(Mask(await _needles(secrets)).whole(error))

    async def _run_in_workspace(self, context: Context, todo: Plan) -> None:
        workspace = Workspace(self._place.base, self._place.here)
        secrets = {**todo.secrets, **todo.masked, **_given(context)}
        creating = asyncio.create_task(self._create(workspace, todo, context))
        try:
            needles = await _needles(secrets)
            if await asyncio.shield(creating):
                await self._run_steps(_Run(context, todo, workspace, needles))
            closed = self._state.close(_now(), self._halt, self._error)
            if self._halt is not Halt.STOPPED:  # a runner that stops has little time for its last reports
                await self._remove(workspace)  # first, because the report may need the room on the disk
            late = asyncio.get_running_loop().call_later(LATE, self._clear, workspace)
            await self._reports.last(self._state, closed)
            late.cancel()
        finally:
            await asyncio.wait([creating])  # otherwise the workspace may be made after its removal
            await self._clear(workspace)

    def _remove(self, workspace: Workspace) -> "asyncio.Future[None]":
        """Delete the files of the workspace; the first call begins, and every call gives a future of the end."""
        if self._removing is None:
            self._removing = asyncio.create_task(asyncio.to_thread(workspace.remove))
        return asyncio.shield(self._removing)

    def _clear(self, workspace: Workspace) -> "asyncio.Future[None]":
        """Also kill the processes that still use the workspace; as `_remove`.

        Their search takes so long that the last report does not wait for it, unless the report itself is late.
        """
        if self._clearing is None:
            self._clearing = asyncio.create_task(asyncio.to_thread(workspace.clear))
        return asyncio.shield(self._clearing)

    async def _create(self, workspace: Workspace, todo: Plan, context: Context) -> bool:
        steps = self._state.stage.steps
        scripts = {step.number: todo.scripts[step.name] for step in steps}
        links, owner = self._place.options.symlinks, self._place.confinement.owner
        try:
            await asyncio.to_thread(
                workspace.create,
                scripts,
                context.repo.git_http_url,
                links,
                context.netrc,
                context.identity,
                owner,
            )
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
            self._kill()

    def _kill(self) -> None:
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
        growth = Growth(
            run.workspace.root,
            self._place.options.allowance,
            fresh=not self._used,
            running=lambda: len(self._place.running),
            beside=self._growing,
        )
        self._used = True
        async with asyncio.TaskGroup() as beginning:
            beginning.create_task(growth.begin())
            await self._report_step(self._state.start(planned.name, _now()))
        if self._halt:
            growth.end()
            return
        mask = Mask(run.needles)
        writer = Writer(self._manager, self._state.step(planned.name).id, mask, self._place.options.log_limit)
        try:
            started = run.start(planned, self._state, self._place)
        except CannotStart as error:
            growth.end()
            await self._report_step(self._state.refuse(planned.name, mask.whole(error.message), _now()))
            return
        self._running.add(started)
        self._place.running.add(started)
        if planned.detach:
            detached.create_task(self._follow(planned, started, writer, growth, run.workspace))
        else:
            await self._follow(planned, started, writer, growth, run.workspace)

    async def _follow(
        self, planned: PlannedStep, started: Process, writer: Writer, growth: Growth, workspace: Workspace
    ) -> None:
        """Take the output of a step's process until it ends, store it, and report the end.

        The end of a detached step is reported with its stage, unless the step was ended for what it took.
        """
        name = planned.name
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(writer.send())
            guard = tasks.create_task(_guard(started, growth))
            try:
                code = await started.finish(writer.write)
            finally:
                self._running.discard(started)
                self._place.running.discard(started)
                growth.end()
            guard.cancel()
            if growth.sentence:
                writer.write(f"[{growth.sentence}]\n".encode())
                if not self._running:  # otherwise processes that have left their group may be another step's
                    await asyncio.to_thread(workspace.kill)
            if planned.step is None:
                await asyncio.to_thread(workspace.forget_key)
            if self._state.is_last(name):  # no step needs the workspace any more: it goes while the reports are made
                self._remove(workspace)
            writer.close()
        if card := await writer.upload():
            self._state.shows(name, card.schema)
        if not self._halt and (growth.sentence or not planned.detach):
            await self._report_step_end(planned, code, growth.sentence)

    async def _report_step_end(self, planned: PlannedStep, code: int, exceeded: str) -> None:
        if exceeded:
            ended = self._state.exceed(planned.name, exceeded, _now())
        else:
            ended = self._state.finish(planned.name, code, _now())
        if planned.fail_fast and ended.status in FAILED:
            self.halt(Halt.FAILED)
        await self._report_step(ended)

    async def _report_step(self, step: Step) -> None:
        if refusal := await self._reports.step(self._state, step):
            self.halt(Halt.LOST, f"the report of step {step.name} was refused: {refusal}")


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
        if planned.step is None and self.context.identity:
            variables["GIT_SSH_COMMAND"] = ssh.command_of(str(self.workspace.ssh))
        wanted = planned.step.shell if planned.step else ""
        shell = process.shell(wanted, variables.get("PATH", ""))
        arguments = [shell, "-e", str(self.workspace.script(step.number))]
        return place.confinement.start(arguments, self.workspace, variables, umask=place.options.umask)


async def _guard(started: Process, growth: Growth) -> None:
    """End a step that adds more to its workspace than it may."""
    await growth.beyond()
    started.kill()


async def _needles(secrets: Mapping[str, str]) -> Needles:
    """The needles of these secrets, made in a thread of its own: for long secrets that takes seconds."""
    with short_turns():
        return await asyncio.to_thread(Needles, secrets)


def _given(context: Context) -> dict[str, str]:
    """What the server gave the stage beside its secrets, and what is masked in logs like secrets of these names."""
    given = {"netrc": context.netrc.secret} if context.netrc else {}
    given |= {"ssh_key": context.identity.key} if context.identity else {}
    return given | ({"gantry_token": context.deployment.token} if context.deployment else {})


def _now() -> int:
    return int(time.time())
