"""`gantry secret`: the secrets of a repository. Values go to the server and never come back."""

import sys
from pathlib import Path

import click

from app.cli import options, output
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
    where, called = _either(slug, repository, "NAMESPACE/NAME"), _either(name, drone_name, "NAME")
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
    where = _either(slug, repository, "NAMESPACE/NAME")
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
    where, called = _either(slug, repository, "NAMESPACE/NAME"), _either(name, drone_name, "NAME")
    with session.client() as client:
        client.call("DELETE", repo_path(where, "secrets", called))
    if not session.as_json:
        output.write(f"Secret {output.line(called)} is removed from {where}")


def _either(argument: str | None, option: str | None, what: str) -> str:
    if argument and option:
        raise click.UsageError(f"{what} is given twice, as {argument!r} and as {option!r}")
    if given := argument or option:
        return given
    raise click.UsageError(f"{what} is missing")


def _value(data: str | None) -> str:
    if data is None and sys.stdin.isatty():
        return str(click.prompt("Value", hide_input=True, err=True))
    value = _read(data)
    if not value:
        raise click.UsageError("the secret's value is empty: give --data @FILE, or the value on standard input")
    return value


def _read(data: str | None) -> str:
    try:
        if data is None or data == "-":
            return _without_line_end(sys.stdin.buffer.read().decode())
        return Path(data[1:]).read_bytes().decode() if data.startswith("@") else data
    except UnicodeDecodeError as error:
        raise click.UsageError(
            "the secret's value is not UTF-8 text: encode it first, for example with base64"
        ) from error
    except (OSError, ValueError) as error:
        raise click.UsageError(f"cannot read {data[1:] if data else 'standard input'}: {error}") from error


def _without_line_end(value: str) -> str:
    return value.removesuffix("\n").removesuffix("\r")


def _table(secrets: list[Json]) -> str:
    return output.table(
        ["NAME", "PULL REQUESTS"],
        [[output.line(s.get("name", "")), output.yes(s.get("pull_request"))] for s in secrets],
    )
