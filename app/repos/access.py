"""The rights of callers in a repository (contract drone-rest 1.2, 8)."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

from starlette.requests import Request

from app.accounts import auth
from app.accounts.auth import Caller, Claim
from app.accounts.model import Proof, User
from app.db.tx import Tx
from app.errors import Forbidden, NotFound, Unauthorized
from app.moments import Actor
from app.repos import aged, paths, store
from app.repos.hosted.owners import Owners
from app.repos.hosted.sync import Syncs
from app.repos.model import Permissions, Repo, Right
from app.repos.store import RepoRights
from app.scm.hosts import Hosts
from app.sealing.seal import Seal
from app.web.needs import Outdated, StoredNeeds

#: Seconds for which the rights that a host has told are good.
GOOD = 3600
#: Asks the host of a repository for the rights of an account, and stores the answer.
Renew: TypeAlias = Callable[[RepoRights, User], Awaitable[None]]


class State(auth.State):
    """The fields of a request's state that the routes of repositories need."""

    #: Renews rights that are older than GOOD. NotFound when the host does not tell them.
    renew_rights: Renew
    #: What hosts tell of who administers namespaces.
    owners: Owners
    #: Synchronises accounts with the hosts.
    syncs: Syncs
    hosts: Hosts
    #: First words of the server's own paths, which no new namespace may equal.
    reserved: Collection[str]
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
    #: The token or the cookie that the request shows.
    shown: Claim
    #: What that is good for; empty for a caller without an account.
    proof: Proof

    @property
    def by(self) -> Actor:
        """The caller, as the actor of moments."""
        return self.shown.by(self.user)

    @property
    def user_id(self) -> int:
        """The id of the caller's account; 0 without an account."""
        return self.user.id if self.user else 0

    def may(self, right: Right) -> bool:
        """Whether the caller has a right, too, beside the one that was asked for."""
        return refuse(self.user, self.repo, self.permissions, right) is None

    @property
    def is_granted(self) -> bool:
        """Whether the caller was granted the right to read, and does not only read what everybody may; GRANTED_READ."""
        return refuse(self.user, self.repo, self.permissions, "read", granted=True) is None

    @property
    def is_system(self) -> bool:
        """Whether the caller is an administrator of the server."""
        return self.user is not None and self.user.admin


class RepoNeeds(StoredNeeds[Access]):
    """Requires a right in the repository of the path.

    `known`: a caller without an account is always refused. `granted`: the right must be granted to the caller; the
    visibility of the repository gives no right. `protected` is the right that a protected repository requires instead.
    """

    def __init__(
        self, right: Right, means: str, *, known: bool = False, granted: bool = False, protected: Right | None = None
    ) -> None:
        self._right: Right = right
        self._known = known or granted
        self._granted = granted
        self._protected: Right = protected or right
        strangers = right == "read" and not self._known
        super().__init__(means, refusals=(401, 403, 404), strangers=strangers, words=(paths.OWNER, paths.NAME))

    async def asked(self, request: Request[Any]) -> Tx[Access]:
        """As `find`."""
        shown, path, hidden = await auth.claim(request), request.path_params, request.state["private_mode"]
        known, words = self._known or hidden, (path["owner"], path["name"])

        def renew(found: RepoRights, user: User) -> Awaitable[None]:
            renewed: Awaitable[None] = request.state["renew_rights"](found, user)
            return renewed

        return find(
            shown, *words, self._right, known=known, granted=self._granted, protected=self._protected, renew=renew
        )

    def is_known(self, granted: Access) -> bool:
        """See Needs."""
        return granted.user is not None


_READERS = "Who may read the repository: anybody if it is public, every account if it is internal."
READ = RepoNeeds("read", _READERS)
#: As READ, but only for callers with an account.
KNOWN_READ = RepoNeeds("read", _READERS, known=True)
#: For what a public repository must not tell everybody: the names of those who have rights in it.
GRANTED_READ = RepoNeeds("read", "Who was granted the right to read the repository.", granted=True)
WRITE = RepoNeeds("write", "Who may write in the repository.")
#: A signature is an approval, and only administrators approve.
SIGN = RepoNeeds("write", "Who may write in the repository; in a protected one, who administers it.", protected="admin")
ADMIN = RepoNeeds("admin", "Who administers the repository.")


class _Admitted(StoredNeeds[Caller | None]):
    """Admits every caller, but in private mode only callers with an account."""

    async def asked(self, request: Request[Any]) -> Tx[Caller | None]:
        """The caller; None without an account, which is Unauthorized in private mode."""
        return _admitted(await auth.claim(request), private_mode=request.state["private_mode"])


def _admitted(shown: Claim, *, private_mode: bool) -> Tx[Caller | None]:
    caller = yield from auth.caller_of(shown)
    if caller is None and private_mode:
        raise Unauthorized
    return caller


