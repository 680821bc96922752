"""`gantry bundle promote`: a version to an environment, or what that would do."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from app.cli.artifact import pair
from app.cli.bundle_options import called, follow_option, followed, key_option, mode, project_option, signed_by
from app.cli.remote import bundles
from app.cli.remote.client import PATIENT, Client, Json
from app.cli.terminal import output
from app.cli.terminal.arguments import present
from app.cli.terminal.commands import command
from app.cli.terminal.options import Session, json_option

#: Files and clashes that a dry run prints.
SHOWN = 50


@command(example="gantry bundle promote shop 1.0 QA --dry-run")
@click.argument("name")
@click.argument("version")
@click.argument("environment")
@click.option("--move", is_flag=True, help="Take the files away from where the last promotion has put them.")
@click.option("--include", "included", multiple=True, metavar="REPOSITORY", help="Only to this one; repeatable.")
@click.option("--exclude", "excluded", multiple=True, metavar="REPOSITORY", help="Not to this one; repeatable.")
@click.option(
    "-p",
    "--prop",
    "--property",
    "properties",
    multiple=True,
    type=pair,
    metavar="KEY=VALUE",
    help="A property for the files; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Do nothing, but say what would go where, and what is in the way.")
@click.option("--override", metavar="REASON", help="Go against the order of environments; the reason is recorded.")
@key_option
@follow_option
@project_option
@json_option
@click.pass_obj
def promote(
    session: Session, /, name: str, version: str, environment: str, follow: bool, dry_run: bool, **said: Any
) -> None:
    """Promote a version to an environment: all of its files go there, or none.

    Exit code 1 when the version was not promoted, and with --dry-run when it could not be.
    """
    if follow and dry_run:
        raise click.UsageError("--dry-run does nothing that could be followed")
    query = present(project=said["project"])
    where = bundles.path("promotion/records", name, version)
    asked = {**query, "operation": "move" if said["move"] else "copy"}
    body = _order(environment, said)
    with Client(session.connection(), timeout=PATIENT) as client:
        headers = signed_by(client, said["key"])
        if dry_run:
            plan = client.record("POST", where, query={**asked, "dry_run": "true"}, body=body, headers=headers)
            session.show(plan, _plan)
            if clashes := plan.get("clash_count"):
                raise bundles.Failed(
                    f"{name} {version} cannot be promoted to {environment}: {clashes} of its files cannot be put there"
                )
            return
        answer = client.record("POST", where, query={**asked, **mode(follow)}, body=body, headers=headers)
        if follow:
            answer = {**answer, **_status(client, answer, query)}
    session.show(answer, _promoted)


def _order(environment: str, said: Mapping[str, Any]) -> Json:
    properties: dict[str, list[str]] = {}
    for key, value in said["properties"]:
        properties.setdefault(key, []).append(value)
    return present(
        environment=environment,
        included_repository_keys=list(said["included"]) or None,
        excluded_repository_keys=list(said["excluded"]) or None,
        artifact_additional_properties=[{"key": key, "values": values} for key, values in properties.items()] or None,
        override_reason=said["override"],
    )


def _status(client: Client, begun: Json, query: Mapping[str, str]) -> Json:
    """The status of a promotion after its end; Failed when it has failed."""
    name, version = (str(begun.get(f"release_bundle_{word}", "")) for word in ("name", "version"))
    path = bundles.path("promotion/statuses", name, version, begun.get("created_millis", ""))
    environment = str(begun.get("environment", ""))
    status = followed(client, f"promote {name} {version} to {environment}", path, query)
    bundles.require_done(f"{name} {version} was not promoted to {environment}", status)
    return status


def _promoted(answer: Json) -> str:
    name, version = (str(answer.get(f"release_bundle_{word}", "")) for word in ("name", "version"))
    source = f" from {output.line(answer['source_environment'])}" if answer.get("source_environment") else ""
    words = f"{called(name, version)} is promoted to {output.line(answer.get('environment', ''))}{source}"
    return "\n".join([f"{words}: {_keys(answer.get('included_repository_keys'))}", *bundles.texts(answer)])


def _keys(keys: Sequence[Any] | None) -> str:
    return ", ".join(map(output.line, keys or [])) or "no repository"


def _plan(plan: Json) -> str:
    files, kept = int(plan.get("files") or 0), int(plan.get("kept") or 0)
    lines = [
        f"{output.line(one.get('source', ''))} → {output.line(one.get('target', ''))}"
        f"{'  (is there)' if one.get('effect') == 'keep' else ''}"
        for one in bundles.entries(plan, "artifacts")[:SHOWN]
    ]
    if files > len(lines):
        lines.append(f"and {files - len(lines)} more: see --json")
    clashes = plan.get("clashes") or []
    lines += [f"clash: {output.line(clash)}" for clash in clashes[:SHOWN]]
    if (more := int(plan.get("clash_count") or 0) - len(clashes[:SHOWN])) > 0:
        lines.append(f"and {more} more clashes")
    if clashes:
        return "\n".join(lines)
    name, version = (str(plan.get(f"release_bundle_{word}", "")) for word in ("name", "version"))
    where = output.line(plan.get("environment", ""))
    moved = f", and {plan['removed']} would be removed where they are now" if plan.get("removed") else ""
    verb = "be moved" if plan.get("operation") == "move" else "be copied"
    words = f"{called(name, version)} would {verb} to {where}: {files - kept} files put, {kept} kept{moved}"
    return "\n".join([*lines, words])
