"""A step that adds more to its workspace than it may is ended, and says why."""

import asyncio
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.builds.model import Stage
from app.errors import Unavailable
from app.runners.exec import execution, growth
from app.runners.exec.growth import Growth, used
from app.runners.exec.options import Options
from app.settings.values import MOST_OF_WHAT_IS_FREE, Allowance
from tests.runners.exec.farside import FakeManager, alive, finish, names, order, pipeline, step
from tests.soon import soon

MB = 1024 * 1024
LITTLE = Options(allowance=Allowance("1MB", bytes=MB))
WRITE = "head -c 3000000 /dev/zero > big"


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "LOOK", 0.01)
    monkeypatch.setattr(growth, "MEASURE", 0.02)
    monkeypatch.setattr(growth, "IDLE", 1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a file system; an allowance in bytes is tested in its place")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def deep(folder: Path, levels: int) -> int:
    """Make folders in folders; a handle of the innermost."""
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d" * 20, dir_fd=handle)
        above, handle = handle, os.open("d" * 20, os.O_RDONLY, dir_fd=handle)
        os.close(above)
    return handle


async def test_a_step_beyond_the_limit_is_ended_with_the_sentence_why(tmp_path: Path) -> None:
    manager = FakeManager(
        pipeline(
            step("big", WRITE, "sleep 600"),
            step("later", "true"),
            step("tell", "echo failed", when={"status": ["failure"]}),
        )
    )

    await finish(manager, tmp_path, LITTLE)

    ended = manager.step("big")
    assert (ended.status, ended.exit_code) == ("failure", 137)
    why = r"the step was ended: it has added [12]\.\d MB to its workspace; GANTRY_WORKSPACE_LIMIT allows 1MB"
    assert re.fullmatch(why, ended.error)
    assert (manager.stage.status, manager.stage.error) == ("failure", ended.error)
    assert manager.statuses() == {"big": "failure", "later": "skipped", "tell": "success"}
    assert manager.log("big").endswith(f"[{ended.error}]\n")
    assert order(manager).count("step big failure") == 1


async def test_what_earlier_steps_have_added_does_not_count(tmp_path: Path) -> None:
    less = "head -c 800000 /dev/zero > $DRONE_STEP_NAME; sleep 0.2"
    manager = FakeManager(pipeline(*(step(name, less) for name in ("a", "b", "c"))))

    await finish(manager, tmp_path, LITTLE)

    assert manager.statuses() == {"a": "success", "b": "success", "c": "success"}


async def test_what_a_step_adds_at_once_counts_also_when_the_workspace_is_measured_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(root: Path) -> int:
        time.sleep(0.2)  # so long that a step which has started would have written
        return used(root)

    monkeypatch.setattr(growth, "used", late)
    manager = FakeManager(pipeline(step("first", "true"), step("big", WRITE, "sleep 600")))

    await finish(manager, tmp_path, LITTLE)

    assert manager.statuses() == {"first": "success", "big": "failure"}


@pytest.mark.parametrize("detach", [True, False])
async def test_a_step_that_is_ended_for_the_growth_of_others_is_not_said_to_have_added_it(
    tmp_path: Path, detach: bool
) -> None:
    wait = "until [ -e big ]; do sleep 0.01; done; sleep 600"
    manager = FakeManager(
        pipeline(
            step("beside", wait, detach=detach), step("big", WRITE, "sleep 600", depends_on=["none"]), step("none")
        )
    )

    await finish(manager, tmp_path, LITTLE)

    shared = r"the step was ended: the workspace has grown by [12]\.\d MB while this step and others ran; GANTRY_.*"
    assert re.fullmatch(shared, manager.step("big").error)
    assert re.fullmatch(shared, manager.step("beside").error or manager.step("big").error)


async def test_a_failure_that_is_ignored_is_ignored_here_too(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("big", WRITE, "sleep 600", failure="ignore"), step("later", "true")))

    await finish(manager, tmp_path, LITTLE)

    assert manager.statuses() == {"big": "failure", "later": "success"}
    assert (manager.stage.status, manager.stage.error) == ("success", "")


async def test_a_detached_step_and_children_that_left_are_ended_too(tmp_path: Path) -> None:
    left = "setsid sh -c 'echo $$$$; while :; do head -c 3000000 /dev/zero > \"left-$$$$\"; sleep 0.01; done' &"
    manager = FakeManager(pipeline(step("big", left, "sleep 600", detach=True), step("main", "sleep 0.7")))
    run = asyncio.create_task(finish(manager, tmp_path, LITTLE))

    await manager.until("step big failure")
    await run

    pid = int(manager.log("big").split("\n")[-3])
    assert not alive(pid)
    assert names(tmp_path) == []


