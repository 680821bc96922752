"""Private repositories over https, with the account of the settings."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import Unreadable
from app.scm.git.host import Git
from app.scm.host import Account, Source
from tests.scm.conftest import Shim
from tests.scm.https import LOGIN, PASSWORD, HttpsHost, serving
from tests.scm.repository import Repository


@pytest.fixture
def remote(repository: Repository, tmp_path: Path) -> Iterator[HttpsHost]:
    with serving(repository.path.parent, tmp_path) as host:
        yield host


def git(remote: HttpsHost, tmp_path: Path, account: Account | None) -> Git:
    environ = {"PATH": os.environ["PATH"], "GIT_SSL_CAINFO": str(remote.ca)}
    return Git(tmp_path / "mirrors", [], environ=environ, account=account)


async def test_a_private_repository_is_read_with_the_account(
    remote: HttpsHost, repository: Repository, tmp_path: Path
) -> None:
    host, source = git(remote, tmp_path, Account(LOGIN, PASSWORD)), Source(1, f"{remote.url}/demo/.git")

    assert await host.default_branch(source) == "main"
    commit = await host.branch(source, "main")
    assert await host.read_file(source, commit.sha, "ci/deploy.yml") == "kind: secret\n"
    newer = repository.commit({".drone.yml": "kind: signature\n"})
    assert await host.read_file(source, newer, ".drone.yml") == "kind: signature\n"


@pytest.mark.parametrize("account", [None, Account(LOGIN, "stale")], ids=["no-account", "a-stale-password"])
async def test_without_the_right_account_it_is_told_which_repository_cannot_be_read(
    remote: HttpsHost, tmp_path: Path, account: Account | None
) -> None:
    source = Source(1, f"{remote.url}/demo/.git")
    with pytest.raises(Unreadable) as refused:
        await git(remote, tmp_path, account).branch(source, "main")

    assert refused.value.code == "repository_unreachable"
    assert "GANTRY_GIT_USERNAME" in refused.value.message
    assert "stale" not in refused.value.message


async def test_the_password_is_never_an_argument_and_of_https_alone(
    shim: Shim, remote: HttpsHost, repository: Repository, tmp_path: Path
) -> None:
    shim.behave(f'echo "$*" >>{tmp_path}/arguments; env >>{tmp_path}/env-"${{GANTRY_LOGIN:-nobody}}"')
    environ = {"PATH": os.environ["PATH"], "GIT_SSL_CAINFO": str(remote.ca)}
    host = Git(tmp_path / "mirrors", [repository.path], environ=environ, account=Account(LOGIN, PASSWORD))
    await host.branch(Source(1, f"{remote.url}/demo/.git"), "main")
    await host.branch(Source(2, repository.url), "main")

    assert PASSWORD not in (tmp_path / "arguments").read_text()
    assert PASSWORD in (tmp_path / f"env-{LOGIN}").read_text()
    assert PASSWORD not in (tmp_path / "env-nobody").read_text()
    assert not any(PASSWORD in path.read_text(errors="replace") for path in (tmp_path / "mirrors").rglob("config"))
