"""What a message says of a build that was begun or is awaited in a chat (contract gantry-chatops 6.3). Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from app.builds.model import DONE, FAILED, Build, Stage, Step
from app.chatops.buttons import Action
from app.chatops.command import code
from app.chatops.model import TITLES, Answer, Button

#: Lines of the log of a failed step that are shown, and characters of each line.
LINES, LONGEST_LINE = 20, 160
#: Parameters that are shown, and characters of a value.
PARAMETERS, LONGEST_VALUE = 20, 100
#: Characters of an error and of a commit's title that are shown.
LONGEST_ERROR, LONGEST_TITLE = 1500, 100
#: Makes the value of a button.
Value: TypeAlias = Callable[[Action], str]

_ENDS: Mapping[str, str] = {
    "success": "succeeded",
    "failure": "failed",
    "error": "failed",
    "killed": "was cancelled",
    "declined": "was rejected",
    "skipped": "was left out",
}


def mark(build: Build) -> str:
    """What a place shows of a build: a build whose mark is the same looks the same."""
    return f"{build.state} blocked" if build.blocked else build.state


def is_last(build: Build) -> bool:
    """Whether no other state of the build follows."""
    return build.status in DONE


def about(
    build: Build,
    slug: str,
    link: str,
    value: Value,
    *,
    note: str = "",
    params: Mapping[str, str] | None = None,
    tail: Sequence[str] = (),
) -> Answer:
    """The state of a build with its stages, for everybody in a channel.

    `link` is the address of its page. `params` are its parameters without what must not be told, `tail` the last lines
    of the log of the step that failed, `note` what people have said of the build.
    """
    lines = [f"{what(build, slug, link)} {_state(build, slug)}", _facts(build)]
    if params and not is_last(build):
        lines.append(_parameters(params))
    lines += [note] if note else []
    if build.status in FAILED and (error := build.error or next(filter(None, (s.error for s in build.stages)), "")):
        lines.append(block(error[:LONGEST_ERROR].splitlines()))
    if tail:
        lines.append(block(tail))
    return Answer("\n".join(lines), True, build.number, slug, tuple(_buttons(build, value)))


def what(build: Build, slug: str, link: str) -> str:
    """`Promotion #43 of octocat/hello-world#42 to production`, with a link."""
    parent = f"`{slug}#{build.parent}`" if build.parent else f"`{slug}` at `{build.after[:7]}`"
    match build.event:
        case "promote":
            return f"Promotion [#{build.number}]({link}) of {parent} to {code(build.deploy_to)}"
        case "rollback":
            return f"Rollback [#{build.number}]({link}) of {code(build.deploy_to)} to {parent}"
    return f"Build [#{build.number}]({link}) of `{slug}`"


def _state(build: Build, slug: str) -> str:
    if build.status in _ENDS:
        took = (
            f" after {duration(build.finished - build.started)}" if build.started and build.status != "skipped" else ""
        )
        return _ENDS[build.status] + took + _failed_step(build)
    waits = f"`approve {slug}#{build.number}` or `reject {slug}#{build.number}`"
    if build.blocked:
        running = "is running, and" if build.status == "running" else ""
        return f"{running} waits for approval: {waits}".lstrip()
    return "is running" if build.status == "running" else "was accepted, and waits for a runner"


def _failed_step(build: Build) -> str:
    found = failed_step(build) if build.status in FAILED else None
    if found is None:
        return ""
    stage, step = found
    return f": step {code(step.name)} of {code(stage.name)} ended with exit code {step.exit_code}"


def failed_step(build: Build) -> tuple[Stage, Step] | None:
    """The first step that made the build fail, and its stage."""
    steps = [(stage, step) for stage in build.stages for step in stage.steps]
    failed = [(stage, step) for stage, step in steps if step.status in FAILED and not step.errignore]
    own = [pair for pair in failed if pair[1].status != "killed"]
    return next(iter(own or failed), None)


def _facts(build: Build) -> str:
    title = (build.title or build.message).partition("\n")[0]
    facts = [
        f"asked for by {code(build.trigger)}" + (f" through {TITLES.get(build.via, build.via)}" if build.via else "")
    ]
    if build.after:
        facts.append(f"commit `{build.after[:7]}`" + (f" {code(title, LONGEST_TITLE)}" if title.strip() else ""))
    return ", ".join(facts)


def _parameters(params: Mapping[str, str]) -> str:
    shown = [code(f"{name}={value}", LONGEST_VALUE) for name, value in list(params.items())[:PARAMETERS]]
    more = f" and {len(params) - PARAMETERS} more" if len(params) > PARAMETERS else ""
    return f"with {' '.join(shown)}{more}"


def _buttons(build: Build, value: Value) -> Sequence[Button]:
    number = f"#{build.number}"
    where = f" to {build.deploy_to}" if build.deploy_to else ""
    found = list[Button]()
    if build.blocked:
        question = f"Approve {number}{where}?"
        found = [
            Button("Approve", value("approve"), "primary", question),
            Button("Reject", value("reject"), "danger", f"Reject {number}?"),
        ]
    if build.status not in DONE:
        found.append(Button("Cancel", value("cancel"), "", f"Cancel {number}?"))
    elif build.status == "success" and build.deploy_to:
        question = f"Roll {build.deploy_to} back to what ran before {number}?"
        found.append(Button("Roll back", value("rollback"), "danger", question))
    return found


def block(lines: Sequence[str]) -> str:
    """Lines between lines of three backquotes; a line cannot end the block."""
    plain = (line.replace("```", "'''")[:LONGEST_LINE] for line in lines)
    return "\n".join(["```", *plain, "```"])


def duration(seconds: int) -> str:
    """`3 m 12 s`."""
    minutes, rest = divmod(max(seconds, 0), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} m"
    return f"{minutes} m {rest} s" if minutes else f"{rest} s"
