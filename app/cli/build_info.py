"""`gantry build-info`: what builds made, and where it was promoted to."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

import click

from app.cli.artifact import pair
from app.cli.build_info_publish import API, project_option, publish
from app.cli.remote.client import Json
from app.cli.terminal import output
from app.cli.terminal.arguments import present
from app.cli.terminal.commands import group
from app.cli.terminal.options import Session, confirm, json_option, past, yes_option
from app.errors import AppError

#: Messages of one level that a promotion prints.
SHOWN = 20
#: What the messages of a level begin with, in the order in which the levels are printed.
LEVELS = {"INFO": "", "WARNING": "warning: ", "ERROR": "error: "}
#: The columns of promotions.
PROMOTED = ("WHEN", "BY", "STATUS", "FROM", "TO", "FILES", "RESULT")


class NotPromoted(AppError):
    """Files of a promotion were refused."""

    code = "not_promoted"


def _path(*parts: str) -> str:
    return "/".join([API, *(quote(part, safe="") for part in parts)])


@group("build-info")
def build_info() -> None:
    """Publish, compare and promote what builds made."""


@build_info.command("ls", example="gantry build-info ls app")
@click.argument("name", required=False)
@project_option
@json_option
@click.pass_obj
def ls(session: Session, name: str | None, project: str | None) -> None:
    """List the names of builds, or the runs of a build, newest first."""
    query = present(project=project)
    with session.client() as client:
        if name is None:
            session.show(client.record("GET", API, query=query).get("builds") or [], _names)
        else:
            session.show(client.record("GET", _path(name), query=query).get("buildsNumbers") or [], _numbers)


def _names(builds: list[Json]) -> str:
    return output.table(
        ["NAME", "LAST STARTED"], [[_uri(one), output.line(one.get("lastStarted", ""))] for one in builds]
    )


def _numbers(runs: list[Json]) -> str:
    return output.table(["NUMBER", "STARTED"], [[_uri(one), output.line(one.get("started", ""))] for one in runs])


def _uri(one: Json) -> str:
    return output.line(unquote(str(one.get("uri", ""))[1:]))


@build_info.command(example="gantry build-info show app 42")
@click.argument("name")
@click.argument("number")
@project_option
@json_option
@click.pass_obj
def show(session: Session, name: str, number: str, project: str | None) -> None:
    """Show a run: what it made, and where that was promoted to."""
    query = present(project=project)
    with session.client() as client:
        found = client.record("GET", _path(name, number), query=query)
        promotions = client.record("GET", _path("promotions", name, number), query={**query, "per_page": "100"})
    found["promotions"] = promotions.get("promotions") or []
    session.show(found, _run)


def _run(found: Json) -> str:
    info = found.get("buildInfo") or {}
    modules = info.get("modules") or []
    vcs = (info.get("vcs") or [{}])[0]
    head = output.block(
        [
            ("Name", output.line(info.get("name", ""))),
            ("Number", output.line(info.get("number", ""))),
            ("Started", output.line(info.get("started", ""))),
            ("Published by", output.line(info.get("artifactoryPrincipal", ""))),
            ("Commit", output.line(vcs.get("revision") or info.get("vcsRevision") or "")),
            ("Link", output.line(info.get("url", ""))),
        ]
    )
    artifacts = [_artifact(module, one) for module in modules for one in module.get("artifacts") or []]
    parts = [head]
    if artifacts:
        parts.append(output.grid(["MODULE", "ARTIFACT", "SHA1"], artifacts))
    if promotions := found.get("promotions"):
        parts.append(output.grid(PROMOTED, [_promotion(one) for one in promotions]))
    return "\n\n".join(parts)


def _artifact(module: Json, one: Json) -> list[str]:
    name = one.get("path") or one.get("name", "")
    return [output.line(module.get("id", "")), output.line(name), output.line(one.get("sha1", ""))]


def _promotion(one: Json) -> list[str]:
    return [
        output.line(one.get("timestamp", "")),
        output.line(one.get("user", "")),
        output.line(one.get("status", "")) or "-",
        output.line(one.get("sourceRepo", "")) or "-",
        output.line(one.get("targetRepo", "")) or "-",
        str(one.get("files", "")),
        output.status(str(one.get("result", ""))),
    ]


@build_info.command(example="gantry build-info diff app 42 41")
@click.argument("name")
@click.argument("number")
@click.argument("older")
@project_option
@json_option
@click.pass_obj
def diff(session: Session, name: str, number: str, older: str, project: str | None) -> None:
    """Compare a run with an older one."""
    with session.client() as client:
        found = client.record("GET", _path(name, number), query={"diff": older, **present(project=project)})
    session.show(found, _difference)


def _difference(found: Json) -> str:
    signs = {"new": "+", "removed": "-", "updated": "~"}
    words = {"artifacts": "artifact", "dependencies": "dependency", "properties": "property"}
    lines = [
        f"{sign} {word}  {_named(one)}"
        for group, word in words.items()
        for kind, sign in signs.items()
        for one in (found.get(group) or {}).get(kind) or []
    ]
    return "\n".join(lines) if lines else "Nothing differs"


def _named(one: Any) -> str:
    if not isinstance(one, dict):
        return output.line(one)
    if "key" in one:
        was = f"{output.line(one['oldValue'])} → " if "oldValue" in one else ""
        return f"{output.line(one['key'])}: {was}{output.line(one.get('value', ''))}"
    return f"{output.line(one.get('name') or one.get('id') or '')}  {output.line(one.get('sha1', ''))}"


@build_info.command(example="gantry build-info promote app 42 --to libs-release-local --status released --dry-run")
@click.argument("name")
@click.argument("number")
@click.option("--to", "target", metavar="REPOSITORY", help="Where the artifacts go.")
@click.option(
    "--from", "source", metavar="REPOSITORY", help="Where they are taken from; without it, wherever they are."
)
@click.option("--copy", is_flag=True, help="Leave the artifacts where they are, too.")
@click.option("--status", help="A label for the run, as in staged or released.")
@click.option("--comment", help="Why.")
@click.option(
    "-p",
    "--prop",
    "properties",
    multiple=True,
    type=pair,
    metavar="KEY=VALUE",
    help="A property for the artifacts; repeatable.",
)
@click.option("--dependencies", is_flag=True, help="Also what the build has used.")
@click.option("--scope", "scopes", multiple=True, help="Only dependencies of this scope; repeatable.")
@click.option("--keep-going", is_flag=True, help="Do the rest when a file is refused.")
@click.option("--dry-run", is_flag=True, help="Do nothing, but say what would be done.")
@project_option
@json_option
@click.pass_obj
def promote(session: Session, /, name: str, number: str, project: str | None, **said: Any) -> None:
    """Promote a run: move or copy what it made, and give it a status.

    Exit code 1 when a file is refused.
    """
    if not said["target"] and not said["status"] and not said["properties"]:
        raise click.UsageError("nothing is to be done: give --to, --status or --prop")
    with session.client() as client:
        answer = client.record(
            "POST", _path("promote", name, number), query=present(project=project), body=_order(said)
        )
    session.show(answer, _messages)
    if any(_level(one) == "ERROR" for one in _told(answer)):
        raise NotPromoted(f"not all of {name} {number} was promoted: see the errors above")


def _order(said: Mapping[str, Any]) -> Json:
    properties: dict[str, list[str]] = {}
    for key, value in said["properties"]:
        properties.setdefault(key, []).append(value)
    return present(
        targetRepo=said["target"],
        sourceRepo=said["source"],
        copy=said["copy"],
        status=said["status"],
        comment=said["comment"],
        properties=properties or None,
        dependencies=said["dependencies"],
        scopes=list(said["scopes"]) or None,
        failFast=not said["keep_going"],
        dryRun=said["dry_run"],
    )


def _messages(answer: Json) -> str:
    """The messages, level by level; the summary, which the server tells last, stays the last."""
    told, lines = _told(answer), list[str]()
    for level, word in LEVELS.items():
        some = [word + output.line(one.get("message", "")) for one in told[:-1] if _level(one) == level]
        lines += some[:SHOWN]
        if len(some) > SHOWN:
            lines.append(f"and {len(some) - SHOWN} more of this kind")
    lines += [LEVELS[_level(one)] + output.line(one.get("message", "")) for one in told[-1:]]
    return "\n".join(lines)


def _told(answer: Json) -> list[Json]:
    return [one for one in answer.get("messages") or [] if isinstance(one, dict)]


def _level(message: Json) -> str:
    level = str(message.get("level", "")).upper()
    return level if level in LEVELS else "INFO"


@build_info.command(example="gantry build-info retention app --count 20 --artifacts")
@click.argument("name")
@click.option("--count", type=click.IntRange(min=0), help="Keep so many runs, the newest.")
@click.option(
    "--before", callback=past, metavar="TIME", help="Remove runs that are older: 2026-01-31, or an age, as in 30d."
)
@click.option("--keep", "kept", multiple=True, metavar="NUMBER", help="A number to keep in any case; repeatable.")
@click.option("--artifacts", is_flag=True, help="Remove their artifacts, too.")
@project_option
@json_option
@click.pass_obj
def retention(
    session: Session,
    name: str,
    count: int | None,
    before: int | None,
    kept: Sequence[str],
    artifacts: bool,
    project: str | None,
) -> None:
    """Remove old runs of a build now. What was promoted is always kept."""
    if count is None and before is None:
        raise click.UsageError("say --count or --before")
    body = present(
        count=count,
        minimumBuildDate=None if before is None else before * 1000,
        buildNumbersNotToBeDiscarded=list(kept) or None,
        deleteBuildArtifacts=artifacts,
    )
    with session.client() as client:
        answer = client.record("POST", _path("retention", name), query=present(project=project), body=body)
    session.show(answer, _kept)


def _kept(answer: Json) -> str:
    removed = answer.get("removed", 0)
    return "\n".join(
        [
            f"{removed} run{' is' if removed == 1 else 's are'} removed",
            *(
                f"{output.line(one.get('number', ''))} of {output.line(one.get('started', ''))} is kept: "
                f"{output.line(one.get('reason', ''))}"
                for one in answer.get("kept") or []
            ),
            *(f"{output.line(file)} is left, where a promotion has put it" for file in answer.get("left") or []),
        ]
    )


@build_info.command(example="gantry build-info rm app 40 41 --yes")
@click.argument("name")
@click.argument("numbers", nargs=-1, metavar="[NUMBER]...")
@click.option("--artifacts", is_flag=True, help="Remove their artifacts, too.")
@yes_option
@project_option
@json_option
@click.pass_obj
def rm(session: Session, name: str, numbers: Sequence[str], artifacts: bool, yes: bool, project: str | None) -> None:
    """Remove runs of a build; without numbers, all."""
    confirm(f"Remove {', '.join(numbers) if numbers else 'all runs'} of {name}?", yes)
    chosen = {"buildNumbers": list(numbers)} if numbers else {"deleteAll": True}
    body = {"buildName": name, "project": project or "", "deleteArtifacts": artifacts, **chosen}
    with session.client() as client:
        done = client.text("POST", f"{API}/delete", body=body)
    session.tell(output.printable(done.strip()) or "Removed")


build_info.add_command(publish)
