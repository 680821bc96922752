"""`gantry open`: shows a build in the browser."""

import os
import sys
import webbrowser

import click

from app.cli.remote import builds
from app.cli.terminal import options, output
from app.cli.terminal.commands import command
from app.cli.terminal.options import Session, json_option, slug_argument


@command("open", example=["gantry open", "gantry open acme/web 42", "gantry open last:success --print"])
@slug_argument
@click.argument("word", cls=options.BuildArgument, type=options.build, default="last", metavar="[BUILD]")
@click.option("--print", "only_print", is_flag=True, help="Only print the address.")
@json_option
@click.pass_obj
def browse(session: Session, slug: str, word: str, only_print: bool) -> None:
    """Show a build in the browser.

    Without a build, it is the latest of the default branch.
    Where there is no display, the address is printed.
    """
    with session.client() as client:
        number = builds.number(client, slug, word)
        address = f"{client.connection.server}/{slug}/{number}"
    if session.as_json:
        session.print_json({"number": number, "link": address})
    elif only_print or not _has_display() or not webbrowser.open(address):
        output.write(address)


def _has_display() -> bool:
    """Whether a browser can show a window; elsewhere one would take over the terminal."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    return sys.platform in ("darwin", "win32", "cygwin") or any(map(os.environ.get, names))
