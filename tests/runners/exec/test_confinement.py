"""What confines steps is tried at the start, told once, and kept."""

import asyncio
import errno
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from app.runners.exec import groups, process, strays
from app.runners.exec.confinement import CannotConfine, Confinement, confine
from app.runners.exec.groups import Group, Groups
from app.runners.exec.process import CannotStart
from app.runners.exec.sandbox import Hidden
from app.runners.exec.workspace import Workspace
from app.settings.values import Confining, Limits
from tests.runners.exec.farside import alive, names
from tests.soon import soon_sync

ROOT = Path(__file__).parents[3]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has other accounts and control groups")
BWRAP = next((place for place in os.defpath.split(":") if Path(place, "bwrap").exists()), "")
with_bwrap = pytest.mark.skipif(not BWRAP, reason="bubblewrap is not installed")
#: Programs named bwrap that do not separate anything.
REFUSES = "echo 'bwrap: No permissions to create new namespace' >&2; exit 1"
PRETENDS = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'
SANDBOXES = ["none", pytest.param("bwrap", marks=with_bwrap)]


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that comes first in the search."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


async def made(base: Path, wanted: Confining, hidden: Sequence[Path] = ()) -> Confinement:
    await asyncio.to_thread(base.mkdir, exist_ok=True, parents=True)
    return await confine(wanted, base, Hidden(folders=tuple(hidden or [base])), [base])


async def run(made: Confinement, base: Path, script: str, **environment: str) -> tuple[int, str]:
    """Exit code and output of a step."""
    workspace = Workspace(base)
    workspace.create({1: script}, owner=made.owner)
    output = bytearray()
    try:
        arguments = ["/bin/sh", "-e", str(workspace.script(1))]
        async with asyncio.timeout(60):
            process = made.start(arguments, workspace, {"PATH": os.defpath, **environment})
            code = await process.finish(output.extend)
    finally:
        workspace.clear()
    return code, output.decode()


def program(folder: Path, script: str) -> None:
    (folder / "bwrap").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "bwrap").chmod(0o755)


@pytest.mark.parametrize(
    ("script", "reason"), [(REFUSES, "No permissions to create new namespace"), (PRETENDS, "ended with code 1")]
)
async def test_a_sandbox_that_does_not_separate_is_not_used(
    tmp_path: Path, tools: Path, caplog: pytest.LogCaptureFixture, script: str, reason: str
) -> None:
    program(tools, script)

    with caplog.at_level(logging.INFO):
        found = await made(tmp_path / "work", Confining("auto"))

    assert found.sandbox is None
    (told,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "are not separated" in told.getMessage()
    assert reason in told.__dict__["reason"]
    assert names(tmp_path / "work") == []
    with pytest.raises(CannotConfine, match="GANTRY_RUNNER_SANDBOX is bwrap, but"):
        await made(tmp_path / "work", Confining("bwrap"))


async def test_no_sandbox_is_found_where_none_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert (await made(tmp_path / "work", Confining("auto"))).sandbox is None

    assert "bubblewrap" in caplog.records[0].__dict__["reason"]
    with pytest.raises(CannotConfine, match="bwrap is not installed"):
        await made(tmp_path / "work", Confining("bwrap"))


@with_bwrap
async def test_a_sandbox_that_works_warns_of_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert (await made(tmp_path / "work", Confining("auto"))).sandbox

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert names(tmp_path / "work") == []


@as_root
@pytest.mark.parametrize(
    ("user", "words"),
    [("no-such-account", "no account no-such-account"), ("root", "must be another account than root")],
)
async def test_the_account_of_steps_must_exist_and_be_another(tmp_path: Path, user: str, words: str) -> None:
    with pytest.raises(CannotConfine, match=words):
        await made(tmp_path / "work", Confining("none", user))


@as_root
async def test_a_workspace_that_the_account_cannot_reach_is_told_at_the_start(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    with pytest.raises(CannotConfine, match=r"must let the account pass: .*Permission denied"):
        await made(closed / "work", Confining("none", "nobody"))


@pytest.mark.parametrize("sandbox", SANDBOXES)
@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("exit 78", 78), ("exit 137", 137), ("kill -9 $$", -9), ("kill -SEGV $$", -11), ("kill 0", -15)],
)
async def test_a_step_ends_as_its_shell_does(tmp_path: Path, sandbox: str, script: str, code: int) -> None:
    found = await made(tmp_path, Confining(sandbox))  # type: ignore[arg-type]

    seen, output = await run(found, tmp_path, script)

    assert min(seen, 0) == -9 if sandbox == "bwrap" and code < 0 else seen == code
    assert output == ""


