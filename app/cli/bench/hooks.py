"""Webhooks of a host that come in, and statuses that go out to it."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import count, repeat
from typing import TypeAlias

from app.cli.bench import host, scene
from app.cli.bench.history import NUMBERS
from app.cli.bench.load import PATIENCE, BenchFailed, Load, nothing
from app.cli.bench.place import CONNECTIONS, Bench, connections_of
from app.cli.bench.report import Figure
from app.cli.bench.server import Api, Server
from app.db.connect import connect
from app.db.tx import run
from app.scm.forge import Status

#: Makes the head and the body of a request to a path.
Content: TypeAlias = Callable[[str], tuple[str, bytes]]

#: Goals: deliveries a second, milliseconds of the slowest hundredth, and times slower when the host is slow.
DELIVERIES_GOAL, DELIVERIES_P99, SLOW_GOAL = 300.0, 150.0, 1.2
#: Goals: statuses a second, and times slower that what waits makes promotes.
SENT_GOAL, WAITING_GOAL = 200.0, 1.1
#: Seconds until a slow host answers, and the status with which a host that is down answers.
SLOW, DOWN = 2.0, 503
#: Seconds between two looks at what was sent.
PAUSE = 0.02
#: Turns in which two loads are measured side by side.
TURNS = 5

WAIT = f"""{NUMBERS}
    INSERT INTO outbox (repo_id, kind, host, subject, part, payload, state, created, due, tries, error, owner, version)
    SELECT repos.id, 'status', repos.scm, 'entry ' || n, '', :payload, 'waiting', 1, 1, 0, '', '', 1
    FROM numbers CROSS JOIN repos WHERE repos.active AND n <= :copies ORDER BY n