async def test_a_step_that_fills_the_disk_is_ended_and_its_end_can_be_written(small_disk: Path) -> None:
    manager = FakeManager(pipeline(step("big", "while :; do cat /dev/zero >> big || :; done 2> /dev/null")))

    await finish(manager, small_disk)

    assert "GANTRY_WORKSPACE_LIMIT allows 90% of what was free when the step began, 8.0 MB" in manager.stage.error


async def test_a_file_that_a_step_has_deleted_counts_as_long_as_it_is_open(small_disk: Path) -> None:
    hidden = "exec 3> big; rm big; while :; do cat /dev/zero >&3 || :; done 2> /dev/null"
    manager = FakeManager(pipeline(step("big", hidden)))

    await finish(manager, small_disk)

    assert re.search(r"it has added [78]\.\d MB", manager.stage.error)


async def test_steps_that_fill_the_disk_together_are_ended_and_a_small_one_goes_on(small_disk: Path) -> None:
    roots = [small_disk / name for name in ("one", "two", "small")]
    for root in roots:
        root.mkdir()
    growths = [Growth(root, MOST_OF_WHAT_IS_FREE, fresh=True, running=lambda: 3, beside=set()) for root in roots]
    watching = [asyncio.create_task(one.beyond()) for one in growths]

    for root in roots[:2]:
        (root / "half").write_bytes(b"x" * 3_900_000)
    async with asyncio.timeout(20):
        await asyncio.gather(*watching[:2])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watching[2], 0.2)

    assert "it has added 3.7 MB to its workspace" in growths[0].sentence


async def test_the_workspace_is_gone_when_the_end_of_a_stage_is_written(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    class Full(FakeManager):
        async def update_stage(self, stage: Stage) -> Stage:
            if stage.status == "failure":
                seen.append(names(tmp_path))
                if len(seen) == 1:
                    raise Unavailable("the disk is full")
            return await super().update_stage(stage)

    manager = Full(pipeline(step("a", "true"), step("b", "exit 1"), step("c", "true")))

    await finish(manager, tmp_path)

    assert seen == [[], []]


async def test_a_process_that_is_left_cannot_keep_the_end_from_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "LATE", 0.05)
    left = tmp_path / "left"

    class Full(FakeManager):
        async def update_stage(self, stage: Stage) -> Stage:
            if stage.status == "success" and alive(int(left.read_text())):
                raise Unavailable("the disk is full")
            return await super().update_stage(stage)

    manager = Full(pipeline(step("a", f"setsid sh -c 'echo $$$$ > {left}; sleep 600' > /dev/null 2>&1 &", "sleep 0.2")))

    await finish(manager, tmp_path / "base")

    assert manager.stage.status == "success"


async def test_a_step_may_delete_its_workspace(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("a", 'rm -rf "$(cd ../..; pwd)"; sleep 0.2')))

    await finish(manager, tmp_path, LITTLE)

    assert manager.stage.status == "success"


def test_a_folder_is_measured_by_what_it_takes_on_the_disk(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    empty = used(root)
    with (root / "sparse").open("wb") as sparse:
        sparse.truncate(1 << 40)
    (root / "file").write_bytes(b"x" * MB)
    (root / "link").hardlink_to(root / "file")
    (root / "loop").symlink_to(root)
    (root / "elsewhere").symlink_to("/")

    assert MB <= used(root) - empty < MB + 64 * 1024


def test_no_depth_hides_a_file(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    handle = deep(root, 300)
    with os.fdopen(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=handle), "wb") as file:
        file.write(b"x" * MB)
    os.close(handle)

    assert used(root) >= MB
    subprocess.run(["rm", "-rf", str(root)], check=True)


async def test_nothing_is_measured_while_the_disk_has_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "used", lambda _: pytest.fail("measured"))
    one = Growth(tmp_path / "root", MOST_OF_WHAT_IS_FREE, fresh=True, running=lambda: 1, beside=set())

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(one.beyond(), 0.1)


async def test_a_measurement_that_cannot_be_made_ends_no_step(tmp_path: Path) -> None:
    one = Growth(tmp_path / "gone" / "root", MOST_OF_WHAT_IS_FREE, fresh=True, running=lambda: 1, beside=set())
    watching = asyncio.create_task(one.beyond())

    with pytest.raises(AssertionError):
        await soon(watching.done, within=0.2)
    watching.cancel()


async def test_the_limit_of_a_log_is_an_option(tmp_path: Path) -> None:
    manager = FakeManager(pipeline(step("a", "seq 100000")))

    await finish(manager, tmp_path, Options(log_limit=100_000))

    (size,) = manager.sizes.values()
    assert 90_000 < size <= 100_000
    assert manager.log("a").endswith("99999\n100000\n")
    assert "only the end of a long log is kept" in manager.log("a")
