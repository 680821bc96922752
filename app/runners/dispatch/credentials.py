"""The login and password with which steps clone (contract drone-rpc 4: netrc)."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from app.repos.model import Repo
from app.runners.manager import Netrc
from app.scm.host import Account


@dataclass(frozen=True, slots=True)
class Credentials:
    """One account at the host for all repositories that have none of their own, or no account."""

    account: Account | None = None
    #: Whether public repositories are cloned with the account, too.
    always: bool = False

    def netrc(self, repo: Repo, own: Account | None = None) -> Netrc | None:
        """The netrc for a runner that clones this repository, with the account of its `own` if there is one.

        None without an account, when the address is neither http nor https, and when the repository is public and
        neither has an account of its own nor `always` is set.
        """
        address = urlsplit(repo.git_http_url)
        account = own or (self.account if self.always or repo.visibility != "public" else None)
        if not (account and address.scheme in ("http", "https") and address.hostname):
            return None
        return Netrc(address.hostname, account.login, account.password)
