"""The folder of a run, and what is swept away at a start."""

import logging
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from app.runners.exec import workspace
from app.runners.exec.workspace import Workspace
from tests.runners.exec.farside import alive, marked
from tests.soon import soon_sync


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_and_scripts_are_private(tmp_path: Path) -> None:
    one = Workspace(tmp_path / "base")

    one.create({1: "\necho ü\n", 12: "two"})

    assert re.fullmatch(r"drone-[a-z0-9]{16}", one.root.name)
    assert one.root.parent == tmp_path / "base"
    for name in ("home/drone", "drone/src", "opt", "opt/1"):
        assert mode(one.root / name) == 0o700
    assert one.script(1).read_bytes() == "\necho ü\n".encode()
    assert [(path.name, mode(path)) for path in one.home.iterdir()] == [(".gitconfig", 0o600)]


def test_two_runs_never_meet(tmp_path: Path) -> None:
    assert Workspace(tmp_path).root != Workspace(tmp_path).root


def test_a_local_repository_of_another_account_is_trusted_alone(tmp_path: Path) -> None:
    origin = tmp_path / 'my "repo"'
    subprocess.run(["git", "init", "-q", "--bare", str(origin)], check=True)
    one = Workspace(tmp_path / "base")

    one.create({}, origin.as_uri())

    home = {"HOME": str(one.home), "PATH": os.environ["PATH"], "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    done = subprocess.run(["git", "ls-remote", origin.as_uri()], env=home, capture_output=True, text=True, check=False)
    listed = subprocess.run(
        ["git", "config", "--global", "--get-all", "safe.directory"],
        env=home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert listed.stdout.splitlines() == [str(origin), f"{origin}/.git"]


@pytest.mark.parametrize("url", ["https://git.example.com/a.git", "git@git.example.com:a.git", ""])
def test_remote_repositories_need_no_trust(tmp_path: Path, url: str) -> None:
    one = Workspace(tmp_path)

    one.create({}, url)

    assert "directory" not in (one.home / ".gitconfig").read_text()


def test_git_makes_a_repository_without_a_word(tmp_path: Path) -> None:
    one = Workspace(tmp_path)
    one.create({})

    home = {"HOME": str(one.home), "PATH": os.environ["PATH"]}
    done = subprocess.run(["git", "init", "-q", str(one.source)], env=home, capture_output=True, text=True, check=True)

    assert done.stderr == ""


def test_read_only_and_closed_trees_are_removed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o500)
    one = Workspace(tmp_path / "base")
    one.create({})
    for name, rights in (("read", 0o500), ("closed", 0o000)):
        (one.source / name / "deep").mkdir(parents=True)
        (one.source / name / "deep" / "file").touch(0o400)
        (one.source / name / "deep").chmod(rights)
        (one.source / name).chmod(rights)
    (one.source / "link").symlink_to(outside)

    as_nobody(one.root, one.clear)

    assert not one.root.exists()
    assert mode(outside) == 0o500


def as_nobody(root: Path, clear: object) -> None:
    """Rights do not bind root, so let another account own and clear the tree."""
    assert callable(clear)
    if os.geteuid() != 0:
        clear()
        return
    for folder in [root, *root.parents]:
        if folder.stat().st_uid == 0 and str(folder).startswith(f"{tempfile.gettempdir()}/pytest"):
            folder.chmod(folder.stat().st_mode | 0o055)
    os.chown(root.parent, 65534, 65534)
    for where, folders, files in os.walk(root):
        for name in (".", *folders, *files):
            os.chown(Path(where) / name, 65534, 65534, follow_symlinks=False)
    child = os.fork()
    if child == 0:
        os.setgid(65534)
        os.setuid(65534)
        clear()
        os._exit(0)
    os.waitpid(child, 0)


def test_what_cannot_be_removed_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one = Workspace(tmp_path)
    one.create({})
    monkeypatch.setattr(shutil, "rmtree", lambda root, ignore_errors: None)

    with caplog.at_level(logging.WARNING):
        one.clear()

    assert caplog.records[0].__dict__["path"] == str(one.root)


def test_a_run_that_is_gone_clears_quietly(tmp_path: Path) -> None:
    Workspace(tmp_path).clear()


def test_a_sweep_takes_leftovers_and_nothing_else(tmp_path: Path) -> None:
    left, outside = Workspace(tmp_path), tmp_path / "outside"
    left.create({1: "x"})
    outside.mkdir()
    kept = [tmp_path / name for name in ("drone-short", "other", "drone-" + "A" * 16)]
    for folder in kept:
        folder.mkdir()
    link = tmp_path / ("drone-" + "b" * 16)
    link.symlink_to(outside)
    stray = marked(left.mark, "exec sleep 600")

    workspace.sweep(tmp_path)

    assert stray.wait(20) == -9
    stray.communicate()
    assert not left.root.exists()
    assert all(folder.exists() for folder in (*kept, outside, link))


def test_a_sweep_before_the_first_run_finds_nothing(tmp_path: Path) -> None:
    workspace.sweep(tmp_path / "not-yet")


def test_a_sweep_ends_what_a_killed_server_left(tmp_path: Path) -> None:
    code = f"""
import asyncio, pathlib
from tests.runners.exec import farside
manager = farside.FakeManager(farside.pipeline(farside.step(
    "hang", "env -i setsid sleep 601 & echo $! > {tmp_path}/stray", "echo $$$$ > {tmp_path}/shell", "sleep 602")))
asyncio.run(farside.runner(manager, pathlib.Path({str(tmp_path / "base")!r})).run())
"""
    server = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[3])
    try:
        shell = tmp_path / "shell"
        soon_sync(lambda: shell.exists() and shell.read_text().endswith("\n"), "the step runs")
        assert server.poll() is None
    finally:
        server.kill()
        server.wait()
    pids = [int((tmp_path / name).read_text()) for name in ("stray", "shell")]
    assert all(alive(pid) for pid in pids)

    workspace.sweep(tmp_path / "base")

    assert not any(alive(pid) for pid in pids)
    assert list((tmp_path / "base").iterdir()) == []


def test_folders_deeper_than_a_stack_reaches_are_removed(tmp_path: Path) -> None:
    one = Workspace(tmp_path)
    one.create({})
    handle = os.open(one.source, os.O_RDONLY)
    for level in range(1200):
        os.mkdir("d" * 20, dir_fd=handle)
        above, handle = handle, os.open("d" * 20, os.O_RDONLY, dir_fd=handle)
        if level % 300 == 0:
            os.fchmod(above, 0o500)
        os.close(above)
    os.close(handle)

    workspace.sweep(tmp_path)

    assert not list(tmp_path.iterdir())
