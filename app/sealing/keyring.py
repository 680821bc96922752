"""The keys that seal the database: those of the settings, or else those in the data folder.

A key in the data folder is changed in three moves, each whole or not at all: the new one is kept beside the old,
everything is sealed with it in one transaction, and it takes the old one's place. Whenever that is cut short, both
keys are there as long as both are needed.
"""

from app.folder import Folder
from app.sealing.seal import Seal
from app.settings.server import Settings

CURRENT, NEXT = "secret", "secret-next"


def seal(settings: Settings, folder: Folder) -> Seal:
    """Opens with every key there is, seals with the newest; the first key of all is made here."""
    if settings.secret_key:
        return Seal(settings.secret_key, *settings.old_secret_keys)
    current, upcoming = folder.key(CURRENT), folder.kept(NEXT)
    newest_first = [current] if upcoming is None else [upcoming, current]
    return Seal(*newest_first, *settings.old_secret_keys)


def begin_change(settings: Settings, folder: Folder) -> Seal:
    """As `seal`, with a new key as the newest: the settings', or one beside that in the data folder.

    One that is there already was made by a change that was cut short, which goes on with it.
    """
    if not settings.secret_key:
        folder.key(NEXT)
    return seal(settings, folder)


def end_change(settings: Settings, folder: Folder) -> None:
    """Let the new key take the place of the old one, which is gone then: nothing is sealed with it any more."""
    if not settings.secret_key:
        folder.rename(NEXT, CURRENT)
