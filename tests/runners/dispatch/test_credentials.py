"""With what a runner clones: private repositories over https or http, or all, with login and password both."""

import stat
from pathlib import Path

import pytest

from app.repos.model import Repo, Visibility
from app.runners.dispatch.credentials import Credentials
from app.runners.exec.workspace import Workspace
from app.runners.manager import Netrc
from app.scm.host import TOKEN_AS_LOGIN, Account
from app.scm.ssh import Identity

BOTH = Credentials(Account("bot", "hush"))


@pytest.mark.parametrize(
    ("credentials", "url", "visibility", "told"),
    [
        (BOTH, "https://git.example.com:8443/acme/web.git", "private", True),
        (BOTH, "http://git.example.com/acme/web.git", "internal", True),
        (BOTH, "https://git.example.com/acme/web.git", "public", False),
        (Credentials(Account("bot", "hush"), always=True), "https://git.example.com/acme/web.git", "public", True),
        (BOTH, "ssh://git@git.example.com/acme/web.git", "private", False),
        (BOTH, "file:///srv/web.git", "private", False),
        (Credentials(), "https://git.example.com/acme/web.git", "private", False),
    ],
)
async def test_who_is_told(credentials: Credentials, url: str, visibility: Visibility, told: bool) -> None:
    repo = Repo(1, "acme", "web", git_http_url=url, visibility=visibility)

    assert await credentials.netrc(repo) == (Netrc("git.example.com", "bot", "hush") if told else None)


async def at_host(repo: Repo) -> Account | None:
    return Account("octocat's token", TOKEN_AS_LOGIN) if repo.scm else None


@pytest.mark.parametrize(
    ("credentials", "scm", "visibility", "login"),
    [
        (Credentials(at_host=at_host), "github", "private", "octocat's token"),
        (Credentials(at_host=at_host), "github", "public", ""),
        (Credentials(always=True, at_host=at_host), "github", "public", "octocat's token"),
        (Credentials(at_host=at_host), "", "private", ""),
        (Credentials(Account("bot", "hush"), at_host=at_host), "github", "private", "bot"),
    ],
)
async def test_the_account_of_the_host_is_told_unless_the_settings_name_one(
    credentials: Credentials, scm: str, visibility: Visibility, login: str
) -> None:
    repo = Repo(1, "acme", "web", scm=scm, git_http_url="https://git.example.com/acme/web.git", visibility=visibility)

    netrc = await credentials.netrc(repo)

    assert (netrc.login if netrc else "") == login


def test_the_secret_is_the_token_wherever_it_stands() -> None:
    assert Netrc("git.example.com", "the token", TOKEN_AS_LOGIN).secret == "the token"
    assert Netrc("git.example.com", "oauth2", "the token").secret == "the token"


async def test_the_account_of_a_repository_wins_and_is_told_for_a_public_one_too() -> None:
    repo = Repo(1, "acme", "web", git_http_url="https://git.example.com/acme/web.git", visibility="public")

    assert await BOTH.netrc(repo, Account("own", "secret")) == Netrc("git.example.com", "own", "secret")
    assert await Credentials().netrc(repo, Account("own", "secret")) == Netrc("git.example.com", "own", "secret")


def test_a_key_is_in_a_folder_of_its_own_until_it_is_forgotten(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.create({}, identity=Identity("a key", "a host key"))

    assert stat.S_IMODE(workspace.ssh.stat().st_mode) == 0o700
    assert {path.name: path.read_text() for path in workspace.ssh.iterdir()} == {
        "key": "a key",
        "known_hosts": "a host key",
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in workspace.ssh.iterdir()} == {0o600}
    workspace.forget_key()
    assert not workspace.ssh.exists()
    assert "a key" not in repr(Identity("a key", "a host key"))


def test_the_password_shows_in_no_repr() -> None:
    assert "hush" not in repr(BOTH) + repr(Netrc("m", "bot", "hush")) + repr(Netrc("m", "hush", TOKEN_AS_LOGIN))


def test_a_run_has_it_in_its_home_for_its_owner_alone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.create({}, netrc=Netrc("git.example.com", "bot", "hush"))

    file = workspace.home / ".netrc"
    assert file.read_text() == "machine git.example.com login bot password hush"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_run_without_credentials_has_no_file(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.create({})

    assert not (workspace.home / ".netrc").exists()


def test_links_lead_out_of_the_workspace_where_whoever_runs_it_says(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    workspace = Workspace(tmp_path / "work")
    workspace.create({}, symlinks={str(tmp_path / "cache"): "/home/drone/.cache"})

    assert (workspace.home / ".cache").resolve() == tmp_path / "cache"
