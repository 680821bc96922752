"""`gantry token`: your own token."""

import click

from app.cli.terminal import output
from app.cli.terminal.options import Session, json_option


@click.group()
def token() -> None:
    """Renew your token.

    The one in use cannot be shown: only its hash is kept.
    """


@token.command()
@json_option
@click.pass_obj
def rotate(session: Session) -> None:
    """Print a new token, this once; the old one ends at once."""
    with session.client() as client:
        answer = client.record("POST", "/api/user/token", query={"rotate": "true"})
    session.show(answer, lambda account: output.line(account["token"]))
