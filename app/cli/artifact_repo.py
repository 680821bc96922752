"""`gantry artifact-repo`: artifact repositories, and who may do what in them."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import click

from app.cli.remote.client import Json
from app.cli.terminal import output
from app.cli.terminal.arguments import present
from app.cli.terminal.commands import OneOf, group
from app.cli.terminal.options import Session, confirm, json_option, yes_option

_API = "/artifactory/api/repositories"
ACTIONS = ("read", "annotate", "deploy", "delete", "manage", "promote")
#: What each kind of subject is, in the API's words.
KINDS = ("user", "group", "repo", "anonymous")


def _path(key: str, *more: str) -> str:
    return "/".join([_API, *(quote(part, safe="") for part in (key, *more))])


@group("artifact-repo")
def artifact_repo() -> None:
    """Keep artifact repositories and their rights."""


@artifact_repo.command("ls", example="gantry artifact-repo ls --type local")
@click.option("--type", "kind", type=OneOf(["local", "virtual"]), help="Only these.")
@click.option("--project", help="Only those of a project.")
@json_option
@click.pass_obj
def ls(session: Session, kind: str | None, project: str | None) -> None:
    """List the artifact repositories that you may read."""
    with session.client() as client:
        session.show(client.records(_API, query=present(type=kind, project=project)), _table)


def _table(repos: list[Json]) -> str:
    return output.table(
        ["KEY", "TYPE", "PACKAGES", "DESCRIPTION"],
        [
            [
                output.line(repo.get("key", "")),
                output.line(str(repo.get("type", "")).lower()),
                output.line(repo.get("packageType", "")),
                output.line(repo.get("description", ""), 60),
            ]
            for repo in repos
        ],
    )


def _settings(command: Any) -> Any:
    for option in (
        click.option("--description", help="What the repository is for."),
        click.option("--includes", metavar="PATTERNS", help="Paths that it takes, separated by commas: org/**,*.zip"),
        click.option("--excludes", metavar="PATTERNS", help="Paths that it does not take."),
        click.option(
            "--environment", "environments", multiple=True, help="An environment that it belongs to; repeatable."
        ),
        click.option("--immutable/--mutable", default=None, help="Whether a path keeps the first bytes put there."),
        click.option(
            "--member", "members", multiple=True, help="Of a virtual repository: a member; repeatable, in order."
        ),
        click.option("--deploy-to", help="Of a virtual repository: the local one that takes what is put into it."),
    ):
        command = option(command)
    return command


def _body(
    description: str | None,
    includes: str | None,
    excludes: str | None,
    environments: Sequence[str],
    immutable: bool | None,
    members: Sequence[str],
    deploy_to: str | None,
) -> Json:
    return present(
        description=description,
        includesPattern=includes,
        excludesPattern=excludes,
        environments=list(environments) or None,
        immutable=immutable,
        repositories=list(members) or None,
        defaultDeploymentRepo=deploy_to,
    )


@artifact_repo.command(example="gantry artifact-repo add libs-dev-local")
@click.argument("key")
@click.option("--virtual", is_flag=True, help="A repository that stands for others, its members.")
@click.option("--package-type", default="generic", show_default=True, help="Any word; files are stored as they are.")
@_settings
@json_option
@click.pass_obj
def add(session: Session, /, key: str, virtual: bool, package_type: str, **said: Any) -> None:
    """Add an artifact repository."""
    body = {"key": key, "rclass": "virtual" if virtual else "local", "packageType": package_type, **_body(**said)}
    with session.client() as client:
        client.text("PUT", _path(key), body=body)
    session.tell(f"Artifact repository {output.line(key)} is added")


@artifact_repo.command(example="gantry artifact-repo update libs-release-local --immutable")
@click.argument("key")
@_settings
@json_option
@click.pass_obj
def update(session: Session, /, key: str, **said: Any) -> None:
    """Change an artifact repository; what is not given stays."""
    body = _body(**said)
    if not body:
        raise click.UsageError("nothing is to be changed: give an option")
    with session.client() as client:
        client.text("POST", _path(key), body=body)
    session.tell(f"Artifact repository {output.line(key)} is changed")


@artifact_repo.command(example="gantry artifact-repo rm libs-dev-local")
@click.argument("key")
@yes_option
@json_option
@click.pass_obj
def rm(session: Session, key: str, yes: bool) -> None:
    """Remove an artifact repository with all that is in it."""
    confirm(f"Remove {key} with all that is in it?", yes)
    with session.client() as client:
        client.text("DELETE", _path(key))
    session.tell(f"Artifact repository {output.line(key)} is removed")


@artifact_repo.command(example="gantry artifact-repo grant libs-dev-local user:octocat read deploy")
@click.argument("key")
@click.argument("subject", required=False, metavar="[KIND:NAME]")
@click.argument("actions", nargs=-1, type=OneOf(ACTIONS), metavar="[ACTION]...")
@click.option("--includes", metavar="PATTERNS", help="Only at these paths, separated by commas.")
@click.option("--excludes", metavar="PATTERNS", help="Not at these paths.")
@click.option("--revoke", is_flag=True, help="Take away what was granted here.")
@json_option
@click.pass_obj
def grant(
    session: Session,
    key: str,
    subject: str | None,
    actions: Sequence[str],
    includes: str | None,
    excludes: str | None,
    revoke: bool,
) -> None:
    """Say who may do what in an artifact repository; without a subject, list it.

    A subject is user:LOGIN, group:NAME, repo:NAMESPACE/NAME (the steps of a git repository) or anonymous. Actions are
    read, annotate, deploy, delete, manage and promote; deploy includes promote.
    """
    with session.client() as client:
        if subject is None:
            session.show(client.records(_path(key, "grants")), _grants)
            return
        kind, _, name = subject.partition(":")
        if kind not in KINDS or bool(name) == (kind == "anonymous"):
            raise click.UsageError(
                f"{subject!r} is no subject: write user:LOGIN, group:NAME, repo:NAMESPACE/NAME or anonymous"
            )
        path = _path(key, "grants", kind, name or kind)
        if revoke:
            client.call("DELETE", path)
            session.tell(f"{output.line(subject)} has no rights in {output.line(key)} by this any more")
            return
        if not actions:
            raise click.UsageError(f"no action is given: say one or more of {', '.join(ACTIONS)}, or --revoke")
        patterns = present(includes=includes and includes.split(","), excludes=excludes and excludes.split(","))
        client.call("PUT", path, body={"actions": list(actions), **patterns})
    session.tell(f"{output.line(subject)} may now {', '.join(actions)} in {output.line(key)}")


def _grants(grants: list[Json]) -> str:
    return output.table(
        ["WHO", "MAY", "WHERE", "NOT WHERE"],
        [
            [
                output.line(_subject(one)),
                ", ".join(one.get("actions") or []),
                ", ".join(output.line(pattern) for pattern in one.get("includes") or []),
                ", ".join(output.line(pattern) for pattern in one.get("excludes") or []),
            ]
            for one in grants
        ],
    )


def _subject(one: Json) -> str:
    kind, name = one.get("kind", ""), one.get("name", "")
    return "anonymous" if kind == "anonymous" else f"{kind}:{name}"
