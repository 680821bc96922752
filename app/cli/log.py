"""`gantry log`: the output of one step."""

import click

from app.cli.remote import builds
from app.cli.remote.client import Json
from app.cli.terminal import output
from app.cli.terminal.commands import command
from app.cli.terminal.options import Session, build_argument, json_option, repo_path, slug_argument
from app.errors import NotFound


@command(example=["gantry log 42 deploy release", "gantry log acme/web last 1 2 --follow"])
@slug_argument
@build_argument
@click.argument("stage")
@click.argument("step")
@click.option("-f", "--follow", is_flag=True, help="Go on while the step runs.")
@json_option
@click.pass_obj
def log(session: Session, slug: str, word: str, stage: str, step: str, follow: bool) -> None:
    """Print the log of a step.

    STAGE and STEP are names or numbers (from 1).
    """
    if follow and session.as_json:
        raise click.UsageError("--follow prints text: leave --json out")
    with session.client() as client:
        build = builds.show(client, slug, word)
        where = _resolve(build, stage, step)
        if not follow:
            lines = client.records(repo_path(slug, "builds", build["number"], "logs", *where))
            session.print_json(lines) if session.as_json else output.raw(_text(lines))
            return
    _follow(session, slug, build["number"], where)


def _follow(session: Session, slug: str, number: int, where: tuple[int, int]) -> None:
    from app.cli.follow import follow
    from app.cli.terminal.plain import Log

    follow(session.connection(), slug, number, Log(slug), only=where)


def _text(lines: list[Json]) -> str:
    return "".join(str(said.get("out", "")) for said in lines)


def _resolve(build: Json, stage: str, step: str) -> tuple[int, int]:
    found = _pick(f"build {build['number']}", "stage", build.get("stages") or [], stage)
    return found["number"], _pick(f"stage {stage}", "step", found.get("steps") or [], step)["number"]


def _pick(whole: str, kind: str, parts: list[Json], wanted: str) -> Json:
    """The part with this name or number; a name wins, as a name may consist of digits."""
    for key in ("name", "number"):
        for part in parts:
            if str(part.get(key)) == wanted:
                return part
    known = ", ".join(f"{part.get('number')} ({output.line(part.get('name'))})" for part in parts) or "none yet"
    raise NotFound(f"{whole} has no {kind} {wanted!r}; it has: {known}")
