"""The route of how a repository of plain git is polled (Drone has no such route)."""

from starlette.requests import Request
from typing_extensions import TypedDict

from app.db.tx import Tx
from app.errors import NotFound
from app.repos import polls
from app.repos.access import WRITE, Access, State
from app.repos.paths import REPO
from app.repos.polls import Poll
from app.web.reply import JSON
from app.web.route import Endpoint


class PollJSON(TypedDict):
    """How a repository is polled: every so many seconds, how many refs there were when they were listed last.

    Times are Unix seconds: `seen` is 0 before the refs were listed. `tries` attempts have failed since then, the last
    one because of `error`.
    """

    interval: int
    refs: int
    seen: int
    due: int
    tries: int
    error: str


async def show(_: Request[State], found: Access, poll: Poll) -> JSON[PollJSON]:
    """When the refs of a repository were listed, and why they could not be."""
    return JSON(
        PollJSON(
            interval=found.repo.poll,
            refs=poll.number,
            seen=poll.seen,
            due=poll.due,
            tries=poll.tries,
            error=poll.error,
        )
    )


def _poll(_: Request[State], found: Access) -> Tx[Poll]:
    poll = yield from polls.find(found.repo.id)
    if poll is None:
        raise NotFound("the repository is not polled: gantry repo update --poll 5m changes that")
    return poll


routes = [Endpoint("GET", REPO / "poll", show, operation="repos.show_poll", needs=WRITE, reads=_poll)]
