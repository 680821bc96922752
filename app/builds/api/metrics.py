"""GET /metrics: gauges with Drone's names, and gauges that only Gantry has (contract drone-rest 3.7)."""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request

from app.accounts.auth import MACHINE, Caller
from app.builds import lists, switches
from app.builds.api.request import State
from app.db.tx import Tx
from app.web.gauges import Gauge
from app.web.needs import Unless
from app.web.reply import Text
from app.web.route import Endpoint

_GAUGES = {
    "drone_user_count": ("users", "Accounts."),
    "drone_repo_count": ("repos", "Repositories."),
    "drone_build_count": ("builds", "Builds ever begun."),
    "drone_pending_builds": ("pending_builds", "Builds that wait, but not for approval."),
    "gantry_blocked_builds": ("blocked_builds", "Builds that wait for approval."),
    "drone_running_builds": ("running_builds", "Builds that run."),
    "drone_pending_jobs": ("pending_jobs", "Stages that wait for a runner."),
    "drone_running_jobs": ("running_jobs", "Stages that run."),
    "gantry_queue_paused": ("queue_paused", "1 while no stage is handed to a runner."),
    "gantry_event_readers": ("event_readers", "Readers of changes of builds, on this server."),
    "gantry_log_readers": ("log_readers", "Readers of logs of running steps, on this server."),
}


class _Counts:
    """A collector of numbers that were read before."""

    def __init__(self, counts: dict[str, int], others: Sequence[Gauge]) -> None:
        self._counts = counts
        self._others = others

    def collect(self) -> Iterable[Metric]:
        """Each number as a gauge, or as a counter."""
        for name, (key, words) in _GAUGES.items():
            yield GaugeMetricFamily(name, words, value=self._counts[key])
        for other in self._others:
            family = CounterMetricFamily if other.grows else GaugeMetricFamily
            yield family(other.name, other.means, value=other.value)


def _counted(_: Request[State], __: Caller | None) -> Tx[dict[str, int]]:
    """The numbers that the database has."""
    return (yield from lists.counts()) | {"queue_paused": int((yield from switches.is_on("queue")))}


async def show_metrics(request: Request[State], _: Caller | None, stored: dict[str, int]) -> Text:
    """The server's metrics, in Prometheus' text format."""
    listeners, logs = request.state["broadcast"].listeners, request.state["ports"].logs
    readers = {"event_readers": listeners, "log_readers": sum(logs.readers().values())}
    registry = CollectorRegistry()
    others = [gauge for read in request.state["gauges"] for gauge in await read()]
    registry.register(_Counts(stored | readers, others))
    return Text(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


#: With the setting `metrics_anonymous` the metrics need no token.
_NEEDS = Unless(lambda state: bool(state["metrics_anonymous"]), MACHINE)
routes = [Endpoint("GET", "/metrics", show_metrics, operation="server.show_metrics", needs=_NEEDS, reads=_counted)]
