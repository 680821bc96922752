"""Starting a build: what was started, and what is said where nothing was."""

from collections.abc import Callable
from typing import Any

import click

from app.cli.remote.client import Client, Json, Refused
from app.cli.terminal.options import Session
from app.errors import NothingToRun

verbose_option = click.option(
    "--verbose", is_flag=True, help="If no pipeline is started, say for each pipeline which condition excludes it."
)


def started(session: Session, send: Callable[[Client], Any], *, verbose: bool) -> Json:
    """The build that a request has started; NothingToRun without one, for each pipeline if `verbose` asks for that."""
    try:
        with session.client() as client:
            build = send(client)
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
