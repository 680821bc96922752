"""The parts of a request's state that this room needs."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from app.builds.api.rendered import Rendered
from app.builds.behind import Behind
from app.builds.cron.pace import Pace
from app.builds.deliveries.keeper import Keeper
from app.builds.live.broadcast import Broadcast
from app.builds.model import Stage
from app.builds.ports import Ports
from app.builds.remembered import Remembered
from app.repos import access
from app.repos.model import Repo
from app.scm.hook import Comment

#: Takes a comment that the host of a repository has told of from a network address; False when nothing follows.
Hear: TypeAlias = Callable[[Repo, Comment, str], Awaitable[bool]]


class State(access.State):
    """Also has what the rooms below need."""

    ports: Ports
    rendered: Rendered
    remembered: Remembered
    broadcast: Broadcast
    #: Whether /metrics may be read without a token.
    metrics_anonymous: bool
    #: Returns why each of these stages is still pending, by stage id; a stage without a known reason is left out.
    why_pending: Callable[[Sequence[Stage]], Awaitable[dict[int, str]]]
    #: To be called after a cron job was added or changed.
    crons_changed: Callable[[], None]
    cron_pace: Pace
    behind: Behind
    #: Receives pushes.
    keeper: Keeper
    #: Hears what people say at hosts.
    hear: Hear