class _AdmittedTo(StoredNeeds[Caller | None]):
    """As `_Admitted`; a token that is good for some repositories only must be good for that of the path."""

    async def asked(self, request: Request[Any]) -> Tx[Caller | None]:
        """The caller; None without an account, which is Unauthorized in private mode."""
        path, private_mode = request.path_params, request.state["private_mode"]
        return _admitted_to(await auth.claim(request), path["owner"], path["name"], private_mode=private_mode)


def _admitted_to(shown: Claim, namespace: str, name: str, *, private_mode: bool) -> Tx[Caller | None]:
    caller = yield from auth.caller_of(shown, some_repos=True)
    if caller is None and private_mode:
        raise Unauthorized
    if caller is not None and caller.proof.repos:
        repo = yield from store.find_if_any(namespace, name)
        _refuse_beyond(caller, repo)
    return caller


ADMITTED = _Admitted("Anybody.", strangers=True)
ADMITTED_TO = _AdmittedTo("Anybody.", refusals=(401, 403, 404), strangers=True, words=(paths.OWNER, paths.NAME))


def find(
    shown: Claim,
    namespace: str,
    name: str,
    right: Right,
    *,
    known: bool = False,
    granted: bool = False,
    protected: Right | None = None,
    renew: Renew | None = None,
) -> Tx[Access]:
    """The repository and its caller in one transaction; Unauthorized, Forbidden or NotFound.

    `known`, `granted` and `protected` as in RepoNeeds. With `renew`, Outdated when the decision depends on rights that
    the repository's host knows and has not told for GOOD seconds.
    """
    caller = yield from auth.caller_of(shown, some_repos=True)
    if caller is None and known:
        raise Unauthorized
    user = caller.user if caller else None
    found = yield from store.find_with_rights(namespace, name, user.id if user else 0)
    repo, given = (found.repo, found.rights) if found else (None, None)
    if caller is not None and caller.proof.repos:
        _refuse_beyond(caller, repo)
    needed = protected if protected and repo and repo.protected else right
    if renew and user and found:
        refuse_outdated(found, user, needed, shown.now, renew, granted=granted)
    if found and found.told and found.told < aged.since(shown.now):  # by a host where the account has none any more
        given = None
    if refusal := refuse(user, repo, given, needed, granted=granted):
        raise auth.refused(refusal, user) if user and repo else refusal
    assert repo is not None
    return Access(repo, user, given, shown, caller.proof if caller else Proof())


def of_account(user: User, namespace: str, name: str, right: Right, now: int, renew: Renew) -> Tx[RepoRights]:
    """A repository in which an account has a right, whatever shows that the account asks. Errors as of `find`."""
    found = yield from store.find_with_rights(namespace, name, user.id)
    if found is None:
        raise NotFound
    refuse_outdated(found, user, right, now, renew)
    if found.told and found.told < aged.since(now):
        found = replace(found, rights=None)
    if refusal := refuse(user, found.repo, found.rights, right):
        raise refusal
    return found


def refuse_outdated(
    found: RepoRights, user: User, right: Right, now: int, renew: Renew, *, granted: bool = False
) -> None:
    """Raise Outdated where the host must tell the rights before they decide; they do not for who may without any."""
    if not found.at_host or user.admin or now - found.told < GOOD:
        return
    if refuse(user, found.repo, None, right, granted=granted) is not None:
        raise Outdated(partial(renew, found, user))


def _refuse_beyond(caller: Caller, repo: Repo | None) -> None:
    """NotFound for a repository that the caller's token is not good for, whether there is such a repository or not."""
    if not caller.proof.reaches(repo.id if repo else 0):
        refusal = NotFound("not found, or this token is good for other repositories only")
        raise auth.refused(refusal, caller.user) if repo else refusal


def refuse(
    user: User | None, repo: Repo | None, given: Permissions | None, right: Right, *, granted: bool = False
) -> Unauthorized | Forbidden | NotFound | None:
    """The error that refuses a right to a caller; None when the caller has the right. Pure.

    Forbidden for an account that has a right in the repository, but a lesser one. NotFound for an account without any
    right there, in a public repository too: the answer does not tell whether there is such a repository (contract
    drone-rest 1.2). `granted` as in RepoNeeds.
    """
    by_visibility = right == "read" and not granted
    if user is None:
        return None if repo and repo.visibility == "public" and by_visibility else Unauthorized()
    if repo is None:
        return NotFound()
    if user.admin:
        return None
    if by_visibility and repo.visibility != "private":
        return None
    if given is None or not given.read:
        return NotFound()
    allowed = {"read": given.read, "write": given.write, "admin": given.admin}[right]
    return None if allowed else Forbidden(f"{right} access to {repo.slug} is needed")
