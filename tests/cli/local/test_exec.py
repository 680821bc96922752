"""`gantry exec`: the exec pipelines of a file run in the current folder, by the runner of the server."""

import signal
from pathlib import Path

import pytest

from tests import gantry as command
from tests.cli.local.conftest import Here
from tests.scm.repository import Repository
from tests.soon import soon_sync

BUILD = """\
kind: pipeline
type: exec
name: build
trigger: {event: [push]}
steps:
- name: make
  commands:
  - echo "$DRONE_REPO $DRONE_BRANCH $DRONE_BUILD_EVENT $CI"
  - cat README && echo made > product
"""
DEPLOY = """\
kind: pipeline
type: exec
name: deploy
trigger: {event: [promote], target: [staging]}
steps:
- name: release
  environment: {TOKEN: {from_secret: token}}
  commands:
  - 'echo "$VERSION to $DRONE_DEPLOY_TO with $TOKEN"'
"""


@pytest.fixture
def file(clone: Repository) -> Path:
    path = clone.path / ".drone.yml"
    path.write_text(f"{BUILD}---\n{DEPLOY}")
    return path


@pytest.mark.usefixtures("file")
def test_a_push_runs_in_the_current_folder_as_it_is(gantry: Here, clone: Repository) -> None:
    (clone.path / "README").write_text("changed\n")

    done = gantry("exec")

    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        '[make] + echo "$DRONE_REPO $DRONE_BRANCH $DRONE_BUILD_EVENT $CI"',
        "[make] octocat/hello-world main push true",
        "[make] + cat README && echo made > product",
        "[make] changed",
    ]
    assert done.stderr.splitlines() == [f"No clone: the steps run in {clone.path}, as it is", "build: success"]
    assert (clone.path / "product").read_text() == "made\n"
    assert (clone.path / "README").read_text() == "changed\n"


@pytest.mark.usefixtures("file")
def test_a_promotion_gets_parameters_and_secrets_which_are_masked(gantry: Here, clone: Repository) -> None:
    (clone.path / "secrets.env").write_text("TOKEN=s3cret-of-mine\n# a comment\nother='x y'\n")

    done = gantry("exec", "--target", "staging", "-p", "VERSION=1.2", "--secret-file", "secrets.env")

    assert done.returncode == 0
    assert done.stdout.splitlines()[1] == "[release] 1.2 to staging with [secret:token]"


@pytest.mark.usefixtures("file")
def test_a_secret_without_a_value_is_told(gantry: Here, clone: Repository) -> None:
    assert "Secrets without a value: token; give --secret-file" in gantry("exec", "--target", "staging").stderr

    (clone.path / "secrets.env").write_text("token\n")
    done = gantry("exec", "--target", "staging", "--secret-file", "secrets.env")
    assert done.returncode == 2
    assert "token has no value: write NAME=VALUE, one a line" in done.stderr


def test_a_failure_is_told_and_is_the_exit_code(gantry: Here, file: Path) -> None:
    file.write_text(BUILD.replace("cat README &&", "exit 3;"))

    done = gantry("exec")

    assert done.returncode == 1
    assert done.stderr.splitlines()[1:] == ["make: failure, exit code 3", "build: failure"]


def test_pipelines_run_in_their_order_and_after_failures_as_at_the_server(gantry: Here, file: Path) -> None:
    tell = "kind: pipeline\ntype: exec\nname: {}\ndepends_on: [build]\ntrigger: {{status: [{}]}}\n"
    step = "steps: [{name: say, commands: [echo here]}]\n"
    bad = tell.format("sad", "failure") + step
    good = tell.format("glad", "success") + step
    file.write_text(f"{bad}---\n{good}---\n{BUILD.replace('cat README &&', 'exit 3;')}")

    done = gantry("exec")

    assert done.returncode == 1
    assert done.stdout.splitlines()[-2:] == ["[sad/say] + echo here", "[sad/say] here"]
    assert done.stderr.splitlines()[-3:] == ["sad: success", "glad: skipped", "build: failure"]


@pytest.mark.usefixtures("file")
def test_a_pipeline_may_be_named_whatever_its_trigger_says(gantry: Here) -> None:
    done = gantry("exec", "--pipeline", "deploy", "--event", "push")
    assert (done.returncode, done.stdout.splitlines()[1]) == (0, "[release]  to  with ")

    unknown = gantry("exec", "--pipeline", "deplyo")
    assert unknown.returncode == 2
    assert "the file has no pipeline 'deplyo'; there is build, deploy. Did you mean 'deploy'?" in unknown.stderr


@pytest.mark.usefixtures("file")
def test_an_event_that_starts_nothing_runs_nothing(gantry: Here) -> None:
    done = gantry("exec", "--target", "stagign")

    assert (done.returncode, done.stdout) == (1, "")
    assert "promote to stagign starts nothing: no pipeline for promote has the target" in done.stderr


def test_containers_are_refused_with_the_reason(gantry: Here, file: Path) -> None:
    docker = "kind: pipeline\nname: image\nsteps: [{name: a, image: b, commands: [c]}]\n"
    file.write_text(f"{docker}---\n{BUILD}")

    done = gantry("exec")

    assert (done.returncode, done.stdout) == (1, "")
    assert "only pipelines of type exec run here, and not image (type docker)" in done.stderr
    assert gantry("exec", "--pipeline", "build").returncode == 0


def test_a_file_that_is_wrong_is_not_run(gantry: Here, file: Path) -> None:
    file.write_text(BUILD + "- {name: make, commands: [x]}\n")

    done = gantry("exec")

    assert (done.returncode, done.stdout) == (1, "")
    assert "duplicate step names" in done.stderr


def test_another_machine_is_told(gantry: Here, file: Path) -> None:
    file.write_text(BUILD + "platform: {os: windows, arch: arm64}\n")

    done = gantry("exec")

    assert done.returncode == 0
    assert "build is for windows/arm64, and runs on " in done.stderr


def _lives(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_that_the_steps_began(
    file: Path, clone: Repository, environment: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    file.write_text(
        BUILD.replace(
            "cat README && echo made > product", "'(setsid sleep 300 & echo $! >stray); echo $$$$ >own; sleep 300'"
        )
    )
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        process = command.start(["exec"], environment, out=out, err=err, cwd=clone.path)
        soon_sync(lambda: (clone.path / "own").exists() and (clone.path / "own").read_text().strip())
        pids = [int((clone.path / name).read_text()) for name in ("own", "stray")]
        assert all(map(_lives, pids))
        process.send_signal(number)

        assert process.wait(20) == 130

    assert (tmp_path / "err").read_text().splitlines()[-1] == "build: killed, exit code 137"
    assert not any(map(_lives, pids))
    assert (clone.path / "README").exists()
