"""`gantry log`: the output of one step."""

import click

from app.cli.remote import builds
from app.cli.remote.client import Client, Json, unexpected
from app.cli.terminal import output
from app.cli.terminal.commands import command
from app.cli.terminal.options import NUMBER, Session, build_argument, json_option, repo_path, slug_argument
from app.errors import NotFound

#: Lines that one call asks for at most.
_MOST = 5000


@command(
    example=[
        "gantry log 42 deploy release",
        "gantry log acme/web last 1 2 --follow",
        "gantry log 42 deploy release --lines 50",
        "gantry log 42 deploy release --from 1200 --lines 20",
        "gantry log 42 deploy release --find 'out of memory'",
        "gantry log 42 deploy release --errors",
    ]
)
@slug_argument
@build_argument
@click.argument("stage")
@click.argument("step")
@click.option("-f", "--follow", is_flag=True, help="Go on while the step runs.")
@click.option("--from", "start", type=NUMBER, metavar="LINE", help="Begin at this line, counted from 1.")
@click.option(
    "--lines", "count", type=NUMBER, metavar="N", help="So many lines; without --from, --find and --errors the last."
)
@click.option("--find", metavar="TEXT", help="Only lines with this text, in any letter case, with their numbers.")
@click.option("--errors", is_flag=True, help="Only lines that look like errors, with their numbers.")
@json_option
@click.pass_obj
def log(
    session: Session,
    slug: str,
    word: str,
    stage: str,
    step: str,
    follow: bool,
    start: int | None,
    count: int | None,
    find: str | None,
    errors: bool,
) -> None:
    """Print the log of a step, or a part of it.

    STAGE and STEP are names or numbers (from 1).
    """
    wanted = {**({"find": find} if find is not None else {}), **({"errors": "true"} if errors else {})}
    in_part = start is not None or count is not None or bool(wanted)
    if follow and session.as_json:
        raise click.UsageError("--follow prints text: leave --json out")
    if follow and in_part:
        raise click.UsageError("--follow prints the whole log: leave --from, --lines, --find and --errors out")
    with session.client() as client:
        build = builds.show(client, slug, word)
        where = _resolve(build, stage, step)
        path = repo_path(slug, "builds", build["number"], "logs", *where)
        if in_part:
            found = _part(client, path, start, count, wanted)
            session.show(found, lambda found: _shown(found, numbered=bool(wanted)))
            return
        if not follow:
            lines = client.records(path)
            session.print_json(lines) if session.as_json else output.raw(_text(lines))
            return
    _follow(session, slug, build["number"], where)


def _follow(session: Session, slug: str, number: int, where: tuple[int, int]) -> None:
    from app.cli.follow import follow
    from app.cli.terminal.plain import Log

    follow(session.connection(), slug, number, Log(slug), only=where)


def _part(client: Client, path: str, start: int | None, count: int | None, wanted: dict[str, str]) -> Json:
    """A part of a log: the server's answers as one."""
    first = start - 1 if start is not None else -count if count is not None and not wanted else 0
    query = {"from": str(first), **wanted}
    whole: Json = {}
    while True:
        left = _MOST if count is None else count - len(whole.get("lines", ()))
        answer = client.record("GET", path, query={**query, "limit": str(min(left, _MOST))})
        if "lines" not in answer:
            unexpected(client.connection, path)
        whole = {**answer, "lines": [*whole.get("lines", ()), *answer["lines"]]}
        if answer.get("next") is None or (count is not None and len(whole["lines"]) >= count):
            return whole
        query["from"] = str(answer["next"])


def _shown(found: Json, *, numbered: bool) -> str:
    """Prints the lines, as they are; what is missing is said beside them."""
    lines = found["lines"]
    if cut := found.get("cut"):
        output.write(f"Note: {output.line(cut)}", err=True)
    output.raw("".join(f"{line['pos'] + 1}: {line['out']}" for line in lines) if numbered else _text(lines))
    return ""


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
