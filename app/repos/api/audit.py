"""The route that lists the recorded changes of one repository, for its administrators."""

from starlette.requests import Request

from app.audit.api import FILTERS, answer, page
from app.audit.canonical import EntryJSON
from app.audit.model import Entry
from app.db.tx import Tx
from app.db.window import Part
from app.repos.access import ADMIN, Access, State
from app.repos.paths import REPO
from app.web.reply import JSON
from app.web.route import Endpoint


async def list_entries(request: Request[State], _: Access, part: Part[Entry]) -> JSON[list[EntryJSON]]:
    """What was done to the repository, its builds, secrets, rights and cron jobs, newest first."""
    return answer(request, part)


def _page(request: Request[State], found: Access) -> Tx[Part[Entry]]:
    return page(request, repo_id=found.repo.id)


routes = [
    Endpoint(
        "GET",
        REPO / "audit",
        list_entries,
        operation="audit.list_entries.repo",
        needs=ADMIN,
        reads=_page,
        query=FILTERS,
        errors=[400],
    )
]
