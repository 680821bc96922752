"""The command `gantry bench`: prints a table, writes a JSON file, and removes its temporary files."""

import json
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import click

from app.cli.bench import report, scene
from app.cli.bench.load import BenchFailed
from app.cli.bench.measures import GROUPS
from app.cli.bench.place import Bench, Sizes
from app.cli.bench.report import Figure
from app.cli.terminal import output
from app.cli.terminal.commands import OneOf, command

FULL = Sizes()
QUICK = Sizes(
    seconds=0.8,
    starts=3,
    dispatches=15,
    promotes=1_000,
    history=10_000,
    repos=200,
    waiting=2_000,
    stages=300,
    polls=500,
    printed=10_000_000,
    artifacts=300,
    many_artifacts=10_000,
    items=20_000,
    published=1_000,
    uploaded=100_000_000,
    bundled=3_000,
    versions=10_000,
    sent=1_000,
    told=20_000,
    views=20,
)


@command(example="gantry bench --quick")
@click.option("--quick", is_flag=True, help="Small sizes: an impression within half a minute.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True, max=3600),
    help=f"How long each load lasts; else {FULL.seconds:g}, with --quick {QUICK.seconds:g}.",
)
@click.option(
    "--json",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    default="bench.json",
    show_default=True,
    help="Where the figures go as JSON.",
)
@click.option(
    "--postgres",
    envvar="GANTRY_TEST_POSTGRES",
    show_envvar=True,
    default="",
    metavar="URL",
    help="A PostgreSQL server; a database is made there and dropped again.",
)
@click.option("--only", multiple=True, type=OneOf(list(GROUPS)), help="Only these measures; repeatable.")
@click.pass_context
def bench(
    ctx: click.Context, quick: bool, seconds: float | None, file: Path, postgres: str, only: tuple[str, ...]
) -> None:
    """Measure real servers under load, beside what they should reach.

    They run in a temporary folder (TMPDIR says where) and end with this command, which fails when a request did.
    """
    if "postgres" in only and not postgres:
        raise click.UsageError("postgres needs a server: give --postgres, or set GANTRY_TEST_POSTGRES")
    if not Path("/proc/self/status").exists():
        raise BenchFailed("memory is read from /proc, which this system does not have: run it on Linux")
    sizes = QUICK if quick else FULL
    sizes = replace(sizes, seconds=seconds) if seconds else sizes
    names = [name for name in GROUPS if name in (only or GROUPS) and (name != "postgres" or postgres)]
    machine = report.machine(Path(tempfile.gettempdir()))
    with _ended_like_an_interrupt():
        figures = _measure(names, sizes, postgres)
    output.write(report.table(figures, machine))
    _save(file, json.dumps(report.as_json(figures, machine, asdict(sizes)), indent=2))
    ctx.exit(1 if any(figure.failed for figure in figures) else 0)


@contextmanager
def _ended_like_an_interrupt() -> Iterator[None]:
    """Make SIGTERM clean up like Ctrl-C: event loops handle SIGINT by a cancel, not by an error in any callback."""
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _measure(names: Sequence[str], sizes: Sizes, postgres: str) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="gantry-bench-") as name:
        folder = Path(name).resolve()
        place = Bench(folder, scene.make_repository(folder), postgres, sizes, _say)
        return [figure for name in names for figure in GROUPS[name](place)]


def _say(text: str) -> None:
    output.write(f"… {text}", err=True)


def _save(file: Path, text: str) -> None:
    try:
        file.write_text(text + "\n")
    except OSError as error:
        raise BenchFailed(f"{file} cannot be written: {error.strerror}") from error
    _say(f"the same as JSON: {file}")
