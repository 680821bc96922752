"""`gantry orgsecret`: the secrets that all repositories of a namespace share. The server never returns their values."""

import click

from app.cli import secret
from app.cli.remote.client import Json
from app.cli.terminal import arguments, output
from app.cli.terminal.commands import group
from app.cli.terminal.options import Session, api_path, json_option

namespace_argument = click.argument("namespace")
name_argument = click.argument("name")


@group()
def orgsecret() -> None:
    """Keep the secrets that a namespace's repositories share."""


@orgsecret.command(example="gantry orgsecret add acme deploy_key @key.txt")
@namespace_argument
@name_argument
@arguments.value_argument
@arguments.value_option
@secret.flag_options
@json_option
@click.pass_obj
def add(
    session: Session,
    namespace: str,
    name: str,
    given: str | None,
    data: str | None,
    pull_request: bool | None,
    push: bool | None,
) -> None:
    """Add a secret.

    Other users of this machine can see a value on the command line: prefer @FILE, taken as it is, or standard
    input, of which one line end is removed. Without a value a terminal is asked.
    """
    body = {
        "name": name,
        "data": arguments.read_value(arguments.one_value(given, data)),
        **secret.flags(pull_request, push),
    }
    with session.client() as client:
        answer = client.record("POST", api_path("secrets", namespace), body=body)
    session.show(answer, lambda _: f"Secret {output.line(name)} is added to {output.line(namespace)}")


@orgsecret.command(example="gantry orgsecret update acme deploy_key @key.txt")
@namespace_argument
@name_argument
@arguments.value_argument
@arguments.value_option
@secret.flag_options
@json_option
@click.pass_obj
def update(
    session: Session,
    namespace: str,
    name: str,
    given: str | None,
    data: str | None,
    pull_request: bool | None,
    push: bool | None,
) -> None:
    """Change the value of a secret, or who may use it.

    The value is taken as by add; it stays as it is when only a flag is given.
    """
    body = secret.changes(arguments.one_value(given, data), pull_request, push)
    with session.client() as client:
        answer = client.record("PATCH", api_path("secrets", namespace, name), body=body)
    session.show(answer, lambda _: f"Secret {output.line(name)} of {output.line(namespace)} is changed")


@orgsecret.command("ls", example="gantry orgsecret ls acme")
@click.argument("namespace", required=False)
@json_option
@click.pass_obj
def ls(session: Session, namespace: str | None) -> None:
    """List the names of a namespace's secrets; without one, of all namespaces (administrators)."""
    path = api_path("secrets") if namespace is None else api_path("secrets", namespace)
    with session.client() as client:
        session.show(client.records(path), _table)


@orgsecret.command(example="gantry orgsecret info acme deploy_key")
@namespace_argument
@name_argument
@json_option
@click.pass_obj
def info(session: Session, namespace: str, name: str) -> None:
    """Show who may use a secret; nobody is shown its value."""
    with session.client() as client:
        session.show(client.record("GET", api_path("secrets", namespace, name)), secret.block)


@orgsecret.command(example="gantry orgsecret rm acme deploy_key")
@namespace_argument
@name_argument
@json_option
@click.pass_obj
def rm(session: Session, namespace: str, name: str) -> None:
    """Remove a secret."""
    with session.client() as client:
        client.call("DELETE", api_path("secrets", namespace, name))
    session.tell(f"Secret {output.line(name)} is removed from {output.line(namespace)}")


def _table(secrets: list[Json]) -> str:
    return output.table(
        ["NAMESPACE", "NAME", "PULL REQUESTS"],
        [
            [output.line(s.get("namespace", "")), output.line(s.get("name", "")), output.yes(s.get("pull_request"))]
            for s in secrets
        ],
    )
