"""The route that compares two commits. Drone has no such call."""

from starlette.requests import Request
from typing_extensions import TypedDict

from app.builds import revisions
from app.builds.api.request import State
from app.repos.access import READ, Access
from app.repos.paths import REPO
from app.scm.forge import Comparison
from app.scm.host import Commit
from app.web.path import Word
from app.web.reply import JSON
from app.web.route import Endpoint

RANGE = Word(
    "range",
    "Two of build (`42` or `%2342`), branch, tag and commit, with three dots between them.",
    "31...main",
    rest=True,
)


class CommitJSON(TypedDict):
    """A commit; `timestamp` is its time, in Unix seconds. Plain git knows no `author_login`."""

    sha: str
    message: str
    author_login: str
    author_name: str
    author_email: str
    timestamp: int


class ComparisonJSON(TypedDict):
    """What lies between two commits.

    `commits` are those that `after` has and `before` has not, the newest last: at most the newest 250. `files` are the
    paths that differ, in order, as far as the host tells them.
    """

    before: str
    after: str
    commits: list[CommitJSON]
    files: list[str]


async def compare(request: Request[State], found: Access) -> JSON[ComparisonJSON]:
    """What the second of two commits has and the first has not: at most 250 commits, the newest last, and the files.

    422 `cannot_compare` where the repository's host cannot tell.
    """
    seen = await revisions.between(request.state["ports"], found.repo, request.path_params[RANGE.name])
    commits, files = commits_json(seen.found), list(seen.found.paths)
    return JSON(ComparisonJSON(before=seen.before, after=seen.after, commits=commits, files=files))


def commits_json(comparison: Comparison) -> list[CommitJSON]:
    """The commits of a comparison, the newest last."""
    return [commit_json(commit) for commit in comparison.commits]


def commit_json(commit: Commit) -> CommitJSON:
    """A commit."""
    return CommitJSON(
        sha=commit.sha,
        message=commit.message,
        author_login=commit.author_login,
        author_name=commit.author_name,
        author_email=commit.author_email,
        timestamp=commit.timestamp,
    )


routes = [
    Endpoint("GET", REPO / "compare" / RANGE, compare, operation="builds.compare", needs=READ, errors=[400, 422]),
]
