"""`gantry bundle create`, `add` and `finalize`: new versions, from builds, files, queries and other versions."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import click

from app.cli.bundle_options import called, follow_option, followed, key_option, mode, project_option, signed_by
from app.cli.remote import bundles
from app.cli.remote.client import PATIENT, Client, Json
from app.cli.terminal import arguments
from app.cli.terminal.arguments import present
from app.cli.terminal.commands import command
from app.cli.terminal.options import Session, json_option

F = TypeVar("F", bound=Callable[..., Any])

_SOURCES = (
    click.option(
        "--build",
        "builds",
        nargs=2,
        multiple=True,
        metavar="NAME NUMBER",
        help="What a build made, as its build-info says; repeatable.",
    ),
    click.option("--with-dependencies", is_flag=True, help="Also what the builds have used, if it is stored here."),
    click.option("--artifact", "artifacts", multiple=True, metavar="REPOSITORY/PATH", help="A file; repeatable."),
    click.option("--aql", metavar="TEXT|@FILE|-", help="The files that a query finds."),
    click.option(
        "--bundle",
        "others",
        nargs=2,
        multiple=True,
        metavar="NAME VERSION",
        help="What another version has; repeatable.",
    ),
)


def source_options(command: F) -> F:
    """The options that say what a version is made from."""
    for option in reversed(_SOURCES):
        command = option(command)
    return command


@command(example="gantry bundle create shop 1.0 --build app 42")
@click.argument("name")
@click.argument("version")
@source_options
@click.option("--draft", is_flag=True, help="Sign nothing yet: a draft can be added to, and is not promoted.")
@key_option
@follow_option
@project_option
@json_option
@click.pass_obj
def create(
    session: Session,
    /,
    name: str,
    version: str,
    draft: bool,
    key: str | None,
    follow: bool,
    project: str | None,
    **said: Any,
) -> None:
    """Create a version: freeze what belongs together, and sign it.

    Each source may be given several times, and sources may be mixed. Exit code 1 when no version was made.
    """
    body = {**_named(name, version), "sources": _sources(said, project), **({"draft": True} if draft else {})}
    query = present(project=project)
    with Client(session.connection(), timeout=PATIENT) as client:
        headers = signed_by(client, key)
        where = bundles.path("release_bundle")
        answer = client.record("POST", where, query={**query, **mode(follow)}, body=body, headers=headers)
        if follow:
            answer |= _status(client, "create", name, version, query, bundles.DONE)
    what = "is a draft now; it is not signed yet" if draft else "is created and signed"
    session.show(answer, lambda _: f"{called(name, version)} {what}")


@command(example="gantry bundle add shop 1.0 --build app 42")
@click.argument("name")
@click.argument("version")
@source_options
@project_option
@json_option
@click.pass_obj
def add(session: Session, /, name: str, version: str, project: str | None, **said: Any) -> None:
    """Add more sources to a draft."""
    body = {**_named(name, version), "add_sources": _sources(said, project)}
    with Client(session.connection(), timeout=PATIENT) as client:
        answer = client.record("PATCH", bundles.path("release_bundle"), query=present(project=project), body=body)
    session.show(answer, lambda _: f"{called(name, version)} has more sources; it is not signed yet")


@command(example="gantry bundle finalize shop 1.0")
@click.argument("name")
@click.argument("version")
@key_option
@follow_option
@project_option
@json_option
@click.pass_obj
def finalize(session: Session, name: str, version: str, key: str | None, follow: bool, project: str | None) -> None:
    """Sign a draft, which does not change any more then. Exit code 1 when it was not signed."""
    query = present(project=project)
    where = bundles.path("release_bundle", name, version, "finalize")
    with Client(session.connection(), timeout=PATIENT) as client:
        answer = client.record("POST", where, query={**query, **mode(follow)}, headers=signed_by(client, key))
        if follow:
            answer |= _status(client, "finalize", name, version, query, {"COMPLETED"})
    session.show(answer, lambda _: f"{called(name, version)} is signed")


def _named(name: str, version: str) -> Json:
    return {"release_bundle_name": name, "release_bundle_version": version}


def _status(
    client: Client, verb: str, name: str, version: str, query: Mapping[str, str], done: Collection[str]
) -> Json:
    """The status of a version after the end of the work; Failed when that is another one than those of `done`."""
    path = bundles.path("release_bundle/statuses", name, version)
    status = followed(client, f"{verb} {name} {version}", path, query)
    bundles.require_done(f"{name} {version} was not {verb.removesuffix('e')}ed", status, done)
    return status


def _sources(said: Mapping[str, Any], project: str | None) -> list[Json]:
    """The sources as the lifecycle API reads them (contract release-bundle 3.2), one entry for each kind."""
    found: list[Json] = []
    if said["builds"]:
        of = {"build_repository": f"{project}-build-info"} if project else {}
        each = [
            {"build_name": name, "build_number": number, "include_dependencies": said["with_dependencies"], **of}
            for name, number in said["builds"]
        ]
        found.append({"source_type": "builds", "builds": each})
    if said["artifacts"]:
        found.append(
            {"source_type": "artifacts", "artifacts": [{"path": path.strip("/")} for path in said["artifacts"]]}
        )
    if said["aql"] is not None:
        text = arguments.text(said["aql"], "the query", "write it as UTF-8")
        found.append({"source_type": "aql", "aql": text})
    if said["others"]:
        named = [{**_named(*other), **present(project=project)} for other in said["others"]]
        found.append({"source_type": "release_bundles", "release_bundles": named})
    if not found:
        raise click.UsageError("say what the version holds: --build, --artifact, --aql or --bundle")
    return found
