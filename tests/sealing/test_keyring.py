"""Which key seals, and how one of the data folder takes another's place."""

from pathlib import Path

import pytest

from app.folder import Folder
from app.sealing import keyring
from app.sealing.seal import CannotOpen, Seal
from app.settings.server import Settings

OWN, OLDER = "a key of the settings", "an older key of theirs"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "data")


def given(**keys: object) -> Settings:
    return Settings().model_copy(update=keys)


def opens(seal: Seal, *keys: str) -> list[bool]:
    """Whether it opens what each of these keys sealed."""
    found = []
    for key in keys:
        try:
            found.append(seal.open(Seal(key).seal("x", "p"), "p") == "x")
        except CannotOpen:
            found.append(False)
    return found


def test_the_folder_has_a_key_that_is_made_once(folder: Folder) -> None:
    sealed = keyring.seal(given(), folder).seal("x", "p")

    assert keyring.seal(given(), Folder(folder.path)).open(sealed, "p") == "x"
    assert folder.kept("secret") is not None


def test_a_key_of_the_settings_is_used_in_place_of_the_folders(folder: Folder) -> None:
    kept = folder.key("secret")
    seal = keyring.seal(given(secret_key=OWN, old_secret_keys=(OLDER,)), folder)

    assert seal.is_newest(Seal(OWN).seal("x", "p"))
    assert opens(seal, OWN, OLDER, kept) == [True, True, False]


def test_older_keys_of_the_settings_open_beside_the_folders(folder: Folder) -> None:
    kept = folder.key("secret")
    seal = keyring.seal(given(old_secret_keys=(OLDER,)), folder)

    assert seal.is_newest(Seal(kept).seal("x", "p"))
    assert opens(seal, OLDER, kept) == [True, True]


def test_a_new_key_comes_beside_the_old_one_and_then_takes_its_place(folder: Folder) -> None:
    old = folder.key("secret")

    during = keyring.begin_change(given(), folder)
    new = folder.kept("secret-next")
    assert new not in (None, old)
    assert during.is_newest(Seal(str(new)).seal("x", "p"))
    assert opens(during, old, str(new)) == [True, True]
    assert opens(keyring.seal(given(), Folder(folder.path)), old, str(new)) == [True, True]

    keyring.end_change(given(), folder)
    assert opens(keyring.seal(given(), folder), old, str(new)) == [False, True]
    assert [path.name for path in (folder.path / "keys").iterdir()] == ["secret"]


def test_a_change_that_was_cut_short_goes_on_with_its_key(folder: Folder) -> None:
    keyring.begin_change(given(), folder)
    new = folder.kept("secret-next")

    keyring.begin_change(given(), folder)
    keyring.end_change(given(), folder)

    assert folder.kept("secret") == new


def test_a_change_of_the_settings_key_touches_no_file(folder: Folder) -> None:
    settings = given(secret_key=OWN, old_secret_keys=(OLDER,))

    assert keyring.begin_change(settings, folder).is_newest(Seal(OWN).seal("x", "p"))
    keyring.end_change(settings, folder)

    assert list((folder.path / "keys").iterdir()) == []
