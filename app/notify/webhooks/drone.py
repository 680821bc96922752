"""Drone's webhook for the whole server: end points of the settings are told of all repositories and accounts.

The moments are Drone's, and so is the format (contract drone-webhooks 1-4). What is told waits in the outbox, for each
end point in order: an end point that is down delays no other.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from app.builds.moments import Moment
from app.db.tx import Tx
from app.errors import Unavailable
from app.moments import Change, Recorder
from app.notify.webhooks.events import DRONE, completed, events_of
from app.notify.webhooks.formats import drone
from app.notify.webhooks.matching import matcher, of_drone
from app.notify.webhooks.model import Event
from app.notify.webhooks.poster import Poster
from app.outbox import store
from app.outbox.model import Entry, Kind, Message
from app.outbox.worker import Channel, nothing

#: What is before the digest of an address in the name of a host of the outbox.
_HOST = "drone:"
#: What a proxy answers when there is nobody behind it: the same request is sent again later. Every other answer counts
#: as received, for Drone does not look at answers, and its receivers answer as they like.
AWAY = frozenset({429, 502, 503, 504})
#: Characters of a subject at most, and entries of an end point that is gone that are deleted at once.
LONGEST_SUBJECT, ROWS = 300, 1000

#: An event without the values of secrets.
Mask: TypeAlias = Callable[[Event], Awaitable[Event]]


@dataclass(frozen=True, slots=True)
class Receivers:
    """The end points of the settings, and what they are told of."""

    urls: Sequence[str] = field(default=(), repr=False)
    secret: str = field(default="", repr=False)
    #: Patterns of `event:action`, or of an event with any action; none for everything.
    events: Sequence[str] = ()

    @property
    def hosts(self) -> Mapping[str, str]:
        """The addresses, by the names that they have as hosts of the outbox: the addresses may be secrets."""
        return {host_of(url): url for url in self.urls}

    def want(self, told: str) -> bool:
        """Whether they are told `event:action`."""
        return matcher(tuple(map(of_drone, self.events)))(told)


def host_of(url: str) -> str:
    """The name of an end point as a host of the outbox."""
    return _HOST + hashlib.sha256(url.encode()).hexdigest()[:16]


class Notes:
    """Writes down what the end points are told, in the transaction of its cause."""

    def __init__(self, to: Receivers, server: str, now_ms: Callable[[], int], new_id: Callable[[], str]) -> None:
        self._to = to
        self._hosts = list(to.hosts)
        self._server = server
        self._now_ms = now_ms
        self._new_id = new_id
        #: Called in the transaction that has written something, and perhaps in another thread.
        self.on_written: Callable[[], object] = lambda: None

    @property
    def recorder(self) -> Recorder:
        """The recorder of the moments that the end points are told of."""
        verbs = {verb for verb, told in DRONE.items() if self._hosts and self._to.want(told)}
        return Recorder(self._record, verbs=verbs, progress=lambda verb: verb == "build.step")

    def _record(self, moment: Moment | Change) -> Tx[None]:
        """Two statements at most: a new build's owner is read."""
        now = self._now_ms()
        for event in events_of(moment, self._server, now, self._new_id()):
            if event.drone:
                whole = yield from completed(event, ["drone"])
                yield from store.add([_message(host, whole, moment.subject) for host in self._hosts], now)
                self.on_written()


def _message(host: str, event: Event, subject: str) -> Message:
    payload = {name: getattr(event, name) for name in event.__dataclass_fields__}
    # About no repository: what a deleted one has waiting is told, too, and no event takes the place of another.
    return Message(None, "drone", host, f"{subject} {event.drone}"[:LONGEST_SUBJECT], event.key, payload)


class Sender:
    """Sends what waits to the end points that the settings name now."""

    def __init__(self, to: Receivers, server: str, now_ms: Callable[[], int], poster: Poster, mask: Mask) -> None:
        self._to = to
        self._hosts = to.hosts
        self._server = server
        self._now_ms = now_ms
        self._poster = poster
        self._mask = mask

    @property
    def channels(self) -> Mapping[Kind, Channel]:
        """What sends entries, by kind; also without end points, for entries of earlier ones."""
        return {"drone": Channel(self.send, in_order=True)}

    async def send(self, entry: Entry) -> Tx[None]:
        """Send an event. What an end point was to be told that the settings name no more is deleted."""
        if (url := self._hosts.get(entry.host)) is None:
            return _dropped(entry.host)
        event = await self._mask(Event(**entry.payload))
        for request in drone.render(event, [self._to.secret], self._now_ms() // 1000, self._server):
            answer = await self._poster.post(url, request)
            if answer.status in AWAY:
                raise Unavailable(f"the end point answered {answer.status}")
        return nothing()


def _dropped(host: str) -> Tx[None]:
    yield from store.drop(host, "waiting", ROWS)
    yield from store.drop(host, "dead", ROWS)
