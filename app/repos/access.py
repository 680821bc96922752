"""Who may do what in a repository (contract drone-rest 1.2, 8)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import Request

from app.accounts import auth
from app.accounts.auth import Claim
from app.accounts.model import User
from app.db.tx import Tx
from app.errors import Forbidden, NotFound, Unauthorized
from app.repos import store
from app.repos.model import RIGHTS, Permissions, Repo, Right
from app.scm.host import Host
from app.sealing.seal import Seal
from app.web.route import row

T = TypeVar("T")


class State(auth.State):
    """What this room needs of a request's state."""

    host: Host
    seal: Seal
    new_key: Callable[[], str]
    #: Whether strangers see nothing at all, not even what is public.
    private_mode: bool


@dataclass(frozen=True, slots=True)
class Access:
    """Somebody, in a repository, with the right that was asked for."""

    repo: Repo
    user: User | None
    permissions: Permissions | None

    @property
    def login(self) -> str:
        """Who it is; only where a right beyond reading was asked for is there always somebody."""
        return self.user.login if self.user else ""

    @property
    def user_id(self) -> int:
        """Whose id it is; 0 for nobody."""
        return self.user.id if self.user else 0

    @property
    def is_system(self) -> bool:
        """Whether it is an administrator of the server."""
        return self.user is not None and self.user.admin


async def granted(request: Request[Any]) -> Access:
    """The repository of the path, for somebody who has the right that the route needs."""
    state: State = request.state
    return await state["db"].read(await _find(request))


async def read(request: Request[Any], question: Callable[[Repo], Tx[T]]) -> T:
    """What is asked of the repository of the path, for somebody who has the right: both in one transaction."""
    state: State = request.state
    return await state["db"].read(_answer(await _find(request), question))


def _answer(finding: Tx[Access], question: Callable[[Repo], Tx[T]]) -> Tx[T]:
    found = yield from finding
    return (yield from question(found.repo))


async def _find(request: Request[Any]) -> Tx[Access]:
    shown, path, right = await auth.claim(request), request.path_params, row(request).needs
    if right not in RIGHTS:
        raise TypeError(f"the row of {request.url.path} names no right in a repository")
    return find(shown, path["owner"], path["name"], right, private_mode=request.state["private_mode"])


async def admit(request: Request[Any]) -> User | None:
    """For routes that are for everybody: the caller, None for a stranger, who is Unauthorized in private mode."""
    state: State = request.state
    user = await state["db"].read(auth.caller(await auth.claim(request)))
    if user is None and state["private_mode"]:
        raise Unauthorized
    return user


def find(shown: Claim, namespace: str, name: str, right: Right, *, private_mode: bool = False) -> Tx[Access]:
    """The repository and its caller in one transaction; Unauthorized, Forbidden or NotFound."""
    user = yield from auth.caller(shown)
    if user is None and private_mode:
        raise Unauthorized
    repo = yield from store.find_if_any(namespace, name)
    given = yield from _given(user, repo)
    if refusal := refuse(user, repo, given, right):
        raise auth.refused(refusal, user) if user and repo else refusal
    assert repo is not None
    return Access(repo, user, given)


def _given(user: User | None, repo: Repo | None) -> Tx[Permissions | None]:
    if user is None or repo is None:
        return None
    return (yield from store.permissions(user.id, repo.id))


def refuse(
    user: User | None, repo: Repo | None, given: Permissions | None, right: Right
) -> Unauthorized | Forbidden | NotFound | None:
    """Why not; None = allowed. Pure.

    An account that has some right in the repository, but not enough, is told so: Forbidden. An account without any
    right there gets NotFound, in a public repository too: strangers learn nothing (contract drone-rest 1.2).
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
