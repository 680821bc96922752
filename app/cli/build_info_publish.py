"""`gantry build-info publish`: a build-info from a file, or of what a build has uploaded."""

import json
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from app.cli.remote.client import Client, Json, decode
from app.cli.terminal import arguments, output
from app.cli.terminal.arguments import present
from app.cli.terminal.commands import command
from app.cli.terminal.options import Session, json_option

API = "/artifactory/api/build"
project_option = click.option("--project", help="The project of the build-info; without it, the one of all.")


@command(example="gantry build-info publish --name app --number 42")
@click.argument("file", required=False, metavar="[FILE|-]")
@click.option("--name", envvar="DRONE_REPO", help="Name of the build-info.  [env: DRONE_REPO]")
@click.option("--number", envvar="DRONE_BUILD_NUMBER", help="Its number.  [env: DRONE_BUILD_NUMBER]")
@click.option(
    "--env", "variables", multiple=True, metavar="NAME", help="An environment variable to publish; repeatable."
)
@click.option("--module", help="Id of the module of the files; without it NAME:NUMBER.")
@project_option
@json_option
@click.pass_obj
def publish(
    session: Session,
    file: str | None,
    name: str | None,
    number: str | None,
    variables: Sequence[str],
    module: str | None,
    project: str | None,
) -> None:
    """Publish the build-info of a build: a file, or what the build has uploaded.

    Without FILE, the files are those that were uploaded with the name and number of the build as properties, as
    `gantry artifact put` does. Environment variables are published only if --env names them.
    """
    with session.client() as client:
        if file is None:
            if not name or not number:
                raise click.UsageError("say --name and --number, or give the FILE of a build-info")
            body = _made(client, name, number, module or f"{name}:{number}", variables)
        else:
            body = _read(file)
        client.call("PUT", API, query=present(project=project), body=body)
    count = sum(len(one.get("artifacts") or []) for one in body.get("modules") or [])
    called = f"{output.line(body.get('name', ''))} {output.line(body.get('number', ''))}"
    session.show(body, lambda _: f"Build-info {called} is published, with {count} artifact{'' if count == 1 else 's'}")


def _read(file: str) -> Json:
    text = arguments.text(f"@{file}" if file != "-" else "-", "the build-info", "write it as UTF-8")
    try:
        body = json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"the build-info is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise click.UsageError("the build-info must be a JSON object")
    return body


def _made(client: Client, name: str, number: str, module: str, variables: Sequence[str]) -> Json:
    """The build-info of what was uploaded with the properties of the build."""
    query = (
        f'items.find({{"@build.name":{json.dumps(name)},"@build.number":{json.dumps(number)}}})'
        '.include("name","repo","path","actual_md5","actual_sha1","sha256")'
    )
    answer = decode(client.connection, client.send("POST", "/artifactory/api/search/aql", content=query.encode()))
    found = [one for one in (answer or {}).get("results") or [] if isinstance(one, dict)]
    now = datetime.now(UTC)
    body: Json = {
        "version": "1.0.1",
        "name": name,
        "number": number,
        "type": "GENERIC",
        "agent": {"name": "gantry"},
        "started": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}+0000",
        "durationMillis": _duration(now.timestamp()),
        "modules": [{"id": module, "type": "generic", "artifacts": [_entry(one) for one in found]}],
    }
    if link := os.environ.get("DRONE_BUILD_LINK"):
        body["url"] = link
    if revision := os.environ.get("DRONE_COMMIT_SHA"):
        url, branch = os.environ.get("DRONE_REMOTE_URL", ""), os.environ.get("DRONE_COMMIT_BRANCH", "")
        body["vcs"] = [{"revision": revision, "url": url, "branch": branch}]
    if variables:
        missing = [variable for variable in variables if variable not in os.environ]
        if missing:
            raise click.UsageError(f"--env names what is not set: {', '.join(missing)}")
        body["properties"] = {f"buildInfo.env.{variable}": os.environ[variable] for variable in variables}
    return body


def _duration(now: float) -> int:
    started = os.environ.get("DRONE_BUILD_STARTED", "")
    return max(0, int(now - int(started)) * 1000) if re.fullmatch(r"[1-9][0-9]{0,11}", started, re.ASCII) else 0


def _entry(one: Json) -> Json:
    folder, name = str(one.get("path", ".")), str(one.get("name", ""))
    kind = name.rpartition(".")[2] if "." in name else ""
    return {
        "name": name,
        "type": kind,
        "path": name if folder == "." else f"{folder}/{name}",
        "originalDeploymentRepo": one.get("repo", ""),
        "sha1": one.get("actual_sha1", ""),
        "sha256": one.get("sha256", ""),
        "md5": one.get("actual_md5", ""),
    }
