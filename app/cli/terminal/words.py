"""What is said of a build that is watched, on a terminal as in a pipe."""

import shlex
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from app.builds.model import DONE, FAILED
from app.cli.remote.client import Json
from app.cli.terminal.output import lasted, line, reason

#: The last lines of a failed step that are shown.
LAST = 20


class Approval(NamedTuple):
    """For whose approval a build waits, and the command that approves it."""

    what: str
    command: str


def label(stage: Json, step: Json) -> str:
    """A step, with its stage."""
    return line(f"{stage.get('name')}/{step.get('name')}")


def steps(build: Json) -> Iterator[tuple[Json, Json]]:
    """The steps of a build, each with its stage before it."""
    for stage in build.get("stages") or []:
        for step in stage.get("steps") or []:
            yield stage, step


def is_clone(step: Json) -> bool:
    """Whether the step gets the repository's files: it is of interest only while it runs, or if it failed."""
    return step.get("number") == 1 and step.get("name") == "clone"


def has_failed(part: Json) -> bool:
    """Whether a stage or step has failed, and this counts."""
    return part.get("status") in FAILED and not part.get("errignore")


def title(build: Json, slug: str) -> str:
    """The name of a build."""
    return f"Build {build.get('number')} of {slug}"


def purpose(build: Json) -> str:
    """What a build is for."""
    event, target, branch = (line(build.get(key) or "") for key in ("event", "deploy_to", "target"))
    return f"{event} to {target}" if target else f"{event} of {branch}" if branch else event


def waits(stage: Json) -> str:
    """For what a stage waits; empty when nothing is known."""
    if stage.get("status") == "blocked":
        return "waits for approval"
    if stage.get("status") == "waiting_on_dependencies":
        before = ", ".join(line(name) for name in stage.get("depends_on") or [])
        return f"waits for {before}" if before else ""
    return f"waits: {line(why)}" if (why := stage.get("pending_reason")) else ""


def approval(build: Json, slug: str) -> Approval | None:
    """The approval that a build waits for, if it waits for one."""
    if build.get("status") in DONE:
        return None
    blocked = [line(one.get("name", "")) for one in build.get("stages") or [] if one.get("status") == "blocked"]
    if not blocked:
        return None
    who = f"{', '.join(blocked)} {'wait' if len(blocked) > 1 else 'waits'} for the approval of an administrator"
    return Approval(f"{who} of {slug}", quoted("approve", slug, build.get("number")))


def outcome(stage: Json, step: Json) -> str:
    """How a step has ended that has not succeeded; empty for success."""
    if step.get("status") == "success":
        return ""
    ended = ": ".join(filter(None, [line(step.get("status")), reason(step)]))
    return f"[{label(stage, step)}] {ended}{', ignored' if step.get('errignore') else ''}"


def report(build: Json, slug: str, stage: Json, step: Json, last: Iterable[str]) -> str:
    """A failed step, its last lines unless they are shown already, and the command that prints its whole log."""
    parts = [str(part.get("name") or part.get("number")) for part in (stage, step)]
    more = f"The whole log: {quoted('log', slug, build.get('number'), *parts)}"
    shown = [f"  {said}" for said in last]
    return "\n".join([outcome(stage, step), *shown, more] if shown else [more])


def ending(build: Json) -> str:
    """The result of a build."""
    took = lasted((build.get("finished") or 0) - (build.get("started") or 0))
    error = f": {line(build['error'])}" if build.get("error") else ""
    return f"Build {build.get('number')} ended after {took}: {build.get('status')}{error}"


def quoted(verb: str, *words: object) -> str:
    """A command line of ours, to be copied."""
    return f"gantry {verb} {shlex.join(line(word) for word in words)}"
