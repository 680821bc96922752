"""`gantry bundle create`: a new version, from builds, files, queries and other versions."""

from collections.abc import Sequence

import click

from app.cli.bundle_options import called, follow_option, followed, key_option, mode, project_option, signed_by
from app.cli.remote import bundles
from app.cli.remote.client import PATIENT, Client, Json
from app.cli.terminal import arguments
from app.cli.terminal.arguments import present
from app.cli.terminal.options import Session, json_option


@click.command()
@click.argument("name")
@click.argument("version")
@click.option(
    "--build",
    "builds",
    nargs=2,
    multiple=True,
    metavar="NAME NUMBER",
    help="What a build made, as its build-info says; repeatable.",
)
@click.option("--with-dependencies", is_flag=True, help="Also what the builds have used, if it is stored here.")
@click.option("--artifact", "artifacts", multiple=True, metavar="REPOSITORY/PATH", help="A file; repeatable.")
@click.option("--aql", metavar="TEXT|@FILE|-", help="The files that a query finds.")
@click.option(
    "--bundle", "others", nargs=2, multiple=True, metavar="NAME VERSION", help="What another version has; repeatable."
)
@click.option("--draft", is_flag=True, help="Sign nothing yet: a draft can be changed, and is not promoted.")
@key_option
@follow_option
@project_option
@json_option
@click.pass_obj
def create(
    session: Session,
    name: str,
    version: str,
    builds: Sequence[tuple[str, str]],
    with_dependencies: bool,
    artifacts: Sequence[str],
    aql: str | None,
    others: Sequence[tuple[str, str]],
    draft: bool,
    key: str | None,
    follow: bool,
    project: str | None,
) -> None:
    """Create a version: freeze what belongs together, and sign it.

    Each source may be given several times, and sources may be mixed. Exit code 1 when no version was made.
    """
    sources = _sources(builds, with_dependencies, artifacts, aql, others, project)
    if not sources:
        raise click.UsageError("say what the version holds: --build, --artifact, --aql or --bundle")
    body = {
        "release_bundle_name": name,
        "release_bundle_version": version,
        "sources": sources,
        **({"draft": True} if draft else {}),
    }
    query = present(project=project)
    with Client(session.connection(), timeout=PATIENT) as client:
        answer = client.record(
            "POST",
            bundles.path("release_bundle"),
            query={**query, **mode(follow)},
            body=body,
            headers=signed_by(client, key),
        )
        if follow:
            status = followed(
                client,
                f"create {name} {version}",
                bundles.path("release_bundle/statuses", name, version),
                query,
            )
            bundles.require_done(f"{name} {version} was not created", status)
            answer = {**answer, **status}
    what = "is a draft now; it is not signed yet" if draft else "is created and signed"
    session.show(answer, lambda _: f"{called(name, version)} {what}")


def _sources(
    builds: Sequence[tuple[str, str]],
    with_dependencies: bool,
    artifacts: Sequence[str],
    aql: str | None,
    others: Sequence[tuple[str, str]],
    project: str | None,
) -> list[Json]:
    """The sources as the lifecycle API reads them (contract release-bundle 3.2), one entry for each kind."""
    found: list[Json] = []
    if builds:
        of = {"build_repository": f"{project}-build-info"} if project else {}
        each = [
            {"build_name": name, "build_number": number, "include_dependencies": with_dependencies, **of}
            for name, number in builds
        ]
        found.append({"source_type": "builds", "builds": each})
    if artifacts:
        found.append({"source_type": "artifacts", "artifacts": [{"path": path.strip("/")} for path in artifacts]})
    if aql is not None:
        text = arguments.text(aql, "the query", "write it as UTF-8")
        found.append({"source_type": "aql", "aql": text})
    if others:
        named = [
            {"release_bundle_name": name, "release_bundle_version": version, **present(project=project)}
            for name, version in others
        ]
        found.append({"source_type": "release_bundles", "release_bundles": named})
    return found
