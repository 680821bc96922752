"""How many builds were promoted since the server started, for monitoring."""

import time
from collections.abc import Awaitable, Sequence

from app.buildinfo.promotion import Promoted
from app.web.gauges import Gauge


class Tally:
    """Counts the promotions of this server; dry runs do not count."""

    def __init__(self) -> None:
        self._done = self._failed = self._refused = 0
        self._seconds = 0.0

    async def counted(self, promoting: Awaitable[Promoted]) -> Promoted:
        """The result of a promotion, which is counted."""
        began = time.monotonic()
        try:
            result = await promoting
        except Exception:  # whatever refuses a promotion is passed on
            self._refused += 1
            raise
        if result.id:
            self._done += 1
            self._failed += result.failed
            self._seconds += time.monotonic() - began
        return result

    async def gauges(self) -> Sequence[Gauge]:
        """The numbers."""
        return (
            _grown("total", "Promotions of builds that were carried out.", self._done),
            _grown("failed_total", "Those of them in which some files were refused.", self._failed),
            _grown("refused_total", "Promotions of builds that changed nothing, dry runs included.", self._refused),
            _grown("seconds_total", "Seconds that the promotions that were carried out took.", self._seconds),
        )


def _grown(name: str, means: str, value: float) -> Gauge:
    return Gauge(f"gantry_build_promotions_{name}", means, value, grows=True)
