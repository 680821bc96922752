"""Reservations: a stage that was handed to a runner and is not yet accepted is not handed to another runner."""

from typing import Protocol

from app.builds import claims
from app.builds.claims import KEPT
from app.builds.ports import Ports


class Reservations(Protocol):
    """The reservations of a database. A server reserves a stage before it hands the stage to a runner."""

    async def reserve(self, stage_id: int) -> bool:
        """Reserve a stage for `KEPT` seconds; false when the stage is reserved already, or is no longer pending."""
        ...

    async def release(self, stage_id: int) -> None:
        """End the reservation of a stage, so that the stage can be handed out again at once."""
        ...


class OwnReservations:
    """Reservations in the memory of this server, for a database that has no other server (SQLite)."""

    def __init__(self, ports: Ports) -> None:
        self._now = ports.now
        #: The time at which each reservation ends, by stage id.
        self._until: dict[int, int] = {}

    async def reserve(self, stage_id: int) -> bool:
        """See Reservations."""
        now = self._now()
        if _holds(self._until.get(stage_id, 0), now):
            return False
        if len(self._until) > 1000:
            self._until = {kept: until for kept, until in self._until.items() if _holds(until, now)}
        self._until[stage_id] = now + KEPT
        return True

    async def release(self, stage_id: int) -> None:
        """See Reservations."""
        self._until.pop(stage_id, None)


def _holds(until: int, now: int) -> bool:
    """Whether a reservation still holds. One that would hold longer than `KEPT` was made while the clock was ahead."""
    return now < until <= now + KEPT


class SharedReservations:
    """Reservations in the database, shared by all its servers (PostgreSQL)."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def reserve(self, stage_id: int) -> bool:
        """See Reservations."""
        return await self._ports.db.write(claims.reserve(stage_id, now=self._ports.now()))

    async def release(self, stage_id: int) -> None:
        """See Reservations."""
        await self._ports.db.write(claims.withdraw(stage_id))


def reservations(ports: Ports) -> Reservations:
    """Reservations in memory for SQLite, in the database for PostgreSQL."""
    return OwnReservations(ports) if ports.db.dialect == "sqlite" else SharedReservations(ports)