@pytest.mark.parametrize("sandbox", SANDBOXES)
async def test_the_shell_leads_its_session_and_a_late_reader_of_its_output_is_heard(
    tmp_path: Path, sandbox: str
) -> None:
    found = await made(tmp_path, Confining(sandbox))  # type: ignore[arg-type]
    script = "ps -o sid=,pgid= -p $$; echo $$; { sleep 0.05; echo late; } & exit 3"

    code, output = await run(found, tmp_path, script)

    *same, late = output.split()
    assert (code, len(set(same)), late) == (3, 1, "late")


@pytest.mark.parametrize("sandbox", SANDBOXES)
async def test_limits_hold_for_every_process_of_a_step(tmp_path: Path, sandbox: str) -> None:
    limits = Limits(processes=50, files=20, memory=64 << 20)
    found = await made(tmp_path, Confining(sandbox, limits=limits))  # type: ignore[arg-type]
    script = """
    ulimit -n; ulimit -d; sh -c 'ulimit -p'; cat /proc/self/oom_score_adj
    (x=$(head -c 100000000 /dev/zero | tr '\\0' x); echo much) 2>/dev/null || echo refused
    """

    code, output = await run(found, tmp_path, script)
    assert code == 0
    assert output.splitlines()[:4] == ["20", "65536", "50", "500"]
    assert output.endswith("refused\n")
    free = await made(tmp_path, Confining(sandbox, limits=Limits(0, 0, 0)))  # type: ignore[arg-type]
    code, output = await run(free, tmp_path, "ulimit -n; ulimit -d")
    assert (code, output.split()[1]) == (0, "unlimited")


@pytest.mark.parametrize("sandbox", SANDBOXES)
@pytest.mark.parametrize("value", ["x" * 200_000, "y" * 100_000])
async def test_an_environment_that_is_too_large_is_told(tmp_path: Path, sandbox: str, value: str) -> None:
    found = await made(tmp_path, Confining(sandbox))  # type: ignore[arg-type]
    many = {f"V{number}": value for number in range(100 if value[0] == "y" else 1)}

    with pytest.raises(CannotStart, match="its environment is too large"):
        await run(found, tmp_path, "true", **many)


@pytest.mark.parametrize("sandbox", SANDBOXES)
@pytest.mark.parametrize(
    ("name", "value"), [("A", "x\0--bind\0/\0/"), ("A\0--bind", "x"), ("A", "\ud800"), ("", "x"), ("A=B", "x")]
)
async def test_no_variable_becomes_an_option_of_the_sandbox(
    tmp_path: Path, sandbox: str, name: str, value: str
) -> None:
    found = await made(tmp_path, Confining(sandbox))  # type: ignore[arg-type]

    with pytest.raises(CannotStart, match="environment variable"):
        await run(found, tmp_path, "true", **{name: value})


@with_bwrap
@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
@pytest.mark.parametrize(
    "environment",
    [
        {"BASH_FUNC_read%%": "() { echo out > OUTSIDE; }"},
        {"SHELLOPTS": "xtrace", "PS4": "$(echo out > OUTSIDE)"},
        {"SHELLOPTS": "noexec"},
        {"ENV": "$(echo out > OUTSIDE)", "BASH_ENV": "$(echo out > OUTSIDE)"},
    ],
)
async def test_no_variable_runs_anything_before_the_sandbox_where_the_shell_of_the_system_is_bash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    outside, work = tmp_path / "outside", tmp_path / "work"
    (shell := tmp_path / "sh").symlink_to(shutil.which("bash") or "")
    found = replace(await made(work, Confining("bwrap"), [tmp_path]), groups=None)
    (tmp_path / "groups").mkdir()
    grouped = replace(found, groups=Groups(tmp_path / "groups", "step-", limited=False))
    monkeypatch.setattr(groups, "_TRIES", 1)
    monkeypatch.setattr(process, "DEFAULT_SHELL", str(shell))
    given = {name: value.replace("OUTSIDE", str(outside)) for name, value in environment.items()}

    code, output = await run(grouped, work, "tr '\\0' '\\n' < /proc/$$/environ", **given)

    assert code == 0
    # The system's own shell does not hand on what no shell can name.
    assert {f"{name}={value}" for name, value in given.items() if name.isidentifier()} <= set(output.splitlines())
    assert not outside.exists()


@with_bwrap
async def test_a_process_that_may_open_no_more_files_starts_no_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await made(tmp_path, Confining("bwrap"))

    def refuse(name: str) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "memfd_create", refuse)
    with pytest.raises(CannotStart, match="cannot start the step: Too many open files"):
        await run(found, tmp_path, "true")


