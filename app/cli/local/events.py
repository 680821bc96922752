"""Events as they could happen to the commit of a checkout, and the options that name one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from importlib.metadata import version
from typing import Any, TypeVar, cast

import click

from app import DISTRIBUTION
from app.builds import params as parameters
from app.builds.model import Build
from app.cli.local.checkout import Checkout
from app.cli.terminal.commands import OneOf
from app.cli.terminal.options import params_option
from app.pipeline.event import EVENTS
from app.runners.manager import System

F = TypeVar("F", bound=Callable[..., Any])

#: The tag of a commit that has none.
A_TAG = "v1.0.0"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The event that options name; what is empty is not given."""

    event: str = ""
    target: str = ""
    branch: str = ""
    tag: str = ""
    cron: str = ""
    params: tuple[tuple[str, str], ...] = ()

    @property
    def kind(self) -> str:
        """The event, which may follow from the other options; empty if nothing names one."""
        follows = (("promote", self.target), ("tag", self.tag), ("cron", self.cron))
        return self.event or next((event for event, given in follows if given), "")


_OPTIONS = (
    click.option("--event", type=OneOf(EVENTS), help="The event; else promote with --target, tag with --tag."),
    click.option("--target", metavar="NAME", help="The target of a promotion or a rollback."),
    click.option("--branch", metavar="NAME", help="The branch; else the one that is checked out."),
    click.option("--tag", metavar="NAME", help="The tag of the event tag; else the newest one."),
    click.option("--cron", metavar="NAME", help="The name of the cron job of the event cron."),
    params_option,
)


def event_options(command: F) -> F:
    """Give a command the options that name an event; it gets them as `wanted`, a Wanted."""

    @wraps(command)
    def gathered(*args: Any, params: tuple[tuple[str, str], ...], **given: Any) -> Any:
        words = {name: given.pop(name) or "" for name in ("event", "target", "branch", "tag", "cron")}
        wanted = Wanted(**words, params=params)
        if wanted.kind in ("promote", "rollback") and not wanted.target:
            raise click.UsageError(f"a {wanted.kind} needs a target: give --target")
        parameters.check(dict(params), target=wanted.target)
        return command(*args, wanted=wanted, **given)

    made: Any = gathered
    for option in reversed(_OPTIONS):
        made = option(made)
    return cast(F, made)


def draft(checkout: Checkout, wanted: Wanted) -> Build:
    """The build that the event would begin at the commit of the checkout, with its parameters."""
    commit, event = checkout.commit, wanted.kind or "push"
    branch = wanted.branch or checkout.branch
    facts: Mapping[str, Any] = {"ref": f"refs/heads/{branch}", "source_branch": branch, "target_branch": branch}
    if event == "pull_request":
        facts = {**facts, "ref": "refs/pull/1/head", "action": "opened"}
    elif event == "tag":
        facts = {"ref": f"refs/tags/{wanted.tag or checkout.tag or A_TAG}", "action": "create"}
    return Build(
        id=0,
        repo_id=0,
        number=0,
        trigger="@cron" if event == "cron" else "",
        event=event,
        deploy_to=wanted.target,
        cron=wanted.cron,
        params=dict(sorted(wanted.params)),
        message=commit.message,
        timestamp=commit.timestamp,
        after=commit.sha,
        author_login=commit.author_name,
        author_name=commit.author_name,
        author_email=commit.author_email,
        **facts,
    )


def title(build: Build) -> str:
    """An event in words, as in `promote to production`."""
    match build.event:
        case "promote" | "rollback":
            return f"{build.event} to {build.deploy_to}"
        case "tag":
            return f"tag {build.ref.removeprefix('refs/tags/')}"
        case "cron":
            return f"cron {build.cron}" if build.cron else "cron"
        case "pull_request":
            return f"pull_request into {build.target_branch}"
    return f"{build.event} to {build.target_branch}"


def system() -> System:
    """The server as steps see it that run without one."""
    return System("http", "localhost", version(DISTRIBUTION))
