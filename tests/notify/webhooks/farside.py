"""A subscriber to everything, which nobody has to send anything to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from app.builds.moments import Moment
from app.db.tx import Tx
from app.moments import Change, Recorder
from app.notify.webhooks.events import VERBS, events_of
from app.notify.webhooks.model import Event

SERVER = "https://ci.example.com"


@dataclass
class Subscriber:
    """Is told of every event, in the transaction of its cause."""

    now_ms: Callable[[], int]
    events: list[Event] = field(default_factory=list)
    _ids: "count[int]" = field(default_factory=count)

    @property
    def recorder(self) -> Recorder:
        return Recorder(self._record, verbs=VERBS, progress=lambda _: True)

    def _record(self, moment: Moment | Change) -> Tx[None]:
        self.events += events_of(moment, SERVER, self.now_ms(), f"fresh {next(self._ids)}")
        yield from ()

    def told(self) -> list[str]:
        """What was told since the last call: the type, with the number of its stage; else what Drone tells."""
        found = [_name(event) for event in self.events]
        self.events.clear()
        return found

    def drone(self) -> list[str]:
        """What Drone tells of that, since the last call."""
        found = [event.drone for event in self.events if event.drone]
        self.events.clear()
        return found

    def last(self, name: str) -> Event:
        """The last event of a type."""
        return next(event for event in reversed(self.events) if event.type == name)


def _name(event: Event) -> str:
    stage = event.facts.get("stage", "") if event.type.startswith("stage.") else ""
    return f"{event.type} {stage}".rstrip() or event.drone
