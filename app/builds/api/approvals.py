"""The route of the builds that the caller may approve."""

from starlette.requests import Request

from app.accounts.auth import ACCOUNT, Caller
from app.builds import lists
from app.builds.api.request import State
from app.builds.model import Build
from app.builds.wire import RepoBuildJSON, repo_build_json
from app.db.tx import Tx
from app.db.window import Part
from app.repos.model import Repo
from app.web import paging
from app.web.reply import JSON
from app.web.route import PAGE, Endpoint

#: The form of the keys in cursors: ids of builds.
IDS = r"\d{1,18}"


async def list_approvals(
    request: Request[State], _: Caller, part: Part[tuple[Repo, Build]]
) -> JSON[list[RepoBuildJSON]]:
    """The builds that wait for approval and that the caller may approve, newest first, each inside its repository.

    Drone has no such call.
    """
    links = paging.links(request, part, lambda pair: str(pair[1].id))
    return JSON([repo_build_json(repo, build) for repo, build in part.items], headers=links)


def _page(request: Request[State], caller: Caller) -> Tx[Part[tuple[Repo, Build]]]:
    return lists.approvals(caller.user, paging.window(request, IDS), request.state["now"]())


routes = [
    Endpoint(
        "GET",
        "/api/user/approvals",
        list_approvals,
        operation="accounts.list_approvals",
        needs=ACCOUNT,
        reads=_page,
        query=PAGE,
        errors=[400],
    ),
]
