"""Who may do what in a namespace, which holds secrets and templates for all its repositories (contract drone-rest 1.2).

A plain git host knows no organisations, so rights follow from those in the namespace's repositories.
"""

from typing import Any

from starlette.requests import Request

from app.accounts import auth
from app.accounts.auth import Claim
from app.accounts.model import User
from app.db.tx import Tx, one
from app.errors import Forbidden, Unauthorized
from app.repos.access import State
from app.web.needs import Needs
from app.web.route import row

#: Repositories of the namespace, and in how many of them the account may write and administer.
RIGHTS = """
    SELECT count(*) AS repos, count(CASE WHEN can_write THEN 1 END) AS writes,
        count(CASE WHEN can_admin THEN 1 END) AS admins
    FROM repos LEFT JOIN permissions ON permissions.repo_id = repos.id AND permissions.user_id = :user_id
    WHERE repos.namespace = :namespace
"""


async def granted(request: Request[Any]) -> str:
    """The namespace of the path, for somebody who has the right in it that the route needs."""
    return (await entered(request))[0]


async def entered(request: Request[Any]) -> tuple[str, User]:
    """The namespace of the path, and who has the right in it that the route needs."""
    state: State = request.state
    shown, namespace = await auth.claim(request), request.path_params["namespace"]
    user = await state["db"].read(find(shown, namespace, row(request).needs))
    return str(namespace), user


def find(shown: Claim, namespace: str, needs: Needs) -> Tx[User]:
    """The caller: a `member` may write in some repository of the namespace, an `owner` administers all of them.

    Administrators of the server are both, everywhere, and everybody is in the namespace of their own login.
    Unauthorized or Forbidden; whether there is such a namespace nobody learns.
    """
    user = yield from auth.caller(shown)
    if user is None:
        raise Unauthorized
    if user.admin or user.login == namespace:
        return user
    rights = yield from one(RIGHTS, user_id=user.id, namespace=namespace)
    assert rights is not None
    if needs == "member" and rights["writes"]:
        return user
    if needs == "owner" and 0 < rights["repos"] == rights["admins"]:
        return user
    raise auth.refused(Forbidden(_REFUSALS[needs].format(namespace)), user)


_REFUSALS: dict[Needs, str] = {
    "member": "this is for those who may write in a repository of {}",
    "owner": "this is for those who administer every repository of {}",
}
