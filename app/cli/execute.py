"""`gantry exec`: runs the exec pipelines of a file in the current folder, without a server."""

import asyncio
import signal
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

from app.builds import rules
from app.builds.config.files import PipelineFile
from app.builds.event import event_of
from app.builds.model import Build, Stage
from app.cli.local import checkout
from app.cli.local.checkout import Checkout
from app.cli.local.configs import Reads, config_options
from app.cli.local.events import Wanted, draft, event_options, system, title
from app.cli.local.manager import LocalManager
from app.cli.terminal import output
from app.cli.terminal.commands import command, nearest
from app.cli.terminal.program import INTERRUPTED
from app.errors import Invalid
from app.pipeline.conditions import Conditions
from app.pipeline.document import BadPipeline, Config, FromSecret
from app.pipeline.nothing import nothing_to_run
from app.pipeline.plan import PlannedStage, plan
from app.repos.model import Secret
from app.runners.exec.execution import Execution, Place
from app.runners.exec.options import Options
from app.runners.exec.runner import this_arch, this_os
from app.runners.exec.stage import Halt
from app.runners.manager import Context
from app.settings.load import inherited

#: Minutes that a stage may take: who runs it sees it, and can end it.
TIMEOUT = 365 * 24 * 60
#: Bytes of a step's log that are printed.
LOG_LIMIT = 1 << 30


@command(
    "exec",
    example=[
        "gantry exec",
        "gantry exec --target staging --param VERSION=1.2.3 --secret-file secrets.env",
        "gantry exec .drone.star --pipeline test",
    ],
)
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@event_options
@click.option("--pipeline", metavar="NAME", help="Run this pipeline alone, whatever its trigger says.")
@click.option(
    "--secret-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The secrets of the steps: a file with lines NAME=VALUE.",
)
@config_options
def execute(file: Path | None, wanted: Wanted, pipeline: str | None, secret_file: Path | None, reads: Reads) -> None:
    """Run the exec pipelines of a file here, without a server.

    The pipelines that the event starts run one after another, with the runner of the server, in the current folder as
    it is: nothing is cloned. Steps get the variables that a server's runner gives them, and none of yours but PATH,
    USER and LANG; HOME is an empty folder. Without FILE, the file is .drone.yml of the git clone you are in; without an
    event, the event is a push.
    Ctrl-C ends all that the steps began. Exit code 0: all pipelines succeeded.
    """
    here = checkout.find(file)
    build = draft(here, wanted)
    loaded = asyncio.run(reads(here).load(here.repo, build))
    if isinstance(loaded.config, BadPipeline):
        raise Invalid(loaded.config.text(loaded.path), code=BadPipeline.code)
    planned = _planned(here, build, loaded.config, pipeline)
    _refuse_others(planned)
    secrets = _secrets(secret_file)
    _tell(planned, loaded.config, secrets)
    run = _Run(here, build, loaded, [Secret(0, 0, name, data, pull_request=True) for name, data in secrets.items()])
    with tempfile.TemporaryDirectory(prefix="gantry-exec-") as base:
        place = Place(Path(base).resolve(), inherited(), Options(log_limit=LOG_LIMIT), here=Path.cwd())
        stages, interrupted = asyncio.run(run.all(planned, place))
    for stage in stages:
        said = output.reason(vars(stage))
        output.write(f"{stage.name}: {stage.status}{f', {said}' if said else ''}", err=True)
    if interrupted:
        raise click.exceptions.Exit(INTERRUPTED)
    if rules.build_status(stages) != "success":
        raise click.exceptions.Exit(1)


def _planned(here: Checkout, build: Build, config: Config, name: str | None) -> tuple[PlannedStage, ...]:
    """The stages of the event, or of the pipeline of this name alone. NothingToRun, UsageError."""
    event = event_of(here.repo, build)
    if name is not None:
        alone = [one for one in config.pipelines if one.name == name]
        if not alone:
            names = [one.name for one in config.pipelines]
            raise click.UsageError(
                f"the file has no pipeline {name!r}; there is {', '.join(names)}.{nearest(name, names)}"
            )
        free = replace(alone[0], trigger=Conditions(), depends_on=())
        return plan(replace(config, pipelines=(free,)), event).stages
    found = plan(config, event)
    if not found.stages:
        reason = nothing_to_run(config, event, found)
        reason.message = f"{title(build)} starts nothing: {reason.message}"
        raise reason
    return found.stages


