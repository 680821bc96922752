"""In-process publish and subscribe: lower rooms publish what they did, higher rooms subscribe.

A publisher never waits. The subscription of a subscriber that is too slow is ended and marked as `lost`; the subscriber
has to subscribe again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")

#: Events that may wait in the queue of one subscription.
BACKLOG = 1000


class Subscription(Generic[T]):
    """The queue of one subscriber. Iterating ends when the bus closes or the subscriber was too slow."""

    def __init__(self, wanted: Callable[[T], bool]) -> None:
        self._wanted = wanted
        self._queue: asyncio.Queue[T | None] = asyncio.Queue()
        self.lost = False

    def offer(self, event: T) -> None:
        """Queue an event if the subscriber wants it. If the queue is full, end the subscription instead."""
        if self.lost or not self._wanted(event):
            return
        if self._queue.qsize() >= BACKLOG:
            self.lost = True
            self._queue.put_nowait(None)
        else:
            self._queue.put_nowait(event)

    def end(self) -> None:
        """End the subscription after the events that wait in its queue."""
        self._queue.put_nowait(None)

    async def next(self) -> T | None:
        """The next event; None at the end."""
        return await self._queue.get()

    async def wait(self, timeout: float) -> T | None:
        """The next event; None when no event came within `timeout` seconds, or the bus closed."""
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
        #: Called with each event that `publish` gets in this process, but not with an event that only `deliver` gets.
        self.relay: Callable[[T], None] | None = None
        #: Whether there will be no more events.
        self.closed = False

    @property
    def heard(self) -> bool:
        """Whether there is a subscriber: without one, a publisher need not make an event that costs work."""
        return bool(self._subscriptions)

    def publish(self, event: T) -> None:
        """Hand an event to every subscriber in this process that wants the event, and to `relay`."""
        self.deliver(event)
        if self.relay is not None:
            self.relay(event)

    def deliver(self, event: T) -> None:
        """Hand an event to the subscribers in this process only; for an event that another server published."""
        for subscription in self._subscriptions:
            subscription.offer(event)

    @contextmanager
    def subscribe(self, wanted: Callable[[T], bool] = lambda _: True) -> Iterator[Subscription[T]]:
        """Subscribe until the block ends."""
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
