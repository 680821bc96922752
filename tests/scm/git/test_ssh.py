"""Private repositories over ssh, each with a key of its own and the pinned key of its host."""

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.errors import Unreadable
from app.scm.git.host import Git
from app.scm.host import Access, Account, Source
from app.scm.ssh import Identity
from tests.scm import sshd
from tests.scm.conftest import Shim
from tests.scm.https import LOGIN, PASSWORD
from tests.scm.https import serving as serving_https
from tests.scm.repository import Repository
from tests.scm.sshd import SshHost


@pytest.fixture
def remote(repository: Repository) -> Iterator[SshHost]:
    with sshd.serving(repository.path.parent) as host:
        yield host


@pytest.fixture
def identity(remote: SshHost) -> Identity:
    """A key that the host knows."""
    text, key = sshd.new_key()
    remote.known.append(key)
    return Identity(text, remote.known_hosts)


def git(tmp_path: Path, given: Access | None, *, account: Account | None = None, **environ: str) -> Git:
    async def access(_: Source) -> Access | None:
        return given

    environ = {"PATH": os.environ["PATH"], **environ}
    return Git(tmp_path / "mirrors", [], environ=environ, access=access, account=account)


def source(remote: SshHost) -> Source:
    return Source(1, f"{remote.url}{remote.root}/demo/.git")


async def test_a_repository_is_read_with_its_key(remote: SshHost, identity: Identity, tmp_path: Path) -> None:
    host = git(tmp_path, identity)

    commit = await host.branch(source(remote), "main")

    assert await host.read_file(source(remote), commit.sha, ".drone.yml") == "kind: pipeline\n"
    assert await host.refs(source(remote)) == {"refs/heads/main": commit.sha}


async def test_the_key_is_in_a_file_of_this_account_while_git_runs_and_nowhere_else(
    shim: Shim, remote: SshHost, identity: Identity, tmp_path: Path
) -> None:
    mirrors = tmp_path / "mirrors"
    shim.behave(
        f'env >>{tmp_path}/env; find {mirrors}/passing -type f -printf "%m %f\\n" >>{tmp_path}/files 2>/dev/null'
    )

    await git(tmp_path, identity).branch(source(remote), "main")

    assert set((tmp_path / "files").read_text().splitlines()) == {"600 key", "600 known_hosts"}
    told = (tmp_path / "env").read_text() + (tmp_path / "shim" / "calls").read_text()
    secret = identity.key.splitlines()[1]
    assert secret not in told
    assert stat.S_IMODE((mirrors / "passing").stat().st_mode) == 0o700
    left = [path for path in mirrors.rglob("*") if path.is_file()]
    assert left
    assert not any(secret.encode() in path.read_bytes() for path in left)
    assert list((mirrors / "passing").iterdir()) == []


async def test_a_key_that_the_host_does_not_know_is_refused(remote: SshHost, tmp_path: Path) -> None:
    stranger = Identity(sshd.new_key()[0], remote.known_hosts)

    with pytest.raises(Unreadable) as refused:
        await git(tmp_path, stranger).branch(source(remote), "main")

    assert "Permission denied" in refused.value.message
    assert "gantry repo credentials" in refused.value.message


async def test_a_host_whose_key_has_changed_is_not_believed(
    remote: SshHost, identity: Identity, tmp_path: Path
) -> None:
    other = sshd.new_key()[1].export_public_key().decode()
    pinned = replace(identity, known_hosts=f"[127.0.0.1]:{remote.port} {other}")

    with pytest.raises(Unreadable) as refused:
        await git(tmp_path, pinned).branch(source(remote), "main")

    assert "none of its pinned keys" in refused.value.message
    assert remote.commands == []


async def test_no_other_key_and_no_other_settings_are_used(remote: SshHost, identity: Identity, tmp_path: Path) -> None:
    """An agent knows the right key, and would offer it."""
    stranger = Identity(sshd.new_key()[0], remote.known_hosts)

    with pytest.raises(Unreadable, match="Permission denied"):
        await git(tmp_path, stranger, SSH_AUTH_SOCK=str(tmp_path / "agent")).branch(source(remote), "main")


async def test_a_data_folder_with_odd_characters_works(remote: SshHost, identity: Identity, tmp_path: Path) -> None:
    (tmp_path / "a b%h").mkdir()

    assert await git(tmp_path / "a b%h", identity).default_branch(source(remote)) == "main"


async def test_what_a_killed_server_left_is_removed_at_the_start(tmp_path: Path) -> None:
    left = tmp_path / "mirrors" / "passing" / "x"
    left.mkdir(parents=True)
    (left / "key").write_text("a key")

    git(tmp_path, None)

    assert not left.exists()


async def test_the_account_of_a_repository_wins_over_that_of_the_server(repository: Repository, tmp_path: Path) -> None:
    with serving_https(repository.path.parent, tmp_path) as remote:
        about = Source(1, f"{remote.url}/demo/.git")
        right, wrong = Account(LOGIN, PASSWORD), Account("nobody", "stale")
        trusted = {"GIT_SSL_CAINFO": str(remote.ca)}

        assert await git(tmp_path, right, account=wrong, **trusted).default_branch(about) == "main"
        assert await git(tmp_path, None, account=right, **trusted).default_branch(about) == "main"
        with pytest.raises(Unreadable, match="set the repository's credentials"):
            await git(tmp_path, wrong, account=right, **trusted).default_branch(about)
