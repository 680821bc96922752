"""Opening the hosts: the hosts of the settings, what calls show to them, and the accounts and repositories there."""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.accounts import auth
from app.accounts.hosted.login import HostLogins
from app.accounts.hosted.model import AccountHost
from app.accounts.hosted.people import Rules
from app.accounts.hosted.tokens import Tokens
from app.db.connect import Database
from app.main.maintenance import now
from app.moments import Recorders
from app.repos.hosted.addresses import Addresses
from app.repos.hosted.credentials import Credentials
from app.repos.hosted.lists import Lists
from app.repos.hosted.owners import Owners
from app.repos.hosted.rights import Rights
from app.repos.hosted.sync import Syncs
from app.repos.model import Repo, source
from app.runners.dispatch.credentials import Credentials as CloneCredentials
from app.scm.client import Client
from app.scm.forge import Clones, Credential, Passwords
from app.scm.gitea.host import Gitea
from app.scm.github.host import GitHub
from app.scm.gitlab.host import GitLab
from app.scm.gogs.host import Gogs
from app.scm.host import Account
from app.scm.hosts import Hosts
from app.scm.oauth import Application
from app.sealing.seal import Seal
from app.settings.forges import Forge
from app.settings.load import inherited
from app.settings.server import Settings

#: Seconds for which a token lasts at least when a clone begins. A renewal ends the token of other clones at some hosts,
#: so a token is not renewed for each.
CLONE = 900
#: How pages call the hosts.
TITLES = {"github": "GitHub", "gitea": "Gitea", "gitlab": "GitLab", "gogs": "Gogs"}


@dataclass(frozen=True, slots=True)
class Forges:
    """The hosts of the settings, in their order, and what calls show to them."""

    hosts: Sequence[GitHub | Gitea | GitLab | Gogs]
    accounts: Sequence[AccountHost]
    tokens: Tokens
    credentials: Credentials
    clients: Sequence[Client]


@dataclass(frozen=True, slots=True)
class OpenedHosts:
    """The opened objects of accounts and repositories at hosts."""

    hosts: Sequence[AccountHost]
    credentials: Credentials
    logins: HostLogins
    syncs: Syncs
    rights: Rights
    owners: Owners


@asynccontextmanager
async def open_forges(settings: Settings, db: Database, seal: Seal, mirrors: Path) -> AsyncIterator[Forges]:
    """The hosts of the settings while the block lasts. `mirrors` is the folder of the mirrors of repositories."""
    known: dict[str, AccountHost] = {}
    tokens = Tokens(db, seal, known, now, settings.public_url)
    credentials = Credentials(db, tokens, dict(_services(settings.forges)))
    clients = {forge.kind: Client(forge.kind, skip_verify=forge.skip_verify) for forge in settings.forges}
    hosts = [_host(forge, clients[forge.kind], credentials, mirrors) for forge in settings.forges]
    accounts = [_account_host(forge, host) for forge, host in zip(settings.forges, hosts, strict=True)]
    known |= {account.name: account for account in accounts}
    try:
        async with tokens.running():
            yield Forges(hosts, accounts, tokens, credentials, list(clients.values()))
    finally:
        for client in clients.values():
            await client.close()


def _services(forges: Sequence[Forge]) -> Iterator[tuple[str, Credential]]:
    """What the server itself shows to hosts, by their names."""
    for forge in forges:
        if forge.token:
            yield forge.kind, Credential("token", forge.token)


def _host(forge: Forge, client: Client, credentials: Credentials, mirrors: Path) -> GitHub | Gitea | GitLab | Gogs:
    application = Application(forge.client_id, forge.client_secret, " ".join(forge.scope)) if forge.client_id else None
    match forge.kind:
        case "github":
            return GitHub(
                *(client, credentials),
                server=forge.server,
                api=forge.api,
                application=application,
                sha1=forge.sha1,
            )
        case "gitea":
            return Gitea(client, credentials, server=forge.server, application=application)
        case "gitlab":
            return GitLab(client, credentials, server=forge.server, application=application)
        case "gogs":
            return Gogs(
                *(client, credentials),
                server=forge.server,
                mirrors=mirrors / forge.kind,
                environ=inherited(),
                skip_verify=forge.skip_verify,
            )


def _account_host(forge: Forge, host: GitHub | Gitea | GitLab | Gogs) -> AccountHost:
    return AccountHost(
        host.name,
        TITLES[forge.kind],
        host,
        host if forge.client_id and not isinstance(host, Gogs) else None,
        host if isinstance(host, Passwords) else None,
    )


def cloning(settings: Settings, account: Account | None, hosts: Hosts, credentials: Credentials) -> CloneCredentials:
    """How steps clone: with the account of the settings, else with what calls show to the repository's host."""

    async def at_host(repo: Repo) -> Account | None:
        where = source(repo)
        if not isinstance(host := hosts.of(where), Clones):
            return None
        shown = await credentials(where, CLONE)
        return host.clone_account(shown) if shown else None

    return CloneCredentials(account, settings.git_always_auth, at_host, Addresses(hosts, credentials))


@asynccontextmanager
async def open_hosts(
    settings: Settings,
    db: Database,
    seal: Seal,
    recorders: Recorders,
    forges: Forges,
    *,
    cookie_key: bytes,
    reserved: Collection[str],
) -> AsyncIterator[OpenedHosts]:
    """While the block lasts, people log in at hosts, and their repositories are synchronised."""
    lists = Lists(db, seal, recorders, auth.new_token, settings.repository_filter, reserved)
    known = {account.name: account for account in forges.accounts}
    tokens, services = forges.tokens, forges.credentials.services
    syncs = Syncs(db, tokens, lists, known, services, now)
    rules = Rules(settings.user_filter, settings.registration_closed)
    redirect = f"{settings.public_url}/login"
    logins = HostLogins(db, tokens, forges.accounts, rules, cookie_key, redirect, now, syncs.begin)
    async with syncs.running():
        rights, owners = Rights(db, tokens, now), Owners(db, tokens)
        yield OpenedHosts(forges.accounts, forges.credentials, logins, syncs, rights, owners)