def _refuse_others(planned: tuple[PlannedStage, ...]) -> None:
    """Invalid if a pipeline is none that runs here."""
    others = [f"{one.name} (type {one.type})" for one in planned if one.type != "exec"]
    if others:
        raise Invalid(
            f"only pipelines of type exec run here, and not {', '.join(others)}: their steps run in containers, which "
            "runners of that type make; choose another with --pipeline",
            code="not_exec",
        )


def _secrets(file: Path | None) -> dict[str, str]:
    """The secrets of a file, by name. UsageError for a name without a value."""
    if file is None:
        return {}
    from dotenv import dotenv_values

    found = dotenv_values(file, interpolate=False)
    if missing := [name for name, value in found.items() if value is None]:
        raise click.UsageError(f"{file}: {', '.join(missing)} has no value: write NAME=VALUE, one a line")
    return {name: value for name, value in found.items() if value is not None}


def _tell(planned: tuple[PlannedStage, ...], config: Config, secrets: Mapping[str, str]) -> None:
    """Say what differs from a run by a server."""
    output.write(f"No clone: the steps run in {Path.cwd()}, as it is", err=True)
    machine = f"{this_os()}/{this_arch()}"
    for one in planned:
        if f"{one.os}/{one.arch}" != machine:
            output.write(f"{one.name} is for {one.os}/{one.arch}, and runs on {machine}", err=True)
    names = {one.name for one in planned}
    steps = [step for pipeline in config.pipelines if pipeline.name in names for step in pipeline.steps]
    used = [value.name for step in steps for value in step.environment.values() if isinstance(value, FromSecret)]
    given = {name.lower() for name in secrets}
    if missing := [name for name in dict.fromkeys(used) if name.lower() not in given]:
        output.write(f"Secrets without a value: {', '.join(missing)}; give --secret-file", err=True)


class _Run:
    """The run of all stages of one build."""

    def __init__(self, here: Checkout, build: Build, file: PipelineFile, secrets: list[Secret]) -> None:
        self._repo = replace(here.repo, timeout=TIMEOUT)
        self._build = build
        self._file = file
        self._secrets = tuple(secrets)
        self._execution: Execution | None = None
        self._interrupted = False

    async def all(self, planned: tuple[PlannedStage, ...], place: Place) -> tuple[tuple[Stage, ...], bool]:
        """The stages after their end, and whether a signal has ended them."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._interrupt)
        stages = tuple(map(_stage, planned))
        while not self._interrupted and (ready := next((one for one in stages if one.status == "pending"), None)):
            ended = await self._run(ready, stages, place)
            stages = rules.advance([ended if one.number == ended.number else one for one in stages])
        return stages, self._interrupted

    async def _run(self, stage: Stage, stages: tuple[Stage, ...], place: Place) -> Stage:
        build = replace(self._build, status="running", stages=stages)
        context = Context(self._repo, build, stage, self._file.text, self._secrets, system())
        manager = LocalManager(context, f"{stage.name}/" if len(stages) > 1 else "")
        self._execution = Execution(manager, stage, place)
        await self._execution.run()
        return manager.stage

    def _interrupt(self) -> None:
        self._interrupted = True
        if self._execution:
            self._execution.halt(Halt.CANCELLED)


def _stage(planned: PlannedStage) -> Stage:
    return Stage(
        id=planned.number,
        repo_id=0,
        build_id=0,
        number=planned.number,
        name=planned.name,
        type=planned.type,
        status="waiting_on_dependencies" if planned.depends_on else "pending",
        machine="localhost",
        os=planned.os,
        arch=planned.arch,
        on_success=planned.on_success,
        on_failure=planned.on_failure,
        depends_on=planned.depends_on,
    )
