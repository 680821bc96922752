import json
import signal
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

from app import DISTRIBUTION
from app.cli import COMMANDS, main
from tests.cli.conftest import Gantry
from tests.cli.farside import FarSide, answer, recorded, stream

SERVER_SIDE = {"starlette", "uvicorn", "sqlalchemy", "databases", "cryptography", "pydantic", "app.main", "app.db"}
#: What a runner has no use for, or not until a stage asks for it.
NOT_A_RUNNERS = {
    "aiosqlite", "asyncpg", "cronsim", "cryptography", "databases", "jinja2", "prometheus_client", "pydantic_settings",
    "rjsonnet", "sqlalchemy", "sqlite3", "starlark", "starlette", "uvicorn",
    "app.accounts", "app.convert", "app.db", "app.main", "app.moments", "app.runners.dispatch", "app.scm.git",
    "app.sealing", "app.web",
}  # fmt: skip
#: All that a runner sees of builds.
BUILDS_OF_A_RUNNER = {
    "app.builds", "app.builds.cards", "app.builds.cards.model", "app.builds.event", "app.builds.model",
    "app.builds.wire",
}  # fmt: skip
#: Modules of ours that a runner may load.
MODULES_OF_A_RUNNER = 89


def modules_after(code: str, env: dict[str, str]) -> set[str]:
    """The modules that a process has imported when it ends."""
    code += "\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_client_commands_never_import_the_server(environment: dict[str, str], far: FarSide) -> None:
    far.on("GET", "/api/user/repos", answer(recorded("user repositories")))
    code = """
import app.cli.build, app.cli.follow, app.cli.log, app.cli.repo, app.cli.secret, app.cli.user, app.cli.watch
from app.cli import main
main(["repo", "ls"], standalone_mode=False)
"""
    assert not modules_after(code, environment) & SERVER_SIDE


#: What costs time and is needed by few commands: each is imported where it is used.
RARELY_NEEDED = {
    "jq", "subprocess", "yaml",
    "app.cli.follow", "app.cli.remote.clone", "app.cli.remote.stream", "app.cli.terminal.live", "app.cli.watch",
}  # fmt: skip


def test_the_version_is_told_without_a_client(environment: dict[str, str]) -> None:
    code = 'from app.cli import main\nmain(["--version"], standalone_mode=False)'

    assert not modules_after(code, environment) & (SERVER_SIDE | RARELY_NEEDED | {"httpx2", "app.cli.build"})


def test_a_list_imports_only_what_lists_need(environment: dict[str, str], far: FarSide) -> None:
    far.on("GET", "/api/repos/a/b/builds", answer(recorded("builds")))
    code = 'from app.cli import main\nmain(["builds", "a/b"], standalone_mode=False)'

    loaded = modules_after(code, environment)

    assert "app.cli.build" in loaded
    assert not loaded & (SERVER_SIDE | RARELY_NEEDED)


def test_help_imports_no_command(environment: dict[str, str]) -> None:
    code = 'from app.cli import main\nmain(["--help"], standalone_mode=False)'

    loaded = modules_after(code, environment)

    assert not loaded & (SERVER_SIDE | {"httpx2", "anyio", "app.cli.build"})


def test_a_runner_imports_neither_the_server_nor_a_database(environment: dict[str, str], tmp_path: Path) -> None:
    code = 'from app.cli import main\nmain(["runner", "--check"], standalone_mode=False)'
    settings = {"DRONE_RPC_HOST": "127.0.0.1:1", "DRONE_RPC_SECRET": "a secret", "DRONE_RUNNER_ROOT": str(tmp_path)}

    loaded = modules_after(code, environment | settings)
    ours = {name for name in loaded if name.partition(".")[0] == "app"}

    assert "app.runners.exec.remote" in ours
    assert not loaded & NOT_A_RUNNERS
    assert {name for name in ours if name.startswith("app.builds")} == BUILDS_OF_A_RUNNER
    assert len(ours) <= MODULES_OF_A_RUNNER


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "serve"])
def test_help_of_the_program_says_what_the_command_says(name: str) -> None:
    assert CliRunner().invoke(main, [name, "-h"]).output.splitlines()[2].strip() == COMMANDS[name].summary


