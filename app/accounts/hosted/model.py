"""The account of a person at a host, and the host as accounts see it."""

from dataclasses import dataclass, field
from typing import Literal

from app.scm.forge import Directory, Logins, Passwords

#: What a token is, as `Credential.kind`.
Kind = Literal["bearer", "token"]

#: The columns of sealed tokens; each name is also the purpose that the values of the column are sealed for.
TOKEN, REFRESH = "host_accounts.token", "host_accounts.refresh"
SEALED = (TOKEN, REFRESH)


@dataclass(frozen=True)
class HostAccount:
    """An account at a host that belongs to an account here. Times are Unix seconds, 0 = never."""

    id: int
    user_id: int
    #: Name of the host.
    host: str
    #: The host's id of the account, which stays when the account is renamed.
    uid: str
    #: The login at the host when the person last logged in with it.
    login: str
    kind: Kind
    #: Sealed, as `refresh`, which seals an empty text where the host gives no refresh token.
    token: bytes = field(repr=False)
    refresh: bytes = field(repr=False)
    expires: int = 0
    #: Why the host does not take the token any more; empty while the token is good.
    broken: str = ""
    created: int = 0
    updated: int = 0
    #: When the repositories were last synchronised, and how many there were; and how many were found so far by a
    #: synchronisation that runs.
    synced: int = 0
    repositories: int = 0
    found: int = 0
    #: Why the last synchronisation failed; empty when it did not.
    fault: str = ""
    #: When the next synchronisation is due; 0 for not at all.
    due: int = 0
    #: Until when a server synchronises, unless it renews that.
    lease: int = 0

    def syncing(self, now: int) -> bool:
        """Whether the repositories are synchronised now, or at once."""
        return self.lease > now or 0 < self.due <= now


@dataclass(frozen=True, slots=True)
class AccountHost:
    """A host whose accounts log in here. The hosts of a server have an order, which is that of the settings."""

    #: The value of `scm` of the host's repositories.
    name: str
    #: How pages call the host: `GitHub`, `git.example.com`.
    title: str
    directory: Directory
    #: None for a host without OAuth, or whose OAuth the settings do not name.
    logins: Logins | None = None
    #: None for a host at which nobody logs in with a password.
    passwords: Passwords | None = None

    @property
    def admits(self) -> bool:
        """Whether people log in at the host."""
        return self.logins is not None or self.passwords is not None
