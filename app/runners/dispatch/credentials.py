"""From where steps clone, and with which login and password (contract drone-rpc 4, contract scm-api 7.1)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from app.repos.model import Repo
from app.runners.manager import Netrc
from app.scm.host import Account

#: Finds the account with which a repository is cloned from its host; None for a host that needs none, or knows none.
AtHost: TypeAlias = Callable[[Repo], Awaitable[Account | None]]
#: The repository with the addresses that it has at its host now.
Located: TypeAlias = Callable[[Repo], Awaitable[Repo]]


async def _nobody(_: Repo) -> Account | None:
    return None


async def _unmoved(repo: Repo) -> Repo:
    return repo


@dataclass(frozen=True, slots=True)
class Credentials:
    """One account for all repositories that have none of their own; without one, what a repository has at its host."""

    account: Account | None = None
    #: Whether public repositories are cloned with an account, too.
    always: bool = False
    at_host: AtHost = _nobody
    located: Located = _unmoved

    async def netrc(self, repo: Repo, own: Account | None = None) -> Netrc | None:
        """The netrc for a runner that clones this repository, with the account of its `own` if there is one.

        Unavailable when the host must renew a token and is away.

        None without an account, when the address is neither http nor https, and when the repository is public and
        neither has an account of its own nor `always` is set.
        """
        address = urlsplit(repo.git_http_url)
        wanted = own is not None or self.always or repo.visibility != "public"
        if not (wanted and address.scheme in ("http", "https") and address.hostname):
            return None
        account = own or self.account or await self.at_host(repo)
        return Netrc(address.hostname, account.login, account.password) if account else None
