"""Routes from a branch, tag or commit to its page at the host (contract drone-rest 3.7)."""

import re
from urllib.parse import quote

from starlette.requests import Request

from app.errors import NotFound
from app.repos.access import READ, Access, State
from app.repos.model import Repo
from app.repos.paths import NAME, OWNER
from app.web import body
from app.web.path import Path, Word
from app.web.reply import SeeOther
from app.web.route import Endpoint, Param

_PULL_REQUEST = re.compile(r"refs/(?:pull|merge-requests)/(\d+)/(?:head|merge)")


async def show_ref(request: Request[State], found: Access) -> SeeOther:
    """To the page of a branch, tag or pull request; with `sha` to that of the commit."""
    return SeeOther(page(found.repo, request.path_params["ref"], body.query(request).get("sha", "")))


async def show_commit(request: Request[State], found: Access) -> SeeOther:
    """To the page of a commit; with `ref` of a tag or pull request to that page."""
    return SeeOther(page(found.repo, body.query(request).get("ref", ""), request.path_params["sha"]))


def page(repo: Repo, ref: str, sha: str) -> str:
    """The address of a page, in the form of GitHub's addresses. Pure; NotFound when the repository has no web pages.

    The page of a tag or pull request wins over the page of its commit. The page of a commit wins over the page of its
    branch, because the branch may have newer commits.
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
_LINK = Path.of("/link") / OWNER / NAME
_REF = Word("ref", "A branch, or a whole reference: `refs/tags/v1`, `refs/pull/7/head`.", "main").tail
_COMMIT = _LINK / "commit" / Word("sha", "The commit.", "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d")
routes = [
    Endpoint("GET", _LINK / "tree" / _REF, show_ref, operation="repos.show_ref", needs=READ, query=_SHA),
    Endpoint("GET", _LINK / "src" / _REF, show_ref, operation="repos.show_ref.src", needs=READ, query=_SHA),
    Endpoint(
        "GET",
        _COMMIT,
        show_commit,
        operation="repos.show_commit",
        needs=READ,
        query=[Param("ref", "The branch, tag or pull request that it was built for.")],
    ),
]
