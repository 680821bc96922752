"""Rights in a namespace, which has secrets and templates for all its repositories (contract drone-rest 1.2).

The host of plain git has no organisations, so the rights in a namespace follow from the rights in its repositories.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from starlette.requests import Request

from app.accounts import auth
from app.accounts.auth import Caller, Claim
from app.db.tx import Tx, one
from app.errors import Forbidden, Unauthorized
from app.moments import Actor
from app.repos import aged, sharing
from app.repos.hosted.owners import Owners
from app.repos.paths import NAMESPACE
from app.web.needs import Outdated, StoredNeeds

#: The role of an account in a namespace.
Standing = Literal["member", "owner"]

#: Repositories that share in the namespace, and in how many of them the account may write and administer, by rights
#: that were given here, or that a host has told since a time; and how many rights are older.
RIGHTS = f"""
    SELECT count(*) AS repos, coalesce(max(repos.scm), '') AS host,
        count(CASE WHEN can_write AND {aged.COUNTS} THEN 1 END) AS writes,
        count(CASE WHEN can_admin AND {aged.COUNTS} THEN 1 END) AS admins,
        count(CASE WHEN can_write AND NOT {aged.COUNTS} THEN 1 END) AS old
    FROM repos LEFT JOIN permissions ON permissions.repo_id = repos.id AND permissions.user_id = :user_id
    WHERE repos.namespace = :namespace AND {sharing.condition("repos.scm", ":namespace")}
"""  # noqa: S608 - SQL of ours

#: Repositories that share in the namespace at a host where this login is somebody else's, for an account that has one
#: at any host.
STRANGE = f"""
    SELECT count(*) AS repos FROM repos
    WHERE repos.namespace = :namespace AND repos.scm <> '' AND {sharing.condition("repos.scm", ":namespace")}
        AND EXISTS (SELECT 1 FROM host_accounts mine WHERE mine.user_id = :user_id)
        AND NOT EXISTS (
            SELECT 1 FROM host_accounts mine
            WHERE mine.user_id = :user_id AND mine.host = repos.scm AND lower(mine.login) = lower(:namespace)
        )
"""  # noqa: S608 - SQL of ours


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace, and a caller who has the required role in it."""

    name: str
    caller: Caller

    @property
    def by(self) -> Actor:
        """The caller, as the actor of moments."""
        return self.caller.by


def find(shown: Claim, namespace: str, standing: Standing, owners: Owners) -> Tx[Caller]:
    """The caller, who must be a `member` or an `owner` of the namespace. Raises Unauthorized or Forbidden, and Outdated
    when the host of the namespace must be asked whether the caller administers the namespace there, too.

    A member may write in a repository of the namespace; an owner administers all its repositories. Those of a host that
    does not share in the namespace do not count. Administrators of
    the server are members and owners of every namespace, and each account is both in the namespace of its login, unless
    the login is somebody else's at the host of one of its repositories. Rights that a host has told are good for a day.
    The errors do not tell whether there is such a namespace, but to who had rights there.
    """
    caller = yield from auth.caller_of(shown)
    if caller is None:
        raise Unauthorized
    user = caller.user
    if user.admin or (user.login == namespace and (yield from _is_own(user.id, namespace))):
        return caller
    rights = yield from one(RIGHTS, user_id=user.id, namespace=namespace, since=aged.since(shown.now))
    assert rights is not None
    if standing == "member" and rights["writes"]:
        return caller
    if standing == "owner" and 0 < rights["repos"] == rights["admins"]:
        host = rights["host"]
        administers = owners.known(user, host, namespace)
        if administers is None:
            raise Outdated(partial(owners.ask, user, host, namespace))
        if administers:
            return caller
        raise auth.refused(Forbidden(f"this is for those who administer {namespace} at {host}"), user)
    way_out = _OLD if rights["old"] else ""
    raise auth.refused(Forbidden(_REFUSALS[standing].format(namespace) + way_out), user)


def _is_own(user_id: int, namespace: str) -> Tx[bool]:
    """Whether the namespace of an account's login is the account's own at the hosts, too."""
    strange = yield from one(STRANGE, user_id=user_id, namespace=namespace)
    return strange is None or not strange["repos"]


_OLD = "; the host has not told your rights there for a day: log in again, or synchronise (gantry repo sync)"
_REFUSALS: dict[Standing, str] = {
    "member": "this is for those who may write in a repository of {}",
    "owner": "this is for those who administer every repository of {}",
}


class NamespaceNeeds(StoredNeeds[Namespace]):
    """Requires a role in the namespace of the path."""

    def __init__(self, standing: Standing, means: str) -> None:
        super().__init__(means, words=(NAMESPACE,))
        self._standing: Standing = standing

    async def asked(self, request: Request[Any]) -> Tx[Namespace]:
        """As `find`."""
        return self._judged(await auth.claim(request), request.path_params["namespace"], request.state["owners"])

    def _judged(self, shown: Claim, name: str, owners: Owners) -> Tx[Namespace]:
        return Namespace(name, (yield from find(shown, name, self._standing, owners)))


MEMBER = NamespaceNeeds("member", "Who may write in a repository of the namespace.")
OWNER = NamespaceNeeds("owner", "Who administers every repository of the namespace.")
