import subprocess
from pathlib import Path

import pytest

from app.cli.hooks import hook_path, install_hook
from app.errors import Conflict, Invalid
from tests.cli.conftest import Gantry
from tests.cli.farside import FarSide, answer, recorded

SLUG = "octocat/hello-world"
REPO = f"/api/repos/{SLUG}"


def test_add_sends_what_was_given(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", "/api/repos", answer(recorded("one repository")))

    done = gantry(
        "repo", "add", SLUG, "https://git.example.com/x.git", "--branch=trunk", "--config=ci.yml", "--visibility=public"
    )

    assert far.asked[0].body == {
        "namespace": "octocat",
        "name": "hello-world",
        "git_http_url": "https://git.example.com/x.git",
        "default_branch": "trunk",
        "config_path": "ci.yml",
        "visibility": "public",
    }
    assert done.stdout.startswith("Repository:  octocat/hello-world\n")


def test_add_leaves_what_was_not_given_to_the_server(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", "/api/repos", answer(recorded("one repository")))

    gantry("repo", "add", SLUG, "ssh://git@git.example.com/x.git")

    assert set(far.asked[0].body) == {"namespace", "name", "git_http_url"}


@pytest.mark.parametrize("given", ["my repo.git", "./my repo.git", "sub/../my repo.git"])
def test_plain_path_becomes_the_address_of_the_absolute_path(
    gantry: Gantry, far: FarSide, tmp_path: Path, given: str
) -> None:
    far.on("POST", "/api/repos", answer(recorded("one repository")))

    gantry("repo", "add", SLUG, given)

    assert far.asked[0].body["git_http_url"] == f"file://{tmp_path}/my%20repo.git"


@pytest.mark.parametrize("given", ["file:///srv/x.git", "git@git.example.com:x.git", "https://x/y"])
def test_address_is_left_as_it_is(gantry: Gantry, far: FarSide, given: str) -> None:
    far.on("POST", "/api/repos", answer(recorded("one repository")))

    gantry("repo", "add", SLUG, given)

    assert far.asked[0].body["git_http_url"] == given


def test_ls_shows_a_row_for_each_repository(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", "/api/user/repos", answer(recorded("user repositories")))

    rows = [line.split() for line in gantry("repo", "ls").stdout.splitlines()]

    assert rows[0] == ["REPOSITORY", "BRANCH", "VISIBILITY", "ACTIVE", "BUILDS"]
    assert rows[1] == ["octocat/hello-world", "main", "public", "yes", "1"]


def test_info_shows_the_repository(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", REPO, answer(recorded("one repository")))

    assert "Config:      .drone.yml\n" in gantry("repo", "info", SLUG).stdout


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    path = tmp_path / "my repo.git"
    subprocess.run(["git", "init", "--quiet", "--bare", path], check=True)
    return path


@pytest.fixture
def hooked(far: FarSide, bare: Path) -> Path:
    """A registered repository on this machine, and where its hook belongs."""
    far.on("GET", f"{REPO}/hook", answer({"url": "http://ci.example.com/hook", "key": "k" * 32}))
    far.on("GET", REPO, answer(recorded("one repository") | {"git_http_url": bare.as_uri()}))
    return bare / "hooks" / "post-receive"


@pytest.mark.parametrize("portable", [[], ["--portable"]])
def test_hook_is_printed_alone(gantry: Gantry, hooked: Path, portable: list[str]) -> None:
    done = gantry("repo", "hook", SLUG, *portable)

    assert done.stdout.startswith("#!")
    assert subprocess.run(["sh", "-n"], input=done.stdout, text=True).returncode == 0
    assert (done.stderr, done.returncode) == ("", 0)
    assert not hooked.exists()


def test_install_writes_what_is_printed_for_the_owner_only(gantry: Gantry, hooked: Path) -> None:
    printed = gantry("repo", "hook", SLUG).stdout

    done = gantry("repo", "hook", SLUG, "--install")

    assert done.stdout == f"installed: {hooked}\n"
    assert hooked.read_text() == printed
    assert hooked.stat().st_mode & 0o777 == 0o700
    assert [p for p in hooked.parent.iterdir() if p.name.startswith(".")] == []


def test_install_again_says_so(gantry: Gantry, hooked: Path) -> None:
    gantry("repo", "hook", SLUG, "--install")
    hooked.chmod(0o600)

    assert gantry("repo", "hook", SLUG, "--install").stdout == f"already installed: {hooked}\n"
    assert hooked.stat().st_mode & 0o777 == 0o700


def test_another_hook_is_replaced_only_by_force(gantry: Gantry, hooked: Path) -> None:
    hooked.write_text("#!/bin/sh\nexit 0\n")

    refused = gantry("repo", "hook", SLUG, "--install")
    kept = hooked.read_text()
    forced = gantry("repo", "hook", SLUG, "--install", "--force")

    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert kept == "#!/bin/sh\nexit 0\n"
    assert forced.stdout == f"installed: {hooked}\n"


def test_hook_that_is_a_dangling_link_is_another_hook(tmp_path: Path) -> None:
    path = tmp_path / "post-receive"
    path.symlink_to("nowhere")

    with pytest.raises(Conflict):
        install_hook(path, "#!/bin/sh\n", force=False)


def test_hook_lies_in_a_bare_repository(bare: Path) -> None:
    assert hook_path(bare.as_uri()) == bare / "hooks" / "post-receive"


def test_hook_lies_in_dot_git_of_a_working_tree(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)

    assert hook_path(tmp_path.as_uri()) == tmp_path / ".git" / "hooks" / "post-receive"


def test_hook_of_a_repository_elsewhere_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="works on file:// repositories only"):
        hook_path("https://git.example.com/x.git")
    with pytest.raises(Invalid, match="is no git repository on this machine"):
        hook_path(tmp_path.as_uri())


def test_hook_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "hooks").write_text("a file")

    with pytest.raises(Invalid, match=r"cannot write .*/hooks/post-receive: "):
        install_hook(tmp_path / "hooks" / "post-receive", "#!/bin/sh\n", force=False)
