"""`gantry repo deliveries` and `gantry repo redeliver`: the webhooks that came in, and what became of each."""

import time

import click

from app.cli.remote.client import Json
from app.cli.terminal import output
from app.cli.terminal.commands import command
from app.cli.terminal.options import NUMBER, Session, json_option, repo_path, slug_argument

#: What became of a delivery, in words.
_OUTCOMES = {"nothing": "started nothing", "waiting": "waits", "twin": "told before"}


@command("deliveries", example=["gantry repo deliveries acme/web", "gantry repo deliveries acme/web --limit 5"])
@slug_argument
@click.option("--page", type=NUMBER, default=1, show_default=True)
@click.option("--limit", type=click.IntRange(1, 100), default=25, show_default=True, help="Deliveries on a page.")
@json_option
@click.pass_obj
def deliveries(session: Session, slug: str, page: int, limit: int) -> None:
    """List the webhooks and pushes of the last seven days that came in, newest first, and what became of each."""
    query = {"page": str(page), "per_page": str(limit)}
    with session.client() as client:
        session.show(client.records(repo_path(slug, "deliveries"), query=query), _table)


@command("redeliver", example="gantry repo redeliver acme/web 6ac9a0f2-cc1b-11f0-9c1a-6ea1bb8ba0d5")
@slug_argument
@click.argument("delivery", metavar="ID")
@json_option
@click.pass_obj
def redeliver(session: Session, slug: str, delivery: str) -> None:
    """Let a delivery that has no build be tried once more, as if it came in now.

    ID is as gantry repo deliveries lists it. One that has become a build is run again with gantry build restart.
    """
    with session.client() as client:
        session.show(client.record("POST", repo_path(slug, "deliveries", delivery, "repeat")), _done)


def _done(answer: Json) -> str:
    if number := answer.get("number"):
        return f"build {number} {output.state(answer)}"
    return output.line(answer.get("message", ""))


def _table(known: list[Json]) -> str:
    now = time.time()
    rows = [
        [
            output.line(one.get("id", "")),
            output.line(one.get("host") or "git"),
            output.line(one.get("event", "")),
            output.line(str(one.get("ref", "")).removeprefix("refs/heads/")),
            output.short(one.get("after", ""), 8),
            output.ago(one.get("received") or 0, now),
            _outcome(one),
        ]
        for one in known
    ]
    headers = ["ID", "HOST", "EVENT", "REF", "COMMIT", "CAME", "WHAT BECAME OF IT"]
    return output.table(headers, rows, empty="None came in")


def _outcome(one: Json) -> str:
    if number := one.get("build"):
        return f"build {number}"
    word, error = _OUTCOMES.get(one.get("outcome", ""), ""), output.line(one.get("error", ""))
    return f"{word}: {error}" if word and error else word or error