@with_bwrap
async def test_a_file_that_is_hidden_is_empty_and_no_private_repository_is_shown(tmp_path: Path) -> None:
    data, base, database = tmp_path / "data", tmp_path / "data/work", tmp_path / "elsewhere.sqlite"
    base.mkdir(parents=True)
    database.write_text("secret")
    for name in ("mirrors/other", "shown"):
        (data / name / "objects").mkdir(parents=True)
        (data / name / "HEAD").touch()
    (data / "plain").mkdir()
    hidden = Hidden((data,), (database, tmp_path / "absent"), (data / "mirrors", base))
    found = await confine(Confining("bwrap"), base, hidden, [])

    (data / "loop").symlink_to(data / "loop")
    long = data / ("x" * 300)
    paths = [
        data / "loop",
        long,
        data / "mirrors/other",
        data / "shown",
        data / "plain",
        data,
        data.parent,
        tmp_path / "absent",
    ]
    assert hidden.shown(paths) == [data / "shown"]
    code, output = await run(found, base, f"ls {data}; cat {database} 2>/dev/null || echo closed")
    assert (code, output) == (0, "work\nclosed\n")


GROUPED = """
import asyncio, logging, sys
from pathlib import Path
from tests.runners.exec.test_confinement import made, run
from app.settings.values import Confining
async def main():
    base = Path(sys.argv[1])
    found = await made(base, Confining(sys.argv[2]))
    assert found.groups
    print(*await run(found, base, sys.argv[3]))
asyncio.run(main())
"""
AWAY = "(env -i setsid sleep 613 >/dev/null 2>&1 & echo $!)"


@pytest.fixture
def top() -> Iterator[Path]:
    """A delegated control group, which is empty at the end."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    top = next((Path(mount[1]) / f"gantry-test-{os.getpid()}" for mount in mounts if mount[2] == "cgroup2"), None)
    if top is None or os.geteuid() != 0 or not os.access(top.parent, os.W_OK):
        pytest.skip("no control groups may be made here")
    top.mkdir()
    try:
        os.setxattr(top, "user.delegate", b"1")
        yield top
    finally:
        (top / "cgroup.kill").write_text("1")
        for folder in (*top.glob("*/"), top):
            soon_sync(partial(_removed, folder), "the group is removed")


def grouped(top: Path, base: Path, sandbox: str, script: str) -> list[str]:
    """What a step says that a process in the delegated group runs, after its exit code."""
    join = f'echo 0 > {top}/cgroup.procs && exec "$@"'
    command = ["sh", "-c", join, "sh", sys.executable, "-c", GROUPED, str(base), sandbox, script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_a_control_group_ends_even_what_removed_its_mark(top: Path, tmp_path: Path, sandbox: str) -> None:
    code, pid = grouped(top, tmp_path / "work", sandbox, f"ulimit -w 5; {AWAY}")

    assert code == "0"
    assert sandbox != "none" or not alive(int(pid))
    assert [path.name for path in top.iterdir() if path.is_dir()] == ["gantry-server"]


def test_a_start_ends_the_groups_of_its_own_folder_alone(top: Path, tmp_path: Path) -> None:
    for base in ("own", "other"):
        Groups(top, _prefix_of(tmp_path / base), limited=False).make("left", memory=0, processes=0)
    (tmp_path / "own").mkdir()
    (tmp_path / "link").symlink_to("own")
    with subprocess.Popen(["sleep", "613"]) as sleeper:
        Group(next(top.glob(f"{_prefix_of(tmp_path / 'other')}*"))).join(sleeper.pid)
        try:
            assert grouped(top, tmp_path / "link", "none", "echo ran") == ["0", "ran"]
            assert sleeper.poll() is None
        finally:
            sleeper.kill()
    left = {path.name for path in top.iterdir() if path.is_dir()}
    assert left == {"gantry-server", f"{_prefix_of(tmp_path / 'other')}left"}


@pytest.mark.parametrize("script", [AWAY, "true"])
def test_the_groups_that_a_step_makes_below_its_own_are_removed(top: Path, tmp_path: Path, script: str) -> None:
    below = f"own={top}$(sed -n 's/^0::.*gantry-test-[0-9]*//p' /proc/self/cgroup)"
    script = f"{below}; mkdir -p $own/a/b $own/c; {script}"

    assert grouped(top, tmp_path / "work", "none", script)[0] == "0"

    assert [path.name for path in top.iterdir() if path.is_dir()] == ["gantry-server"]


@with_bwrap
def test_a_step_in_a_sandbox_cannot_leave_its_control_group(top: Path, tmp_path: Path) -> None:
    script = f"for one in {top}/cgroup.procs {top}/*/cgroup.procs; do echo $$ > $one || echo refused; done 2>/dev/null"

    assert grouped(top, tmp_path / "work", "bwrap", script) == ["0", "refused", "refused", "refused"]


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def _prefix_of(base: Path) -> str:
    return f"gantry-step-{strays.shared(base):x}-"
