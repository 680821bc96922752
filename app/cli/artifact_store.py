"""`gantry artifact gc` and `gantry artifact verify`: the stored bytes, for administrators."""

import json
import sys

import click

from app import size
from app.cli.remote.client import PATIENT, Client, Json
from app.cli.terminal import output
from app.cli.terminal.commands import command
from app.cli.terminal.options import Session, json_option
from app.errors import AppError

STORAGE = "/artifactory/api/system/storage"


class Lost(AppError):
    """Some artifacts cannot be had as they were stored."""

    code = "artifacts_lost"


class BrokenOff(AppError):
    """Not everything was read back."""

    code = "broken_off"


@command(example="gantry artifact gc --grace 48h")
@click.option(
    "--grace", metavar="DURATION", help="How long bytes are kept after they were last used, as in 24h, the default."
)
@json_option
@click.pass_obj
def gc(session: Session, grace: str | None) -> None:
    """Remove stored bytes that no file uses any more (administrators).

    The server does the same once a day. Uploads may go on meanwhile; a backup must not be under way.
    """
    with Client(session.connection(), timeout=PATIENT) as client:
        done = client.record("POST", f"{STORAGE}/gc", query={"grace": grace} if grace else None)
    session.show(done, _collected)


@command(example="gantry artifact verify")
@json_option
@click.pass_obj
def verify(session: Session) -> None:
    """Read all stored bytes back, and name what is damaged or missing; exit code 1 if so (administrators)."""
    last: Json = {}
    shows = sys.stderr.isatty() and not session.as_json
    with Client(session.connection(), timeout=PATIENT) as client:
        for last in client.lines("POST", f"{STORAGE}/verify"):
            if session.as_json:
                output.write(json.dumps(last, ensure_ascii=False, separators=(",", ":")))
            elif last.get("kind") in ("missing", "damaged"):
                output.write(_damage(last))
            elif shows and last.get("kind") == "progress":
                click.echo(
                    f"\r{last.get('checked', 0)} blobs, {size.text(last.get('bytes', 0))}\033[K", err=True, nl=False
                )
    if shows:
        click.echo("\r\033[K", err=True, nl=False)
    if last.get("kind") != "done":
        raise BrokenOff(f"not everything was read back: {output.line(last.get('message', 'the answer ended'))}")
    if lost := last.get("lost"):
        raise Lost(
            f"{lost} of {last.get('checked')} blobs are lost: put their bytes back from a backup (docs/backup.md)"
        )
    if not session.as_json:
        output.write(f"All {last.get('checked', 0)} blobs are whole, {size.text(last.get('bytes', 0))}")


def _collected(done: Json) -> str:
    blobs, orphans = done.get("blobs", 0), done.get("orphans", 0)
    words = f"Removed {blobs} blob{'' if blobs == 1 else 's'}, {size.text(done.get('bytes', 0))}"
    return f"{words}; and {orphans} that no row named" if orphans else words


def _damage(found: Json) -> str:
    files = [output.line(name) for name in found.get("files", [])]
    more = found.get("fileCount", 0) - len(files)
    what = f"{output.line(found.get('kind'))}: {output.line(found.get('sha256'))}"
    head = f"{what} ({size.text(found.get('size', 0))}): {output.line(found.get('reason'))}"
    rest = [f"  and {more} more files"] if more > 0 else []
    return "\n".join([head, *(f"  {name}" for name in files), *rest])
