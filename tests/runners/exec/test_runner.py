"""The runner as a whole: polling, stopping, surviving."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from app.builds.model import Stage, Step
from app.errors import Conflict, Unavailable
from app.pipeline.steps import PlannedStep
from app.runners.exec import execution, reports
from app.runners.exec import runner as exec_
from app.runners.manager import Filter
from tests.runners.exec.farside import FakeManager, alive, finish, names, pipeline, polling, runner, step
from tests.soon import soon


async def test_it_asks_for_exec_stages_of_its_platform(tmp_path: Path) -> None:
    asked: list[Filter] = []

    class Asked(FakeManager):
        async def request(self, wanted: Filter) -> Stage | None:
            asked.append(wanted)
            return await super().request(wanted)

    await finish(Asked(pipeline(step("a"))), tmp_path)

    assert asked[0] == Filter(kind="pipeline", type="exec", os="linux", arch="amd64")
    assert exec_.this_os() in ("linux", "darwin", "freebsd")
    assert exec_.this_arch()


async def test_as_many_loops_as_its_capacity(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("a")))
    manager.stage = Stage(3, 1, 2, 1, "default", type="docker")
    async with polling(manager, tmp_path, capacity=3):
        await soon(lambda: len(manager.calls) >= 3)

        assert manager.calls == ["request"] * 3


async def test_capacity_zero_takes_nothing(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("a")))
    async with polling(manager, tmp_path, capacity=0):
        await asyncio.sleep(0)

    assert manager.calls == []


async def test_a_stop_ends_idle_loops_at_once(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("a")))
    manager.stage = Stage(3, 1, 2, 1, "default", type="docker")
    async with asyncio.timeout(20), polling(manager, tmp_path, capacity=2):
        await manager.until("request")

    assert set(manager.calls) == {"request"}


async def test_a_stop_waits_for_what_runs(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("a", "echo up", "sleep 0.3"), step("b", "echo b")))
    async with polling(manager, tmp_path) as one:
        await manager.until_shown("a", "up")
        await one.stop(20)

    assert manager.statuses() == {"a": "success", "b": "success"}
    assert manager.calls.count("request") == 1


async def test_a_stop_kills_and_reports_what_takes_longer(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("a", "echo pid $$$$", "sleep 600"), step("b")))
    async with polling(manager, tmp_path) as one:
        await manager.until_shown("a", "sleep")
        pid = int(manager.shown("a").split("\npid ")[-1].split()[0])
        await one.stop(0.05)

    assert not alive(pid)
    assert manager.statuses() == {"a": "killed", "b": "skipped"}
    assert (manager.stage.status, manager.stage.error) == ("killed", "the runner was stopped")
    assert "pid" in manager.log("a")
    assert names(tmp_path) == []


async def test_a_stop_ends_even_when_nobody_takes_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exec_, "LAST_REPORTS", 0.05)
    manager = FakeManager(pipeline(step("a", "echo up", "sleep 600")))
    manager.failures["stage killed"] = [Unavailable("disk full")] * 100
    async with asyncio.timeout(20), polling(manager, tmp_path) as one:
        await manager.until_shown("a", "up")
        await one.stop(0)

    assert "stage killed" in manager.calls


async def test_a_stop_before_the_start_ends_the_run(tmp_path: Path) -> None:
    one = runner(FakeManager(pipeline(step("a"))), tmp_path)

    await one.stop(1)

    await asyncio.wait_for(one.run(), 20)


async def test_a_run_that_is_cancelled_leaves_no_process(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("a", "echo pid $$$$", "sleep 600")))
    task = asyncio.create_task(runner(manager, tmp_path).run())
    await manager.until_shown("a", "sleep")
    pid = int(manager.shown("a").split("\npid ")[-1].split()[0])

    task.cancel()
    await asyncio.wait([task])

    assert not alive(pid)


async def test_a_poll_without_work_is_followed_by_another(tmp_path: Path) -> None:
    class Idle(FakeManager):
        async def request(self, wanted: Filter) -> Stage | None:
            stage = await super().request(wanted)
            return stage if self.calls.count("request") > 2 else None

    manager = await finish(Idle(pipeline(step("a"))), tmp_path)

    assert manager.stage.status == "success"


async def test_a_faster_runner_is_no_trouble(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("a")))
    manager.failures["accept"] = [Conflict("another runner was faster")]

    await finish(manager, tmp_path)

    assert manager.stage.status == "success"
    assert manager.calls.count("accept") == 2


@pytest.mark.parametrize("call", ["request", "accept"])
@pytest.mark.parametrize("error", [Unavailable("database locked"), ValueError("a bug")])
async def test_polling_goes_on_after_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: Exception
) -> None:
    monkeypatch.setattr(exec_, "FIRST_PAUSE", 0.001)
    manager = FakeManager(pipeline(step("a")))
    manager.failures[call] = [error] * 3

    await finish(manager, tmp_path)

    assert manager.stage.status == "success"


async def test_a_bug_in_one_stage_is_reported_and_the_loop_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(FakeManager):
        async def update_step(self, step: Step) -> Step:
            if step.status == "success":
                raise ZeroDivisionError
            return await super().update_step(step)

    manager = Broken(pipeline(step("a", "true"), step("b", "sleep 600", depends_on=["a"]), step("c", "sleep 600")))
    async with polling(manager, tmp_path):
        await manager.done.wait()
        await soon(lambda: manager.calls.count("request") > 1)

    assert (manager.stage.status, manager.stage.exit_code) == ("error", 255)
    assert manager.stage.error == "internal error of the runner; the server's log has more"
    assert "ZeroDivisionError" in caplog.text
    assert names(tmp_path) == []


async def test_a_bug_in_the_last_report_does_not_end_the_runner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exec_, "FIRST_PAUSE", 0.001)

    class Broken(FakeManager):
        async def update_stage(self, stage: Stage) -> Stage:
            raise ZeroDivisionError

    manager = Broken(pipeline(step("a")))
    async with polling(manager, tmp_path):
        await soon(lambda: manager.calls.count("request") > 1)


class Slow(FakeManager):
    """Keeps the answer to the report of one step back for ever, though the report was taken."""

    async def update_step(self, step: Step) -> Step:
        updated = await super().update_step(step)
        if step.name == "unanswered" and step.status == "running":
            self.waits.set()
            await asyncio.Event().wait()
        return updated

    def __init__(self, config: str) -> None:
        super().__init__(config)
        self.waits = asyncio.Event()


async def test_a_stage_ends_though_the_answer_to_a_step_s_report_was_lost_by_a_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = {"depends_on": ["first"]}
    manager = Slow(pipeline(step("first"), step("bug", "exit 3", **after), step("unanswered", "sleep 60", **after)))
    report = execution.Execution._report_step_end

    async def broken(one: execution.Execution, planned: PlannedStep, *rest: Any) -> None:
        if planned.name == "bug":
            await manager.waits.wait()
            raise ZeroDivisionError
        await report(one, planned, *rest)

    monkeypatch.setattr(execution.Execution, "_report_step_end", broken)
    async with asyncio.timeout(20), polling(manager, tmp_path):
        await manager.done.wait()

    assert manager.stage.error == "internal error of the runner; the server's log has more"
    assert manager.statuses() == {"first": "success", "bug": "error", "unanswered": "error"}


async def test_a_last_report_that_is_refused_again_and_again_is_given_up(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("a")))
    manager.failures["stage success"] = [Conflict("newer")] * 100

    async with polling(manager, tmp_path):
        await soon(lambda: manager.calls.count("request") > 1)

    assert manager.calls.count("stage success") == reports.ATTEMPTS


async def test_what_is_logged_names_the_stage_and_no_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    manager = FakeManager(pipeline(step("a", "echo hidden", environment={"A": "hidden"})))

    with caplog.at_level(logging.DEBUG):
        await finish(manager, tmp_path)

    assert {record.__dict__.get("stage") for record in caplog.records if record.name == "app.runners.exec.runner"} == {
        3
    }
    assert not any("hidden" in str(record.__dict__) for record in caplog.records)
