"""Commands that begin a build: their options, what was begun, and what is said where nothing was."""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, TypeVar, cast

import click

from app.cli.rehearsal import rehearse
from app.cli.remote.client import Client, Json, Refused
from app.cli.terminal.options import Session
from app.errors import NothingToRun

F = TypeVar("F", bound=Callable[..., Any])


class How(NamedTuple):
    """How a command begins a build."""

    #: Watch the build until it is over.
    follow: bool
    #: If no pipeline is started, say so for each pipeline.
    verbose: bool
    #: Begin nothing, and say what would be begun.
    dry_run: bool


verbose_option = click.option(
    "--verbose", is_flag=True, help="If no pipeline is started, say for each pipeline which condition excludes it."
)
_OPTIONS = (
    click.option("--follow", is_flag=True, help="Watch the build until it has ended; exit 0 if it succeeds, else 1."),
    click.option(
        "--dry-run",
        is_flag=True,
        help="Only say what would run and change; exit 1 if it would be refused or fail at once.",
    ),
    verbose_option,
)


def start_options(command: F) -> F:
    """Give a command the options of one that begins a build; it gets them as `how`, a How."""

    @wraps(command)
    def gathered(*args: Any, follow: bool, verbose: bool, dry_run: bool, **given: Any) -> Any:
        if dry_run and follow:
            raise click.UsageError("--dry-run begins no build that --follow could show: give one of them")
        return command(*args, how=How(follow, verbose, dry_run), **given)

    made: Any = gathered
    for option in reversed(_OPTIONS):
        made = option(made)
    return cast(F, made)


#: Sends the request that begins a build, with more words in its query; the server's answer.
Send = Callable[[Client, Json], Any]


def started(session: Session, slug: str, send: Send, *, verbose: bool, dry_run: bool = False) -> Json:
    """The build that a request has begun, or would begin; NothingToRun without one, for each pipeline if `verbose`."""
    try:
        with session.client() as client:
            build = rehearse(client, slug, send) if dry_run else send(client, {})
    except Refused as refused:
        if refused.code != NothingToRun.code:
            raise
        raise NothingToRun(_why(refused, verbose=verbose)) from refused
    if isinstance(build, dict):
        return build
    raise NothingToRun("no build was started: no pipeline of the repository's file wants this event")


def _why(refused: Refused, *, verbose: bool) -> str:
    if verbose:
        return "\n".join([refused.message, *(f"  {problem.message}" for problem in refused.problems)])
    return f"{refused.message}; --verbose tells it for each pipeline" if refused.problems else refused.message


def exit_by(build: Json) -> None:
    """Exit with 1 if a build that was started is over already, because it cannot run."""
    if build.get("status") == "error":
        raise click.exceptions.Exit(1)
