"""What is dangerous in a pipeline file that has no problems: what does harm, or never does what was meant.

Only what the file itself shows is told, and nothing that a repository may want.
"""

import re
from collections.abc import Iterator

from app.names import meant
from app.pipeline import globs, source
from app.pipeline.conditions import Condition
from app.pipeline.event import EVENTS
from app.pipeline.fields import Fields
from app.pipeline.model import Config, Pipeline
from app.pipeline.nodes import Mapping, scalars
from app.pipeline.problems import Problem, quoted
from app.pipeline.substitute import MARK
from app.pipeline.uses import from_secret

PASTED = "danger: text is put into a script"
TARGET = "danger: unknown target"
EVENT = "danger: unknown event"
NEVER = "danger: never started"
SECRET = "danger: secret for pull requests"
CLONE = "danger: unverified clone"

_NAME = re.compile(r"\w+")
#: The variables that nobody but the server and git choose have one of these beginnings.
_OURS = ("DRONE_", "CI_", "GANTRY_")
#: The variables with text that the author of a commit or a pull request chooses.
_AUTHORS = frozenset(
    {"DRONE_COMMIT_MESSAGE", "DRONE_PULL_REQUEST_TITLE", "DRONE_SOURCE_BRANCH", "CI_COMMIT_MESSAGE"}
    | {f"{start}_COMMIT_AUTHOR{end}" for start in ("DRONE", "CI") for end in ("", "_NAME", "_EMAIL")}
)
_TARGETS = frozenset({"DRONE_DEPLOY_TO", "CI_BUILD_TARGET"})


def dangers(text: str, config: Config) -> tuple[Problem, ...]:
    """The dangers of a file, by line. `config` is the file's text, parsed."""
    documents = [Fields(document, []) for document in source.load(text)[0]]
    nodes = [fields for fields in documents if fields.text("kind") == "pipeline"]
    inline = {secret.name for secret in config.secrets if secret.data}
    found: list[Problem] = []
    for pipeline, fields in zip(config.pipelines, nodes, strict=True):
        found += _pasted(pipeline, fields)
        found += _conditions(pipeline)
        found += _secrets(pipeline, fields, inline)
        if pipeline.clone.skip_verify:
            detail = (
                f"pipeline {quoted(pipeline.name)} clones with skip_verify: who sits on the way can change the code"
            )
            found.append(Problem(pipeline.line, CLONE, detail))
    return tuple(sorted(found, key=lambda danger: danger.line))


def _pasted(pipeline: Pipeline, fields: Fields) -> Iterator[Problem]:
    """The names of `${…}` in commands whose text others choose; a runner puts the text into the script as code."""
    for step in _items(fields, "steps"):
        for command in scalars(step.values.get("commands")):
            for name in dict.fromkeys(_names(command.source)):
                if why := _chosen_by(name, pipeline):
                    detail = f"step {_name(step)}: ${{{name}}} is replaced before the script begins, by {why}"
                    yield Problem(command.line, PASTED, f'{detail}; write "${name}", or $${{{name}}}')


def _names(text: str) -> Iterator[str]:
    """The names that a text refers to as `${NAME}`, but for `${#NAME}`, which is a number."""
    for mark in MARK.finditer(text):
        if mark[0] == "${" and (name := _NAME.match(text, mark.end())):
            yield name[0]


def _chosen_by(name: str, pipeline: Pipeline) -> str:
    """By which text of others a name is replaced; empty for a name that nobody can misuse."""
    if name in _AUTHORS:
        return "what the author of the commit wrote, which may be commands"
    if name in _TARGETS:
        named = pipeline.trigger.target.include
        return "" if named and not any(map(globs.is_pattern, named)) else "the target, which may be commands"
    if name in ("CI", "DRONE") or name.startswith(_OURS):
        return ""
    return "the parameter of this name, which may be commands, or by nothing"


def _conditions(pipeline: Pipeline) -> Iterator[Problem]:
    """Names in conditions that no build can have."""
    trigger, whose = pipeline.trigger, f"pipeline {quoted(pipeline.name)}"
    yield from _events(trigger.event, pipeline.line, whose)
    if trigger.target.include and not any(map(trigger.event.matches, ("promote", "rollback"))):
        listed = ", ".join(trigger.event.include) or "neither"
        detail = f"{whose} is for targets, which promotions and rollbacks have, and its events are {listed}"
        yield Problem(pipeline.line, NEVER, detail)
    for step in pipeline.steps:
        yield from _events(step.when.event, step.line, f"step {quoted(step.name)}")
        for name in step.when.target.include:
            if not globs.is_pattern(name) and not trigger.target.matches(name):
                known = [one for one in trigger.target.include if not globs.is_pattern(one)]
                detail = f"step {quoted(step.name)} is for {quoted(name)}, for which {whose} is not started"
                yield Problem(step.line, TARGET, f"{detail}{meant(name, known)}".removesuffix("."))


def _events(condition: Condition, line: int, whose: str) -> Iterator[Problem]:
    for name in (*condition.include, *condition.exclude):
        if not any(globs.matches(name, event) for event in EVENTS):
            detail = f"{whose} names the event {quoted(name)}, which no build has{meant(name, EVENTS)}"
            yield Problem(line, EVENT, detail.removesuffix("."))


def _secrets(pipeline: Pipeline, fields: Fields, inline: set[str]) -> Iterator[Problem]:
    """Secrets that builds of pull requests get: whoever opens one can change the steps, and print the secret."""
    trigger = pipeline.trigger
    if not (trigger.event.matches("pull_request") and trigger.target.matches("") and trigger.cron.matches("")):
        return
    for step in _items(fields, "steps"):
        when = Fields(step, []).section("when").condition("event")
        if not when.matches("pull_request"):
            continue
        is_named = bool(trigger.event.include or when.include)
        for secret in from_secret(step):
            if secret.text in inline:
                how = "stands in the file, and is given to pull requests"
            elif is_named:
                how = "is empty in pull requests, or given to them if the server is told so"
            else:
                continue
            detail = f"step {_name(step)}: the secret {quoted(secret.text)} {how}; who opens one can read it"
            yield Problem(secret.line, SECRET, f"{detail}: exclude pull_request in trigger.event or when.event")


def _items(fields: Fields, key: str) -> Iterator[Mapping]:
    return (node for node in fields.items(key) if isinstance(node, Mapping))


def _name(step: Mapping) -> str:
    return quoted(Fields(step, []).text("name"))
