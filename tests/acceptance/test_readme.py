"""The example of the README does what the README says of it."""

import os
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
