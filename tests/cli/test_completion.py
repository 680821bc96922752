"""Completion in real shells: commands without a server, words from the server, and never an error."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import TOKEN, Gantry
from tests.cli.farside import Answer, FarSide, answer, recorded, until
from tests.cli.test_repository import clone

SLUG = "octocat/hello-world"
REPO = recorded("one repository")
#: The program as a shell finds it.
BIN = Path(sys.executable).parent

Complete = Callable[..., list[str]]


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """With patience for a busy machine."""
    return environment | {"PATH": f"{BIN}:{os.environ['PATH']}", "GANTRY_COMPLETION_TIMEOUT": "30"}


@pytest.fixture
def server(far: FarSide) -> FarSide:
    """A server with a repository, three builds of two branches, and two targets."""
    builds = recorded("builds")
    branches = ("main", "main", "topic")
    found = [builds[0] | {"number": 3 - n, "target": branch, "message": "a, b"} for n, branch in enumerate(branches)]
    far.on("GET", "/api/user/repos", answer([REPO, REPO | {"slug": "octocat/other"}]))
    far.on("GET", f"/api/repos/{SLUG}", answer(REPO))
    far.on("GET", f"/api/repos/{SLUG}/builds", answer(found))
    far.on("GET", f"/api/repos/{SLUG}/builds/branches", answer(found[1:]))
    far.on("GET", f"/api/repos/{SLUG}/targets", answer([{"name": "production"}, {"name": "staging"}]))
    return far


@pytest.fixture
def bash(environment: dict[str, str], tmp_path: Path) -> Complete:
    """What a real bash completes the last of some words to; the shell must print nothing else."""

    def complete(*words: str, **more: str) -> list[str]:
        script = (
            'eval "$(gantry completion bash)"; complete -p gantry >/dev/null || exit 1; '
            'COMP_WORDS=(gantry "$@"); COMP_CWORD=$#; _gantry_completion gantry; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        command = ["bash", "--norc", "-c", script, "bash", *words]
        done = subprocess.run(
            command, env=environment | more, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.split()

    return complete


def test_commands_and_options_are_completed_without_a_server(bash: Complete, far: FarSide) -> None:
    assert bash("prom") == ["promote"]
    assert bash("build", "r") == ["restart", "rollback"]
    assert bash("promote", "--dry") == ["--dry-run"]
    assert bash("completion", "") == ["bash", "zsh", "fish"]
    assert bash("lint", "--event", "pro") == ["promote"]
    assert far.asked == []


@pytest.mark.usefixtures("server")
def test_repositories_builds_and_targets_come_from_the_server(bash: Complete) -> None:
    assert bash("repo", "info", "octocat/h") == [SLUG]
    assert bash("builds", "-R", "octocat/o") == ["octocat/other"]
    assert bash("promote", SLUG, "") == ["last", "3", "2", "1", "main", "topic"]
    assert bash("promote", SLUG, "la") == ["last"]
    assert bash("promote", SLUG, "3", "p") == ["production"]
    assert bash("rollback", "-R", SLUG, "3", "") == ["production", "staging"]
    assert bash("builds", SLUG, "--branch", "t") == ["topic"]
    assert bash("builds", SLUG, "--target", "s") == ["staging"]
    assert bash("log", SLUG, "t") == ["topic"]


@pytest.mark.usefixtures("server")
def test_in_a_clone_the_repository_may_be_left_out(bash: Complete, tmp_path: Path) -> None:
    clone(tmp_path, origin=f"https://git.example.com/{SLUG}.git")

    assert bash("promote", "") == [SLUG, "octocat/other", "last", "3", "2", "1", "main", "topic"]
    assert bash("promote", "3", "") == ["production", "staging"]
    assert bash("approve", "ma") == ["main"]


def test_the_context_that_is_kept_is_used(
    bash: Complete, gantry: Gantry, server: FarSide, environment: dict[str, str]
) -> None:
    server.on("GET", "/api/user", answer({"login": "octocat"}))
    done = gantry("login", server.url, "--token-stdin", "--name", "here", stdin=TOKEN)
    assert done.returncode == 0, done.stderr
    nothing = {"GANTRY_SERVER": "", "GANTRY_TOKEN": ""}

    assert bash("repo", "info", "octocat/h", **nothing) == [SLUG]
    assert bash("--context", "h", **nothing) == ["here"]


@pytest.mark.parametrize(
    "more", [{"GANTRY_SERVER": "http://127.0.0.1:1"}, {"GANTRY_SERVER": "nonsense"}, {"GANTRY_TOKEN": ""}]
)
def test_without_an_answer_nothing_is_completed_and_nothing_said(bash: Complete, more: dict[str, str]) -> None:
    assert bash("promote", SLUG, "", **more) == []


def test_a_refusal_completes_nothing(bash: Complete, far: FarSide) -> None:
    far.on("GET", "/api/user/repos", Answer(500, [b"<html>"]))

    assert bash("repo", "info", "") == []


def test_words_that_make_no_sense_complete_nothing(bash: Complete) -> None:
    assert bash("nonsense", "x") == []
    assert bash("promote", "-R", "a/b", "c/d", "e", "f", "g", "") == []


def test_a_server_that_does_not_answer_is_not_waited_for(environment: dict[str, str], far: FarSide) -> None:
    done = threading.Event()
    far.on("GET", "/api/user/repos", Answer(200, [until(done), b"[]"]))
    words = {"COMP_WORDS": "gantry repo info ", "COMP_CWORD": "3", "_GANTRY_COMPLETE": "bash_complete"}
    asked = environment | words | {"GANTRY_COMPLETION_TIMEOUT": "0.7"}

    try:  # the server answers only after the program has ended
        ended = subprocess.run(["gantry"], env=asked, capture_output=True, timeout=60, check=False)
    finally:
        done.set()

    assert (ended.stdout.strip(), ended.stderr) == (b"", b"")


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish here")
@pytest.mark.usefixtures("server")
def test_a_real_fish_completes(environment: dict[str, str], tmp_path: Path) -> None:
    script = f'gantry completion fish | source; complete -C "gantry promote {SLUG} 3 p"; complete -C "gantry prom"'
    done = subprocess.run(
        ["fish", "--no-config", "-c", script],
        env=environment | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout.splitlines() == ["production", "promote\tPromote a build or a commit to a target."]


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh here")
@pytest.mark.usefixtures("server")
def test_a_real_zsh_completes(environment: dict[str, str], tmp_path: Path) -> None:
    """The completion system is replaced by functions that print what they get."""
    script = (
        'compdef() { }; compadd() { print -l -- "${(@P)@[-1]}" }; _describe() { print -l -- "${(@P)3}" }; '
        f'eval "$(gantry completion zsh)"; words=(gantry promote {SLUG} 3 p); CURRENT=5; _gantry_completion'
    )
    done = subprocess.run(
        ["zsh", "-f", "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "production" in done.stdout
