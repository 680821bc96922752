"""The state of requests that accounts need, and sessions of browsers."""

from dataclasses import replace
from typing import Any

from app.accounts import auth, proofs, store
from app.accounts.hosted.login import HostLogins
from app.accounts.hosted.model import AccountHost
from app.accounts.hosted.people import Rules
from app.accounts.hosted.tokens import Tokens
from app.accounts.jwt import Signer
from app.accounts.model import Session
from app.accounts.seen import Seen
from app.db.connect import Database
from app.db.tx import Tx
from app.moments import Recorders
from app.repos.hosted.owners import Owners
from app.sealing.seal import Seal

NOW = 1_700_000_000
KEY = b"a key for cookies"
SEAL = Seal("a key of sixteen characters")
#: The headers that a browser adds to requests of the server's own pages.
OWN = {"Sec-Fetch-Site": "same-origin"}


def state(db: Database, **more: Any) -> dict[str, Any]:
    """What a server gives every request."""
    return {
        "db": db,
        "cookie_key": KEY,
        "now": lambda: NOW,
        "public_url": "http://gantry.test",
        "cors_origins": frozenset(),
        "recorders": Recorders(),
        "seen": Seen(db),
        "signer": Signer(b"k" * 32, "gantry"),
        "logins": logins(db),
        "owners": owners(db),
    } | more


def logins(db: Database, *hosts: AccountHost, **more: Any) -> HostLogins:
    """Logging in at these hosts."""
    known = {host.name: host for host in hosts}
    tokens = Tokens(db, SEAL, known, lambda: NOW, "http://gantry.test")
    made = HostLogins(db, tokens, hosts, Rules(), KEY, "http://gantry.test/login", lambda: NOW, lambda _: None)
    return replace(made, **more)


def owners(db: Database, *hosts: AccountHost) -> Owners:
    """What these hosts tell of who administers namespaces."""
    return Owners(db, Tokens(db, SEAL, {host.name: host for host in hosts}, lambda: NOW, "http://gantry.test"))


def shown(cookie: str) -> dict[str, str]:
    """The header of a browser that has this cookie."""
    return {"Cookie": f"{auth.COOKIE}={cookie}"}


async def begin(db: Database, login: str, *, expires: int = NOW + 60, key: bytes = KEY) -> str:
    """Log a browser in, in the database; its cookie."""
    cookie = auth.new_token()
    await db.write(_begun(login, auth.hash_cookie(cookie, key), expires))
    return cookie


def _begun(login: str, session_hash: str, expires: int) -> Tx[Session]:
    user = yield from store.find(login)
    token, *_ = yield from proofs.list_tokens(user.id)
    session = Session(0, user.id, token.id, NOW, NOW, expires, "a browser", "127.0.0.1")
    return (yield from proofs.begin_session(session, session_hash, replaces="", now=0))
