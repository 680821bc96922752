"""`gantry build`: list, start, promote, follow, approve, cancel and purge builds."""

import time
from typing import Any

import click

from app.cli import origin, rehearsal, start
from app.cli.remote import builds
from app.cli.remote.client import Client, Json
from app.cli.start import How, start_options
from app.cli.terminal import options, output
from app.cli.terminal.commands import group
from app.cli.terminal.options import (
    NUMBER,
    Session,
    api_path,
    build_argument,
    completes,
    json_option,
    named_slug_argument,
    params_option,
    params_query,
    repo_path,
    slug_argument,
    yes_option,
)


@group()
def build() -> None:
    """List, start, promote, follow, approve, cancel and purge builds."""


@build.command("ls", example=["gantry builds", "gantry builds acme/web --event promote --target production"])
@slug_argument
@click.option("--page", type=NUMBER, default=1, show_default=True)
@click.option("--limit", type=click.IntRange(1, 100), default=25, show_default=True, help="Builds on a page.")
@click.option("--branch", shell_complete=completes("branches"), help="Only builds of this branch.")
@click.option("--event", help="Only this event: push, pull_request, tag, promote, rollback, cron or custom.")
@click.option("--status", help="Only this status, as in success, running or blocked.")
@click.option("--target", shell_complete=completes("targets"), help="Only promotions and rollbacks to this target.")
@click.option("--by", metavar="LOGIN", help="Only builds that this person began, or whose commit is theirs.")
@json_option
@click.pass_obj
def ls(
    session: Session,
    slug: str,
    page: int,
    limit: int,
    branch: str | None,
    event: str | None,
    status: str | None,
    target: str | None,
    by: str | None,
) -> None:
    """List the builds of a repository, the newest first."""
    filters = {"branch": branch, "event": event, "status": status, "target": target, "by": by}
    query = {"page": str(page), "per_page": str(limit), **{k: v for k, v in filters.items() if v}}
    with session.client() as client:
        session.show(client.records(repo_path(slug, "builds"), query=query), _table)


@build.command(example=["gantry build info last", "gantry build info acme/web#42"])
@slug_argument
@click.argument("word", cls=options.BuildArgument, type=options.build, default="last", metavar="[BUILD]")
@json_option
@click.pass_obj
def info(session: Session, slug: str, word: str) -> None:
    """Show a build, its stages and steps; without a number, the latest of the default branch."""
    with session.client() as client:
        session.show(
            builds.show(client, slug, word),
            lambda build: "\n\n".join(filter(None, [_block(session, slug, build), output.stages(build)])),
        )


@build.command(
    example=[
        "gantry build create --branch main -p DEBUG=true --follow",
        "gantry build create acme/web --commit 5fcb01b --dry-run",
    ]
)
@slug_argument
@click.option("--branch", shell_complete=completes("branches"), help="The branch to build; else the default branch.")
@click.option("--commit", help="The commit to build; else the newest of the branch.")
@click.option("--message", help="What the build says of itself; else the commit's message.")
@params_option
@start_options
@json_option
@click.pass_obj
def create(
    session: Session,
    slug: str,
    branch: str | None,
    commit: str | None,
    message: str | None,
    params: tuple[tuple[str, str], ...],
    how: How,
) -> None:
    """Start a build of a branch or commit."""
    given = {"branch": branch, "commit": commit, "message": message}
    query = params_query(params, reserved=given) | {k: v for k, v in given.items() if v}
    path = repo_path(slug, "builds")
    _start(session, slug, lambda client, more: client.call("POST", path, query=query | more), how)


@build.command(
    example=[
        "gantry promote 42 production -p VERSION=1.2.3",
        "gantry promote acme/web last:success staging --follow",
        "gantry promote main production --dry-run",
    ]
)
@slug_argument
@build_argument
@click.argument("target", shell_complete=completes("targets"))
@params_option
@start_options
@json_option
@click.pass_obj
def promote(session: Session, slug: str, word: str, target: str, params: tuple[tuple[str, str], ...], how: How) -> None:
    """Promote a build or a commit to a target.

    A branch, a tag or a commit needs no build here: its newest commit at the git host is promoted. branch:NAME,
    tag:NAME or commit:ID says which of them is meant.
    """
    reserved = ["target", *(builds.KINDS if builds.meanings(word) else ())]
    query = params_query(params, reserved=reserved) | {"target": target}
    _start(session, slug, lambda client, more: origin.promote(client, slug, word, query | more), how)


@build.command(example=["gantry rollback 41 production", "gantry rollback acme/web 41 production -p REASON=broken"])
@slug_argument
@build_argument
@click.argument("target", shell_complete=completes("targets"))
@params_option
@start_options
@json_option
@click.pass_obj
def rollback(
    session: Session,
    slug: str,
    word: str,
    target: str,
    params: tuple[tuple[str, str], ...],
    how: How,
) -> None:
    """Roll a target back to a build."""
    query = params_query(params, reserved=["target"]) | {"target": target}
    _begin(session, slug, word, query, how, "rollback")


@build.command(example="gantry build restart last -p debug=true")
@slug_argument
@build_argument
@params_option
@start_options
@json_option
@click.pass_obj
def restart(session: Session, slug: str, word: str, params: tuple[tuple[str, str], ...], how: How) -> None:
    """Run a build again, with its parameters and those given; -p debug=true asks for debugging."""
    _begin(session, slug, word, params_query(params, reserved=[]), how)


