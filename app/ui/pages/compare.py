"""What lies between two commits, or two builds: commits and files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request

from app.builds import revisions, store
from app.builds.api.compare import RANGE
from app.builds.api.request import State
from app.builds.model import Build
from app.builds.revisions import Between
from app.db.tx import Tx
from app.repos.access import READ, Access
from app.repos.model import Repo
from app.scm.forge import MOST_COMMITS
from app.scm.host import Commit
from app.ui import frame
from app.ui.addresses import OURS
from app.ui.frame import Read
from app.ui.pages.repo import PATH
from app.web.reply import HTML
from app.web.route import Endpoint


@dataclass(frozen=True, slots=True)
class View:
    """The page. `first` and `second` are what was asked for, as it was written."""

    repo: Repo
    first: str
    second: str
    between: Between
    #: The newest build of a commit, by the id of the commit.
    builds: Mapping[str, Build]
    may_admin: bool
    most: int = MOST_COMMITS

    @property
    def commits(self) -> Sequence[Commit]:
        """The commits, newest first."""
        return self.between.found.commits[::-1]

    @property
    def files(self) -> Sequence[str]:
        """The paths that differ."""
        return self.between.found.paths


async def show(request: Request[State], found: Access, read: Read[None]) -> HTML:
    """The page; the errors are those of the API's call that compares."""
    words = request.path_params[RANGE.name]
    between = await revisions.between(request.state["ports"], found.repo, words)
    commits = [commit.sha for commit in between.found.commits]
    builds = await request.state["db"].read(store.newest_of_commits(found.repo.id, commits))
    first, _, second = words.partition("...")
    view = View(found.repo, first, second, between, builds, found.may("admin"))
    return frame.page(request, "compare.html", found.user, read, view=view)


def _reads(_: Request[State], __: Access) -> Tx[None]:
    yield from ()


routes = [Endpoint("GET", PATH / OURS / "compare" / RANGE, show, needs=READ, reads=frame.reading(_reads))]