"""  # noqa: S608 - names only
#: What each of them shows.
STATUS = json.dumps(
    asdict(Status(host.COMMIT, "bench/entry", "success", "Build is passing", "https://ci.example.com/1"))
)


@dataclass
class Deliveries:
    """Makes webhooks of pushes of one commit, each to a branch of its own: those to one branch wait for each other."""

    key: str
    numbers: "count[int]" = field(default_factory=count)

    def __call__(self, _: str) -> tuple[str, bytes]:
        """The head and the body of the next webhook."""
        number, (namespace, name) = next(self.numbers), scene.SLUG.split("/")
        push = {
            "ref": f"refs/heads/branch-{number}",
            "before": "0" * 40,
            "after": host.COMMIT,
            "compare": f"https://git.example.com/{scene.SLUG}/compare/main",
            "head_commit": {
                "id": host.COMMIT,
                "message": "Add the pipelines",
                "timestamp": "2026-01-01T00:00:00Z",
                "author": {"name": "Bench", "email": "bench@example.com", "username": "bench"},
            },
            "repository": {"id": host.UID, "name": name, "full_name": scene.SLUG, "owner": {"login": namespace}},
            "pusher": {"name": "bench"},
            "sender": {"id": 1, "login": "bench"},
        }
        body = json.dumps(push).encode()
        signature = hmac.new(self.key.encode(), body, hashlib.sha256).hexdigest()
        lines = (
            f"Content-Type: application/json\r\nX-GitHub-Event: push\r\nX-GitHub-Delivery: delivery-{number}\r\n"
            f"X-Hub-Signature-256: sha256={signature}\r\n"
        )
        return lines, body


def measured(bench: Bench) -> list[Figure]:
    """Deliveries while the host is quick and while it is slow; statuses that leave; promotes while many wait."""
    with host.running() as far:
        return [*_received(bench, far), _sent(bench, far), _waiting(bench, far)]


def _enabled(api: Api) -> Deliveries:
    """List the repository of the host, enable it, and make build 1."""
    api.ask("POST", "/api/user/repos")
    api.ask("POST", f"/api/repos/{scene.SLUG}")
    deliveries = Deliveries(api.ask("GET", f"/api/repos/{scene.SLUG}/hook")["key"])
    lines, body = deliveries("")
    api.ask("POST", "/hook", body, dict(line.split(": ", 1) for line in lines.splitlines()))
    return deliveries


def _received(bench: Bench, far: host.Far) -> list[Figure]:
    quick, slow = Load(), Load()
    with bench.server("hooks", settings=far.settings) as server:
        deliveries = _enabled(server.api)
        bench.say(f"deliveries of pushes, {connections_of(CONNECTIONS)}, and from a host that is slow")
        for _ in range(TURNS):
            for load, delay in ((quick, 0.0), (slow, SLOW)):
                far.mode(delay=delay)
                _add(load, server, repeat("/hook"), bench.sizes.seconds / TURNS, deliveries)
        far.mode()
        made, answers = server.api.ask("GET", scene.BUILDS)[0]["number"], len(quick.latencies) + len(slow.latencies)
    if made <= answers:
        raise BenchFailed(f"only {made - 1:,} of {answers:,} deliveries that were answered have made a build")
    name = f"deliveries of pushes, {connections_of(CONNECTIONS)}"
    return [
        Figure(name, quick.per_second, "/s", DELIVERIES_GOAL, quick.failed, quick.detail()),
        Figure(f"{name}, p99", quick.detail().get("p99_ms"), "ms", DELIVERIES_P99, quick.failed),
        _slower(f"deliveries, a host that answers in {SLOW:g} s / at once", quick, slow, SLOW_GOAL),
    ]


def _sent(bench: Bench, far: host.Far) -> Figure:
    """How fast waiting statuses leave, from the first to the last."""
    wanted = bench.sizes.sent
    _waits(bench, far, "drain", wanted)
    far.mode()
    bench.say(f"{wanted:,} statuses that leave")
    with bench.server("drain", settings=far.settings):
        deadline = time.monotonic() + PATIENCE + wanted / SENT_GOAL * TURNS
        while (shown := far.shown())[0] < wanted:
            if time.monotonic() > deadline:
                raise BenchFailed(f"only {shown[0]:,} of {wanted:,} statuses have left")
            time.sleep(PAUSE)
    sent, seconds = shown
    return Figure("statuses sent", (sent - 1) / seconds, "/s", SENT_GOAL)


def _waiting(bench: Bench, far: host.Far) -> Figure:
    """How many times slower promotes are while many entries wait for a host that is down than without them."""
    entries, loads = bench.sizes.told, {"few": Load(), "many": Load()}
    _waits(bench, far, "few", 0)
    _waits(bench, far, "many", entries)
    with bench.server("few", settings=far.settings) as few, bench.server("many", settings=far.settings) as many:
        bench.say(f"promotes while {entries:,} entries wait for a host that is down")
        for _ in range(TURNS):
            for load, server in zip(loads.values(), (few, many), strict=True):
                _add(load, server, scene.promotions(), bench.sizes.seconds / TURNS)
    return _slower(f"promotes, {entries:,} entries wait / none", loads["few"], loads["many"], WAITING_GOAL)


def _waits(bench: Bench, far: host.Far, name: str, entries: int) -> None:
    """Make a data folder with a repository of the host, build 1, and so many entries that wait. The host is down."""
    far.mode(refusal=DOWN)
    with bench.server(name, settings=far.settings) as server:
        _enabled(server.api)
    bench.say(f"adding {entries:,} entries that wait")
    asyncio.run(_fill(f"sqlite:///{bench.folder / name / 'gantry.sqlite'}", entries))


async def _fill(url: str, entries: int) -> None:
    db = connect(url)
    await db.open()
    try:
        await db.write(run(WAIT, copies=entries, payload=STATUS))
    finally:
        await db.close()


def _add(load: Load, server: Server, paths: Iterator[str], seconds: float, content: Content = nothing) -> None:
    """Add the answers to some more seconds of a load."""
    load.add(server.load("POST", paths, CONNECTIONS, seconds, content=content))


def _slower(measure: str, before: Load, after: Load, goal: float) -> Figure:
    failed = before.failed + after.failed
    if not before.per_second or not after.per_second:
        return Figure(measure, None, "x", goal, failed)
    detail = {"before_per_s": before.per_second, "after_per_s": after.per_second, **after.detail()}
    return Figure(measure, before.per_second / after.per_second, "x", goal, failed, detail)
