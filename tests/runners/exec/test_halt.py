"""Stages that are stopped, refused or out of reach: what runs is killed, and all is reported."""

from dataclasses import replace
from pathlib import Path

import pytest

from app import backoff
from app.errors import Conflict, NotFound, Unavailable
from app.repos.model import Repo
from app.runners.exec import execution as stage
from tests.runners.exec.farside import FakeManager, alive, finish, order, pipeline, polling, ran, step


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("kind: pipeline\ntype: exec\nname: other\nsteps: []", "no exec pipeline 'default' at this commit"),
        ("kind: pipeline\ntype: exec\nsteps:\n- name: a\n  image: x\n", "ci/drone.yml:4"),
        (pipeline(step("a", depends_on=["b"]), step("b", depends_on=["a"])), "cycle"),
        (pipeline(step("a", depends_on=["ghost"])), '"ghost"'),
        (pipeline(step("a", "${V/x}")), "bad substitution"),
        (pipeline(step("a"), clone=True), "the repository address is not known"),
    ],
)
async def test_a_file_that_cannot_run_is_reported_at_once(tmp_path: Path, config: str, words: str) -> None:
    manager = FakeManager(config, repo=Repo(id=1, namespace="o", name="h", config_path="ci/drone.yml"))

    await finish(manager, tmp_path)

    assert words in manager.stage.error
    assert (manager.stage.status, manager.stage.exit_code, manager.stage.steps) == ("error", 255, ())
    assert "stage running" not in manager.calls


async def test_details_that_cannot_be_had_end_the_stage(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("a")))
    manager.failures["details"] = [NotFound("the repository is gone")]

    await finish(manager, tmp_path)

    assert (manager.stage.status, manager.stage.exit_code) == ("error", 255)
    assert "the repository is gone" in manager.stage.error


async def test_details_that_stay_out_of_reach_end_the_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(stage, "DETAILS_TIMEOUT", 0.01)
    manager = FakeManager(pipeline(step("a")))
    manager.failures["details"] = [Unavailable("database locked")] * 100

    await finish(manager, tmp_path)

    assert manager.stage.status == "error"
    assert "could not be had in 0 seconds" in manager.stage.error


async def test_a_workspace_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    manager = await ran(tmp_path / "file", step("a"))

    assert (manager.stage.status, manager.stage.exit_code, manager.statuses()) == ("error", 255, {"a": "skipped"})
    assert (
        manager.stage.error == f"the workspace could not be made: {manager.stage.error.split(': ')[1]}: Not a directory"
    )


async def test_a_folder_that_a_step_removed_is_an_error_of_the_next(tmp_path: Path) -> None:
    manager = await ran(tmp_path, step("a", 'rm -rf "$DRONE_WORKSPACE"'), step("b"))

    assert manager.statuses() == {"a": "success", "b": "error"}
    assert "No such file or directory" in manager.stage.error


async def test_a_cancel_kills_the_whole_group_at_once(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("a", "sleep 600 & echo pid $!", "wait"), step("b")))
    async with polling(manager, tmp_path):
        await manager.until_shown("a", "wait\n")
        pid = int(manager.shown("a").split("pid ")[-1].split()[0])
        manager.cancel()
        await manager.until("stage killed")

    assert not alive(pid)
    assert manager.stage.status == "killed"
    assert order(manager) == ["step a running"]
    assert manager.calls.index("upload a") < manager.calls.index("stage killed")


async def test_a_stop_that_versions_do_not_tell_is_reported_whole(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("a", "echo up", "sleep 600"), step("b")))
    async with polling(manager, tmp_path):
        await manager.until_shown("a", "sleep")
        manager.cancelled.set()
        await manager.done.wait()

    assert manager.statuses() == {"a": "killed", "b": "skipped"}
    assert (manager.step("a").exit_code, manager.stage.exit_code) == (137, 137)
    assert (manager.stage.status, manager.stage.error) == ("killed", "")
    assert "up\n" in manager.log("a")


async def test_a_cancel_before_the_first_step_starts_none(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("a", f"touch {tmp_path}/ran")))
    manager.cancelled.set()
    manager.failures["stage running"] = [Unavailable("database locked")] * 2

    await finish(manager, tmp_path / "base")

    assert manager.statuses() == {"a": "skipped"}
    assert (manager.stage.status, manager.stage.exit_code) == ("killed", 0)
    assert not (tmp_path / "ran").exists()


async def test_a_timeout_kills_the_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "MINUTE", 0.3)
    manager = FakeManager(
        pipeline(step("a", "trap '' TERM INT HUP; sleep 600"), step("b", when={"status": ["success", "failure"]}))
    )
    manager.repo = replace(manager.repo, timeout=3)

    await finish(manager, tmp_path)

    assert manager.statuses() == {"a": "killed", "b": "skipped"}
    assert (manager.stage.status, manager.stage.exit_code) == ("killed", 137)
    assert manager.stage.error == "the stage took longer than its repository's timeout of 3 min"


async def test_a_conflict_on_a_step_ends_the_stage(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("a", "true"), step("b", "true")))
    manager.failures["step a success"] = [Conflict("version 2 is not the latest")]

    await finish(manager, tmp_path)

    assert manager.statuses() == {"a": "success", "b": "skipped"}
    assert manager.stage.status == "killed"
    assert manager.stage.error == "the report of step a was refused: version 2 is not the latest"
    assert order(manager) == ["step a running", "step a success"]


async def test_a_conflict_at_the_start_runs_nothing(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("a", f"touch {tmp_path}/ran")))
    manager.failures["stage running"] = [Conflict("cancelled meanwhile")]
    async with polling(manager, tmp_path / "base") as one:
        await manager.until("stage running")
        await one.stop(10)

    assert not (tmp_path / "ran").exists()
    assert manager.calls[-1] in ("stage running", "watch", "request")


async def test_reports_are_not_lost_while_the_manager_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_PAUSE", 0.001)
    manager = FakeManager(pipeline(step("a", "echo a")))
    calls = ("details", "stage running", "step a running", "log a", "upload a", "step a success", "stage success")
    manager.failures = {call: [Unavailable("disk full")] * 3 for call in calls}

    await finish(manager, tmp_path)

    assert (manager.stage.status, manager.statuses()) == ("success", {"a": "success"})
    assert manager.log("a") == "+ echo a\na\n"


async def test_watching_goes_on_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "FIRST_PAUSE", 0.001)
    manager = FakeManager(pipeline(step("a", "sleep 600")))
    manager.failures["watch"] = [Unavailable("away"), NotFound("away")]
    manager.cancelled.set()

    await finish(manager, tmp_path)

    assert manager.stage.status == "killed"
