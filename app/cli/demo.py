"""The demo: makes a repository, pushes and builds it once, so that the build can be promoted."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import click

from app import log
from app.cli.hooks import hook_path, install_hook
from app.cli.remote.client import Client, Connection, Json, Refused
from app.errors import AppError
from app.folder import Folder
from app.scm import receive
from app.settings.load import inherited

SLUG = "demo/hello"
LOGIN = "admin"
#: The artifact repositories: what builds made, what was promoted, and both in one.
DEV, RELEASE, VIRTUAL = "demo-dev-local", "demo-release-local", "demo"
#: Seconds that the first build may take at most.
PATIENCE = 60.0

_SHELVES = "/artifactory/api/repositories"
#: The files of the repository: a wheel has them beside this module, a checkout among the fixtures.
_PACKED, _IN_CHECKOUT = Path(__file__).with_name("demo_files"), Path(__file__).parents[2] / "fixtures" / "demo"
_FILES = _PACKED if _PACKED.is_dir() else _IN_CHECKOUT
_AUTHOR = ("-c", "user.name=Demo", "-c", "user.email=demo@gantry.invalid", "-c", "commit.gpgsign=false")


def prepare(folder: Folder, url: str, token: str) -> None:
    """Make the demo unless it exists, and print the next commands. This process listens on the address `url`."""
    if not token:
        click.echo("gantry: no demo: the administrator's token is not known here; set GANTRY_ADMIN with it", err=True)
        return
    client = Client(Connection.checked(url, token))
    try:
        _make_shelves(client)
        if not any(repo["slug"] == SLUG and repo["counter"] for repo in client.records("/api/user/repos")):
            _make(folder, client, url)
        else:
            _install_hook(folder, client, url)  # the server may listen at another port than before
        _wait(client)
    except (AppError, subprocess.CalledProcessError, OSError) as error:
        click.echo(f"gantry: the demo could not be made: {_words(error)}", err=True)
        return
    log.flush()
    click.echo(_next(folder, url, token))


def _make(folder: Folder, client: Client, url: str) -> None:
    bare = _bare(folder)
    shutil.rmtree(bare, ignore_errors=True)
    _git(folder.path, "init", "-q", "--bare", "-b", "main", str(bare))
    address = bare.as_uri()
    body = {"namespace": "demo", "name": "hello", "git_http_url": address, "default_branch": "main"}
    _once(client, "/api/repos", body)
    secret = {"name": "deploy_key", "data": "a-secret-that-logs-never-show"}
    _once(client, f"/api/repos/{SLUG}/secrets", secret)
    client.call("PUT", f"{_SHELVES}/{DEV}/grants/repo/{quote(SLUG, safe='')}", body={"actions": ["read", "deploy"]})
    _install_hook(folder, client, url)
    with tempfile.TemporaryDirectory() as work:
        shutil.copytree(_FILES, work, dirs_exist_ok=True)
        _git(Path(work), "init", "-q", "-b", "main")
        _git(Path(work), "add", "--all")
        _git(Path(work), *_AUTHOR, "commit", "-q", "-m", "Say hello")
        _git(Path(work), "push", "-q", str(bare), "main")


def _install_hook(folder: Folder, client: Client, url: str) -> None:
    """Let the repository tell this server of pushes."""
    key = client.record("GET", f"/api/repos/{SLUG}/hook")["key"]
    script = receive.script(slug=SLUG, url=url, key=key, portable=False)
    install_hook(hook_path(_bare(folder).as_uri()), script, force=True)


def _bare(folder: Folder) -> Path:
    return folder.path / "demo" / "hello.git"


def _make_shelves(client: Client) -> None:
    """Make the artifact repositories, unless they are there."""
    there = {repo["key"] for repo in client.records(_SHELVES)}
    shelves: list[Json] = [
        {"key": DEV, "rclass": "local", "environments": ["DEV"], "description": "What builds made"},
        {"key": RELEASE, "rclass": "local", "environments": ["PROD"], "description": "What was promoted"},
        {"key": VIRTUAL, "rclass": "virtual", "repositories": [RELEASE, DEV], "defaultDeploymentRepo": DEV},
    ]
    for shelf in shelves:
        if shelf["key"] not in there:
            client.text("PUT", f"{_SHELVES}/{shelf['key']}", body=shelf)


def _once(client: Client, path: str, body: Json) -> None:
    """Create a resource; no error if it exists, as an earlier start may have created it before an interrupt."""
    try:
        client.record("POST", path, body=body)
    except Refused as refused:
        if refused.status != HTTPStatus.CONFLICT:
            raise


def _git(where: Path, *arguments: str) -> None:
    """Run git without the user's and the system's configuration, which may name hooks."""
    environment = inherited() | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-C", str(where), *arguments]
    subprocess.run(command, env=environment, check=True, capture_output=True, text=True)


def _wait(client: Client) -> None:
    deadline = time.monotonic() + PATIENCE
    while client.record("GET", f"/api/repos/{SLUG}/builds/1")["status"] in ("pending", "running"):
        if time.monotonic() > deadline:
            raise AppError(f"its first build did not end within {PATIENCE:g} s")
        time.sleep(0.1)


def _words(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"git said: {str(error.stderr).strip()}"
    return error.message if isinstance(error, AppError) else str(error)


def _next(folder: Folder, url: str, token: str) -> str:
    build, artifacts = f"{url}/api/repos/{SLUG}/builds/1", f"{url}/artifactory"
    name, file = quote(SLUG, safe=""), shlex.quote(str(_FILES / "README.md"))
    order = json.dumps({"targetRepo": RELEASE, "copy": True})
    gantry = Path(sys.argv[0]).absolute()
    return f"""
Gantry is ready at {url}
Build 1 of {SLUG} is there. The administrator's token is {token} (the data folder is {folder.path}).
Open {url} in a browser to see what runs where, and sign in with that token.

Promote that build to production, from another terminal:

  curl -X POST -H 'Authorization: Bearer {token}' '{build}/promote?target=production&VERSION=1.2.3'

or, and watch it run:

  export GANTRY_SERVER={url} GANTRY_TOKEN={token}
  {gantry} promote {SLUG} 1 production -p VERSION=1.2.3 --follow

What builds made is at {artifacts}/ (for jf, Artifactory's other clients and curl).
Upload the file of build 1 as another tool would, and promote it:

  curl -u {LOGIN}:{token} -T {file} '{artifacts}/{DEV}/hello/1/hello.txt;build.name={name};build.number=1'
  curl -u {LOGIN}:{token} -X POST {artifacts}/api/build/promote/{name}/1 -d '{order}'

Or freeze it in a release bundle, which is signed, and promote that (GANTRY_SERVER and GANTRY_TOKEN as above):

  {gantry} bundle create hello 1.0 --build {SLUG} 1
  {gantry} bundle promote hello 1.0 PROD
  {gantry} bundle verify hello 1.0
"""
