"""The rights of callers in a repository (contract drone-rest 1.2, 8)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from app.accounts import auth
from app.accounts.auth import Caller, Claim
from app.accounts.model import User
from app.db.tx import Tx
from app.errors import Forbidden, NotFound, Unauthorized
from app.moments import Actor
from app.repos import paths, store
from app.repos.model import Permissions, Repo, Right
from app.scm.hosts import Hosts
from app.sealing.seal import Seal
from app.web.needs import StoredNeeds


class State(auth.State):
    """The fields of a request's state that the routes of repositories need."""

    hosts: Hosts
    seal: Seal
    new_key: Callable[[], str]
    #: Whether callers without an account see nothing, not even public repositories.
    private_mode: bool


@dataclass(frozen=True, slots=True)
class Access:
    """A caller who has the required right in a repository; `user` is None for a caller without an account."""

    repo: Repo
    user: User | None
    permissions: Permissions | None
    #: The token or the login that the request shows.
    shown: Claim

    @property
    def by(self) -> Actor:
        """The caller, as the actor of moments."""
        return self.shown.by(self.user)

    @property
    def user_id(self) -> int:
        """The id of the caller's account; 0 without an account."""
        return self.user.id if self.user else 0

    @property
    def is_system(self) -> bool:
        """Whether the caller is an administrator of the server."""
        return self.user is not None and self.user.admin


class RepoNeeds(StoredNeeds[Access]):
    """Requires a right in the repository of the path.

    `known`: a caller without an account is always refused. `protected` is the right that a protected repository
    requires instead.
    """

    def __init__(self, right: Right, means: str, *, known: bool = False, protected: Right | None = None) -> None:
        super().__init__(means, refusals=(401, 403, 404), strangers=right == "read", words=(paths.OWNER, paths.NAME))
        self._right: Right = right
        self._known = known
        self._protected: Right = protected or right

    async def asked(self, request: Request[Any]) -> Tx[Access]:
        """As `find`."""
        shown, path, hidden = await auth.claim(request), request.path_params, request.state["private_mode"]
        words = path["owner"], path["name"]
        return _find(shown, *words, self._right, private_mode=self._known or hidden, protected=self._protected)


_READERS = "Who may read the repository: anybody if it is public, every account if it is internal."
READ = RepoNeeds("read", _READERS)
#: As READ, but only for callers with an account.
KNOWN_READ = RepoNeeds("read", _READERS, known=True)
WRITE = RepoNeeds("write", "Who may write in the repository.")
#: A signature is an approval, and only administrators approve.
SIGN = RepoNeeds("write", "Who may write in the repository; in a protected one, who administers it.", protected="admin")
ADMIN = RepoNeeds("admin", "Who administers the repository.")


class _Admitted(StoredNeeds[Caller | None]):
    async def asked(self, request: Request[Any]) -> Tx[Caller | None]:
        """The caller; None without an account, which is Unauthorized in private mode."""
        return _admitted(await auth.claim(request), private_mode=request.state["private_mode"])


def _admitted(shown: Claim, *, private_mode: bool) -> Tx[Caller | None]:
    user = yield from auth.user_of(shown)
    if user is None and private_mode:
        raise Unauthorized
    return Caller(user, shown) if user else None


#: Admits every caller, but in private mode only callers with an account.
ADMITTED = _Admitted("Anybody.", strangers=True)


def find(shown: Claim, namespace: str, name: str, right: Right, *, private_mode: bool = False) -> Tx[Access]:
    """The repository and its caller in one transaction; Unauthorized, Forbidden or NotFound."""
    return _find(shown, namespace, name, right, private_mode=private_mode, protected=right)


def _find(shown: Claim, namespace: str, name: str, right: Right, *, private_mode: bool, protected: Right) -> Tx[Access]:
    user = yield from auth.user_of(shown)
    if user is None and private_mode:
        raise Unauthorized
    repo, given = (yield from store.find_with_rights(namespace, name, user.id if user else 0)) or (None, None)
    if refusal := refuse(user, repo, given, protected if repo and repo.protected else right):
        raise auth.refused(refusal, user) if user and repo else refusal
    assert repo is not None
    return Access(repo, user, given, shown)


def refuse(
    user: User | None, repo: Repo | None, given: Permissions | None, right: Right
) -> Unauthorized | Forbidden | NotFound | None:
    """The error that refuses a right to a caller; None when the caller has the right. Pure.

    Forbidden for an account that has a right in the repository, but a lesser one. NotFound for an account without any
    right there, in a public repository too: the answer does not tell whether there is such a repository (contract
    drone-rest 1.2).
    """
    if user is None:
        return None if repo and repo.visibility == "public" and right == "read" else Unauthorized()
    if repo is None:
        return NotFound()
    if user.admin:
        return None
    if right == "read" and repo.visibility != "private":
        return None
    if given is None or not given.read:
        return NotFound()
    allowed = {"read": given.read, "write": given.write, "admin": given.admin}[right]
    return None if allowed else Forbidden(f"{right} access to {repo.slug} is needed")
