"""Changing the key that seals the secrets, with keys of the data folder and of the settings."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from app.db.connect import connect
from app.db.migrate import migrate
from app.db.tx import Tx, run
from app.errors import AppError
from app.folder import Folder
from app.main.maintenance import NoDatabase, check, rotate_key
from app.repos import store
from app.repos.model import SECRET, SIGNER, Repo
from app.repos.secrets import store as secrets
from app.sealing import keyring
from app.sealing.seal import CannotOpen, Seal
from app.settings.server import Settings

FIRST, SECOND = "the-first-key-of-all", "the-second-key-of-all"


@dataclass(frozen=True)
class Site:
    """A data folder and a database, with no server."""

    settings: Settings

    @property
    def folder(self) -> Folder:
        return Folder(self.settings.data)

    def named(self, key: str, *older: str) -> "Site":
        """The same with keys of the settings."""
        return Site(self.settings.model_copy(update={"secret_key": key, "old_secret_keys": older}))

    def key(self) -> str:
        """That of the data folder."""
        return self.folder.key("secret")

    async def write(self, tx: Tx[object]) -> None:
        db = connect(self.settings.database)
        await db.open()
        await migrate(db, now=0)
        await db.write(tx)
        await db.close()

    async def opens(self) -> bool:
        """Whether a server would start."""
        try:
            await check(self.settings)
        except CannotOpen:
            return False
        return True


def _everything(seal: Seal) -> Tx[None]:
    """A repository, a secret of it and one of its namespace: four values."""
    signer, secret = (seal.seal("k" * 32, purpose) for purpose in (SIGNER, SECRET))
    repo = yield from store.create(replace(Repo(0, "octocat", "hello"), signer=signer, secret=secret, user_id=1))
    for owner in (secrets.of_repo(repo.id), secrets.of_namespace("octocat")):
        flags = {"pull_request": False, "pull_request_push": False}
        yield from secrets.create(owner, "token", seal.seal("hush", owner.purpose), **flags)


@pytest.fixture
def empty(empty_database_url: str, tmp_path: Path) -> Site:
    return Site(Settings().model_copy(update={"data": tmp_path / "data", "database_url": empty_database_url}))


@pytest.fixture
async def site(empty: Site) -> Site:
    account = (
        "INSERT INTO users (login, email, avatar, machine, admin, active, synced, created, updated, last_login) "
        "VALUES ('octocat', '', '', false, true, true, 0, 0, 0, 0)"
    )
    await empty.write(run(account))
    await empty.write(_everything(keyring.seal(empty.settings, empty.folder)))
    return empty


async def test_a_new_key_takes_the_place_of_the_folders(site: Site) -> None:
    old = site.key()

    assert await rotate_key(site.settings) == 4

    assert site.key() != old
    assert site.folder.kept("secret-next") is None
    assert await site.opens()
    assert not await site.named(old).opens()


async def test_a_key_of_the_settings_is_changed_for_another(site: Site) -> None:
    await rotate_key(site.named(FIRST, site.key()).settings)
    new = site.named(SECOND, "a-key-of-long-ago", FIRST)

    assert await new.opens()
    assert await rotate_key(new.settings) == 4
    assert await rotate_key(new.settings) == 0
    assert await site.named(SECOND).opens()
    assert not await site.named(FIRST).opens()


async def test_a_key_moves_from_the_folder_into_the_settings_and_back(site: Site) -> None:
    kept = site.key()

    await rotate_key(site.named(FIRST, kept).settings)
    assert [await site.opens(), await site.named(FIRST).opens(), site.key()] == [False, True, kept]
    await rotate_key(site.named("", FIRST).settings)
    assert [await site.opens(), await site.named(FIRST).opens(), site.key() == kept] == [True, False, False]


async def test_without_the_key_nothing_is_changed(site: Site) -> None:
    old = site.key()
    lost = replace(site, settings=site.settings.model_copy(update={"data": site.settings.data / "other"}))

    for stranger in (site.named(FIRST), site.named(FIRST, SECOND), lost):
        with pytest.raises(CannotOpen, match="GANTRY_OLD_SECRET_KEYS"):
            await rotate_key(stranger.settings)

    assert lost.folder.kept("secret-next") is None
    assert (site.key(), await site.opens()) == (old, True)


async def test_a_value_that_is_damaged_changes_nothing_and_is_named(site: Site) -> None:
    old = site.key()
    await site.write(run("UPDATE secrets SET data = (SELECT data FROM org_secrets)"))

    with pytest.raises(CannotOpen, match=r"a value of secrets\.data is damaged: the value is in the row with id 1"):
        await rotate_key(site.settings)
    assert (site.key(), await site.opens()) == (old, True)

    await site.write(run("DELETE FROM secrets"))
    assert await rotate_key(site.settings) == 3
    assert site.folder.kept("secret-next") is None


async def test_a_server_of_the_folder_is_left_alone(site: Site) -> None:
    with site.folder.locked(), pytest.raises(AppError, match=f"a server runs on {re.escape(str(site.folder.path))}"):
        await rotate_key(site.settings)


async def test_where_no_server_ever_was_there_is_nothing_to_change(empty: Site, tmp_path: Path) -> None:
    nowhere = empty.settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'nowhere'}"})

    with pytest.raises(NoDatabase, match="is GANTRY_DATA the server's own"):
        await rotate_key(nowhere)
    assert list((empty.folder.path / "keys").iterdir()) == []
