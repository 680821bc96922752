"""The account, and what opens an account."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.web.needs import Scope, covers


@dataclass(frozen=True)
class User:
    """An account (contract drone-rest 2.2)."""

    id: int
    login: str
    email: str = ""
    avatar: str = ""
    machine: bool = False
    admin: bool = False
    active: bool = True
    synced: int = 0
    created: int = 0
    updated: int = 0
    last_login: int = 0
    #: The host whose account of this login gets the account when its person first logs in; empty for nobody's. A login
    #: alone proves nothing: a host may give any login to anybody.
    expected_from: str = ""


@dataclass(frozen=True)
class Token:
    """A token of an account. Only the hash of a token is stored, so there is no field for the token itself.

    Times are Unix seconds, 0 = never.
    """

    id: int
    user_id: int
    name: str
    scope: Scope = "admin"
    #: The only repositories that the token is good for, slugs by id; empty for all. An id is never given twice, so the
    #: token is not good for a later repository of the same slug.
    repos: Mapping[int, str] = field(default_factory=dict)
    created: int = 0
    expires: int = 0
    #: When a request last showed the token, give or take some minutes.
    used: int = 0


@dataclass(frozen=True)
class Session:
    """A browser that is logged in. Only the hash of its cookie is stored. Times are Unix seconds."""

    id: int
    user_id: int
    #: The token that the browser logged in with.
    token_id: int
    created: int
    #: When a request last showed the cookie, give or take some minutes.
    seen: int
    expires: int
    #: What the browser says that it is, and the network address that it logged in from.
    browser: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """The part of a token or of a session that decides what a request may do, and for how long."""

    #: The id of the token; 0 for a session.
    token_id: int = 0
    #: The id of the session; 0 for a token.
    session_id: int = 0
    scope: Scope = "admin"
    #: Ids of the only repositories that the token is good for; empty for all.
    repos: frozenset[int] = frozenset()
    #: Unix seconds; 0 = never.
    expires: int = 0
    #: When the token or the session was last seen, as the database knows.
    seen: int = 0

    def covers(self, due: Scope) -> bool:
        """Whether a request may do what needs this scope."""
        return covers(self.scope, due)

    def reaches(self, repo_id: int) -> bool:
        """Whether a request may do something in this repository."""
        return not self.repos or repo_id in self.repos
