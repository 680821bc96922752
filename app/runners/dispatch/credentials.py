"""With what steps clone (contract drone-rpc 4: netrc)."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from app.repos.model import Repo
from app.runners.manager import Netrc
from app.scm.host import Account


@dataclass(frozen=True, slots=True)
class Credentials:
    """One account at the git host for all repositories, or none."""

    account: Account | None = None
    #: Whether public repositories are cloned with it, too.
    always: bool = False

    def netrc(self, repo: Repo) -> Netrc | None:
        """What a runner of this repository is told; only of an https or http address, and of a private one."""
        address = urlsplit(repo.git_http_url)
        wanted = self.always or repo.visibility != "public"
        if not (self.account and wanted and address.scheme in ("http", "https") and address.hostname):
            return None
        return Netrc(address.hostname, self.account.login, self.account.password)
