"""`gantry context`: the servers that you are logged in to."""

from typing import Any

import click

from app.cli.login import context_name
from app.cli.remote import contexts
from app.cli.terminal import output
from app.cli.terminal.commands import group
from app.cli.terminal.options import Session, json_option

name_argument = click.argument("name", type=context_name)


@group()
def context() -> None:
    """List the servers that you are logged in to; say which to use."""


@context.command("ls", example="gantry context ls")
@json_option
@click.pass_obj
def ls(session: Session) -> None:
    """List the contexts; a star marks the one in use."""
    kept = contexts.read()
    found = [
        {"name": name, "server": one.server, "current": name == kept.current}
        for name, one in sorted(kept.known.items())
    ]
    session.show(found, _table)


@context.command(example="gantry context use production")
@name_argument
@json_option
@click.pass_obj
def use(session: Session, name: str) -> None:
    """Use the server of a context from now on."""
    kept = contexts.read().used(name)
    contexts.write(kept)
    session.tell(f"{kept.named(name).server} is used from now on")


@context.command(example="gantry context rm production")
@name_argument
@json_option
@click.pass_obj
def rm(session: Session, name: str) -> None:
    """Forget a context and its token; the token stays good."""
    contexts.write(contexts.read().without(name))
    session.tell(f"Context {name} is forgotten here; its token stays good: end it with gantry token rm")


def _table(found: list[dict[str, Any]]) -> str:
    rows = [["*" if one["current"] else "", one["name"], output.line(one["server"])] for one in found]
    return output.table(["", "NAME", "SERVER"], rows)
