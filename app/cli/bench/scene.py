"""The repository of the measures: a bare git repository, registered and pushed."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from app.cli.bench.load import PATIENCE, BenchFailed
from app.cli.bench.server import LOGIN, Api
from app.scm.hook import sign

SLUG = "bench/hello"
BUILDS = f"/api/repos/{SLUG}/builds"
#: A promotion to production starts two pipelines of five steps, clone included.
PIPELINES = """\
kind: pipeline
type: exec
name: test

steps:
- name: unit
  commands:
  - echo tested

trigger:
  event:
  - push
---
kind: pipeline
type: exec
name: deploy

steps:
- name: migrate
  commands:
  - echo migrating for $DRONE_DEPLOY_TO
- name: release
  commands:
  - echo releasing $VERSION to $DRONE_DEPLOY_TO

trigger:
  event:
  - promote
  - rollback
  target:
  - production
---
kind: pipeline
type: exec
name: verify

clone:
  disable: true

steps:
- name: probe
  commands:
  - echo verified
- name: tell
  commands:
  - echo $VERSION is on $DRONE_DEPLOY_TO

depends_on:
- deploy

trigger:
  event:
    include:
    - promote
  target:
  - production
---
kind: pipeline
type: exec
name: quick

clone:
  disable: true

steps:
- name: quick
  commands:
  - echo quick

trigger:
  target:
  - quick
"""

_GIT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{f"GIT_{who}_{what}": LOGIN for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def make_repository(folder: Path, pipelines: str = PIPELINES) -> Path:
    """A bare git repository in this folder, with one commit on `main`."""
    work, bare = folder / "work", folder / "hello.git"
    _git("init", "--quiet", "--initial-branch=main", str(work))
    (work / ".drone.yml").write_text(pipelines)
    _git("-C", str(work), "add", "--all")
    _git("-C", str(work), "commit", "--quiet", "--message=Add the pipelines")
    _git("clone", "--quiet", "--bare", str(work), str(bare))
    return bare


def add_commits(bare: Path, count: int) -> list[str]:
    """Add so many commits to `main`, each of which changes a file; the ids of all commits, oldest first."""
    _git("-C", str(bare), "fast-import", "--quiet", "--date-format=now", given="".join(map(_change, range(count))))
    return _git("-C", str(bare), "rev-list", "--reverse", "main").split()


def _change(number: int) -> str:
    """A commit, as `git fast-import` reads it."""
    message, text = f"Change {number} of the basket: keep what was put there\n", f"{number}\n"
    begins = "from refs/heads/main^0\n" if not number else ""
    return (
        f"commit refs/heads/main\ncommitter {LOGIN} <{LOGIN}> now\ndata {len(message)}\n{message}{begins}"
        f"M 644 inline src/part-{number % 100}.txt\ndata {len(text)}\n{text}\n"
    )


def _git(*arguments: str, given: str | None = None) -> str:
    command = ["git", *arguments]
    try:
        done = subprocess.run(command, env=_GIT, capture_output=True, text=True, check=False, input=given)
    except FileNotFoundError as error:
        raise BenchFailed("git is not installed") from error
    if done.returncode:
        raise BenchFailed(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def register(api: Api, repository: Path) -> None:
    """Register the repository, and report the push that makes build 1."""
    namespace, name = SLUG.split("/")
    new = {"namespace": namespace, "name": name, "git_http_url": f"file://{repository}"}
    api.ask("POST", "/api/repos", json.dumps(new).encode())
    key = api.ask("GET", f"/api/repos/{SLUG}/hook")["key"]
    after = _git("-C", str(repository), "rev-parse", "main")
    push = {
        "before": "0" * len(after),
        "after": after,
        "ref": "refs/heads/main",
        "repository": {"full_name": SLUG},
        "pusher": {"name": LOGIN},
    }
    body = json.dumps(push).encode()
    api.ask("POST", "/hook", body, {"X-Gantry-Event": "push", "X-Hub-Signature-256": sign(key, body)})


def promotions() -> Iterator[str]:
    """Paths that promote build 1 to production, each with its own parameter."""
    return (f"{BUILDS}/1/promote?target=production&VERSION=1.{number}" for number in count())


def watch(api: Api, number: int, pause: float) -> Iterator[Any]:
    """Read a build again and again, with a pause in seconds, until the build has ended.

    BenchFailed when the build does not succeed or does not end.
    """
    deadline = time.monotonic() + PATIENCE
    status = "pending"
    while status in ("pending", "running"):
        build = api.ask("GET", f"{BUILDS}/{number}")
        status = build["status"]
        yield build
        if time.monotonic() > deadline:
            break
        time.sleep(pause)
    if status != "success":
        raise BenchFailed(f"build {number} should be over and a success, and is {status} {build.get('error', '')}")


def last(builds: Iterator[Any]) -> Any:
    """The build after it has ended."""
    *_, build = builds
    return build
