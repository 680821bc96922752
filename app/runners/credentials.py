"""With what steps clone (`spec` drone-rpc 4: netrc)."""

from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from app.repos.model import Repo
from app.runners.manager import Netrc


class Named(Protocol):
    """The settings of it."""

    @property
    def git_username(self) -> str: ...

    @property
    def git_password(self) -> str: ...

    @property
    def git_always_auth(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """One account at the git host for all repositories; without login and password, none."""

    login: str = ""
    password: str = field(default="", repr=False)
    #: Whether public repositories are cloned with it, too.
    always: bool = False

    @classmethod
    def of(cls, named: Named) -> "Credentials":
        """Those of the settings."""
        return cls(named.git_username, named.git_password, named.git_always_auth)

    def netrc(self, repo: Repo) -> Netrc | None:
        """What a runner of this repository is told; only of an https or http address, and of a private one."""
        address = urlsplit(repo.git_http_url)
        wanted = self.always or repo.visibility != "public"
        if not (self.login and self.password and wanted and address.scheme in ("http", "https") and address.hostname):
            return None
        return Netrc(address.hostname, self.login, self.password)
