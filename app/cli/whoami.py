"""`gantry whoami`: shows the account of the token."""

import click

from app.cli.terminal.options import Session, json_option
from app.cli.user import block


@click.command()
@json_option
@click.pass_obj
def whoami(session: Session) -> None:
    """Show your account."""
    with session.client() as client:
        session.show(client.record("GET", "/api/user"), block)
