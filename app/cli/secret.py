"""`gantry secret`: the secrets of a repository. The server never returns their values."""

import asyncio
import os
from collections.abc import Callable
from typing import Any

import click

from app.cli.remote.client import Json
from app.cli.terminal import arguments, options, output
from app.cli.terminal.commands import group
from app.cli.terminal.options import Session, json_option, repo_path

#: Drone's client takes the repository with --repository.
slug_argument = options.repo_argument("--repository")
optional_name = click.argument("name", required=False, metavar="NAME")
#: Asks for the steps that name a secret, too.
_USES = {"uses": "true"}
name_option = click.option("--name", "drone_name", help="The secret's name, as Drone's client takes it.")


def flag_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which builds may use a secret; an option that is not given changes nothing."""
    read = "--allow-pull-request/--no-allow-pull-request"
    push = "--allow-push-on-pull-request/--no-allow-push-on-pull-request"
    command = click.option(push, "push", default=None, help="As Drone's client takes it; kept, without effect.")(
        command
    )
    return click.option(read, "pull_request", default=None, help="Pull requests may read it.")(command)


def flags(pull_request: bool | None, push: bool | None) -> Json:
    """The flags that were given, as the body of a request."""
    return arguments.present(pull_request=pull_request, pull_request_push=push)


def changes(data: str | None, pull_request: bool | None, push: bool | None) -> Json:
    """The body of a change. Without `data`, the value is read only when no flag is given."""
    said = flags(pull_request, push)
    return said if said and data is None else {"data": arguments.read_value(data), **said}


@group()
def secret() -> None:
    """Keep the secrets of a repository."""


@secret.command(example="gantry secret add acme/web deploy_key --data @key.txt")
@slug_argument
@optional_name
@name_option
@arguments.value_option
@flag_options
@json_option
@click.pass_obj
def add(
    session: Session,
    slug: str,
    name: str | None,
    drone_name: str | None,
    data: str | None,
    pull_request: bool | None,
    push: bool | None,
) -> None:
    """Add a secret.

    Other users of this machine can see a value on the command line: prefer @FILE, taken as it is, or standard
    input, of which one line end is removed. Without --data a terminal is asked.
    """
    called = _name(name, drone_name)
    body = {"name": called, "data": arguments.read_value(data), **flags(pull_request, push)}
    with session.client() as client:
        answer = client.record("POST", repo_path(slug, "secrets"), body=body)
    session.show(answer, lambda _: f"Secret {output.line(called)} is added to {slug}")


@secret.command(example="gantry secret update acme/web deploy_key --data @key.txt")
@slug_argument
@optional_name
@name_option
@arguments.value_option
@flag_options
@json_option
@click.pass_obj
def update(
    session: Session,
    slug: str,
    name: str | None,
    drone_name: str | None,
    data: str | None,
    pull_request: bool | None,
    push: bool | None,
) -> None:
    """Change the value of a secret, or who may use it.

    The value is taken as by add; it stays as it is when only a flag is given.
    """
    called = _name(name, drone_name)
    body = changes(data, pull_request, push)
    with session.client() as client:
        answer = client.record("PATCH", repo_path(slug, "secrets", called), body=body)
    session.show(answer, lambda _: f"Secret {output.line(called)} of {slug} is changed")


@secret.command("ls", example="gantry secret ls acme/web")
@slug_argument
@json_option
@click.pass_obj
def ls(session: Session, slug: str) -> None:
    """List the names of a repository's secrets."""
    with session.client() as client:
        session.show(client.records(repo_path(slug, "secrets"), query=_USES), _table)


@secret.command(example="gantry secret info acme/web deploy_key")
@slug_argument
@optional_name
@name_option
@json_option
@click.pass_obj
def info(session: Session, slug: str, name: str | None, drone_name: str | None) -> None:
    """Show who may use a secret; nobody is shown its value."""
    called = _name(name, drone_name)
    with session.client() as client:
        session.show(client.record("GET", repo_path(slug, "secrets", called), query=_USES), block)


@secret.command(example="gantry secret rm acme/web deploy_key")
@slug_argument
@optional_name
@name_option
@json_option
@click.pass_obj
def rm(session: Session, slug: str, name: str | None, drone_name: str | None) -> None:
    """Remove a secret."""
    called = _name(name, drone_name)
    with session.client() as client:
        client.call("DELETE", repo_path(slug, "secrets", called))
    session.tell(f"Secret {output.line(called)} is removed from {slug}")


@secret.command("rotate-key", example="gantry secret rotate-key")
@json_option
@click.pass_obj
def rotate_key(session: Session) -> None:
    """Seal all secrets of the server anew, with another key.

    Run it where the server runs, with the server's settings, while it is stopped. The key in the data folder is
    replaced by a new one. If GANTRY_SECRET_KEY is set, set it to the new key, and GANTRY_OLD_SECRET_KEYS to the
    one before, first. Interrupted, it is safe to be run again.
    """
    from app.main.maintenance import rotate_key as rotate
    from app.settings import server as settings

    loaded = settings.load(os.environ)
    sealed = asyncio.run(rotate(loaded))
    session.show({"sealed": sealed}, lambda _: _rotated(sealed, bool(loaded.secret_key)))


def _rotated(sealed: int, named: bool) -> str:
    if not named:
        return f"{sealed} values are sealed with a new key; older backups of the database need the key of their time"
    if not sealed:
        return "every value is sealed with GANTRY_SECRET_KEY already"
    return f"{sealed} values are sealed with GANTRY_SECRET_KEY; GANTRY_OLD_SECRET_KEYS is no longer needed"


def _name(name: str | None, drone_name: str | None) -> str:
    return arguments.either(name, drone_name, "NAME")


def block(found: Json) -> str:
    """The text of one secret, of a repository or of a namespace."""
    return output.block(
        [
            ("Namespace", output.line(found.get("namespace", ""))),
            ("Name", output.line(found.get("name", ""))),
            ("Pull requests", output.yes(found.get("pull_request"))),
            *([("Used by", _uses(found))] if "used_by" in found else []),
        ]
    )


def _uses(found: Json) -> str:
    """The steps that name a secret; empty while nobody knows."""
    if "used_by" not in found:
        return ""
    steps = [f"{use.get('pipeline', '')} / {use.get('step', '')}" for use in found["used_by"]]
    return output.line(", ".join(steps), 80) or "no step"


def _table(secrets: list[Json]) -> str:
    return output.table(
        ["NAME", "PULL REQUESTS", "USED BY"],
        [[output.line(s.get("name", "")), output.yes(s.get("pull_request")), _uses(s)] for s in secrets],
    )
