"""The plan of one stage: the pipeline of the file, its steps, and their scripts and secrets. Pure.

A runner makes the checks of this module before it reports that the stage starts (contract drone-rpc 14, row 6).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from app.builds.event import event_of
from app.errors import NotFound
from app.pipeline import document
from app.pipeline.document import Clone, Config, FromSecret, Pipeline
from app.pipeline.event import Event
from app.pipeline.model import SecretDocument
from app.pipeline.steps import PlannedStep, Policy, compile_steps
from app.pipeline.substitute import substitute
from app.pipeline.values import Values
from app.runners.exec import environ, quoting, script, secrets
from app.runners.manager import Context


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a stage. `steps` keeps the order of the file and steps that never run: others may depend on them."""

    pipeline: Pipeline
    steps: tuple[PlannedStep, ...]
    #: Script by step name, for the steps that may run.
    scripts: Mapping[str, str]
    #: Value by name of every secret that a step of the stage uses.
    secrets: Mapping[str, str]
    #: The secrets without a value that the secret extension is asked for, by name.
    elsewhere: Mapping[str, SecretDocument]
    #: By step name, the variables that hold the values of `${…}` in the step's commands, if such values are quoted.
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: The variables that the runner adds to every step, and those of them that are masked in logs, by name.
    variables: Mapping[str, str] = field(default_factory=dict)
    masked: Mapping[str, str] = field(default_factory=dict)

    def literals(self, planned: PlannedStep) -> dict[str, str]:
        """The step's own variables whose values stand in the file, and those that its commands name for `${…}`."""
        own = {name: value for name, value in _environment(planned).items() if isinstance(value, str)}
        return {**own, **self.values.get(planned.name, {})}

    def revealed(self, planned: PlannedStep) -> dict[str, str]:
        """The step's own variables that are secrets."""
        entries = _environment(planned).items()
        return {name: self.secrets[value.name] for name, value in entries if isinstance(value, FromSecret)}


def plan(
    context: Context,
    now: int,
    runner: Mapping[str, str] = environ.NOTHING,
    *,
    quote: bool = False,
    clones: bool = True,
) -> Plan:
    """Read the stage's pipeline from the file; `runner` are the variables that the runner adds to every step.

    If `quote`, values of `${…}` are quoted for the shell in commands, and cannot change the form of the file. Unless
    `clones`, no step clones the repository, whatever the file says. Raises BadSubstitution, BadPipeline, NotFound when
    the file has no such pipeline, and Invalid when the commit cannot be cloned.
    """
    variables = environ.for_substitution(context, now, runner)
    values = Values(context.config, variables) if quote else None
    config = document.parse(values.text if values else substitute(context.config, variables), values)
    pipeline = _pipeline(config, context.stage.name)
    if not clones:
        pipeline = replace(pipeline, clone=Clone(disable=True))
    steps = compile_steps(pipeline, _event(context))
    found = _secrets(steps, config, context)
    kept = {document.name: document for document in reversed(config.secrets) if document.get_path or document.get_name}
    elsewhere = {name: kept[name] for name, value in found.items() if not value and name in kept}
    scripts, named = _scripts(steps, pipeline, context, values)
    return Plan(pipeline, steps, scripts, found, elsewhere, named)


def _pipeline(config: Config, name: str) -> Pipeline:
    wanted = name or document.DEFAULT_NAME
    for pipeline in config.pipelines:
        if pipeline.name == wanted and pipeline.type == "exec":
            return pipeline
    there = ", ".join(repr(pipeline.name) for pipeline in config.pipelines) or "none"
    raise NotFound(f"the pipeline file has no exec pipeline {wanted!r} at this commit; there is {there}")


def _event(context: Context) -> Event:
    return replace(event_of(context.repo, context.build), instance=context.system.host)


def _scripts(
    steps: tuple[PlannedStep, ...], pipeline: Pipeline, context: Context, values: Values | None
) -> tuple[dict[str, str], dict[str, Mapping[str, str]]]:
    """By step name, the scripts of the steps that may run, and the variables that scripts name for quoted values."""
    scripts: dict[str, str] = {}
    named: dict[str, Mapping[str, str]] = {}
    for one in steps:
        if one.policy is Policy.NEVER:
            continue
        if one.step is None:
            clone = pipeline.clone
            scripts[one.name] = script.of_clone(context.repo, context.build, depth=clone.depth, retries=clone.retries)
        elif values is None:
            scripts[one.name] = script.of_commands(one.step.commands)
        else:
            made = quoting.commands(one.step.commands, values)
            scripts[one.name] = script.of_commands(made.commands, made.shown)
            named[one.name] = made.variables
    return scripts, named


def _secrets(steps: tuple[PlannedStep, ...], config: Config, context: Context) -> dict[str, str]:
    inline: dict[str, str] = {}
    for secret in config.secrets:
        if secret.data:
            inline.setdefault(secret.name, secret.data)
    values = (value for planned in steps for value in _environment(planned).values())
    return secrets.revealed((v.name for v in values if isinstance(v, FromSecret)), context, inline)


def _environment(planned: PlannedStep) -> Mapping[str, str | FromSecret]:
    return planned.step.environment if planned.step else {}
