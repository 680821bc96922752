"""Scripts as a real shell runs them, and the clone from real repositories."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.builds.model import Build
from app.errors import Invalid
from app.repos.model import Repo
from app.runners.exec import script

SHELLS = [name for name in ("sh", "bash", "dash", "zsh", "ksh") if shutil.which(name)]


def run(text: str, folder: Path, shell: str = "sh") -> tuple[int, str]:
    (folder / "script").write_text(text)
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "WHO": "world"}
    work = folder / "work"
    work.mkdir(exist_ok=True)
    done = subprocess.run(
        [shell, "-e", str(folder / "script")],
        cwd=work,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("echo hello $WHO", "+ echo hello $WHO\nhello world\n"),
        ('echo "it\'s $WHO"', "+ echo \"it's $WHO\"\nit's world\n"),
        ("echo `echo x >> ran; wc -l < ran | tr -d ' '`", "+ echo `echo x >> ran; wc -l < ran | tr -d ' '`\n1\n"),
        ("echo one\necho two\t", "+ echo one\necho two\t\none\ntwo\n"),
        (
            'for i in 1 2; do\n  echo "i=$i"\ndone\n',
            '+ for i in 1 2; do\n  echo "i=$i"\ndone\ni=1\ni=2\n',
        ),
        ("cat <<'EOF'\nit's\nEOF\n\n", "+ cat <<'EOF'\nit's\nEOF\n\nit's\n"),
        (r"printf 'a\\b\n'", "+ printf 'a\\\\b\\n'\na\\b\n"),
        ("echo $((1+1)) # \x1b[31m ä %s", "+ echo $((1+1)) # \\x1b[31m ä %s\n2\n"),
    ],
)
def test_a_command_is_announced_as_written_and_run_once(tmp_path: Path, shell: str, command: str, output: str) -> None:
    assert run(script.of_commands([command]), tmp_path, shell) == (0, output)


def test_the_first_failure_ends_the_script(tmp_path: Path) -> None:
    code, output = run(script.of_commands(["X=1", "echo $X", "(exit 7)", "echo never"]), tmp_path)

    assert (code, output) == (7, "+ X=1\n+ echo $X\n1\n+ (exit 7)\n")


def test_no_commands_succeed(tmp_path: Path) -> None:
    assert run(script.of_commands([]), tmp_path) == (0, "")


# Cloning


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    done = subprocess.run(["git", *identity, "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, text: str) -> str:
    (folder / "file").write_text(text)
    git(folder, "add", "file")
    git(folder, "commit", "-q", "-m", text)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with the commits one, two on main."""
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "one")
    commit(folder, "two")
    return folder


def repo(origin: Path | str) -> Repo:
    url = origin if isinstance(origin, str) else origin.as_uri()
    return Repo(id=1, namespace="octocat", name="hello", git_http_url=url, default_branch="main")


def build(after: str, ref: str = "refs/heads/main", target: str = "main") -> Build:
    return Build(2, 1, 1, after=after, ref=ref, target_branch=target)


def clone(tmp_path: Path, origin: Path, of: Build, **options: Any) -> tuple[int, str, str]:
    code, output = run(script.of_clone(repo(origin), of, **options), tmp_path)
    file = tmp_path / "work" / "file"
    return code, output, file.read_text() if file.exists() else ""


def traced(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("+ ")]


def test_a_branch_is_cloned_at_the_commit_as_recorded(tmp_path: Path, origin: Path) -> None:
    sha = git(origin, "rev-parse", "HEAD~1")

    code, output, file = clone(tmp_path, origin, build(sha))

    assert (code, file) == (0, "one")
    assert traced(output) == [
        "+ git init",
        f"+ git remote add origin {origin.as_uri()}",
        "+ git fetch  origin +refs/heads/main:",
        f"+ git checkout {sha} -b main",
    ]
    assert git(tmp_path / "work", "branch", "--show-current") == "main"


def test_a_commit_is_found_after_its_branch_was_rewritten(tmp_path: Path, origin: Path) -> None:
    sha = git(origin, "rev-parse", "HEAD")
    git(origin, "reset", "-q", "--hard", "HEAD~1")
    commit(origin, "three")

    code, output, file = clone(tmp_path, origin, build(sha))

    assert (code, file) == (0, "two")
    assert f"+ git fetch  origin {sha}" in traced(output)


def test_a_commit_is_found_after_its_branch_was_deleted(tmp_path: Path, origin: Path) -> None:
    git(origin, "checkout", "-q", "-b", "topic")
    sha = commit(origin, "topic")
    git(origin, "checkout", "-q", "main")
    git(origin, "branch", "-q", "-D", "topic")

    code, _, file = clone(tmp_path, origin, build(sha, "refs/heads/topic", "topic"))

    assert (code, file) == (0, "topic")


def test_a_depth_is_honoured_and_an_older_commit_still_found(tmp_path: Path, origin: Path) -> None:
    sha = git(origin, "rev-parse", "HEAD~1")

    code, output, file = clone(tmp_path, origin, build(sha), depth=1)

    assert (code, file) == (0, "one")
    assert "+ git fetch --depth=1 origin +refs/heads/main:" in traced(output)
    assert git(tmp_path / "work", "rev-list", "--count", "HEAD") == "1"


