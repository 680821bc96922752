"""In-process publish and subscribe: what lower rooms did, for whoever listens above.

A publisher never waits. A subscriber that does not keep up is told so and loses its place: it starts anew.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")

#: Events that may wait for one subscriber.
BACKLOG = 1000


class Subscription(Generic[T]):
    """One listener's place. Iterating ends when the bus closes or the listener was too slow."""

    def __init__(self, wanted: Callable[[T], bool]) -> None:
        self._wanted = wanted
        self._queue: asyncio.Queue[T | None] = asyncio.Queue()
        self.lost = False

    def offer(self, event: T) -> None:
        """Queue an event if it is wanted; too slow a listener is cut off."""
        if self.lost or not self._wanted(event):
            return
        if self._queue.qsize() >= BACKLOG:
            self.lost = True
            self._queue.put_nowait(None)
        else:
            self._queue.put_nowait(event)

    def end(self) -> None:
        """No more events after those that wait."""
        self._queue.put_nowait(None)

    async def next(self) -> T | None:
        """The next event; None at the end."""
        return await self._queue.get()

    async def wait(self, timeout: float) -> T | None:
        """The next event; None when none came within so many seconds, or the bus closed."""
        try:
            async with asyncio.timeout(timeout):
                return await self.next()
        except TimeoutError:
            return None

    async def __aiter__(self) -> AsyncIterator[T]:
        while (event := await self.next()) is not None:
            yield event


class Events(Generic[T]):
    """A bus."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription[T]] = set()
        #: Told of what is published here, too, but not of what came from elsewhere.
        self.relay: Callable[[T], None] | None = None
        #: Whether there will be no more events.
        self.closed = False

    @property
    def heard(self) -> bool:
        """Whether anybody listens: an event that costs work to make need not be made otherwise."""
        return bool(self._subscriptions)

    def publish(self, event: T) -> None:
        """Hand an event to every subscriber that wants it, here and wherever it is relayed to."""
        self.deliver(event)
        if self.relay is not None:
            self.relay(event)

    def deliver(self, event: T) -> None:
        """Hand an event to every subscriber here: what was published elsewhere."""
        for subscription in self._subscriptions:
            subscription.offer(event)

    @contextmanager
    def subscribe(self, wanted: Callable[[T], bool] = lambda _: True) -> Iterator[Subscription[T]]:
        """Listen from now on until the block ends."""
        subscription = Subscription(wanted)
        self._subscriptions.add(subscription)
        if self.closed:
            subscription.end()
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End every subscription: the server stops."""
        self.closed = True
        for subscription in self._subscriptions:
            subscription.end()
