"""Real repositories, and a git that can be watched and tampered with."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from app.scm.git.host import Git
from app.scm.host import Source
from tests.scm.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Below the root, with `.drone.yml` in its only commit."""
    made = Repository(tmp_path / "root" / "demo")
    made.commit({".drone.yml": "kind: pipeline\n", "ci/deploy.yml": "kind: secret\n"}, "first")
    return made


@pytest.fixture
def source(repository: Repository) -> Source:
    return Source(1, repository.url)


@pytest.fixture
def host(tmp_path: Path) -> Git:
    return Git(tmp_path / "mirrors", [tmp_path / "root"], environ={"PATH": os.environ["PATH"]})


class Shim:
    """A `git` in front of the real one: notes each call, and first runs lines of shell.

    It also stands where git itself looks for git.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._log = directory / "calls"
        self._real = shutil.which("git") or "git"
        directory.mkdir()
        where = subprocess.check_output([self._real, "--exec-path"], text=True).strip()
        for program in Path(where).iterdir():
            if program.name != "git":
                (directory / program.name).symlink_to(program)
        self.behave("")

    def behave(self, lines: str) -> None:
        """In the lines, `$real` is the real git and `$here` the shim's directory."""
        head = (
            f"#!/bin/sh\nreal={self._real} here={self._directory}\n"
            f'export GIT_EXEC_PATH=$here\necho "$*" >>{self._log}\n'
        )
        aside = self._directory / "git.new"
        aside.write_text(f'{head}{lines}\nexec "$real" "$@"\n')
        aside.chmod(0o755)
        aside.rename(self._directory / "git")

    def forget(self) -> None:
        self._log.write_text("")

    def calls(self, word: str) -> int:
        """How many calls had this word."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return sum(word in line.split() for line in lines)


@pytest.fixture
def shim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shim:
    """Ask for it before `host`: the path of programs is read when a Git is made."""
    made = Shim(tmp_path / "shim")
    monkeypatch.setenv("PATH", f"{tmp_path / 'shim'}{os.pathsep}{os.environ['PATH']}")
    return made
