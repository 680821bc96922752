"""Real processes: output, exit codes, and what they leave behind."""

import asyncio
import os
import resource
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.runners.exec import process, strays
from app.runners.exec.groups import Group
from app.runners.exec.process import CannotStart, Process
from tests.runners.exec.farside import alive, names
from tests.soon import soon

PATH = "/usr/local/bin:/usr/bin:/bin"


def start(folder: Path, script: str, **environment: str) -> Process:
    return Process(["/bin/sh", "-ec", script], folder=folder, environment={"PATH": PATH} | environment)


async def run(folder: Path, script: str, **environment: str) -> tuple[int, bytes]:
    output = bytearray()
    async with asyncio.timeout(30):
        code = await start(folder, script, **environment).finish(output.extend)
    return code, bytes(output)


def open_files() -> int:
    return len(names(Path("/proc/self/fd")))


async def gone(pid: int) -> None:
    await soon(lambda: not alive(pid))


async def test_both_outputs_come_in_order(tmp_path: Path) -> None:
    assert await run(tmp_path, "echo out; echo err >&2; printf end") == (0, b"out\nerr\nend")


@pytest.mark.parametrize(
    ("script", "code"), [("exit 78", 78), ("exit 255", 255), ("kill -9 $$", -9), ("kill -TERM $$", -15)]
)
async def test_codes_are_told(tmp_path: Path, script: str, code: int) -> None:
    assert (await run(tmp_path, script))[0] == code


async def test_there_is_no_input_and_a_session_of_its_own(tmp_path: Path) -> None:
    _, output = await run(tmp_path, "read x || echo none; ps -o sid= -p $$; echo $$; pwd")

    none, session, pid, folder = output.decode().split()
    assert (none, session, folder) == ("none", pid, str(tmp_path))


async def test_nothing_of_the_environment_is_added(tmp_path: Path) -> None:
    _, output = await run(tmp_path, "env", A="1 2")

    names = {line.partition("=")[0] for line in output.decode().splitlines()}
    assert names <= {"A", "PATH", "PWD", "OLDPWD", "SHLVL", "_"}


async def test_broken_pipes_end_programs_as_usual(tmp_path: Path) -> None:
    assert await run(tmp_path, "yes | head -n 1") == (0, b"y\n")


async def test_all_of_much_output_comes(tmp_path: Path) -> None:
    seen = 0

    def count(data: bytes) -> None:
        nonlocal seen
        seen += len(data)

    assert await start(tmp_path, "yes | head -c 100000000").finish(count) == 0
    assert seen == 100_000_000


async def test_a_process_waits_while_there_is_no_room_for_its_output_and_nothing_is_lost(tmp_path: Path) -> None:
    seen = bytearray()
    room: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(data: bytes) -> "asyncio.Future[None]":
        seen.extend(data)
        return room

    finishing = asyncio.create_task(start(tmp_path, "yes | head -c 1000000; echo end > done").finish(take))
    await soon(lambda: bool(seen))
    await asyncio.sleep(0.2)
    waiting = len(seen), (tmp_path / "done").exists()
    room.set_result(None)

    assert await finishing == 0
    assert waiting[0] <= 256 * 1024
    assert not waiting[1]
    assert len(seen) == 1_000_000


async def test_a_child_that_stays_in_the_group_is_killed(tmp_path: Path) -> None:
    code, output = await run(tmp_path, "sleep 600 & echo $!")

    assert code == 0
    await gone(int(output))


async def test_a_child_that_closed_the_output_is_killed_too(tmp_path: Path) -> None:
    _, output = await run(tmp_path, "sleep 600 >/dev/null 2>&1 & echo $!")

    await gone(int(output))


async def test_a_silent_child_with_its_own_session_is_not_waited_for(tmp_path: Path) -> None:
    script = "setsid sh -c 'touch away; exec sleep 600' & echo $!; until [ -e away ]; do sleep 0.01; done"

    code, output = await run(tmp_path, f"ulimit -w {strays.mark(tmp_path)}; {script}")

    assert code == 0
    assert alive(int(output))
    assert strays.kill_of(tmp_path) == 1
    await gone(int(output))


async def test_a_noisy_child_with_its_own_session_is_not_waited_for(tmp_path: Path) -> None:
    noise = "echo $$; touch away; while :; do echo noise; done"
    script = f"setsid sh -c '{noise}' & until [ -e away ]; do sleep 0.01; done"

    code, output = await run(tmp_path, script)

    assert code == 0
    # The next thing it prints ends it.
    await gone(int(output.split()[0]))


