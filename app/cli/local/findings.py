"""What a server would make of a pipeline file at an event: what starts, what is wrong, what is dangerous."""

import time
from dataclasses import dataclass, field
from typing import Any

from app.builds.config.files import Configs, PipelineFile
from app.builds.event import event_of
from app.builds.model import Build, Stage
from app.cli.local.checkout import Checkout
from app.cli.local.events import Wanted, draft, system
from app.convert.errors import BadConversion
from app.pipeline import dangers, globs
from app.pipeline.document import BadPipeline, Config
from app.pipeline.event import Event
from app.pipeline.nothing import nothing_to_run
from app.pipeline.plan import PlannedStage
from app.pipeline.problems import Problem
from app.pipeline.steps import Policy, compile_steps
from app.pipeline.substitute import BadSubstitution, substitute
from app.runners.exec import environ
from app.runners.manager import Context

#: The suffix of a step in a list, by when it runs.
_WHEN = {Policy.ON_SUCCESS: "", Policy.ON_FAILURE: " on failure", Policy.ALWAYS: " always"}


@dataclass(frozen=True, slots=True)
class Start:
    """What one event starts."""

    build: Build
    stages: tuple[PlannedStage, ...]
    #: By pipeline, its steps that may run, each with when; of pipelines other than exec, all steps.
    steps: dict[str, list[str]]
    excluded: tuple[str, ...]
    #: Why nothing is started; empty if something is.
    nothing: str

    @property
    def names(self) -> str:
        """The names of the pipelines, in their order."""
        return ", ".join(stage.name for stage in self.stages)

    def json(self) -> dict[str, Any]:
        """The same for programs."""
        stages = [
            {"name": one.name, "type": one.type, "depends_on": one.depends_on, "steps": self.steps[one.name]}
            for one in self.stages
        ]
        words = {"event": self.build.event, "branch": self.build.target_branch, "target": self.build.deploy_to}
        return {**words, "stages": stages, "excluded": self.excluded, "nothing": self.nothing}


@dataclass(slots=True)
class Findings:
    """What was found in one file, for one event or for several."""

    file: str
    #: Each problem and danger with the name of the file that its line counts in; once, though several events show it.
    problems: dict[tuple[str, Problem], None] = field(default_factory=dict)
    dangers: dict[tuple[str, Problem], None] = field(default_factory=dict)
    starts: list[Start] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "file": self.file,
            "problems": [_json(file, one) for file, one in self.problems],
            "dangers": [_json(file, one) for file, one in self.dangers],
            "starts": [start.json() for start in self.starts],
        }


def _json(file: str, problem: Problem) -> dict[str, Any]:
    return {"file": file, "line": problem.line, "rule": problem.rule, "message": problem.detail}


async def of_event(checkout: Checkout, configs: Configs, wanted: Wanted) -> Findings:
    """What is found for one event. Unreadable."""
    found = Findings(checkout.repo.config_path)
    await _look(checkout, configs, draft(checkout, wanted), found)
    return found


async def of_all_events(checkout: Checkout, configs: Configs, wanted: Wanted) -> Findings:
    """What is found for each event that the file may be for. Unreadable."""
    found = Findings(checkout.repo.config_path)

    async def look(**words: str) -> Config | None:
        event = Wanted(**words, branch=wanted.branch, params=wanted.params)
        return await _look(checkout, configs, draft(checkout, event), found)

    config = await look(event="push")
    for event in ("pull_request", "tag"):
        await look(event=event)
    targets, crons = (_literals(config, name) for name in ("target", "cron"))
    for target in targets:
        await look(event="promote", target=target)
    for target in targets:
        await look(event="rollback", target=target)
    for cron in crons:
        await look(event="cron", cron=cron)
    found.starts = [one for one in found.starts if one.stages or one.build.event != "rollback"]
    return found


def _literals(config: Config | None, condition: str) -> list[str]:
    """The names, not patterns, that the triggers of a file include."""
    triggers = [pipeline.trigger for pipeline in config.pipelines] if config else []
    names = dict.fromkeys(name for trigger in triggers for name in getattr(trigger, condition).include)
    return [name for name in names if not globs.is_pattern(name)]


async def _look(checkout: Checkout, configs: Configs, build: Build, found: Findings) -> Config | None:
    """Add what one event shows; the file, if it has no problems."""
    try:
        file = await configs.load(checkout.repo, build)
    except BadConversion as bad:
        found.problems[bad.file, Problem(bad.line, bad.code, bad.reason)] = None
        return None
    if isinstance(file.config, BadPipeline):
        found.problems |= {(file.path, one): None for one in file.config.problems}
        return None
    found.problems |= {(file.path, fault): None for pipeline in file.config.pipelines for fault in pipeline.faults}
    found.problems |= {(file.path, one): None for one in _substitution(checkout, build, file)}
    found.dangers |= {(file.path, one): None for one in dangers.dangers(file.text, file.config)}
    found.starts.append(_start(checkout, build, file, file.config))
    return file.config


def _substitution(checkout: Checkout, build: Build, file: PipelineFile) -> list[Problem]:
    """What a runner would not be able to replace in the text."""
    context = Context(checkout.repo, build, Stage(0, 0, 0, 1, ""), file.text, (), system())
    try:
        substitute(file.text, environ.for_substitution(context, int(time.time())))
    except BadSubstitution as error:
        return [Problem(error.line, "substitution", error.message)]
    return []


def _start(checkout: Checkout, build: Build, file: PipelineFile, config: Config) -> Start:
    event = event_of(checkout.repo, build)
    planned = file.plan(event)
    nothing = "" if planned.stages else nothing_to_run(config, event, planned).message
    steps = {stage.name: _steps(config, stage.name, event) for stage in planned.stages}
    return Start(build, planned.stages, steps, tuple(one.sentence() for one in planned.excluded), nothing)


def _steps(config: Config, name: str, event: Event) -> list[str]:
    pipeline = next(one for one in config.pipelines if one.name == name)
    if pipeline.type != "exec":
        return [step.name for step in pipeline.steps]
    steps = compile_steps(pipeline, event)
    return [f"{step.name}{_WHEN[step.policy]}" for step in steps if step.policy is not Policy.NEVER]
