"""The repository of a command: its first argument, -R, or that of the git clone in the current folder."""

import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from app.cli import main
from app.cli.remote.client import Client
from app.cli.remote.clone import Address
from app.cli.terminal.commands import first_is_repository
from tests.cli.conftest import Gantry
from tests.cli.farside import FarSide, answer, recorded

SLUG = "octocat/hello-world"
REPO = recorded("one repository")
HTTPS = "https://git.example.com/octocat/hello-world.git"


def git(folder: Path, *args: str) -> None:
    subprocess.run(["git", *args], cwd=folder, check=True, capture_output=True)


def clone(folder: Path, **remotes: str) -> None:
    """A git clone on branch main with these remotes."""
    git(folder, "init", "-q", "-b", "main")
    for name, url in remotes.items():
        git(folder, "remote", "add", name, url)


@pytest.fixture
def server(far: FarSide) -> FarSide:
    """A server that knows the repository, and has no build of it."""
    far.on("GET", f"/api/repos/{SLUG}", answer(REPO))
    far.on("GET", f"/api/repos/{SLUG}/builds", answer([]))
    far.on("GET", "/api/user/repos", answer([REPO]))
    return far


@pytest.mark.parametrize(
    ("given", "nargs", "named"),
    [
        ([], [1, 1], False),
        (["42", "production"], [1, 1], False),
        (["feature/x", "production"], [1, 1], False),
        (["acme/web", "42", "production"], [1, 1], True),
        (["acme/web"], [1, 1], True),
        (["42"], [1, 1], False),
        ([], [], False),
        (["acme/web"], [], True),
        (["hello"], [], True),
        (["42"], [1, 0], False),
        (["42", "2"], [1, 0], False),
        (["acme/web", "42"], [1, 0], True),
        (["acme/web", "42", "2"], [1, 0], True),
        (["acme/web"], [0], True),
        ([".drone.yml"], [0], False),
        (["@secrets/key"], [0], False),
        (["acme/web", "1", "2"], [-1], True),
        (["1", "2"], [-1], False),
    ],
)
def test_the_number_of_arguments_decides_and_else_the_form(given: list[str], nargs: list[int], named: bool) -> None:
    """`nargs`: 1 for an argument that must be given, 0 for one that may be left out, -1 for any number."""
    others = [click.Argument([f"a{at}"], nargs=kind or 1, required=kind > 0) for at, kind in enumerate(nargs)]

    assert first_is_repository(given, others) is named


@pytest.mark.parametrize(
    "url",
    [
        HTTPS,
        "https://git.example.com/octocat/hello-world",
        "https://octocat:secret@Git.Example.com:8443/octocat/hello-world.git/",
        "ssh://git@git.example.com:2222/octocat/hello-world.git",
        "git@git.example.com:octocat/hello-world.git",
        "git.example.com:octocat/hello-world",
        "git@git.example.com:/octocat/hello-world.git",
    ],
)
def test_all_forms_of_a_clone_address_are_one_address(url: str) -> None:
    assert Address.of(url) == Address("git.example.com", "octocat/hello-world")


@pytest.mark.parametrize("url", ["/srv/git/web.git", "file:///srv/git/web", "file:///srv/git/web.git"])
def test_a_folder_is_an_address_without_a_host(url: str) -> None:
    assert Address.of(url) == Address("", "srv/git/web")


@pytest.mark.parametrize("url", [HTTPS, "git@git.example.com:octocat/hello-world.git"])
def test_the_clone_s_origin_names_the_repository(gantry: Gantry, server: FarSide, tmp_path: Path, url: str) -> None:
    clone(tmp_path, upstream="https://elsewhere.example.com/a/b.git", origin=url)

    assert gantry("builds").returncode == 0
    assert server.paths("GET") == [f"/api/repos/{SLUG}", f"/api/repos/{SLUG}/builds"]


def test_the_only_remote_counts(gantry: Gantry, server: FarSide, tmp_path: Path) -> None:
    clone(tmp_path, company=HTTPS)

    assert gantry("builds").returncode == 0


def test_of_several_remotes_that_of_the_branch_counts(gantry: Gantry, server: FarSide, tmp_path: Path) -> None:
    clone(tmp_path, fork="https://elsewhere.example.com/a/b.git", company=HTTPS)

    done = gantry("builds")
    assert done.returncode == 2
    assert "of the remotes company, fork none is called origin, and none is that of branch 'main'" in done.stderr

    git(tmp_path, "config", "branch.main.remote", "company")
    assert gantry("builds").returncode == 0


def test_an_address_finds_a_repository_of_another_name(gantry: Gantry, far: FarSide, tmp_path: Path) -> None:
    clone(tmp_path, origin="git@git.example.com:octocat/hello-world.git")
    far.on("GET", f"/api/repos/{SLUG}", answer({**REPO, "git_http_url": "https://x/y", "git_ssh_url": ""}))
    far.on("GET", "/api/user/repos", answer([REPO | {"slug": "acme/renamed"}]))
    far.on("GET", "/api/repos/acme/renamed/builds", answer([]))

    assert gantry("builds").returncode == 0