def _begin(session: Session, slug: str, word: str, query: Json, how: How, *verb: str) -> None:
    """Begin a build out of the one that a word stands for."""

    def send(client: Client, more: Json) -> Any:
        path = repo_path(slug, "builds", builds.number(client, slug, word), *verb)
        return client.call("POST", path, query=query | more)

    _start(session, slug, send, how)


@build.command(example=["gantry cancel 42", "gantry cancel acme/web last"])
@slug_argument
@build_argument
@json_option
@click.pass_obj
def cancel(session: Session, slug: str, word: str) -> None:
    """Stop a build."""
    with session.client() as client:
        path = repo_path(slug, "builds", builds.number(client, slug, word))
        session.show(client.record("DELETE", path), _cancelled)


@build.command(example=["gantry approve 42", "gantry approve acme/web 42 2"])
@slug_argument
@build_argument
@click.argument("stage", type=NUMBER, required=False, metavar="[STAGE]")
@json_option
@click.pass_obj
def approve(session: Session, slug: str, word: str, stage: int | None) -> None:
    """Let what is blocked of a build run.

    STAGE is the number of a stage; without it, all blocked stages of the build may run.
    """
    _decide(session, slug, word, stage, "approve", "approved", {})


@build.command(example=["gantry decline 42", 'gantry decline acme/web 42 2 --reason "not before Monday"'])
@slug_argument
@build_argument
@click.argument("stage", type=NUMBER, required=False, metavar="[STAGE]")
@click.option("--reason", default="", help="Why: shown with the build, and kept in the record.")
@json_option
@click.pass_obj
def decline(session: Session, slug: str, word: str, stage: int | None, reason: str) -> None:
    """Refuse what is blocked of a build, and with it the build.

    STAGE is the number of a stage; without it, all blocked stages are refused.
    """
    _decide(session, slug, word, stage, "decline", "declined", {"reason": reason} if reason else {})


def _decide(session: Session, slug: str, word: str, stage: int | None, verb: str, done: str, query: Json) -> None:
    with session.client() as client:
        path = repo_path(slug, "builds", number := builds.number(client, slug, word))
        client.call("POST", "/".join([path, verb, *([str(stage)] if stage else [])]), query=query)
        if session.as_json:
            session.show(client.record("GET", path), str)
    session.tell(f"Stage {stage} of build {number} is {done}" if stage else f"Build {number} is {done}")


build.add_command(cancel, "stop")


@build.command("queue", example="gantry build queue")
@json_option
@click.pass_obj
def queue(session: Session) -> None:
    """List the newest 50 builds of all repositories that are not over (administrators)."""
    with session.client() as client:
        session.show(client.records(api_path("builds", "incomplete")), _repos_table)


@build.command(example="gantry build purge acme/web --before 1000")
@named_slug_argument
@click.option("--before", type=NUMBER, required=True, help="Delete the builds below this number.")
@yes_option
@json_option
@click.pass_obj
def purge(session: Session, slug: str, before: int, yes: bool) -> None:
    """Delete old builds for good, with their logs; those that are not over are kept."""
    options.confirm(f"Delete the builds of {slug} below {before}, with their logs?", yes)
    with session.client() as client:
        client.call("DELETE", repo_path(slug, "builds"), query={"before": str(before)})
    session.tell(f"The builds of {slug} below {before} are deleted, but for those that are not over")


def _start(session: Session, slug: str, send: start.Send, how: How) -> None:
    """Begin a build by a request, and show the build; with `follow` until its end. Exit with 1 for an error build."""
    made = start.started(session, slug, send, verbose=how.verbose, dry_run=how.dry_run)
    if how.dry_run:
        session.show(made, rehearsal.shown)
        start.exit_by(made)
        return
    if not (how.follow and session.as_json):
        session.show(made, lambda build: _block(session, slug, build))
    if how.follow:
        from app.cli.watch import watched

        session.tell("")
        watched(session, slug, made["number"])
    start.exit_by(made)


def _block(session: Session, slug: str, build: Json) -> str:
    return output.build_block(build, session.connection().server, slug)


def _cancelled(build: Json) -> str:
    if build.get("status") == "killed":
        return f"Build {build.get('number')} is cancelled"
    return f"Build {build.get('number')} had ended already: {build.get('status')}"


_COLUMNS = ("NUMBER", "STATUS", "EVENT", "TARGET", "BRANCH", "COMMIT", "BY", "CREATED", "MESSAGE")


def _table(builds: list[Json]) -> str:
    now = time.time()
    return output.table(_COLUMNS, [_row(build, now) for build in builds])


def _repos_table(repos: list[Json]) -> str:
    now = time.time()
    return output.table(
        ["REPOSITORY", *_COLUMNS],
        [[output.line(repo.get("slug", "")), *_row(repo.get("build") or {}, now)] for repo in repos],
    )


def _row(build: dict[str, Any], now: float) -> list[str]:
    return [
        str(build.get("number", "")),
        output.state(build),
        output.line(build.get("event", "")),
        output.line(build.get("deploy_to") or "-"),
        output.line(build.get("target", "")),
        output.commit(build),
        output.by(build),
        output.ago(build.get("created") or 0, now),
        output.line(build.get("message", "")),
    ]
