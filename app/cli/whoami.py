"""`gantry whoami`: shows the account of the token, and what the account has at hosts."""

import time

import click

from app.cli.remote.client import Json
from app.cli.terminal import output
from app.cli.terminal.commands import command
from app.cli.terminal.options import Session, json_option
from app.cli.user import block


@command(example=["gantry whoami", "gantry whoami --sessions"])
@click.option("--sessions", is_flag=True, help="List the browsers that are logged in to it instead.")
@json_option
@click.pass_obj
def whoami(session: Session, sessions: bool) -> None:
    """Show your account, or where it is logged in.

    Beside the account it says what the account has at hosts.
    """
    with session.client() as client:
        if sessions:
            session.show(client.records("/api/user/sessions"), _table)
        else:
            session.show(client.record("GET", "/api/user"), _account)


def _account(user: Json) -> str:
    """The account, and what it has at hosts."""
    now = time.time()
    rows = [
        [output.line(host.get("host", "")), output.line(host.get("login", "")), _state(host, now)]
        for host in user.get("hosts") or ()
    ]
    return "\n".join([block(user), *([output.grid(["HOST", "LOGIN", "REPOSITORIES"], rows)] if rows else [])])


def _state(host: Json, now: float) -> str:
    """How the repositories of a host stand."""
    if host.get("problem"):
        return output.line(host["problem"])
    count = f"{host.get('repositories', 0)}"
    return f"{count}, synchronising…" if host.get("syncing") else f"{count}, {output.ago(host.get('synced') or 0, now)}"


def _table(sessions: list[Json]) -> str:
    now = time.time()
    return output.table(
        ["ID", "LOGGED IN", "LAST SEEN", "EXPIRES", "ADDRESS", "BROWSER"],
        [
            [
                output.line(session.get("id", "")),
                output.ago(session.get("created") or 0, now),
                output.ago(session.get("last_seen") or 0, now),
                output.moment(session.get("expires") or 0),
                output.line(session.get("address", "")),
                output.line(session.get("browser", "")),
            ]
            for session in sessions
        ],
    )
