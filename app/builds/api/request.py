"""What this room needs of a request's state."""

from collections.abc import Awaitable, Callable, Sequence

from app.builds.api.rendered import Rendered
from app.builds.live.broadcast import Broadcast
from app.builds.model import Stage
from app.builds.ports import Ports
from app.repos import access


class State(access.State):
    """Beside what the rooms below need."""

    ports: Ports
    rendered: Rendered
    broadcast: Broadcast
    #: Whether everybody may read /metrics.
    metrics_anonymous: bool
    #: Why each of these stages is still pending, by stage id, where there is something to say.
    why_pending: Callable[[Sequence[Stage]], Awaitable[dict[int, str]]]
    #: To be called when a cron job was added or changed.
    crons_changed: Callable[[], None]
