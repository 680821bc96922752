"""`gantry disconnect`: takes an account at a git host away from the caller's account."""

import click

from app.cli.terminal import options, output
from app.cli.terminal.commands import command
from app.cli.terminal.options import Session, api_path, json_option, yes_option


@command(example="gantry disconnect github")
@click.argument("host")
@yes_option
@json_option
@click.pass_obj
def disconnect(session: Session, host: str, yes: bool) -> None:
    """Take an account at a git host away from yours here.

    gantry whoami shows the hosts. The token is deleted here, and the rights that the host has told end. You do not
    sign in there any more.
    """
    options.confirm(f"Disconnect your account at {host}?", yes)
    with session.client() as client:
        client.call("DELETE", api_path("user", "hosts", host))
    session.tell(f"Your account at {output.line(host)} is disconnected")
