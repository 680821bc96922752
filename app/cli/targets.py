"""`gantry targets`: what runs where."""

import time

import click

from app.cli.remote import clone
from app.cli.remote.client import Json
from app.cli.terminal import output
from app.cli.terminal.commands import command
from app.cli.terminal.options import NUMBER, Session, api_path, json_option, repo_argument, repo_path

#: Commits that a comparison counts at most.
MOST = 250


@command(example=["gantry targets", "gantry targets acme/web", "gantry targets --all"])
@repo_argument(from_clone=False, without="else that of the git clone you are in, elsewhere all.")
@click.option("--all", "everything", is_flag=True, help="Also inside a clone: of all repositories.")
@click.option("--page", type=NUMBER, default=1, show_default=True, help="Of the list of all repositories.")
@click.option("--limit", type=click.IntRange(1, 100), default=25, show_default=True, help="Repositories on a page.")
@json_option
@click.pass_obj
def targets(session: Session, slug: str | None, everything: bool, page: int, limit: int) -> None:
    """Show what runs where, and what was begun there since.

    What runs is the last success. All are the repositories that you may read and that have targets: those that the
    pipeline file of the default branch names, and those that were promoted to.

    SINCE has later builds that wait, run or failed. BEHIND counts the commits that run in the target before and not
    here; it is - where that is not known.
    """
    with session.client() as client:
        slug = slug or (None if everything else clone.repository_if_any(client))
        if slug:
            session.show(client.records(repo_path(slug, "targets")), lambda found: _table([(slug, found)]))
        else:
            query = {"page": str(page), "per_page": str(limit)}
            session.show(client.records(api_path("targets"), query=query), _of_all)


def _of_all(repos: list[Json]) -> str:
    return _table([(repo.get("slug", ""), repo.get("targets") or []) for repo in repos])


def _table(found: list[tuple[str, list[Json]]]) -> str:
    now = time.time()
    rows = [[output.line(slug), *_row(target, now)] for slug, listed in found for target in listed]
    headers = ["REPOSITORY", "TARGET", "BUILD", "COMMIT", "BY", "WHEN", "BEHIND", "SINCE"]
    return output.table(headers, rows, empty="No targets yet")


def _row(target: Json, now: float) -> list[str]:
    build, name = target.get("current") or {}, output.line(target.get("name", ""))
    runs = [str(build.get("number", "")), output.commit(build), output.by(build)] if build else ["-", "-", "-"]
    return [name, *runs, output.ago(build.get("finished") or 0, now), _behind(target), _since(target)]


def _behind(target: Json) -> str:
    behind = target.get("behind")
    if behind is None:
        return "-"
    return f"{MOST} or more" if behind >= MOST else str(behind)


def _since(target: Json) -> str:
    since = target.get("since") or []
    return ", ".join(f"{build.get('number')} {output.state(build)}" for build in since)
