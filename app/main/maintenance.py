"""Work on a data folder and its database: opening, checking, and sealing anew."""

import logging
import shlex
import time
from contextlib import AsyncExitStack

from app.accounts.artifactory import keys as api_keys
from app.accounts.hosted import model as hosted
from app.bundles.signing import store as key_pairs
from app.chatops import requests as chat_requests
from app.db.connect import Alterable, connect, file_of, is_absent
from app.db.file import Damaged
from app.db.migrate import migrate, present_version, versions
from app.errors import AppError, Unavailable
from app.folder import BadFolder, Folder, private
from app.migrate.store import refuse_unfinished
from app.notify.webhooks import store as webhooks
from app.repos import credentials
from app.repos import keys as hook_keys
from app.repos import model as repos
from app.repos.secrets import store as secrets
from app.sealing import keyring, renew
from app.settings.server import Settings

log = logging.getLogger(__name__)

#: The columns of all sealed values.
SEALED = (
    *(*repos.SEALED, *secrets.SEALED, api_keys.DATA, key_pairs.DATA, credentials.SECRET, *hosted.SEALED),
    *hook_keys.SEALED,
    chat_requests.PLACE,
    *webhooks.SEALED,
)


class NoDatabase(AppError):
    """There is no database at the address of the settings."""

    code = "no_database"


def now() -> int:
    """The current time, in Unix seconds."""
    return int(time.time())


def open_folder(stack: AsyncExitStack, settings: Settings, *, restoring: bool = False) -> tuple[Folder, int]:
    """The data folder of the settings, locked, and the umask of before: until the stack closes, only this account can
    read what this process makes. What was there before and others can read is a warning.

    A folder whose restore was interrupted is only for the next restore, `restoring`; BadFolder.
    """
    umask = stack.enter_context(private())
    folder = Folder(settings.data, settings.logs, settings.blobs_folder)
    stack.enter_context(folder.locked())
    if folder.restoring.exists() and not restoring:
        raise BadFolder(f"a restore into {folder.path} was interrupted: repeat it with gantry restore")
    file = file_of(settings.database)
    for path in folder.open_to_others(*([file] if file else [])):
        close = f"chmod -R go-rwx {shlex.quote(str(path))}"
        log.warning("other accounts of this machine can read the data", extra={"path": str(path), "close": close})
    return folder, umask


async def open_database(stack: AsyncExitStack, settings: Settings, *, moving: bool = False) -> Alterable:
    """The database of the settings, migrated to the newest version; the stack closes it.

    A database into which a move from Drone was not finished is only for this move, `moving`; Unfinished.
    """
    db = connect(settings.database)
    await db.open()
    stack.push_async_callback(db.close)
    try:
        applied = await migrate(db, now=now())
    except Unavailable as error:
        if error.code != Damaged.code:
            raise
        raise Damaged(f"{settings.database}: {error.message}") from error  # here, nobody but the administrator reads it
    if applied:
        log.info("database migrated", extra={"versions": applied})
    if not moving:
        await db.read(refuse_unfinished())
    return db


async def rotate_key(settings: Settings) -> int:
    """Seal every value anew, with a new key of the data folder or with the key of the settings.

    Returns the number of values. Raises an AppError with the reason when that is impossible; then no value is changed.
    After an interruption every value can still be opened at the next start, and the next call finishes the change.
    """
    async with AsyncExitStack() as stack:
        folder, _ = open_folder(stack, settings)
        if is_absent(settings.database):
            raise NoDatabase(f"there is no database at {settings.database}: is GANTRY_DATA the server's own?")
        db = await open_database(stack, settings)
        await db.read(renew.check(keyring.seal(settings, folder), SEALED))
        renewed = await db.write(renew.renew(keyring.begin_change(settings, folder), SEALED))
        keyring.end_change(settings, folder)
    return renewed


async def check(settings: Settings) -> None:
    """Check the data folder, its lock, the database and the keys. Raises an AppError when a server cannot be set up.

    This changes nothing, but may make an empty data folder. The keys of a database that is not yet migrated to the
    newest version are not checked, because such a database may lack sealed columns.
    """
    async with AsyncExitStack() as stack:
        folder, _ = open_folder(stack, settings)
        if is_absent(settings.database):
            return
        db = connect(settings.database)
        await db.open()
        stack.push_async_callback(db.close)
        if await db.read(present_version(db.dialect)) == len(versions(db.dialect)):
            await db.read(refuse_unfinished())
            await db.read(renew.check(keyring.seal(settings, folder), SEALED))
