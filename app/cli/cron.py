"""`gantry cron`: jobs that build a branch, or promote its newest successful build, at set times."""

import time

import click

from app.cli import start
from app.cli.remote.client import Json
from app.cli.start import verbose_option
from app.cli.terminal import arguments, output
from app.cli.terminal.commands import group
from app.cli.terminal.options import Session, json_option, repo_path, slug_argument

name_argument = click.argument("name")
promote_option = click.option(
    "--promote", "target", metavar="TARGET", help="Promote the newest successful build of the branch to this target."
)


@group()
def cron() -> None:
    """Build or promote by the clock.

    EXPR has six fields, as in "0 30 4 * * mon-fri" (UTC): second, minute, hour, day of the month, month, weekday.
    Five fields are the first five of these. Or it is one of @hourly, @daily, @weekly, @monthly, @yearly,
    or an interval as in "@every 1h30m".
    """


@cron.command("ls", example="gantry cron ls acme/web")
@slug_argument
@json_option
@click.pass_obj
def ls(session: Session, slug: str) -> None:
    """List the cron jobs of a repository."""
    with session.client() as client:
        session.show(client.records(repo_path(slug, "cron")), _table)


@cron.command(example="gantry cron info acme/web nightly")
@slug_argument
@name_argument
@json_option
@click.pass_obj
def info(session: Session, slug: str, name: str) -> None:
    """Show a cron job."""
    with session.client() as client:
        session.show(client.record("GET", repo_path(slug, "cron", name)), _block)


@cron.command(
    example=[
        "gantry cron add acme/web nightly @daily",
        "gantry cron add acme/web release '0 0 6 * * 1-5' --promote production",
    ]
)
@slug_argument
@name_argument
@click.argument("expr")
@click.option("--branch", help="The branch; else the repository's default branch.")
@promote_option
@json_option
@click.pass_obj
def add(session: Session, slug: str, name: str, expr: str, branch: str | None, target: str | None) -> None:
    """Add a cron job, as in: cron add demo/hello nightly @daily"""
    body: Json = {"name": name, "expr": expr}
    if target is not None:
        body |= {"event": "promote", "target": target}
    with session.client() as client:
        body["branch"] = client.record("GET", repo_path(slug)).get("default_branch") if branch is None else branch
        session.show(client.record("POST", repo_path(slug, "cron"), body=body), _block)


@cron.command(example="gantry cron update acme/web nightly --expr '0 30 2 * * *'")
@slug_argument
@name_argument
@click.option("--expr", help="When it is due.")
@click.option("--branch", help="The branch.")
@promote_option
@click.option("--build", is_flag=True, help="Build the branch, rather than promote.")
@json_option
@click.pass_obj
def update(
    session: Session, slug: str, name: str, expr: str | None, branch: str | None, target: str | None, build: bool
) -> None:
    """Change a cron job; what is not given stays as it is."""
    if build and target is not None:
        raise click.UsageError("--build and --promote exclude each other")
    event = "push" if build else None if target is None else "promote"
    body = arguments.present(expr=expr, branch=branch, event=event, target=target)
    if not body:
        raise click.UsageError("nothing to change: give --expr, --branch, --promote or --build")
    _change(session, slug, name, body)


@cron.command(example="gantry cron enable acme/web nightly")
@slug_argument
@name_argument
@json_option
@click.pass_obj
def enable(session: Session, slug: str, name: str) -> None:
    """Let a cron job run again; it does not run for the time it was off."""
    _change(session, slug, name, {"disabled": False})


@cron.command(example="gantry cron disable acme/web nightly")
@slug_argument
@name_argument
@json_option
@click.pass_obj
def disable(session: Session, slug: str, name: str) -> None:
    """Keep a cron job from running."""
    _change(session, slug, name, {"disabled": True})


@cron.command(example="gantry cron rm acme/web nightly")
@slug_argument
@name_argument
@json_option
@click.pass_obj
def rm(session: Session, slug: str, name: str) -> None:
    """Remove a cron job; it may be gone already."""
    with session.client() as client:
        client.call("DELETE", repo_path(slug, "cron", name))
    session.tell(f"Cron job {output.line(name)} is removed from {slug}")


@cron.command("exec", example="gantry cron exec acme/web nightly")
@slug_argument
@name_argument
@verbose_option
@json_option
@click.pass_obj
def execute(session: Session, slug: str, name: str, verbose: bool) -> None:
    """Run a cron job now; when it is due next stays as it is."""
    path = repo_path(slug, "cron", name)
    made = start.started(session, slug, lambda client, more: client.call("POST", path, query=more), verbose=verbose)
    session.show(made, lambda build: output.build_block(build, session.connection().server, slug))
    start.exit_by(made)


def _change(session: Session, slug: str, name: str, body: Json) -> None:
    with session.client() as client:
        session.show(client.record("PATCH", repo_path(slug, "cron", name), body=body), _block)


def _block(job: Json) -> str:
    return output.block(
        [
            ("Name", output.line(job.get("name", ""))),
            ("Expression", output.line(job.get("expr", ""))),
            ("Branch", output.line(job.get("branch", ""))),
            ("Does", _does(job)),
            ("Next", _next(job)),
            ("Last", output.ago(job.get("prev") or 0, time.time())),
        ]
    )


def _does(job: Json) -> str:
    return f"promote to {output.line(job.get('target', ''))}" if job.get("event") == "promote" else "build"


def _next(job: Json) -> str:
    return "disabled" if job.get("disabled") else output.moment(job.get("next") or 0)


def _table(jobs: list[Json]) -> str:
    now = time.time()
    return output.table(
        ["NAME", "EXPRESSION", "BRANCH", "DOES", "NEXT", "LAST"],
        [
            [
                output.line(job.get("name", "")),
                output.line(job.get("expr", "")),
                output.line(job.get("branch", "")),
                _does(job),
                _next(job),
                output.ago(job.get("prev") or 0, now),
            ]
            for job in jobs
        ],
    )
