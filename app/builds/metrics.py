"""GET /metrics: gauges under Drone's names, for administrators and machines (`spec` drone-rest 3.7)."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request

from app.accounts import auth
from app.builds import store
from app.builds.state import State
from app.web.reply import Text

_GAUGES = {
    "drone_user_count": ("users", "Accounts."),
    "drone_repo_count": ("repos", "Repositories."),
    "drone_build_count": ("builds", "Builds ever begun."),
    "drone_pending_builds": ("pending_builds", "Builds that wait."),
    "drone_running_builds": ("running_builds", "Builds that run."),
    "drone_pending_jobs": ("pending_jobs", "Stages that wait for a runner."),
    "drone_running_jobs": ("running_jobs", "Stages that run."),
}


class _Counts:
    """A collector of numbers that were read already."""

    def __init__(self, counts: dict[str, int]) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        """Each number as a gauge."""
        for name, (key, words) in _GAUGES.items():
            yield GaugeMetricFamily(name, words, value=self._counts[key])


async def show(request: Request[State]) -> Text:
    """The numbers of this moment, in Prometheus' text format."""
    await auth.user(request)
    registry = CollectorRegistry()
    registry.register(_Counts(await request.state["db"].read(store.counts())))
    return Text(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
