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
        made = store.bootstrap(account.login, admin=account.admin, machine=account.machine, token=token, now=now())
        if known is None:
            await db.write(recorders.recorded(made, partial(moments.created, SERVER)))
        else:
            await db.write(moments.updating(recorders, SERVER, known.id, made))
    elif not await db.read(store.count()):
        log.warning("there is no account yet: set GANTRY_ADMIN=username:NAME,admin:true and start again")
