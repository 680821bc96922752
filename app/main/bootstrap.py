"""The account of the settings, which is created or updated at every start of the server."""

import logging
from functools import partial

from app.accounts import auth, moments, store
from app.db.connect import Database
from app.folder import Folder
from app.main.maintenance import now
from app.moments import SERVER, Recorders
from app.settings.server import Settings

log = logging.getLogger(__name__)

#: File in the data folder with the token of an account for which the settings name no token.
ADMIN_TOKEN = "admin-token"


async def bootstrap(db: Database, settings: Settings, folder: Folder, recorders: Recorders) -> None:
    """Create or update the account of the settings. For a new account without a token, make a token and store it."""
    account = settings.admin
    if account is not None:
        known = await db.read(store.find_if_any(account.login))
        token = account.token
        if known is None and not token:
            token = auth.new_token()
            folder.keep(ADMIN_TOKEN, token)
            kept = str(folder.path / "keys" / ADMIN_TOKEN)
            log.info("a token was made", extra={"login": account.login, "file": kept})
        host = "" if account.machine else next((forge.kind for forge in settings.forges if forge.admits), "")
        flags = {"admin": account.admin, "machine": account.machine}
        made = store.bootstrap(account.login, **flags, token=token, now=now(), expected_from=host)
        if known is None:
            user = await db.write(recorders.recorded(made, partial(moments.created, SERVER)))
        else:
            user = await db.write(moments.updating(recorders, SERVER, known.id, made))
        if user.expected_from:
            words = "whoever logs in with this login at the host gets the account of the settings"
            log.info(words, extra={"login": user.login, "host": user.expected_from})
    elif not await db.read(store.count()):
        log.warning("there is no account yet: set GANTRY_ADMIN=username:NAME,admin:true and start again")
