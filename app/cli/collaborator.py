"""`gantry collaborator`: who has which rights in a repository."""

import click

from app.cli.remote.client import Json
from app.cli.terminal import options, output
from app.cli.terminal.commands import OneOf, group
from app.cli.terminal.options import Session, json_option, repo_path, slug_argument, yes_option

_RIGHTS = ("read", "write", "admin")
login_argument = click.argument("login", metavar="LOGIN")


@group()
def collaborator() -> None:
    """Say who may do what in a repository."""


@collaborator.command("ls", example="gantry collaborator ls acme/web")
@slug_argument
@json_option
@click.pass_obj
def ls(session: Session, slug: str) -> None:
    """List who has rights in a repository."""
    with session.client() as client:
        session.show(client.records(repo_path(slug, "collaborators")), _table)


@collaborator.command("set", example="gantry collaborator set acme/web octocat write")
@slug_argument
@login_argument
@click.argument("right", type=OneOf(_RIGHTS))
@json_option
@click.pass_obj
def set_right(session: Session, slug: str, login: str, right: str) -> None:
    """Give an account a right, with those below it and none above it.

    read sees, write promotes and restarts, admin approves and changes settings and rights.
    """
    with session.client() as client:
        answer = client.record("PUT", repo_path(slug, "collaborators", login), body={right: True})
    session.show(answer, lambda _: f"{output.line(login)} has {right} access to {slug}")


@collaborator.command(example="gantry collaborator rm acme/web octocat")
@slug_argument
@login_argument
@yes_option
@json_option
@click.pass_obj
def rm(session: Session, slug: str, login: str, yes: bool) -> None:
    """Take all rights of an account away."""
    options.confirm(f"Take all rights of {login} in {slug} away?", yes)
    with session.client() as client:
        client.call("DELETE", repo_path(slug, "collaborators", login))
    session.tell(f"{output.line(login)} has no rights in {slug} any more")


def _table(rows: list[Json]) -> str:
    return output.table(
        ["LOGIN", *(right.upper() for right in _RIGHTS)],
        [[output.line(row.get("login", "")), *(output.yes(row.get(right)) for right in _RIGHTS)] for row in rows],
    )
