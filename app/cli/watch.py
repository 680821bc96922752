"""`gantry watch`, and what `--follow` does: shows a build until it has ended."""

import os
from typing import NoReturn

import click

from app.cli.follow import follow
from app.cli.remote import builds
from app.cli.remote.client import Refused, Unreachable
from app.cli.terminal import output
from app.cli.terminal.commands import command
from app.cli.terminal.live import Live
from app.cli.terminal.options import Session, build_argument, json_option, slug_argument
from app.cli.terminal.plain import Notes, Plain
from app.cli.terminal.program import INTERRUPTED
from app.cli.terminal.words import quoted


@command(example=["gantry watch last", "gantry watch acme/web#43", "gantry watch 43 --json --jq .status"])
@slug_argument
@build_argument
@json_option
@click.pass_obj
def watch(session: Session, slug: str, word: str) -> None:
    """Watch a build until it has ended.

    On a terminal: its stages and steps, with the newest lines of what runs; in a pipe: the logs of its steps. With
    --json: only the ended build. The exit code is 0 if the build succeeds, else 1.
    """
    with session.client() as client:
        number = builds.number(client, slug, word)
    watched(session, slug, number)


def watched(session: Session, slug: str, number: int) -> NoReturn:
    """Show a build until it has ended; exit by its result. An interrupt ends the showing, not the build."""
    on = ("Watch it", quoted("watch", slug, number))
    connection = session.connection()
    try:
        with _view(session, slug) as view:
            ended = follow(connection, slug, number, view)
    except KeyboardInterrupt:
        ways = output.block([on, ("Stop it", quoted("cancel", slug, number))])
        output.write(f"\nStopped watching; build {number} goes on\n{ways}", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    except (Refused, Unreachable) as error:
        if error.passing and not session.as_json:
            output.write(f"Build {number} may go on\n{output.block([on])}", err=True)
        raise
    if session.as_json:
        session.print_json(ended)
    view.end(ended)
    raise click.exceptions.Exit(0 if ended.get("status") == "success" else 1)


def _view(session: Session, slug: str) -> Notes:
    if session.as_json:
        return Notes(slug)
    return Live(slug) if output.for_people() and os.environ.get("TERM") != "dumb" else Plain(slug)
