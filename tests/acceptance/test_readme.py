"""The example of the README does what the README says of it, and its promotion looks as the README shows it."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests import gantry
from tests.acceptance.server import TOKEN, Server
from tests.scm.repository import Repository

README = (Path(__file__).parents[2] / "README.md").read_text()
SLUG = "acme/web"


def test_the_example_builds_a_push_and_promotes_the_build(place: tuple[Server, Repository], tmp_path: Path) -> None:
    server, repository = place
    example = README.partition("```yaml\n")[2].partition("```")[0]
    sha = repository.commit({".drone.yml": example}, "The example of the README")
    server.start()
    user = os.environ | {"GANTRY_SERVER": server.url, "GANTRY_TOKEN": TOKEN}
    assert gantry.run(["repo", "add", SLUG, repository.url, "--branch", "main"], user).returncode == 0

    pushed = server.push(SLUG, sha).json()

    assert (pushed["number"], pushed["event"]) == (1, "push")
    assert server.finished(SLUG, 1)["status"] == "success"
    assert f"testing {sha}" in server.output(SLUG, 1, step=2)
    for begin in ("1", "main"):
        done = gantry.run(["build", "promote", SLUG, begin, "production", "-p", "VERSION=1.4", "--follow"], user)
        assert (done.returncode, "deploying 1.4 to production" in done.stdout) == (0, True), done


def test_the_promotion_looks_as_in_the_picture(place: tuple[Server, Repository]) -> None:
    server, repository = place
    example = README.partition("```yaml\n")[2].partition("```")[0]
    command, _, picture = README.partition("```console\n$ gantry ")[2].partition("```")[0].partition("\n")
    sha = repository.commit({".drone.yml": example}, "Show the price with tax")
    server.start()
    user = os.environ | {"GANTRY_SERVER": server.url, "GANTRY_TOKEN": TOKEN}
    assert gantry.run(["repo", "add", SLUG, repository.url, "--branch", "main"], user).returncode == 0
    server.execute("UPDATE repos SET counter = 41")
    assert server.push(SLUG, sha).json()["number"] == 42
    server.finished(SLUG, 42)

    verb, *words = shlex.split(command)
    program = [sys.executable, "-m", "app", verb, SLUG, *words]
    done = subprocess.run(program, env=user, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)

    assert _alike(done.stdout) == _alike(picture)


def _alike(text: str) -> str:
    """The text without what may differ: the commit, the server, the time, and whether a stage was seen while it ran."""
    text = text.replace("deploy: running\n", "")
    return re.sub(r"\b[0-9a-f]{40}\b|http://[^/]*|after [0-9]+ s", "…", text)
