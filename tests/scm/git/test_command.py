"""How git is called, and how its failures read."""

import os
from pathlib import Path

import pytest

from app.errors import NotFound
from app.scm.git.address import Remote
from app.scm.git.command import Command, Refused
from app.scm.git.host import Git
from app.scm.host import Source
from tests.scm.conftest import Shim
from tests.scm.repository import Repository

#: the far side of ssh: runs the command here, and notes how it was called
SSH = """#!/bin/sh
printf '%s\\n' "$@" >>"{note}"
for command; do :; done
exec sh -c "$command"
"""


@pytest.mark.parametrize(
    ("complaint", "reason"),
    [
        ("fatal: repository 'x' does not exist", "repository 'x' does not exist"),
        ("warning: w\nhint: h\nerror: bad\nfatal: worse", "bad"),
        ("\n\nWelcome to the machine\nfatal: no\n", "no"),
        (
            "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.\n"
            "\nPlease make sure you have the correct access rights",
            "git@h: Permission denied (publickey): make the key known there, or set another one "
            "(gantry repo credentials)",
        ),
        ("fatal: Could not read from remote repository.", "Could not read from remote repository."),
        ("fatal: remote error: upload-pack: not our ref 1", "not our ref 1"),
        ("fatal: unable to access 'https://a:b@h/x': 403", "unable to access 'https://h/x': 403"),
        ("fatal: \x1b[31mred\x07\x9b31m.", "[31mred 31m."),
        ("fatal: " + "x" * 1000, "x" * 300),
        ("", "git ended with code 3 and said nothing"),
    ],
)
async def test_a_failure_is_told_in_the_line_that_says_why(
    shim: Shim, tmp_path: Path, complaint: str, reason: str
) -> None:
    (tmp_path / "complaint").write_text(complaint)
    shim.behave(f"cat {tmp_path}/complaint >&2; exit 3")
    command = Command(tmp_path / "mirrors", timeout=30, known_hosts=None, environ={"PATH": os.environ["PATH"]})
    with pytest.raises(Refused) as refused:
        await command.run("ls-remote", remote=Remote("https://h/x"))
    assert refused.value.reason == reason
    assert refused.value.message == f"https://h/x: {reason}"
    assert refused.value.code == "repository_unreachable"


async def test_git_sees_only_the_environment_that_is_meant_for_it(
    shim: Shim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")
    shim.behave(f"env >{tmp_path}/env; exit 0")
    await Command(tmp_path / "mirrors", timeout=30, known_hosts=None, environ={"PATH": os.environ["PATH"]}).run(
        "version"
    )

    seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    added_by_sh = {"PWD", "OLDPWD", "SHLVL", "_", "GIT_EXEC_PATH"}
    assert seen.keys() - added_by_sh == {
        *("PATH", "HOME", "LC_ALL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_GLOBAL", "GIT_ASKPASS"),
        *("GIT_CEILING_DIRECTORIES", "GIT_TERMINAL_PROMPT", "GIT_ALLOW_PROTOCOL"),
        *("GIT_PROTOCOL_FROM_USER", "GIT_NO_LAZY_FETCH", "GIT_SSH_VARIANT", "GIT_SSH_COMMAND"),
    }
    assert seen["HOME"] == str(tmp_path / "mirrors" / "home")
    assert (tmp_path / "mirrors" / "home").stat().st_mode & 0o777 == 0o700


async def test_ssh_never_asks_and_knows_its_hosts_beforehand(
    shim: Shim, tmp_path: Path, repository: Repository
) -> None:
    (tmp_path / "shim" / "ssh").write_text(SSH.format(note=tmp_path / "note"))
    (tmp_path / "shim" / "ssh").chmod(0o755)
    pinned = tmp_path / "known hosts"
    host = Git(tmp_path / "mirrors", [], known_hosts=pinned, environ={"PATH": os.environ["PATH"]})
    source = Source(1, f"ssh://git@git.example.com:2222{repository.path}")

    old = repository.git("rev-parse", "HEAD")
    new = repository.commit({".drone.yml": "newer\n"})
    assert (await host.branch(source, "main")).sha == new
    assert await host.read_file(source, new, ".drone.yml") == "newer\n"
    assert await host.read_file(source, old, ".drone.yml") == "kind: pipeline\n"
    with pytest.raises(NotFound):
        await host.commit(source, "1" * 40)

    said = (tmp_path / "note").read_text().splitlines()
    assert {"git@git.example.com", "2222", "BatchMode=yes", "ConnectTimeout=10"} <= set(said)
    assert {"StrictHostKeyChecking=yes", "GlobalKnownHostsFile=/dev/null"} <= set(said)
    assert f'UserKnownHostsFile="{pinned}"' in said


async def test_no_file_grows_beyond_measure(shim: Shim, tmp_path: Path) -> None:
    shim.behave(f"ulimit -f >{tmp_path}/limit; exit 0")
    await Command(tmp_path / "mirrors", timeout=30, known_hosts=None, environ={"PATH": os.environ["PATH"]}).run(
        "version"
    )
    assert int((tmp_path / "limit").read_text()) * 512 == 2 * 1024**3


async def test_other_protocols_are_refused_by_git_as_well(tmp_path: Path) -> None:
    command = Command(tmp_path / "mirrors", timeout=30, known_hosts=None, environ={"PATH": os.environ["PATH"]})
    marker = tmp_path / "ran"
    for url in (f"ext::touch {marker}", "http://127.0.0.1:1/x", "git://127.0.0.1/x", "-u"):
        with pytest.raises(Refused):
            await command.run("ls-remote", "--", "origin", remote=Remote(url))
    assert not marker.exists()
    assert list((tmp_path / "mirrors" / "home").iterdir()) == []
