"""`gantry open`: shows a build, or the board, in the browser."""

import os
import sys
import webbrowser

import click

from app.cli.remote import builds, clone
from app.cli.remote.client import Client, Refused
from app.cli.terminal import options, output
from app.cli.terminal.commands import command
from app.cli.terminal.options import Session, json_option, repo_argument, repo_path


@command("open", example=["gantry open", "gantry open acme/web 42", "gantry open last:success --print"])
@repo_argument(from_clone=False, without="else that of the git clone you are in; elsewhere the board is shown.")
@click.argument("word", cls=options.BuildArgument, type=options.build, required=False, metavar="[BUILD]")
@click.option("--print", "only_print", is_flag=True, help="Only print the address.")
@json_option
@click.pass_obj
def browse(session: Session, slug: str | None, word: str | None, only_print: bool) -> None:
    """Show a build, or the board, in the browser.

    Without a build, it is the latest of the default branch, or the repository where that has none. Without a
    repository, outside the git clone of one, the board shows what runs where.
    Where there is no display, the address is printed.
    """
    with session.client() as client:
        slug = slug or (clone.repository(client) if word else clone.repository_if_any(client))
        number = _number(client, slug, word) if slug else None
        address = (
            f"{client.connection.server}/{slug}/{number}" if number else f"{client.connection.server}/{slug or ''}"
        )
    found = {"number": number} if number else {}
    if session.as_json:
        session.print_json(found | {"link": address})
    elif only_print or not _has_display() or not webbrowser.open(address):
        output.write(address)


def _number(client: Client, slug: str, word: str | None) -> int | None:
    """The number of a build, which must be there; None for the latest of a repository that has none yet."""
    try:
        return int(builds.show(client, slug, word or "last")["number"])
    except Refused as error:
        if word or error.status != 404:
            raise
    client.record("GET", repo_path(slug))
    return None


def _has_display() -> bool:
    """Whether a browser can show a window; elsewhere one would take over the terminal."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    return sys.platform in ("darwin", "win32", "cygwin") or any(map(os.environ.get, names))
