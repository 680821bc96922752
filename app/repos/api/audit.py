"""What was done to one repository, for those who administer it."""

from starlette.requests import Request

from app.audit import lists
from app.audit.api import FILTERS, KEYS, answer, wanted
from app.audit.canonical import EntryJSON
from app.repos import access
from app.repos.access import State
from app.web import paging
from app.web.reply import JSON
from app.web.route import Endpoint


async def list_entries(request: Request[State]) -> JSON[list[EntryJSON]]:
    """What was done to the repository, its builds, secrets, rights and cron jobs, newest first."""
    window = paging.window(request, KEYS)
    part = await access.read(request, lambda repo: lists.page(wanted(request, repo_id=repo.id), window))
    return answer(request, part)


routes = [
    Endpoint(
        "GET",
        "/api/repos/{owner}/{name}/audit",
        list_entries,
        operation="audit.list_entries.repo",
        needs="admin",
        query=FILTERS,
        errors=[400],
    )
]
