"""Opening the hosts: logging in with accounts there, synchronising, rights, and what calls show."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.accounts import auth
from app.accounts.hosted.login import HostLogins
from app.accounts.hosted.model import AccountHost
from app.accounts.hosted.people import Rules
from app.accounts.hosted.tokens import Tokens
from app.db.connect import Database
from app.main.maintenance import now
from app.moments import Recorders
from app.repos.hosted.credentials import Credentials
from app.repos.hosted.lists import Lists
from app.repos.hosted.rights import Rights
from app.repos.hosted.sync import Syncs
from app.scm.forge import Credential
from app.sealing.seal import Seal


@dataclass(frozen=True, slots=True)
class OpenedHosts:
    """The opened objects of the hosts."""

    hosts: Sequence[AccountHost]
    credentials: Credentials
    logins: HostLogins
    syncs: Syncs
    rights: Rights


def account_hosts(_: Credentials) -> Sequence[AccountHost]:
    """The hosts of the settings, at which people log in and whose repositories are synchronised."""
    return ()


@asynccontextmanager
async def open_hosts(
    db: Database,
    seal: Seal,
    recorders: Recorders,
    make: Callable[[Credentials], Sequence[AccountHost]],
    *,
    services: Mapping[str, str],
    rules: Rules,
    only: Collection[str],
    cookie_key: bytes,
    public_url: str,
) -> AsyncIterator[OpenedHosts]:
    """While the block lasts, people log in at hosts, and their repositories are synchronised.

    `make` makes the hosts, in the order of the settings; it gets what finds the credentials of their calls. `services`
    are the tokens of the server itself by the host's name, `only` the namespaces whose repositories are taken.
    """
    known: dict[str, AccountHost] = {}
    tokens = Tokens(db, seal, known, now, public_url)
    shown = {name: Credential("token", token) for name, token in services.items() if token}
    credentials = Credentials(db, tokens, shown)
    hosts = make(credentials)
    known |= {host.name: host for host in hosts}
    lists = Lists(db, seal, recorders, auth.new_token, only)
    syncs = Syncs(db, tokens, lists, known, shown, now)
    logins = HostLogins(db, tokens, hosts, rules, cookie_key, f"{public_url}/login", now, syncs.begin)
    async with tokens.running(), syncs.running():
        yield OpenedHosts(hosts, credentials, logins, syncs, Rights(db, tokens, now))
