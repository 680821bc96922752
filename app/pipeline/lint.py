"""Rules about names and dependencies, of pipelines in a file and of steps in a pipeline (contract drone-yaml 11)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from app.pipeline.graph import cycles
from app.pipeline.model import Pipeline, Step
from app.pipeline.problems import Problem, quoted

CLONE = "clone"
#: The error about an unknown name lists at most this many known names.
MAX_KNOWN = 10


def pipelines(found: Sequence[Pipeline], *, complete: bool) -> Iterator[Problem]:
    """The problems of names and dependencies of pipelines; unknown names are found only if the list is complete."""
    lines: dict[str, int] = {}
    for pipeline in found:
        first = lines.setdefault(pipeline.name, pipeline.line)
        if first != pipeline.line:
            detail = f"{quoted(pipeline.name)} is also the name of the pipeline at line {first}"
            yield Problem(pipeline.line, "linter: duplicate pipeline names", detail)
    yield from _self_dependencies(found, "linter: pipeline cannot have a dependency on itself")
    if complete:
        yield from _unknown_dependencies(found, lines, "linter: invalid or unknown pipeline dependency")
    yield from _cycles(found, "Error: Dependency cycle detected in Pipeline")


def exec_steps(pipeline: Pipeline) -> Iterator[Problem]:
    """The problems of names and dependencies of an exec pipeline's steps."""
    lines = {} if pipeline.clone.disable else {CLONE: 0}
    for step in pipeline.steps:
        if not step.name:
            detail = f"a step of pipeline {quoted(pipeline.name)} has no name"
            yield Problem(step.line, "Linter: invalid or missing step name", detail)
        elif step.name in lines:
            detail = f"{quoted(step.name)} is also the name of {_owner(lines[step.name])}"
            yield Problem(step.line, "Linter: duplicate step names", detail)
        else:
            lines[step.name] = step.line
    named = [step for step in pipeline.steps if step.name]
    yield from _self_dependencies(named, "Linter: step cannot have a dependency on itself")
    yield from _unknown_dependencies(named, {CLONE: 0, **lines}, "Linter: invalid or unknown step dependency")
    yield from _cycles(named, "Linter: dependency cycle detected in steps")


def unknown(one: str, missing: str, names: Iterable[str]) -> str:
    """A message: which pipeline or step waits for an unknown name, and which names are known."""
    known = [quoted(name) for name in islice(names, MAX_KNOWN + 1)]
    there = ", ".join([*known[:MAX_KNOWN], "…"] if len(known) > MAX_KNOWN else known) or "nothing"
    return f"{quoted(one)} waits for {quoted(missing)}, there is {there}"


def _owner(line: int) -> str:
    return f"the step at line {line}" if line else "the step that clones the repository"


def _self_dependencies(found: Iterable[Pipeline | Step], rule: str) -> Iterator[Problem]:
    for one in found:
        if one.name in one.depends_on:
            yield Problem(one.line, rule, f"{quoted(one.name)} waits for {quoted(one.name)}")


def _unknown_dependencies(found: Iterable[Pipeline | Step], names: Mapping[str, int], rule: str) -> Iterator[Problem]:
    for one in found:
        for name in dict.fromkeys(one.depends_on):
            if name not in names:
                yield Problem(one.line, rule, unknown(one.name, name, names))


def _cycles(found: Iterable[Pipeline | Step], rule: str) -> Iterator[Problem]:
    by_name = {one.name: one for one in found}
    waits_for = {name: [other for other in one.depends_on if other != name] for name, one in by_name.items()}
    for cycle in cycles(waits_for):
        path = " → ".join(quoted(name) for name in cycle)
        yield Problem(by_name[cycle[0]].line, rule, f"{path}, each waits for the next")
