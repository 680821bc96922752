"""The route that compares two commits. Drone has no such call."""

from starlette.requests import Request
from typing_extensions import TypedDict

from app.builds import revisions
from app.builds.api.request import State
from app.errors import Invalid, Problem
from app.repos.access import READ, Access
from app.repos.model import source
from app.repos.paths import REPO
from app.scm.forge import Comparison
from app.scm.host import Commit
from app.web.path import Word
from app.web.reply import JSON
from app.web.route import Endpoint

_RANGE = Word(
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
    ports, repo = request.state["ports"], found.repo
    first, dots, second = request.path_params[_RANGE.name].partition("...")
    if not (first and dots and second):
        words = "write two builds, branches, tags or commits with three dots between them, as in 31...main"
        raise Invalid.of([Problem("range", "bad_range", words)])
    before = await revisions.commit_of(ports, repo, first, "range")
    after = await revisions.commit_of(ports, repo, second, "range")
    same = before == after
    comparison = Comparison((), ()) if same else await ports.hosts.compare(source(repo), before, after)
    files = list(comparison.paths)
    return JSON(ComparisonJSON(before=before, after=after, commits=commits_json(comparison), files=files))


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
    Endpoint("GET", REPO / "compare" / _RANGE, compare, operation="builds.compare", needs=READ, errors=[400, 422]),
]