async def test_a_reader_of_the_output_may_finish_after_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "LINGER", 20)
    code, output = await run(tmp_path, "{ echo one; sleep 0.05; echo two; } &")

    assert (code, output) == (0, b"one\ntwo\n")


async def test_kill_ends_the_whole_group(tmp_path: Path) -> None:
    output = bytearray()
    one = start(tmp_path, "sleep 600 & echo $!; wait; echo never")

    async def kill_when_started() -> None:
        await soon(lambda: output.endswith(b"\n"))
        one.kill()

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(kill_when_started())
        code = await one.finish(output.extend)

    assert code == -signal.SIGKILL
    await gone(int(output))
    one.kill()


async def test_a_cancelled_wait_leaves_nothing(tmp_path: Path) -> None:
    before = open_files()
    output = bytearray()
    waiting = asyncio.create_task(start(tmp_path, "echo $$; sleep 600").finish(output.extend))
    await soon(lambda: output.endswith(b"\n"))

    waiting.cancel()
    await asyncio.wait([waiting])

    assert waiting.cancelled()
    assert not alive(int(output))
    assert open_files() == before


async def test_no_descriptor_is_lost_or_passed_on(tmp_path: Path) -> None:
    await run(tmp_path, "true")
    before = open_files()

    _, output = await run(tmp_path, "ls /proc/self/fd | wc -l")
    with pytest.raises(CannotStart):
        Process(["/nope"], folder=tmp_path, environment={})

    assert int(output) <= 4
    assert open_files() == before


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"A": "a\0secret"}, "environment variable A holds a character"),
        ({"A": "\ud800secret"}, "environment variable A holds a character"),
        ({"A=B": "secret"}, "'A=B' cannot be the name"),
        ({"A\ud800": "secret"}, r"'A\\ud800' cannot be the name"),
        ({"": "secret"}, "'' cannot be the name"),
        ({"A": "secret" * 100_000}, "its environment is too large"),
    ],
)
def test_an_environment_that_cannot_be_given_is_named_without_its_value(
    tmp_path: Path, environment: dict[str, str], words: str
) -> None:
    with pytest.raises(CannotStart, match=words) as caught:
        Process(["/bin/true"], folder=tmp_path, environment=environment)

    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("arguments", "environment", "refusal"),
    [
        (["/bin/true"], {"A\ud800": "x"}, CannotStart),
        (["/bin/true"], {"A": "\0"}, CannotStart),
        (["/bin/true"], {"A": "x" * 200_000}, CannotStart),
        (["/bin/true", "\ud800"], {}, UnicodeEncodeError),
        (["/bin/true", "\0"], {}, ValueError),
    ],
)
def test_a_process_that_cannot_start_leaves_no_file_and_no_group(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], refusal: type[Exception]
) -> None:
    before = open_files()
    group = tmp_path / "group"
    group.mkdir()

    with pytest.raises(refusal):
        Process(arguments, folder=tmp_path, environment=environment, group=Group(group))

    assert open_files() == before
    assert not group.exists()


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"cannot start the step: .*/gone: No such file or directory"):
        start(tmp_path / "gone", "true")


def test_shells_are_a_short_list_or_a_path(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o700)

    assert process.shell("", "") == "/bin/sh"
    assert Path(process.shell("sh", PATH)).name == "sh"
    assert process.shell(str(own), "") == str(own)
    for name in ("python", "../sh", "sh -c evil", "Sh", "bin/sh"):
        with pytest.raises(CannotStart, match="is not one of sh, bash, dash, ash, zsh, ksh, nor an absolute path"):
            process.shell(name, PATH)
    for name in ("sh", "/nope/sh", str(tmp_path)):
        with pytest.raises(CannotStart, match="is not installed"):
            process.shell(name, str(tmp_path))


@pytest.mark.parametrize("left", range(6))
async def test_without_files_a_process_is_refused_or_runs_to_its_end(tmp_path: Path, left: int) -> None:
    """A limit of open files that leaves so many: the pipe takes two, the watch of the process one."""
    before, limits = open_files(), resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as taken:
        for _ in range(20):  # files below the limit that a closed one would make room for
            taken.callback(os.close, os.dup(0))
        os.close(first_free := os.dup(0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (first_free + left, limits[1]))
        try:
            code = await start(tmp_path, "exit 3").finish(lambda _: None)
            said = ""
        except CannotStart as refused:
            code, said = 3, refused.message
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert code == 3
    assert said in ("", *(f"cannot start the step: {where}Too many open files" for where in ("", "/dev/null: ")))
    assert open_files() == before