def test_a_tag_is_cloned_at_the_commit_even_when_it_has_moved(tmp_path: Path, origin: Path) -> None:
    sha = git(origin, "rev-parse", "HEAD")
    git(origin, "tag", "v1")
    commit(origin, "three")
    git(origin, "tag", "-f", "v1")

    code, output, file = clone(tmp_path, origin, build(sha, "refs/tags/v1", ""))

    assert (code, file) == (0, "two")
    assert "+ git fetch  origin +refs/tags/v1:" in traced(output)


def test_a_pull_request_is_merged_into_its_target(tmp_path: Path, origin: Path) -> None:
    git(origin, "checkout", "-q", "-b", "topic", "HEAD~1")
    (origin / "other").write_text("topic")
    git(origin, "add", "other")
    git(origin, "commit", "-q", "-m", "topic")
    sha = git(origin, "rev-parse", "HEAD")
    git(origin, "update-ref", "refs/pull/7/head", sha)
    git(origin, "checkout", "-q", "main")
    (tmp_path / ".gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.com\n")

    code, output, file = clone(tmp_path, origin, build(sha, "refs/pull/7/head"))

    assert (code, file) == (0, "two")
    assert (tmp_path / "work" / "other").read_text() == "topic"
    assert traced(output)[2:] == [
        "+ git fetch  origin +refs/heads/main:",
        "+ git checkout main",
        "+ git fetch origin refs/pull/7/head:",
        f"+ git merge {sha}",
    ]


@pytest.mark.parametrize("target", ["main", "refs/heads/main", "", "refs/pull/7/head"])
def test_a_pull_request_gets_the_whole_history_of_its_target(tmp_path: Path, origin: Path, target: str) -> None:
    git(origin, "checkout", "-q", "-b", "topic", "HEAD~1")
    git(origin, "commit", "-q", "--allow-empty", "-m", "topic")
    sha = git(origin, "rev-parse", "HEAD")
    git(origin, "update-ref", "refs/pull/7/head", sha)
    git(origin, "checkout", "-q", "main")
    git(origin, "branch", "-qD", "topic")
    (tmp_path / ".gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.com\n")
    pull = build(sha, "refs/pull/7/head", target)

    code, output = run(script.of_clone(repo(origin), pull, depth=1), tmp_path)

    assert code == 0, output
    assert traced(output)[2:4] == ["+ git fetch  origin +refs/heads/main:", "+ git checkout main"]


def test_a_branch_may_be_named_as_a_whole_ref(tmp_path: Path, origin: Path) -> None:
    sha = git(origin, "rev-parse", "HEAD")

    code, output, file = clone(tmp_path, origin, build(sha, "refs/heads/main", "refs/heads/main"))

    assert (code, file) == (0, "two")
    assert "+ git fetch  origin +refs/heads/main:" in traced(output)


def test_a_repository_that_is_gone_fails_the_script(tmp_path: Path, origin: Path) -> None:
    sha = git(origin, "rev-parse", "HEAD")
    shutil.rmtree(origin)

    code, output, _ = clone(tmp_path, origin, build(sha))

    assert code == 128
    assert "does not appear to be a git repository" in output


def test_a_fetch_is_tried_again_as_often_as_asked(tmp_path: Path, origin: Path) -> None:
    text = script.of_clone(repo(origin), build(git(origin, "rev-parse", "HEAD")), retries=2)
    flaky = 'git() { case $1 in fetch) n=$((n+1)); [ $n -ge 3 ] || return 1;; esac; command git "$@"; }\n'
    quick = "sleep() { echo slept $1; }\nn=0\n"

    code, output = run(flaky + quick + text, tmp_path)

    assert code == 0
    assert [line for line in output.splitlines() if line.startswith("slept")] == ["slept 1", "slept 2"]
    assert len(traced(output)) == 4


@pytest.mark.parametrize("evil", ["a;touch${IFS}pwned", "a'b", "$(touch pwned)", "`touch pwned`", "a b", "ä"])
def test_names_from_strangers_run_nothing(tmp_path: Path, origin: Path, evil: str) -> None:
    sha = git(origin, "rev-parse", "HEAD")

    clone(tmp_path, origin, build(sha, f"refs/heads/{evil}", evil))
    shutil.rmtree(tmp_path / "work")
    clone(tmp_path, origin, build(sha, f"refs/tags/{evil}", evil))
    shutil.rmtree(tmp_path / "work")
    clone(tmp_path, origin, build(sha, f"refs/pull/{evil}", evil))
    shutil.rmtree(tmp_path / "work")
    run(script.of_clone(repo(evil), build(sha)), tmp_path)

    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"after": ""}, "the commit is not known"),
        ({"after": "--upload-pack=evil"}, "'--upload-pack=evil' begins with a dash"),
        ({"target_branch": "-f"}, "the branch '-f' begins with a dash"),
    ],
)
def test_what_git_would_misread_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        script.of_clone(repo("https://git.example.com/a.git"), replace(build("a" * 40), **change))


def test_a_repository_without_address_is_refused() -> None:
    with pytest.raises(Invalid, match="the repository address is not known"):
        script.of_clone(repo(""), build("a" * 40))


def test_the_branch_is_taken_from_the_ref_or_the_repository() -> None:
    of = replace(repo(""), git_ssh_url="git@git.example.com:a.git")

    text = script.of_clone(of, build("a" * 40, "refs/heads/topic", ""))

    assert "git remote add origin git@git.example.com:a.git" in text
    assert "git fetch  origin +refs/heads/topic:" in text
    assert "+refs/heads/main:" in script.of_clone(of, build("a" * 40, "", ""))
