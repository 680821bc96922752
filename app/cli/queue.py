"""`gantry queue`: the stages that wait for runners, for administrators."""

import time

import click

from app.cli.remote.client import Json
from app.cli.terminal import output
from app.cli.terminal.commands import group
from app.cli.terminal.options import Session, api_path, json_option

QUEUE = api_path("queue")


@group()
def queue() -> None:
    """See, pause and resume the queue (administrators)."""


@queue.command("ls", example="gantry queue ls")
@json_option
@click.pass_obj
def ls(session: Session) -> None:
    """List the stages that wait for a runner or run, the oldest first."""
    with session.client() as client:
        session.show(client.records(QUEUE), _table)


@queue.command(example="gantry queue pause")
@json_option
@click.pass_obj
def pause(session: Session) -> None:
    """Give no stage to a runner until the queue is resumed; what runs goes on."""
    _switch(session, "DELETE", "The queue is paused")


@queue.command(example="gantry queue resume")
@json_option
@click.pass_obj
def resume(session: Session) -> None:
    """Give stages to runners again."""
    _switch(session, "POST", "The queue is resumed")


def _switch(session: Session, method: str, done: str) -> None:
    with session.client() as client:
        client.call(method, QUEUE)
    session.tell(done)


def _table(stages: list[Json]) -> str:
    now = time.time()
    return output.table(
        ["STAGE", "NAME", "STATUS", "TYPE", "PLATFORM", "MACHINE", "CREATED", ""],
        [
            [
                str(stage.get("id", "")),
                output.line(stage.get("name", ""), 30),
                output.status(stage.get("status", "")),
                output.line(stage.get("type", "")),
                output.line(f"{stage.get('os', '')}/{stage.get('arch', '')}"),
                output.line(stage.get("machine") or "-", 30),
                output.ago(stage.get("created") or 0, now),
                output.reason(stage),
            ]
            for stage in stages
        ],
    )
