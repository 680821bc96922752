"""For whom a stage is kept that was handed out and not yet accepted: nobody else is handed it meanwhile."""

from typing import Protocol

from app.builds import claims
from app.builds.ports import Ports

#: Seconds for which it is kept.
KEPT = 60


class Offers(Protocol):
    """Who hands a stage out claims it first."""

    async def claim(self, stage_id: int) -> bool:
        """Keep a stage for somebody; false when it is kept for somebody else, or waits no more."""
        ...

    async def release(self, stage_id: int) -> None:
        """It is to be had again at once: whoever it was kept for is gone."""
        ...


class OwnOffers:
    """Those of the only server of a database."""

    def __init__(self, ports: Ports) -> None:
        self._now = ports.now
        #: Until when, by stage id.
        self._until: dict[int, int] = {}

    async def claim(self, stage_id: int) -> bool:
        """See Offers."""
        now = self._now()
        if self._until.get(stage_id, 0) > now:
            return False
        if len(self._until) > 1000:
            self._until = {kept: until for kept, until in self._until.items() if until > now}
        self._until[stage_id] = now + KEPT
        return True

    async def release(self, stage_id: int) -> None:
        """See Offers."""
        self._until.pop(stage_id, None)


class SharedOffers:
    """Those of several servers, in their database."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def claim(self, stage_id: int) -> bool:
        """See Offers."""
        now = self._ports.now()
        return await self._ports.db.write(claims.offer(stage_id, now=now, until=now + KEPT))

    async def release(self, stage_id: int) -> None:
        """See Offers."""
        await self._ports.db.write(claims.withdraw(stage_id))


def offers(ports: Ports) -> Offers:
    """As the database may have several servers, or only this one."""
    return OwnOffers(ports) if ports.db.dialect == "sqlite" else SharedOffers(ports)
