"""The first screen of the README: one command starts a server with a demo, the next promotes it."""

import json
import os
import pty
import re
import shlex
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests import gantry
from tests.acceptance.server import Server
from tests.scm.repository import Repository
from tests.soon import soon_sync

FILES = Path(__file__).parents[2] / "fixtures" / "demo"


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path, demo="true")
    del server.environment["GANTRY_ADMIN"], server.environment["GANTRY_GIT_ROOTS"]
    yield server
    server.__exit__()


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


def start_at_any_port(server: Server) -> str:
    """Start a server whose settings leave its port open; the address that its log names."""
    server.environment["GANTRY_BIND"] = "127.0.0.1:0"
    server.folder.mkdir(parents=True, exist_ok=True)
    with server.log.open("wb") as log:
        server.process = gantry.start(["serve"], server.environment, out=log, err=log)
    said = server.until(lambda: re.search(r'"url":"(http://[^"]+)"', server.log.read_text()), "it says where")
    assert said is not None
    return said[1]


def test_a_port_that_is_left_open_is_logged_and_the_demo_and_all_links_name_it(demo: Server) -> None:
    url = start_at_any_port(demo)
    screen = printed(demo)
    token = (demo.data / "keys" / "admin-token").read_text()
    headers = {"Authorization": f"Bearer {token}"}

    hook = httpx2.get(f"{url}/api/repos/demo/hello/hook", headers=headers).json()

    assert url.removeprefix("http://127.0.0.1:") not in ("", "0")
    assert f"Gantry is ready at {url}\n" in screen
    assert hook["url"] == url


def test_the_hook_of_the_demo_knows_the_port_of_the_last_start(demo: Server, tmp_path: Path) -> None:
    start_at_any_port(demo)
    printed(demo)
    demo.stop()
    url = start_at_any_port(demo)
    printed(demo)
    bare, repository = str(demo.data / "demo" / "hello.git"), Repository(tmp_path / "clone")
    repository.git("pull", "-q", bare, "main")
    repository.commit({"news": "news"}, "News")
    repository.git("push", "-q", bare, "HEAD:main")
    token = (demo.data / "keys" / "admin-token").read_text()
    builds = f"{url}/api/repos/demo/hello/builds"

    soon_sync(lambda: len(httpx2.get(builds, headers={"Authorization": f"Bearer {token}"}).json()) == 2, "it builds")


def test_on_a_terminal_lines_are_for_people_and_the_next_commands_come_last(demo: Server) -> None:
    ours, theirs = pty.openpty()
    shown: list[bytes] = []

    def read() -> None:
        while True:
            try:
                shown.append(os.read(ours, 65536))
            except OSError:  # the server has ended, and with it the terminal
                return

    with os.fdopen(theirs, "wb", buffering=0) as terminal:
        command = [sys.executable, "-m", "app", "serve"]
        process = subprocess.Popen(command, env=demo.environment, stdout=terminal, stderr=terminal)
    reader = threading.Thread(target=read)
    reader.start()
    try:
        soon_sync(lambda: b"bundle verify hello 1.0" in b"".join(shown), "the demo is ready")
        token = (demo.data / "keys" / "admin-token").read_text()
        for _ in range(50):
            httpx2.get(f"{demo.url}/api/repos/demo/hello/builds", headers={"Authorization": f"Bearer {token}"})
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        reader.join()
        os.close(ours)

    lines = b"".join(shown).decode().replace("\r", "").splitlines()
    last = max(number for number, line in enumerate(lines) if "bundle verify hello 1.0" in line)
    assert re.fullmatch(
        rf"\d\d:\d\d:\d\d  listening  url={demo.url}", next(line for line in lines if "listening" in line)
    )
    assert not [line for line in lines if line.startswith("{")]
    later = [line.split("  ")[1] for line in lines[last + 1 :] if line]
    assert [line for line in later if line != "a stage has ended"] == ["shutting down"]  # the demo's build may be slow


@pytest.mark.parametrize(("form", "is_json"), [("json", True), ("text", False), ("", True)])
def test_the_settings_say_the_form_of_the_log(demo: Server, form: str, is_json: bool) -> None:
    demo.environment |= {"GANTRY_LOG": form, "GANTRY_DEMO": "false"}

    with demo:
        pass

    lines = demo.log.read_text().splitlines()
    assert [line.startswith("{") for line in lines] == [is_json] * len(lines)
    said = [json.loads(line)["message"] if is_json else line.split("  ")[1] for line in lines]
    assert {"listening", "shutting down"} <= set(said)
