"""`gantry lint`: what a pipeline file would start, what is wrong with it, and what is dangerous."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import click

from app.cli.local import checkout, findings
from app.cli.local.configs import Reads, config_options
from app.cli.local.events import Wanted, event_options, title
from app.cli.local.findings import Findings, Start
from app.cli.terminal import output
from app.cli.terminal.commands import command
from app.cli.terminal.options import Session, json_option
from app.pipeline.problems import Problem


@command(example=["gantry lint", "gantry lint --target production", "gantry lint .drone.star --event push"])
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@event_options
@config_options
@json_option
@click.pass_obj
def lint(session: Session, file: Path | None, wanted: Wanted, reads: Reads) -> None:
    """Say what a pipeline file would start, and what is wrong with it.

    Nothing is sent, and no server is needed. Without FILE, the file is .drone.yml of the git clone you are in.
    Without an event, all events are looked at that the file may be for. What FILE makes may depend on the event if it
    is Starlark, Jsonnet or loads a template: then name the event.
    Exit code 1: something is wrong or dangerous, or the event that you name starts nothing.
    """
    here = checkout.find(file)
    look = findings.of_event if wanted.kind else findings.of_all_events
    found = asyncio.run(look(here, reads(here), wanted))
    session.show(found.json(), lambda _: _text(found, one_event=bool(wanted.kind)))
    if found.problems or found.dangers or (wanted.kind and found.starts[0].nothing):
        raise click.exceptions.Exit(1)


def _text(found: Findings, *, one_event: bool) -> str:
    faults = [*_lines(found.problems), *_lines(found.dangers)]
    if one_event:
        starts = [line for start in found.starts for line in _whole(start)]
    else:
        starts = [output.table(["EVENT", "STARTS"], [[title(one.build), one.names or "-"] for one in found.starts])]
    return "\n".join([*faults, *([""] if faults and any(starts) else []), *filter(None, starts)])


def _lines(found: Iterable[tuple[str, Problem]]) -> list[str]:
    return [
        output.line(f"{file}:{one.line}: {one.rule}: {one.detail}" if one.line else f"{file}: {one.rule}: {one.detail}")
        for file, one in found
    ]


def _whole(start: Start) -> list[str]:
    """All that one event starts, and what it does not start."""
    if start.nothing:
        lines = [f"{title(start.build)} starts nothing: {start.nothing}"]
    else:
        lines = [f"{title(start.build)} starts:"]
    for stage in start.stages:
        after = f" after {', '.join(stage.depends_on)}" if stage.depends_on else ""
        lines.append(f"  {stage.name} ({stage.type}){after}: {', '.join(start.steps[stage.name]) or 'no steps'}")
    if start.excluded:
        lines += ["It does not start:", *(f"  {sentence}" for sentence in start.excluded)]
    return [output.line(line) if not line.startswith(" ") else "  " + output.line(line) for line in lines]