def test_version_is_the_distribution_s() -> None:
    assert CliRunner().invoke(main, ["--version"]).output == f"gantry {version(DISTRIBUTION)}\n"


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["bulid"], "No such command 'bulid'"),
        (["repo", "rm"], "Missing argument 'NAMESPACE/NAME'"),
        (["build", "ls", "hello"], "'hello' is not a repository: write NAMESPACE/NAME"),
        (["build", "ls", "../hello"], "is not a repository"),
        (["build", "ls", "a//c"], "is not a repository"),
        (["build", "info", "a/b", "0"], "'0' is neither a build nor a branch, tag or commit: write a build's number"),
        (["build", "info", "a/b", "٣"], "is neither a build"),
        (["build", "promote", "a/b", "", "production"], "'' is neither a build"),
        (["build", "promote", "a/b", "1", "production", "-p", "VERSION"], "'VERSION' is not NAME=VALUE"),
        (["build", "promote", "a/b", "1", "production", "-p", "=1"], "'=1' is not NAME=VALUE"),
        (["build", "promote", "a/b", "1", "production", "-p", "target=x"], "-p target=… cannot be a parameter"),
        (["build", "create", "a/b", "-p", "branch=x"], "-p branch=… cannot be a parameter"),
        (["build", "restart", "a/b", "1", "-p", "access_token=x"], "-p access_token=… cannot be a parameter"),
        (["build", "ls", "a/b", "--limit", "101"], "101 is not in the range"),
        (["secret", "rm", "a/b"], "NAME is missing"),
        (["secret", "ls", "a/b", "--repository", "c/d"], "given twice, as 'a/b' and as 'c/d'"),
        (["log", "a/b", "1", "1", "1", "-f", "--json"], "leave --json out"),
    ],
)
def test_wrong_usage_exits_with_2_and_names_the_mistake(args: list[str], complaint: str) -> None:
    result = CliRunner().invoke(main, ["-s", "http://127.0.0.1:1", "-t", "x", *args])

    assert result.exit_code == 2
    assert complaint in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("name", ["server", "token"])
def test_missing_connection_says_what_to_set(gantry: Gantry, environment: dict[str, str], name: str) -> None:
    del environment[f"GANTRY_{name.upper()}"]

    done = gantry("repo", "ls", env=environment)

    assert done.returncode == 2
    assert f"set GANTRY_{name.upper()} (or DRONE_{name.upper()})" in done.stderr


def test_help_of_a_command_needs_no_connection() -> None:
    assert CliRunner().invoke(main, ["build", "promote", "--help"]).exit_code == 0


def test_drone_s_variables_serve_and_gantry_s_win(gantry: Gantry, environment: dict[str, str], far: FarSide) -> None:
    far.on("GET", "/api/user/repos", answer([]))
    drone = environment | {"DRONE_SERVER": far.url, "DRONE_TOKEN": "drone"}
    only_drone = {k: v for k, v in drone.items() if not k.startswith("GANTRY_")}

    assert gantry("repo", "ls", env=drone).returncode == 0
    assert gantry("repo", "ls", env=only_drone).returncode == 0
    assert gantry("-t", "option", "repo", "ls", env=drone).returncode == 0

    sent = [asked.headers["Authorization"] for asked in far.asked]
    assert sent == ["Bearer t0ken-of-octocat", "Bearer drone", "Bearer option"]


@pytest.mark.parametrize("args", [["--json", "repo", "ls"], ["repo", "ls", "--json"]])
def test_json_is_taken_before_and_after_the_command(gantry: Gantry, far: FarSide, args: list[str]) -> None:
    repos = [recorded("one repository") | {"name": "héllo ✓"}]
    far.on("GET", "/api/user/repos", answer(repos))

    done = gantry(*args)

    assert json.loads(done.stdout) == repos
    assert "héllo ✓" in done.stdout


def test_argument_that_is_not_utf8_is_no_traceback(environment: dict[str, str]) -> None:
    argv: list[str | bytes] = [sys.executable, "-m", "app", "build", "create", "a/b", "-p", b"X=\xff"]

    done = subprocess.run(argv, env=environment, capture_output=True)

    assert (done.returncode, done.stderr) == (1, b"Error: an argument is not valid UTF-8\n")


def test_reader_that_leaves_early_is_no_error_message(environment: dict[str, str], far: FarSide) -> None:
    far.on("GET", "/api/user/repos", answer([recorded("one repository")] * 5000))
    argv = [sys.executable, "-m", "app", "repo", "ls"]

    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()

    assert said == b""


def test_output_that_cannot_show_a_character_escapes_it(
    gantry: Gantry, environment: dict[str, str], far: FarSide
) -> None:
    far.on("GET", "/api/user/repos", answer([recorded("one repository") | {"slug": "octocat/✓"}]))

    done = gantry("repo", "ls", env=environment | {"PYTHONIOENCODING": "latin-1"})

    assert done.returncode == 0
    assert "octocat/\\u2713" in done.stdout


def test_interrupt_exits_with_130(environment: dict[str, str], far: FarSide) -> None:
    asked, leave = threading.Event(), threading.Event()
    far.on("GET", "/api/user/repos", stream(asked.set, lambda: leave.wait(20)))
    argv = [sys.executable, "-m", "app", "repo", "ls"]

    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert asked.wait(20)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    leave.set()

    assert (process.returncode, out, err) == (130, b"", b"\n")
