"""The first screen of the README: one command starts a server with a demo, the next promotes it."""

import re
import shlex
import stat
import subprocess
from pathlib import Path

import httpx2
import pytest

from tests import gantry
from tests.acceptance.server import Server

FILES = Path(__file__).parents[2] / "fixtures" / "demo"


@pytest.fixture
def demo(tmp_path: Path) -> Server:
    server = Server(tmp_path, demo="true")
    del server.environment["GANTRY_ADMIN"], server.environment["GANTRY_GIT_ROOTS"]
    return server


def printed(server: Server) -> str:
    """What the terminal shows once the demo is ready."""
    server.until(lambda: "Promote that build" in server.log.read_text(), "the demo is ready")
    return server.log.read_text()


def test_the_commands_it_prints_promote_its_build(demo: Server) -> None:
    with demo:
        screen = printed(demo)
        curl = next(line for line in screen.splitlines() if line.strip().startswith("curl "))
        answer = subprocess.run([*shlex.split(curl), "-s"], capture_output=True, text=True, check=True).stdout
        demo.client.headers["Authorization"] = re.search(r"Authorization: (Bearer \w+)", curl)[1]  # type: ignore[index]

        build = demo.finished("demo/hello", 2)
        log = demo.output("demo/hello", 2, 1, 2)

    assert '"event":"promote"' in answer
    assert '"stages":[' in answer
    assert (build["status"], build["parent"], build["deploy_to"]) == ("success", 1, "production")
    assert build["params"] == {"VERSION": "1.2.3"}
    assert "releasing 1.2.3 to production\n" in log
    assert "the key was [secret:deploy_key]\n" in log
    assert "a-secret-that-logs-never-show" not in log + demo.log.read_text()


def test_the_command_line_it_prints_follows_the_promotion_to_its_end(demo: Server) -> None:
    with demo:
        screen = printed(demo)
        export = next(line for line in screen.splitlines() if line.strip().startswith("export "))
        settings = dict(word.split("=", 1) for word in shlex.split(export)[1:])
        verb = ["build", "promote", "demo/hello", "1", "production", "-p", "VERSION=9", "--follow"]

        done = gantry.run(verb, demo.environment | settings)

    assert done.returncode == 0, done.stderr
    assert "production serves version 9" in done.stdout


def test_the_commands_for_artifacts_upload_a_file_and_promote_it_alone_and_in_a_release_bundle(demo: Server) -> None:
    with demo:
        screen = printed(demo)
        lines = [line.strip() for line in screen.splitlines() if line.strip().startswith("curl -u ")]
        for line in lines:
            subprocess.run([*shlex.split(line), "-s", "--fail"], capture_output=True, check=True)
        _, _, login, *_ = shlex.split(lines[0])
        name, _, token = login.partition(":")
        settings = {"GANTRY_SERVER": demo.url, "GANTRY_TOKEN": token}
        words = [shlex.split(line)[1:] for line in screen.splitlines() if " bundle " in line and "  /" in line]
        said = [gantry.run(word, demo.environment | settings) for word in words]
        with httpx2.Client(base_url=demo.url, auth=(name, token)) as client:
            below = client.get("/artifactory/api/storage/demo-release-local?list&deep=1").json()["files"]
            found = client.get("/artifactory/demo/hello/1/hello.txt")
            info = client.get("/artifactory/api/build/demo%2Fhello/1").json()["buildInfo"]

    assert f"What builds made is at {demo.url}/artifactory/ " in screen
    assert len(lines) == 2
    assert [one.stdout.splitlines()[-1] for one in said] == [
        "hello 1.0 is created and signed",
        "hello 1.0 is promoted to PROD from DEV: demo-release-local",
        "hello 1.0 is as it was signed: 1 artifact, 2 statements, 1 promotion",
    ]
    assert [one["uri"] for one in below] == ["/hello/1/hello.txt"]
    assert found.content == (FILES / "README.md").read_bytes()
    assert [one["path"] for one in info["modules"][0]["artifacts"]] == ["hello/1/hello.txt"]


def test_a_second_start_shows_the_same_token_and_makes_nothing_anew(demo: Server) -> None:
    with demo:
        first = printed(demo)
        demo.stop()
        demo.log.write_text("")
        demo.start()
        second = printed(demo)
        token = (demo.data / "keys" / "admin-token").read_text()
        demo.client.headers["Authorization"] = f"Bearer {token}"
        builds = demo.json("GET", "/api/repos/demo/hello/builds")

    assert token in first
    assert token in second
    assert len(builds) == 1
    assert stat.S_IMODE((demo.data / "keys" / "admin-token").stat().st_mode) == 0o600


def test_the_demo_leaves_a_data_folder_alone_that_has_an_administrator(tmp_path: Path) -> None:
    with Server(tmp_path, demo="true") as server:
        printed(server)

        assert not (server.data / "keys" / "admin-token").exists()
        assert server.json("GET", "/api/user")["login"] == "octocat"
