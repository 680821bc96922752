"""`gantry secret`: the secrets of a repository. Values go to the server and never come back."""

import sys

import click

from app.cli import given, options, output
from app.cli.client import Json
from app.cli.options import Session, json_option, repo_path

optional_slug = click.argument("slug", required=False, type=options.slug, metavar="NAMESPACE/NAME")
optional_name = click.argument("name", required=False, metavar="NAME")
repository_option = click.option("--repository", type=options.slug, help="The repository, as Drone's client takes it.")
name_option = click.option("--name", "drone_name", help="The secret's name, as Drone's client takes it.")


@click.group()
def secret() -> None:
    """Keep the secrets of a repository."""


@secret.command()
@optional_slug
@optional_name
@repository_option
@name_option
@click.option("--data", metavar="VALUE|@FILE|-", help="The value, a file that holds it, or - for standard input.")
@click.option("--allow-pull-request", is_flag=True, help="Pull requests may read it.")
@json_option
@click.pass_obj
def add(
    session: Session,
    slug: str | None,
    repository: str | None,
    name: str | None,
    drone_name: str | None,
    data: str | None,
    allow_pull_request: bool,
) -> None:
    """Add a secret.

    Other users of this machine can see a value on the command line: prefer @FILE, taken as it is, or standard
    input, of which one line end is removed. Without --data a terminal is asked.
    """
    where, called = given.either(slug, repository, "NAMESPACE/NAME"), given.either(name, drone_name, "NAME")
    body = {"name": called, "data": _value(data), "pull_request": allow_pull_request}
    with session.client() as client:
        answer = client.record("POST", repo_path(where, "secrets"), body=body)
    session.show(answer, lambda _: f"Secret {output.line(called)} is added to {where}")


@secret.command("ls")
@optional_slug
@repository_option
@json_option
@click.pass_obj
def ls(session: Session, slug: str | None, repository: str | None) -> None:
    """List the names of a repository's secrets."""
    where = given.either(slug, repository, "NAMESPACE/NAME")
    with session.client() as client:
        session.show(client.records(repo_path(where, "secrets")), _table)


@secret.command()
@optional_slug
@optional_name
@repository_option
@name_option
@click.pass_obj
def rm(session: Session, slug: str | None, repository: str | None, name: str | None, drone_name: str | None) -> None:
    """Remove a secret."""
    where, called = given.either(slug, repository, "NAMESPACE/NAME"), given.either(name, drone_name, "NAME")
    with session.client() as client:
        client.call("DELETE", repo_path(where, "secrets", called))
    if not session.as_json:
        output.write(f"Secret {output.line(called)} is removed from {where}")


def _value(data: str | None) -> str:
    if data is None and sys.stdin.isatty():
        return str(click.prompt("Value", hide_input=True, err=True))
    value = given.text(data, "the secret's value", "encode it first, for example with base64")
    if data in (None, "-"):
        value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise click.UsageError("the secret's value is empty: give --data @FILE, or the value on standard input")
    return value


def _table(secrets: list[Json]) -> str:
    return output.table(
        ["NAME", "PULL REQUESTS"],
        [[output.line(s.get("name", "")), output.yes(s.get("pull_request"))] for s in secrets],
    )
