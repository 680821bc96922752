"""`gantry user`: accounts, for administrators."""

import time

import click

from app.cli.remote.client import Json
from app.cli.terminal import arguments, options, output
from app.cli.terminal.commands import group
from app.cli.terminal.options import Session, api_path, json_option, yes_option

user_argument = click.argument("user", metavar="LOGIN")


@group()
def user() -> None:
    """Manage accounts (administrators)."""


@user.command(example="gantry user add octocat --email octocat@example.com")
@click.argument("login")
@click.option("--admin", is_flag=True, help="May do everything.")
@click.option("--machine", is_flag=True, help="A program: uses a token, cannot log in with a browser.")
@click.option("--token", help="The account's token; else the server makes one.")
@click.option("--email")
@click.option("--host", metavar="NAME", help="The account of whoever has the login at this host: github, gitea, …")
@json_option
@click.pass_obj
def add(
    session: Session,
    login: str,
    admin: bool,
    machine: bool,
    token: str | None,
    email: str | None,
    host: str | None,
) -> None:
    """Add an account; its token, if the server makes one, is shown this once.

    With --host the account is for the person of this login at the host, who gets it at the first log-in there.
    """
    body = arguments.present(login=login, admin=admin, machine=machine, token=token, email=email, host=host)
    with session.client() as client:
        answer = client.record("POST", "/api/users", body=body)
    session.show(answer, block)


@user.command("ls", example="gantry user ls")
@json_option
@click.pass_obj
def ls(session: Session) -> None:
    """List the accounts."""
    with session.client() as client:
        session.show(client.records("/api/users"), _table)


@user.command(example="gantry user info octocat")
@user_argument
@json_option
@click.pass_obj
def info(session: Session, user: str) -> None:
    """Show an account, by its login or id."""
    with session.client() as client:
        session.show(client.record("GET", api_path("users", user)), block)


@user.command(example="gantry user update octocat --admin")
@user_argument
@click.option("--admin/--no-admin", default=None, help="May do everything, or not any more.")
@click.option("--active/--inactive", default=None, help="An inactive account may nothing; what it owns goes to others.")
@click.option("--email")
@click.option("--host", metavar="NAME", help="Whoever has the login at this host gets the account; '' for nobody.")
@json_option
@click.pass_obj
def update(
    session: Session, user: str, admin: bool | None, active: bool | None, email: str | None, host: str | None
) -> None:
    """Change an account; what is not given stays."""
    body = arguments.present(admin=admin, active=active, email=email, host=host)
    if not body:
        raise click.UsageError("nothing to change: give --admin, --no-admin, --active, --inactive, --email or --host")
    with session.client() as client:
        session.show(client.record("PATCH", api_path("users", user), body=body), block)


@user.command(example="gantry user rm octocat")
@user_argument
@yes_option
@json_option
@click.pass_obj
def rm(session: Session, user: str, yes: bool) -> None:
    """Remove an account; what it owns goes to others."""
    options.confirm(f"Remove the account {user}?", yes)
    with session.client() as client:
        client.call("DELETE", api_path("users", user))
    session.tell(f"Account {output.line(user)} is removed")


@user.command(example="gantry user rotate octocat")
@user_argument
@json_option
@click.pass_obj
def rotate(session: Session, user: str) -> None:
    """Give an account a new token, shown this once; the old one ends at once."""
    with session.client() as client:
        session.show(client.record("POST", api_path("users", user, "token", "rotate")), block)


def block(user: Json) -> str:
    """The text of an account, with its token if the server's answer holds the token."""
    token = output.line(user.get("token", ""))
    return output.block(
        [
            ("Login", output.line(user.get("login", ""))),
            ("Email", output.line(user.get("email", ""))),
            ("Admin", output.yes(user.get("admin"))),
            ("Machine", output.yes(user.get("machine"))),
            ("Active", output.yes(user.get("active"))),
            ("Expected from", output.line(user.get("host", ""))),
            ("Token", f"{token}  (keep it: it is not shown again)" if token else ""),
        ]
    )


def _table(users: list[Json]) -> str:
    now = time.time()
    return output.table(
        ["LOGIN", "EMAIL", "ADMIN", "MACHINE", "ACTIVE", "LAST LOGIN"],
        [
            [
                output.line(user.get("login", "")),
                output.line(user.get("email", "")),
                output.yes(user.get("admin")),
                output.yes(user.get("machine")),
                output.yes(user.get("active")),
                output.ago(user.get("last_login") or 0, now),
            ]
            for user in users
        ],
    )
