"""`gantry token`: your own tokens."""

import time
from collections.abc import Sequence

import click

from app.cli.remote.client import Json
from app.cli.terminal import arguments, options, output
from app.cli.terminal.commands import OneOf, group
from app.cli.terminal.options import Session, ahead, api_path, json_option, slug, yes_option

_SCOPES = ("read", "promote", "deploy", "admin")


@group()
def token() -> None:
    """Make, list and remove your tokens.

    A token is shown once, when it is made: only its hash is kept.
    """


@token.command(example="gantry token create deploy-bot --scope promote --repo acme/web --expires 90d")
@click.argument("name")
@click.option(
    "--scope",
    type=OneOf(_SCOPES),
    required=True,
    help="read changes nothing and sees no secret; promote also promotes, rolls back, restarts, cancels, approves and "
    "declines builds; admin does everything. No token does what its account may not.",
)
@click.option(
    "--repo",
    "repos",
    type=slug,
    multiple=True,
    metavar="NAMESPACE/NAME",
    help="The only repository that it is good for; repeatable. Without it: all that you have.",
)
@click.option(
    "--expires", callback=ahead, metavar="TIME", help="When it ends: 2026-12-31, or in so long, as in 12h or 90d."
)
@json_option
@click.pass_obj
def create(session: Session, name: str, scope: str, repos: Sequence[str], expires: int | None) -> None:
    """Make a token and print it, this once."""
    body = arguments.present(name=name, scope=scope, repos=list(repos) or None, expires=expires)
    with session.client() as client:
        answer = client.record("POST", "/api/user/tokens", body=body)
    session.show(answer, lambda made: output.line(made.get("token", "")))


user_option = click.option("--user", metavar="LOGIN", help="Of this account (administrators); without it, yours.")


def _path(user: str | None, *more: str) -> str:
    return api_path("user", "tokens", *more) if user is None else api_path("users", user, "tokens", *more)


@token.command("ls", example="gantry token ls")
@user_option
@json_option
@click.pass_obj
def ls(session: Session, user: str | None) -> None:
    """List tokens; default is the one that an account was made with."""
    with session.client() as client:
        session.show(client.records(_path(user)), _table)


@token.command(example="gantry token rm deploy-bot")
@click.argument("name")
@user_option
@yes_option
@json_option
@click.pass_obj
def rm(session: Session, name: str, user: str | None, yes: bool) -> None:
    """Remove a token, by its name or id; browsers that logged in with it are logged out."""
    options.confirm(f"Remove the token {name}?", yes)
    with session.client() as client:
        client.call("DELETE", _path(user, name))
    session.tell(f"Token {output.line(name)} is removed")


@token.command(example="gantry token rotate")
@json_option
@click.pass_obj
def rotate(session: Session) -> None:
    """Print a new default token, this once; the old one ends at once, and all browsers are logged out."""
    with session.client() as client:
        answer = client.record("POST", "/api/user/token", query={"rotate": "true"})
    session.show(answer, lambda account: output.line(account["token"]))


def _table(tokens: list[Json]) -> str:
    now = time.time()
    return output.table(
        ["NAME", "SCOPE", "REPOSITORIES", "CREATED", "EXPIRES", "LAST USED"],
        [
            [
                output.line(token.get("name", "")),
                output.line(token.get("scope", "")),
                output.line(", ".join(token.get("repos") or ["all"])),
                output.ago(token.get("created") or 0, now),
                output.moment(token["expires"]) if token.get("expires") else "never",
                output.ago(token.get("last_used") or 0, now),
            ]
            for token in tokens
        ],
    )
