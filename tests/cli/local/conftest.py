"""A clone with a pipeline file, and the command in it, without any server."""

import os
from pathlib import Path
from subprocess import CompletedProcess
from typing import Protocol

import pytest

from tests import gantry as command
from tests.scm.repository import Repository


class Here(Protocol):
    def __call__(self, *args: str, folder: str = "") -> "CompletedProcess[str]": ...


@pytest.fixture
def clone(tmp_path: Path) -> Repository:
    """A clone of octocat/hello-world on branch main."""
    made = Repository(tmp_path / "clone")
    made.git("remote", "add", "origin", "git@git.example.com:octocat/hello-world.git")
    made.commit({"README": "hello\n"}, "Begin\n\nAll of it")
    return made


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a user who has no server."""
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", "PYTHONWARNINGS": "error"}


@pytest.fixture
def gantry(clone: Repository, environment: dict[str, str]) -> Here:
    """Runs the command in the clone, or in a folder of it."""

    def run(*args: str, folder: str = "") -> "CompletedProcess[str]":
        return command.run(args, environment, cwd=clone.path / folder)

    return run
