"""`gantry template`: pipeline files that the repositories of a namespace share."""

import sys
from collections.abc import Callable

import click

from app.cli.remote.client import Json
from app.cli.terminal import arguments, output
from app.cli.terminal.commands import group
from app.cli.terminal.options import Session, api_path, json_option

optional_namespace = click.argument("namespace", required=False, metavar="NAMESPACE")
optional_name = click.argument("name", required=False, metavar="NAME")
namespace_option = click.option("--namespace", "drone_namespace", help="The namespace, as Drone's client takes it.")
name_option = click.option("--name", "drone_name", help="The template's name, as Drone's client takes it.")
data_option = click.option(
    "--data", metavar="TEXT|@FILE|-", help="The text, a file that holds it, or - for standard input."
)


@group()
def template() -> None:
    """Keep the templates of a namespace."""


@template.command("ls", example="gantry template ls acme")
@optional_namespace
@namespace_option
@json_option
@click.pass_obj
def ls(session: Session, namespace: str | None, drone_namespace: str | None) -> None:
    """List the templates of a namespace; for administrators of the server without one, all."""
    where = arguments.either(namespace, drone_namespace, "NAMESPACE") if namespace or drone_namespace else None
    with session.client() as client:
        session.show(client.records(api_path("templates", *([where] if where else []))), _table)


@template.command(example="gantry template info acme deploy.yml")
@optional_namespace
@optional_name
@namespace_option
@name_option
@json_option
@click.pass_obj
def info(
    session: Session, namespace: str | None, name: str | None, drone_namespace: str | None, drone_name: str | None
) -> None:
    """Print the text of a template, as it is."""
    path = _path(namespace, name, drone_namespace, drone_name)
    with session.client() as client:
        found = client.record("GET", path)
    if session.as_json:
        session.print_json(found)
    else:
        output.raw(found.get("data", ""))


@template.command(example="gantry template add acme deploy.yml --data @deploy.yml")
@optional_namespace
@optional_name
@namespace_option
@name_option
@data_option
@json_option
@click.pass_obj
def add(
    session: Session,
    namespace: str | None,
    name: str | None,
    drone_namespace: str | None,
    drone_name: str | None,
    data: str | None,
) -> None:
    """Add a template; its name ends with .yaml, .starlark or .jsonnet, as in: add acme deploy.yaml --data @deploy.yaml

    Without --data, standard input is read.
    """
    where = arguments.either(namespace, drone_namespace, "NAMESPACE")
    body: Json = {"name": arguments.either(name, drone_name, "NAME"), "data": _text(data)}
    with session.client() as client:
        session.show(client.record("POST", api_path("templates", where), body=body), _said("added"))


@template.command(example="gantry template update acme deploy.yml --data @deploy.yml")
@optional_namespace
@optional_name
@namespace_option
@name_option
@data_option
@click.option("--move-to", metavar="NAMESPACE", help="Another namespace that it shall belong to.")
@json_option
@click.pass_obj
def update(
    session: Session,
    namespace: str | None,
    name: str | None,
    drone_namespace: str | None,
    drone_name: str | None,
    data: str | None,
    move_to: str | None,
) -> None:
    """Change a template's text, or the namespace that it belongs to.

    Builds that began before keep the text that they began with. Without --data and --move-to, standard input is read.
    """
    path = _path(namespace, name, drone_namespace, drone_name)
    body: Json = {} if data is None and move_to else {"data": _text(data)}
    if move_to:
        body["namespace"] = move_to
    with session.client() as client:
        session.show(client.record("PATCH", path, body=body), _said("changed"))


@template.command(example="gantry template rm acme deploy.yml")
@optional_namespace
@optional_name
@namespace_option
@name_option
@json_option
@click.pass_obj
def rm(
    session: Session, namespace: str | None, name: str | None, drone_namespace: str | None, drone_name: str | None
) -> None:
    """Remove a template."""
    path = _path(namespace, name, drone_namespace, drone_name)
    with session.client() as client:
        client.call("DELETE", path)
    session.tell(f"Template {output.line(name or drone_name)} is removed")


def _path(namespace: str | None, name: str | None, drone_namespace: str | None, drone_name: str | None) -> str:
    where = arguments.either(namespace, drone_namespace, "NAMESPACE")
    return api_path("templates", where, arguments.either(name, drone_name, "NAME"))


def _text(data: str | None) -> str:
    if data is None and sys.stdin.isatty():
        raise click.UsageError("the template's text is missing: give --data @FILE, or the text on standard input")
    return arguments.text(data, "the template", "save it as UTF-8")


def _said(what: str) -> Callable[[Json], str]:
    return lambda one: (
        f"Template {output.line(one.get('name', ''))} of {output.line(one.get('namespace', ''))} is {what}"
    )


def _table(templates: list[Json]) -> str:
    return output.table(
        ["NAMESPACE", "NAME", "LINES"],
        [
            [
                output.line(one.get("namespace", "")),
                output.line(one.get("name", "")),
                str(len(one.get("data", "").splitlines())),
            ]
            for one in templates
        ],
    )