def test_the_name_counts_where_no_address_is_the_clone_s(gantry: Gantry, server: FarSide, tmp_path: Path) -> None:
    clone(tmp_path, origin="https://mirror.example.com/octocat/hello-world")

    assert gantry("builds").returncode == 0


def test_the_end_of_a_longer_path_is_a_name(gantry: Gantry, server: FarSide, tmp_path: Path) -> None:
    clone(tmp_path, origin="https://mirror.example.com/git/Octocat/hello-world.git")

    assert gantry("builds").returncode == 0


def test_two_repositories_of_one_address_are_told(gantry: Gantry, far: FarSide, tmp_path: Path) -> None:
    clone(tmp_path, origin=HTTPS)
    far.on("GET", "/api/user/repos", answer([REPO | {"slug": "a/b"}, REPO | {"slug": "c/d"}]))

    done = gantry("builds")

    assert done.returncode == 1
    assert (
        "2 repositories have the address git.example.com/octocat/hello-world: a/b, c/d; choose with -R" in done.stderr
    )


def test_when_none_matches_what_was_tried_is_told_without_the_password(
    gantry: Gantry, far: FarSide, tmp_path: Path
) -> None:
    clone(tmp_path, origin="https://me:secret@git.example.com/acme/web.git")
    far.on("GET", "/api/user/repos", answer([REPO]))

    done = gantry("builds")

    assert done.returncode == 1
    assert f"no repository of {far.url} is meant by the git remote here" in done.stderr
    assert "tried the address git.example.com/acme/web and the name acme/web" in done.stderr
    assert "secret" not in done.stderr


def test_outside_a_clone_the_repository_must_be_named(gantry: Gantry, far: FarSide) -> None:
    done = gantry("builds")

    assert (done.returncode, far.asked) == (2, [])
    assert "no repository is given, and git knows no remote here: not a git repository" in done.stderr
    assert "name it first, as in demo/hello, or with -R" in done.stderr


def test_a_clone_without_a_remote_is_told(gantry: Gantry, far: FarSide, tmp_path: Path) -> None:
    clone(tmp_path)

    assert "no repository is given, and the git clone here has no remote" in gantry("builds").stderr


@pytest.mark.parametrize("args", [["-R", SLUG], [f"--repo={SLUG}"], [SLUG]])
def test_a_named_repository_wins_over_the_clone(
    gantry: Gantry, server: FarSide, tmp_path: Path, args: list[str]
) -> None:
    clone(tmp_path, origin="https://elsewhere.example.com/a/b.git")

    assert gantry("builds", *args).returncode == 0
    assert server.paths("GET") == [f"/api/repos/{SLUG}/builds"]


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["builds", "-R", "a/b", "c/d"], "the repository is given twice, as 'c/d' and as 'a/b'"),
        (["promote", "a/b"], "Missing argument"),
        (["promote", "-R", "a/b", "42"], "Missing argument 'TARGET'"),
        (["promote", "a/b", "42", "production", "x"], "Got unexpected extra argument (x)"),
        (["repo", "rm", "--yes"], "Missing argument 'NAMESPACE/NAME'"),
        (["build", "purge", "--before", "3", "--yes"], "Missing argument 'NAMESPACE/NAME'"),
    ],
)
def test_what_cannot_be_meant_is_refused(gantry: Gantry, far: FarSide, args: list[str], complaint: str) -> None:
    done = gantry(*args)

    assert (done.returncode, far.asked) == (2, [])
    assert complaint in done.stderr


@pytest.mark.parametrize(
    "args", [["42", "production"], ["-R", SLUG, "42", "production"], ["42", "production", "--repo", SLUG]]
)
def test_promote_takes_the_clone_s_repository(gantry: Gantry, server: FarSide, tmp_path: Path, args: list[str]) -> None:
    clone(tmp_path, origin=HTTPS)
    server.on("POST", f"/api/repos/{SLUG}/builds/42/promote", answer(recorded("promote with parameters")))

    assert gantry("promote", *args).returncode == 0
    assert server.asked[-1].query == {"target": "production"}


def test_a_command_in_a_clone_has_one_client(
    environment: dict[str, str], server: FarSide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone(tmp_path, origin=HTTPS)
    monkeypatch.chdir(tmp_path)
    made: list[Client] = []

    class Counted(Client):
        def __init__(self, *args: Any, **given: Any) -> None:
            super().__init__(*args, **given)
            made.append(self)

    monkeypatch.setattr("app.cli.remote.client.Client", Counted)

    done = CliRunner().invoke(main, ["builds"], env=environment)

    assert (done.exit_code, len(server.asked), len(made)) == (0, 2, 1)
    assert made[0]._http.is_closed
