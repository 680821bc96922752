"""`gantry cron`: jobs that build a branch, or promote its newest successful build, at set times."""

import time

import click

from app.builds.cron import expression, zones
from app.builds.cron.words import short, words, words_if_any
from app.cli import start
from app.cli.remote.client import Json
from app.cli.start import verbose_option
from app.cli.terminal import arguments, output
from app.cli.terminal.commands import group
from app.cli.terminal.options import Session, completes, json_option, repo_path, slug_argument

name_argument = click.argument("name")
promote_option = click.option(
    *("--promote", "target"),
    metavar="TARGET",
    shell_complete=completes("targets"),
    help="Promote the newest successful build of the branch to this target.",
)
zone_option = click.option(
    "--zone", metavar="ZONE", help="The time zone whose clock counts, as in Europe/Berlin; else UTC."
)
seconds_first_option = click.option(
    "--seconds-first", is_flag=True, help="Five fields are meant as they are read: seconds to month."
)
#: Times that are shown of a job.
TIMES = 3


@group()
def cron() -> None:
    """Build or promote by the clock.

    EXPR has six fields, as in "0 30 4 * * mon-fri": second, minute, hour, day of the month, month, weekday.
    Five fields are the first five of these. Or it is one of @hourly, @daily, @weekly, @monthly, @yearly,
    or an interval as in "@every 1h30m". Times are UTC, or those of the zone that --zone names.
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


@cron.command(example="gantry cron explain '0 0 6 * * 1-5' --zone Europe/Berlin")
@click.argument("expr")
@zone_option
@json_option
@click.pass_obj
def explain(session: Session, expr: str, zone: str | None) -> None:
    """Say what an expression means, and when a job with it would be due. Nothing is sent."""
    try:
        zones.check(zone or "")
        meant, due = words(expr), expression.upcoming(expr, int(time.time()), TIMES, zone=zone or "")
    except zones.UnknownZone as error:
        raise click.UsageError(f"--zone {zone} {error}") from error
    except expression.BadExpression as error:
        raise click.UsageError(f"{expr!r} is no expression: {error}") from error
    session.show(
        {"expr": expr, "zone": zone or "", "means": meant, "due": list(due)},
        lambda _: output.block([("Means", meant), ("Due", _times(due, zone or ""))]),
    )


@cron.command(
    example=[
        "gantry cron add acme/web nightly @daily",
        "gantry cron add acme/web release '0 0 6 * * 1-5' --promote production --zone Europe/Berlin",
    ]
)
@slug_argument
@name_argument
@click.argument("expr")
@click.option(
    "--branch", shell_complete=completes("branches"), help="The branch; else the repository's default branch."
)
@promote_option
@zone_option
@seconds_first_option
@json_option
@click.pass_obj
def add(
    session: Session,
    slug: str,
    name: str,
    expr: str,
    branch: str | None,
    target: str | None,
    zone: str | None,
    seconds_first: bool,
) -> None:
    """Add a cron job, as in: cron add demo/hello nightly @daily"""
    body: Json = {"name": name, "expr": expr, **arguments.present(zone=zone)}
    if target is not None:
        body |= {"event": "promote", "target": target}
        if not seconds_first:
            _refuse_short(expr)
    with session.client() as client:
        body["branch"] = client.record("GET", repo_path(slug)).get("default_branch") if branch is None else branch
        session.show(client.record("POST", repo_path(slug, "cron"), body=body), _block)


@cron.command(example="gantry cron update acme/web nightly --expr '0 30 2 * * *'")
@slug_argument
@name_argument
@click.option("--expr", help="When it is due.")
@click.option("--branch", shell_complete=completes("branches"), help="The branch.")
@promote_option
@click.option("--build", is_flag=True, help="Build the branch, rather than promote.")
@zone_option
@seconds_first_option
@json_option
@click.pass_obj
def update(
    session: Session,
    slug: str,
    name: str,
    expr: str | None,
    branch: str | None,
    target: str | None,
    build: bool,
    zone: str | None,
    seconds_first: bool,
) -> None:
    """Change a cron job; what is not given stays as it is."""
    if build and target is not None:
        raise click.UsageError("--build and --promote exclude each other")
    event = "push" if build else None if target is None else "promote"
    body = arguments.present(expr=expr, branch=branch, event=event, target=target, zone=zone)
    if not body:
        raise click.UsageError("nothing to change: give --expr, --branch, --promote, --build or --zone")
    if not seconds_first and {"expr", "event"} & set(body):
        with session.client() as client:
            changed = client.record("GET", repo_path(slug, "cron", name)) | body
        if changed.get("event") == "promote":
            _refuse_short(str(changed.get("expr", "")))
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


def _refuse_short(expr: str) -> None:
    """UsageError for five fields of a job that promotes: most people write them as minute to weekday."""
    found = short(expr)
    if found is None:
        return
    said = [
        f"{expr!r} has five fields, and the first is read as seconds{f': {found.read}' if found.read else ''}",
        f"For {found.meant}, write six fields: {found.six!r}"
        if found.meant
        else "Write six fields, of which the first is seconds",
        "If you mean what is read, give --seconds-first" if found.read else "",
    ]
    raise click.UsageError("\n".join(one for one in said if one))


def _block(job: Json) -> str:
    expr = str(job.get("expr", ""))
    return output.block(
        [
            ("Name", output.line(job.get("name", ""))),
            ("Expression", output.line(expr)),
            ("Means", words_if_any(expr)),
            ("Zone", output.line(job.get("zone") or "UTC")),
            ("Branch", output.line(job.get("branch", ""))),
            ("Does", _does(job)),
            ("Next", "disabled" if job.get("disabled") else _due(job)),
            ("Last", output.ago(job.get("prev") or 0, time.time())),
        ]
    )


def _due(job: Json) -> str:
    """When a job is due next, and after that; only the first if this version cannot read the job."""
    expr, zone, first = str(job.get("expr", "")), str(job.get("zone") or ""), int(job.get("next") or 0)
    try:
        zones.check(zone)
        return _times([first, *expression.upcoming(expr, first, TIMES - 1, zone=zone)], zone)
    except (expression.BadExpression, zones.UnknownZone):
        return output.moment(first)


def _times(due: list[int], zone: str) -> str:
    return ", ".join(zones.shown(moment, zone) for moment in due)


def _does(job: Json) -> str:
    return f"promote to {output.line(job.get('target', ''))}" if job.get("event") == "promote" else "build"


def _next(job: Json) -> str:
    return "disabled" if job.get("disabled") else output.moment(job.get("next") or 0)


def _table(jobs: list[Json]) -> str:
    now = time.time()
    return output.table(
        ["NAME", "EXPRESSION", "BRANCH", "DOES", "NEXT", "LAST", "ZONE"],
        [
            [
                output.line(job.get("name", "")),
                output.line(job.get("expr", "")),
                output.line(job.get("branch", "")),
                _does(job),
                _next(job),
                output.ago(job.get("prev") or 0, now),
                output.line(job.get("zone") or "UTC"),
            ]
            for job in jobs
        ],
    )
