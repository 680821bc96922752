"""Routes from a branch, tag or commit to its page at the git host (contract drone-rest 3.7)."""

import re
from urllib.parse import quote

from starlette.requests import Request

from app.errors import NotFound
from app.repos import access
from app.repos.access import State
from app.repos.model import Repo
from app.web import body
from app.web.reply import SeeOther
from app.web.route import Endpoint, Param

_PULL_REQUEST = re.compile(r"refs/(?:pull|merge-requests)/(\d+)/(?:head|merge)")


async def show_ref(request: Request[State]) -> SeeOther:
    """To the page of a branch, tag or pull request; with `sha` to that of the commit."""
    found = await access.granted(request)
    return SeeOther(page(found.repo, request.path_params["ref"], body.query(request).get("sha", "")))


async def show_commit(request: Request[State]) -> SeeOther:
    """To the page of a commit; with `ref` of a tag or pull request to that page."""
    found = await access.granted(request)
    return SeeOther(page(found.repo, body.query(request).get("ref", ""), request.path_params["sha"]))


def page(repo: Repo, ref: str, sha: str) -> str:
    """Where it is, in the form that GitHub made common. Pure; NotFound when the repository's host has no pages.

    A tag or pull request wins over its commit, and a commit over its branch, which moves on.
    """
    if not repo.git_http_url.startswith("https://"):
        raise NotFound(f"{repo.slug} has no web pages: its address does not begin with https://")
    if pull_request := _PULL_REQUEST.fullmatch(ref):
        return f"{repo.link}/pull/{pull_request[1]}"
    if ref.startswith("refs/tags/"):
        return f"{repo.link}/tree/{quote(ref.removeprefix('refs/tags/'))}"
    if sha:
        return f"{repo.link}/commit/{quote(sha, safe='')}"
    return f"{repo.link}/tree/{quote(ref.removeprefix('refs/heads/'))}"


_SHA = [Param("sha", "The commit, when it is known.")]
routes = [
    Endpoint(
        "GET", "/link/{owner}/{name}/tree/{ref:path}", show_ref, operation="repos.show_ref", needs="read", query=_SHA
    ),
    Endpoint(
        "GET", "/link/{owner}/{name}/src/{ref:path}", show_ref, operation="repos.show_ref.src", needs="read", query=_SHA
    ),
    Endpoint(
        "GET",
        "/link/{owner}/{name}/commit/{sha}",
        show_commit,
        operation="repos.show_commit",
        needs="read",
        query=[Param("ref", "The branch, tag or pull request that it was built for.")],
    ),
]
