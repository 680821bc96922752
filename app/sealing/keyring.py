"""The keys that seal the values of the database: the keys of the settings, or else the keys in the data folder.

A key in the data folder is changed in three steps, and each step happens completely or not at all: the new key is
stored beside the old key; all values are sealed with the new key in one transaction; the new key replaces the old key.
After an interruption, both keys are there as long as both are needed.
"""

from app.folder import Folder
from app.sealing.seal import Seal
from app.settings.server import Settings

CURRENT, NEXT = "secret", "secret-next"


def seal(settings: Settings, folder: Folder) -> Seal:
    """A seal that opens with every key and seals with the newest. Makes the first key if there is no key."""
    if settings.secret_key:
        return Seal(settings.secret_key, *settings.old_secret_keys)
    current, upcoming = folder.key(CURRENT), folder.kept(NEXT)
    newest_first = [current] if upcoming is None else [upcoming, current]
    return Seal(*newest_first, *settings.old_secret_keys)


def begin_change(settings: Settings, folder: Folder) -> Seal:
    """As `seal`, with a new key as the newest: the key of the settings, or else a new key in the data folder.

    A new key that is in the data folder already comes from a change that was interrupted; it is used again.
    """
    if not settings.secret_key:
        folder.key(NEXT)
    return seal(settings, folder)


def end_change(settings: Settings, folder: Folder) -> None:
    """Replace the old key in the data folder by the new key. No value may be sealed with the old key any more."""
    if not settings.secret_key:
        folder.rename(NEXT, CURRENT)
