"""`gantry approvals`: what waits for the caller's approval."""

import time

import click

from app.cli.remote.client import Json
from app.cli.terminal import output
from app.cli.terminal.commands import command
from app.cli.terminal.options import NUMBER, Session, api_path, json_option


@command(example="gantry approvals")
@click.option("--page", type=NUMBER, default=1, show_default=True)
@click.option("--limit", type=click.IntRange(1, 100), default=25, show_default=True, help="Builds on a page.")
@json_option
@click.pass_obj
def approvals(session: Session, page: int, limit: int) -> None:
    """List what waits for your approval.

    These are builds of the repositories that you administer, the newest first. Look at one with gantry build info,
    then say gantry approve, or gantry decline.
    """
    query = {"page": str(page), "per_page": str(limit)}
    with session.client() as client:
        session.show(client.records(api_path("user", "approvals"), query=query), _table)


def _table(repos: list[Json]) -> str:
    now = time.time()
    return output.table(
        ["REPOSITORY", "NUMBER", "EVENT", "TARGET", "COMMIT", "BY", "WAITS SINCE", "MESSAGE"],
        [[output.line(repo.get("slug", "")), *_row(repo.get("build") or {}, now)] for repo in repos],
        empty="Nothing waits for your approval",
    )


def _row(build: Json, now: float) -> list[str]:
    return [
        str(build.get("number", "")),
        output.line(build.get("event", "")),
        output.line(build.get("deploy_to") or "-"),
        output.commit(build),
        output.by(build),
        output.ago(build.get("created") or 0, now),
        output.line(build.get("message", "")),
    ]
