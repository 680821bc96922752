"""`gantry migrate`: moving over from another server."""

import asyncio
import os
import sys
import time
from dataclasses import asdict, dataclass, field

import click

from app import log
from app.cli.terminal.commands import OneOf, group
from app.cli.terminal.options import Session, json_option
from app.cli.terminal.output import grid, line
from app.main import migration
from app.main.migration import Order
from app.migrate.flow import Step
from app.migrate.report import Left, Part, Report
from app.settings import drone
from app.settings import server as settings

#: Seconds between two lines that tell how far a move is, on a terminal and elsewhere.
PAUSE, PAUSE_ELSEWHERE = 0.2, 5.0
#: Seconds and work after which the time that is left can be told.
_SOON = 1.0
_HOSTS = ("git", "github", "gitea", "gitlab", "gogs")
#: The name that plain git has among hosts.
_PLAIN = {"git": ""}


@group()
def migrate() -> None:
    """Move over from another server."""


@migrate.command("drone", example="gantry migrate drone --from drone.sqlite --dry-run")
@click.option(
    "--from",
    "source",
    envvar="GANTRY_MIGRATE_FROM",
    show_envvar=True,
    required=True,
    metavar="URL",
    help="Drone's database: sqlite:///PATH, postgres://USER:PASSWORD@HOST/NAME or mysql://USER:PASSWORD@HOST/NAME. "
    "Prefer the variable for an address with a password: other users of this machine can see a command line.",
)
@click.option(
    "--encryption-key",
    envvar="DRONE_DATABASE_SECRET",
    show_envvar=True,
    metavar="KEY",
    default="",
    help="The key that Drone's secrets are sealed with, if they are.",
)
@click.option(
    "--logs",
    metavar="s3://BUCKET/PREFIX|az://CONTAINER",
    help="The bucket of Drone's logs in S3, or their container in Azure, if there is one. Credentials are those of "
    "AWS_ACCESS_KEY_ID and the like, or of DRONE_AZURE_STORAGE_ACCOUNT_NAME and DRONE_AZURE_STORAGE_ACCESS_KEY. "
    "Without the option, Drone's own variables DRONE_S3_* and DRONE_AZURE_* count.",
)
@click.option(
    "--host",
    type=OneOf(_HOSTS),
    help="The host of the repositories; git is plain git. Without the option, Drone's own variables tell.",
)
@click.option("--dry-run", is_flag=True, help="Change nothing, and tell what would come over.")
@json_option
@click.pass_obj
def from_drone(
    session: Session, source: str, encryption_key: str, logs: str | None, host: str | None, dry_run: bool
) -> None:
    """Move everything over from Drone 2.25, into an empty database.

    Run the command where this server will run, with its settings; neither this server nor Drone may run. Drone's
    database is only read. A move that was interrupted goes on when the command is repeated. At the end everything is
    read back and compared. docs/from-drone.md goes through it step by step.
    """
    log.configure()
    theirs = drone.load(os.environ)
    place = theirs.logs if logs is None else logs
    order = Order(
        source,
        encryption_key,
        place,
        theirs.access(place),
        drone.host(os.environ) if host is None else _PLAIN.get(host, host),
        dry_run,
    )
    if place and not place.startswith(("s3://", "az://")):
        raise click.UsageError(f"--logs {place} is neither s3://BUCKET/PREFIX nor az://CONTAINER")
    shown = _Shown(terminal=sys.stderr.isatty(), quiet=session.as_json)
    try:
        report = asyncio.run(migration.move(settings.load(os.environ), order, shown.at))
    finally:
        shown.end()
    session.show(_json(report), lambda _: _text(report))


@dataclass(slots=True)
class _Shown:
    """Tells on standard error how far a move is, and how long the rest will take."""

    terminal: bool
    quiet: bool
    began: float = field(default_factory=time.monotonic)
    last: float = field(default_factory=time.monotonic)

    def at(self, step: Step) -> None:
        """Show a step, unless one was shown just before."""
        now = time.monotonic()
        if now - self.last < (PAUSE if self.terminal else PAUSE_ELSEWHERE) or (self.quiet and not self.terminal):
            return
        self.last = now
        if self.terminal:
            click.echo(f"\r\x1b[K{words(step, now - self.began)}", nl=False, err=True, color=True)
        else:
            click.echo(words(step, now - self.began), err=True)

    def end(self) -> None:
        """Remove the line of a terminal."""
        if self.terminal:
            click.echo("\r\x1b[K", nl=False, err=True, color=True)


def words(step: Step, seconds: float) -> str:
    """How far a move is after so many seconds."""
    text = f"{step.name}: {step.done:,} of {step.total:,} rows and logs"
    if not step.done or seconds < _SOON:
        return text
    left = seconds / step.done * (step.total - step.done)
    return f"{text}, {f'{left / 60:.0f} min' if left > 90 else f'{left:.0f} s'} left"


def _json(report: Report) -> dict[str, object]:
    body = asdict(report)
    for part in body["parts"]:
        part["left"] = list(part["left"].values())
    return body


def _text(report: Report) -> str:
    rows = [[part.name, str(part.found), str(part.moved), str(_out(part) or "-")] for part in report.parts]
    blocks = [grid(["", "FOUND", "WOULD MOVE" if report.dry_run else "MOVED", "LEFT OUT"], rows)]
    if left := [_why(part, reason) for part in report.parts for reason in part.left.values()]:
        blocks.append("\n".join(["Left out:", *left]))
    if report.notes:
        blocks.append("\n".join(["Note:", *(f"  {line(note)}" for note in report.notes)]))
    blocks.append(_end(report))
    return "\n\n".join(blocks)


def _out(part: Part) -> int:
    return sum(left.count for left in part.left.values())


def _why(part: Part, left: Left) -> str:
    more = left.count - len(left.examples)
    names = ", ".join(map(line, left.examples))
    rest = f" and {more} more" if names and more > 0 else ""
    return f"  {left.count} {part.name}: {line(left.reason)}{f' ({names}{rest})' if names else ''}"


def _end(report: Report) -> str:
    if report.dry_run:
        return f"Nothing was changed. {report.source} can be moved."
    begun = ", after it had been interrupted" if report.resumed else ""
    return f"Moved from {report.source} in {report.seconds:g} s{begun}; everything was read back and compared."
