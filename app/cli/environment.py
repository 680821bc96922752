"""`gantry environment`: the environments that repositories belong to, and their order."""

from collections.abc import Sequence
from urllib.parse import quote

import click

from app.cli.remote.client import Json
from app.cli.terminal import output
from app.cli.terminal.commands import group
from app.cli.terminal.options import Session, confirm, json_option, yes_option
from app.errors import Invalid

_API, _ORDER = "/access/api/v1/environments", "/api/environments/order"


def _path(name: str, *more: str) -> str:
    if name in ("", ".", ".."):
        raise Invalid(f"{name!r} cannot be a name")
    return "/".join([_API, quote(name, safe=""), *more])


@group()
def environment() -> None:
    """Keep environments and the order of promotions.

    Artifact repositories belong to environments, and versions of release bundles are promoted to them.
    """


@environment.command("ls", example="gantry environment ls")
@json_option
@click.pass_obj
def ls(session: Session) -> None:
    """List the environments, and the place of each in the order."""
    with session.client() as client:
        found = client.records(_API)
        order = _names(client.record("GET", _ORDER))
    places = {name: at for at, name in enumerate(order, start=1)}
    for one in found:
        if place := places.get(str(one.get("name", ""))):
            one["order"] = place
    session.show(sorted(found, key=lambda one: one.get("order", len(places) + 1)), _table)


def _names(answer: Json) -> list[str]:
    return [str(name) for name in answer.get("order") or []]


def _table(found: list[Json]) -> str:
    return output.table(
        ["NAME", "ORDER"], [[output.line(one.get("name", "")), str(one.get("order", "-"))] for one in found]
    )


@environment.command(example="gantry environment add QA")
@click.argument("name")
@json_option
@click.pass_obj
def add(session: Session, name: str) -> None:
    """Add an environment. DEV and PROD are always there."""
    with session.client() as client:
        client.call("POST", _API, body={"name": name})
    session.tell(f"Environment {output.line(name)} is added")


@environment.command(example="gantry environment rm QA")
@click.argument("name")
@yes_option
@json_option
@click.pass_obj
def rm(session: Session, name: str, yes: bool) -> None:
    """Remove an environment that no repository belongs to."""
    confirm(f"Remove the environment {name}?", yes)
    with session.client() as client:
        client.call("DELETE", _path(name))
    session.tell(f"Environment {output.line(name)} is removed")


@environment.command(example="gantry environment rename QA TEST")
@click.argument("name")
@click.argument("new_name")
@json_option
@click.pass_obj
def rename(session: Session, name: str, new_name: str) -> None:
    """Give an environment that no repository belongs to another name."""
    with session.client() as client:
        client.call("POST", _path(name, "rename"), body={"new_name": new_name})
    session.tell(f"Environment {output.line(name)} is now {output.line(new_name)}")


@environment.command(example="gantry environment order DEV QA PROD")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--clear", is_flag=True, help="Let versions go to any environment, from any.")
@json_option
@click.pass_obj
def order(session: Session, names: Sequence[str], clear: bool) -> None:
    """Set the order of environments, as in DEV QA PROD; without names, show it.

    With an order, a version of a release bundle is promoted to an environment only from the one before it. Who may
    override that must say why: see `gantry bundle promote --override`.
    """
    if clear and names:
        raise click.UsageError("--clear takes no names: it takes the order away")
    with session.client() as client:
        if names or clear:
            answer = client.record("PUT", _ORDER, body={"order": list(names)})
        else:
            answer = client.record("GET", _ORDER)
    session.show(answer, lambda found: " → ".join(map(output.line, _names(found))) or "There is no order")
