"""The connections of a server: how many there may be, how long each may take, and how much of their input is kept.

A connection knows its own state, see `app.web.protocol`; this module knows all of them, and decides between them.
"""

import asyncio
import ipaddress
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Protocol, TypeAlias

from uvicorn.server import ServerState

log = logging.getLogger(__name__)

#: Bits of an IPv6 address that name one network: a machine in it may use any of the other addresses.
_NETWORK = 64
#: Seconds between two calls of `sweep` after which the process counts as paused.
_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds, sizes in bytes."""

    #: Connections in all, and those of one address that have not shown an account or the runners' secret.
    connections: int = 4096
    share: int = 1024
    #: From the first byte of a request's head to the last one.
    head: float = 10.0
    #: A body must grow by `rate` bytes a second, measured over each so many seconds.
    body: float = 10.0
    rate: int = 1000
    #: Without a request, and without progress of an answer that the client does not read.
    idle: float = 75.0
    #: In which a refused client may read why.
    linger: float = 5.0
    #: Input of unfinished requests of callers who have shown nothing, in all and of one address.
    held: int = 64 * 1024 * 1024
    held_of_address: int = 16 * 1024 * 1024
    #: Between two lines of the log about refusals.
    telling: float = 60.0


class Connection(Protocol):
    """The calls that `Connections` makes to a connection; each but `is_idle` may close the connection."""

    def is_idle(self) -> bool:
        """Whether no request is under way."""
        ...

    def drop(self) -> None:
        """Close the connection at once."""
        ...

    def end_idle(self) -> None:
        """The connection was without a request for too long."""
        ...

    def end_head(self) -> None:
        """The head of a request took too long."""
        ...

    def end_window(self) -> None:
        """The body of a request was measured for long enough."""
        ...

    def end_wait(self) -> None:
        """Bytes for the client have waited for long enough."""
        ...


#: Connections in one state, and the time when each entered the state, oldest first.
Waiting: TypeAlias = dict[Connection, float]


@dataclass(slots=True)
class Address:
    """What the connections of one address use. All clients of a proxy share its address, so no share limits a proxy."""

    #: The address of a proxy, else the name under which the address is counted.
    name: str
    proxy: bool
    connections: int = 0
    held: int = 0
    #: The connections that have not shown an account or the runners' secret, oldest first.
    strangers: dict[Connection, None] = field(default_factory=dict)


def network(address: str) -> str:
    """The name under which an address is counted: the address itself, and for IPv6 the network of the address."""
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, _NETWORK), strict=False).network_address)


class Connections(ServerState):
    """All connections of a server, by state. The connections move themselves between the states.

    `is_proxy` tells whether an address is a proxy's.
    """

    def __init__(self, limits: Limits | None = None, is_proxy: Callable[[str], bool] = lambda _: False) -> None:
        super().__init__()
        self.limits = limits or Limits()
        self._is_proxy = is_proxy
        #: Without a request; those that have shown an account or the runners' secret are apart.
        self.idle: Waiting = {}
        self.idle_known: Waiting = {}
        #: In the head or in the body of a request.
        self.heads: Waiting = {}
        self.bodies: Waiting = {}
        #: Refused: the client reads why.
        self.refused: Waiting = {}
        #: Whose client does not read as fast as the server writes; these are in another state, too.
        self.unread: Waiting = {}
        self.held = 0
        self._addresses: dict[tuple[bool, str], Address] = {}
        self._refusals: Counter[str] = Counter()
        self._told = self._swept = float("-inf")

    def admit(self, connection: Connection, host: str) -> Address | None:
        """Count a new connection of an address; None when there are too many, and the connection is not counted.

        A connection that waits for nothing makes room: of the address when the share of the address is used up, else
        any, strangers' first.
        """
        proxy = self._is_proxy(host)
        name = host if proxy else network(host)  # a proxy's network may have other machines
        address = self._addresses.get((proxy, name)) or Address(name, proxy)
        if len(self.connections) > self.limits.connections and not self._make_room():
            self.count("too_many_connections")
            return None
        if not address.proxy:
            if len(address.strangers) >= self.limits.share and not self._make_room_in(address):
                self.count("too_many_connections_of_an_address")
                return None
            address.strangers[connection] = None
        address.connections += 1
        self._addresses[proxy, name] = address
        return address

    def _make_room(self) -> bool:
        found = next((next(iter(waiting)) for waiting in (self.refused, self.idle, self.idle_known) if waiting), None)
        return self._drop(found)

    def _make_room_in(self, address: Address) -> bool:
        return self._drop(next((one for one in address.strangers if one.is_idle()), None))

    def _drop(self, found: Connection | None) -> bool:
        if found is None:
            return False
        self.count("idle_connections_closed")
        found.drop()
        return True

    def forget(self, connection: Connection, address: Address) -> None:
        """A connection that was admitted has ended."""
        address.strangers.pop(connection, None)
        address.connections -= 1
        if not address.connections:
            self._addresses.pop((address.proxy, address.name), None)

    def hold(self, address: Address, size: int) -> bool:
        """Count input that must be kept; whether there is room for it. A negative size gives room back."""
        address.held += size
        self.held += size
        if self.held > self.limits.held:
            return False
        return address.proxy or address.held <= self.limits.held_of_address

    def count(self, reason: str) -> None:
        """Count a connection that was refused or closed; `sweep` logs the counts."""
        self._refusals[reason] += 1

    def sweep(self) -> None:
        """End what has taken too long, and log refusals, at most once in `telling` seconds.

        After a pause of the whole process nothing ends: what clients have sent meanwhile is not read yet.
        """
        now = asyncio.get_running_loop().time()
        paused, self._swept = now - self._swept > _PAUSE, now
        if paused:
            return
        for waiting in (self.idle, self.idle_known):
            for connection in _since(waiting, now - self.limits.idle):
                connection.end_idle()
        for connection in _since(self.heads, now - self.limits.head):
            connection.end_head()
        for connection in _since(self.bodies, now - self.limits.body):
            connection.end_window()
        for connection in _since(self.unread, now - self.limits.idle):
            connection.end_wait()
        for connection in _since(self.refused, now - self.limits.linger):
            connection.drop()
        if self._refusals and now - self._told >= self.limits.telling:
            log.warning("connections were refused or closed", extra=dict(self._refusals))
            self._refusals.clear()
            self._told = now


def _since(waiting: Waiting, moment: float) -> Iterator[Connection]:
    """The connections that have waited since this moment or longer. Each leaves the state while it is handled."""
    for connection in list(takewhile(lambda one: waiting[one] <= moment, waiting)):
        if waiting.pop(connection, None) is not None:
            yield connection
