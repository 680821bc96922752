"""`gantry targets`: what runs where."""

import time

import click

from app.cli.remote.client import Json
from app.cli.terminal import options, output
from app.cli.terminal.options import NUMBER, Session, api_path, json_option, repo_path

#: Commits that a comparison counts at most.
MOST = 250


@click.command()
@click.argument("slug", type=options.slug, required=False, metavar="[NAMESPACE/NAME]")
@click.option("--page", type=NUMBER, default=1, show_default=True, help="Of the list of all repositories.")
@click.option("--limit", type=click.IntRange(1, 100), default=25, show_default=True, help="Repositories on a page.")
@json_option
@click.pass_obj
def targets(session: Session, slug: str | None, page: int, limit: int) -> None:
    """Show what runs where, and what was begun there since.

    Without a repository, of all repositories that you may read and that have targets. What runs is the last success.
    SINCE has later builds that wait, run or failed. BEHIND counts the commits that run in the target before and not
    here; it is - where that is not known.
    """
    with session.client() as client:
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
    if not rows:
        return "Nothing was promoted yet"
    return output.table(["REPOSITORY", "TARGET", "BUILD", "COMMIT", "BY", "WHEN", "BEHIND", "SINCE"], rows)


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
