"""`gantry user`: accounts, for administrators."""

import time

import click

from app.cli import output
from app.cli.client import Json
from app.cli.options import Session, json_option


@click.group()
def user() -> None:
    """Manage accounts (administrators)."""


@user.command()
@click.argument("login")
@click.option("--admin", is_flag=True, help="May do everything.")
@click.option("--machine", is_flag=True, help="A program: uses a token, cannot log in with a browser.")
@click.option("--token", help="The account's token; else the server makes one.")
@click.option("--email")
@json_option
@click.pass_obj
def add(session: Session, login: str, admin: bool, machine: bool, token: str | None, email: str | None) -> None:
    """Add an account; its token, if the server makes one, is shown this once."""
    body: Json = {"login": login, "admin": admin, "machine": machine, "token": token, "email": email}
    with session.client() as client:
        answer = client.record("POST", "/api/users", body={k: v for k, v in body.items() if v is not None})
    session.show(answer, _block)


@user.command("ls")
@json_option
@click.pass_obj
def ls(session: Session) -> None:
    """List the accounts."""
    with session.client() as client:
        session.show(client.records("/api/users"), _table)


def _block(user: Json) -> str:
    token = output.line(user.get("token", ""))
    return output.block(
        [
            ("Login", output.line(user.get("login", ""))),
            ("Email", output.line(user.get("email", ""))),
            ("Admin", output.yes(user.get("admin"))),
            ("Machine", output.yes(user.get("machine"))),
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
