"""`gantry outbox`: what waits to be told to git hosts, for administrators."""

import time

import click

from app.cli.remote.client import Json
from app.cli.terminal import output
from app.cli.terminal.commands import group
from app.cli.terminal.options import Session, api_path, json_option

OUTBOX = api_path("outbox")
#: Digits of a commit that are shown.
SHOWN = 10
NUMBER = click.IntRange(min=1)


@group()
def outbox() -> None:
    """See what waits to be told to git hosts (administrators)."""


@outbox.command("ls", example="gantry outbox ls --dead")
@click.option("--dead", is_flag=True, help="What is not tried any more, instead of what waits.")
@click.option("--page", type=NUMBER, default=1, show_default=True)
@click.option("--limit", type=click.IntRange(1, 100), default=25, show_default=True, help="Entries on a page.")
@json_option
@click.pass_obj
def ls(session: Session, dead: bool, page: int, limit: int) -> None:
    """List the statuses and deployments that have not left, the oldest first."""
    query = {"state": "dead" if dead else "waiting", "page": str(page), "per_page": str(limit)}
    with session.client() as client:
        session.show(client.records(OUTBOX, query=query), _table)


@outbox.command(example="gantry outbox retry 17")
@click.argument("ids", type=NUMBER, nargs=-1, metavar="[ID]...")
@click.option("--all", "all_", is_flag=True, help="All that waits, and all that is not tried any more.")
@json_option
@click.pass_obj
def retry(session: Session, ids: tuple[int, ...], all_: bool) -> None:
    """Try entries again now, with all further attempts if that fails."""
    if bool(ids) == all_:
        raise click.UsageError("give the ids of entries (gantry outbox ls), or --all")
    with session.client() as client:
        if all_:
            session.show(client.record("POST", f"{OUTBOX}/retry"), lambda told: f"{told['retried']:,} are tried again")
        for entry in ids:
            client.call("POST", f"{OUTBOX}/{entry}/retry")
            session.tell(f"{entry} is tried again")


def _table(entries: list[Json]) -> str:
    now = time.time()
    return output.table(
        ["ID", "KIND", "REPOSITORY", "HOST", "SUBJECT", "WRITTEN", "TRIES", "NEXT", ""],
        [
            [
                str(entry.get("id", "")),
                output.line(entry.get("kind", "")),
                output.line(entry.get("repo", "")),
                output.line(entry.get("host", "")),
                output.line(_short(entry.get("subject", "")), 60),
                output.ago(entry.get("created") or 0, now),
                str(entry.get("tries", "")),
                _next(entry, now),
                output.line(entry.get("error", "")),
            ]
            for entry in entries
        ],
    )


def _short(subject: str) -> str:
    """A subject with the first digits of its commit."""
    commit, _, rest = subject.partition(" ")
    return f"{commit[:SHOWN]} {rest}".rstrip()


def _next(entry: Json, now: float) -> str:
    """When the next attempt is made."""
    if entry.get("state") == "dead":
        return "never"
    due = entry.get("due") or 0
    return "now" if due <= now else output.moment(due)
