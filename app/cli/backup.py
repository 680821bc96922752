"""`gantry backup` and `gantry restore`: all that a server keeps as one file, and the way back."""

import asyncio
import os
import time
from dataclasses import asdict
from pathlib import Path

import click

from app import log, size
from app.cli.terminal.commands import command
from app.cli.terminal.options import Session, json_option
from app.main import backup as backups
from app.main.backup import Contents
from app.settings import server as settings

file_argument = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
_POSTGRES = """
The database is not in it, because PostgreSQL makes its own backups. Make one BEFORE each backup of this kind, and
restore both together (docs/backup.md):

  pg_dump --format=custom --file=gantry.dump DATABASE
"""


@command(example="gantry backup /backups/gantry-2026-11-27")
@file_argument
@json_option
@click.pass_obj
def backup(session: Session, file: Path) -> None:
    """Write all that the server keeps into one file, while it runs.

    FILE holds the database, the keys, the logs and the artifacts, unless those are in S3. Your git repositories are not
    in FILE, also not those in the data folder: back them up apart. Run the command where the server runs, with the
    server's settings. FILE must not exist. Whoever has FILE has the keys, too: keep it as you keep the data folder.
    With PostgreSQL the database is not in FILE.
    """
    loaded = settings.load(os.environ)
    log.configure(loaded.log)
    made = asyncio.run(backups.backup(loaded, file))
    session.show(asdict(made), lambda _: _told(f"{file} holds", made) + (_POSTGRES if _elsewhere(made) else ""))


@command(example="gantry restore --check /backups/gantry-2026-11-27")
@file_argument
@click.option("--check", "only_check", is_flag=True, help="Only check that FILE could be restored; changes nothing.")
@json_option
@click.pass_obj
def restore(session: Session, file: Path, only_check: bool) -> None:
    """Check a backup, and put it into an empty data folder.

    The data folder is that of the settings; no server may run on it. Everything in FILE is checked before anything is
    put into its place. With PostgreSQL, restore the dump that was made before FILE, too.
    """
    loaded = settings.load(os.environ)
    log.configure(loaded.log)
    found = asyncio.run(backups.restore(loaded, file, only_check=only_check))
    session.show(asdict(found), lambda _: _told(f"{file} is whole:" if only_check else f"{file} is restored:", found))


def _elsewhere(contents: Contents) -> bool:
    return contents.database != "sqlite"


def _told(begin: str, contents: Contents) -> str:
    made = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(contents.made))
    database = "" if _elsewhere(contents) else "the database, "
    parts = f"{contents.keys} keys, {contents.logs} logs and the bytes of {contents.blobs} artifacts"
    lost = f"; {contents.lost} were lost before, see `gantry artifact verify`" if contents.lost else ""
    return f"{begin} {database}{parts}, {size.text(contents.bytes)}, as of {made} UTC, checked{lost}"
