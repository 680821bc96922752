"""The measures: each group runs servers of its own, so that none disturbs the next."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice, repeat
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

import uvloop

from app.cli.bench import lists as long_lists
from app.cli.bench import runners as remote
from app.cli.bench import scene
from app.cli.bench.dispatch import dispatches
from app.cli.bench.history import grow
from app.cli.bench.load import Load, at
from app.cli.bench.postgres import scratch
from app.cli.bench.report import Figure
from app.cli.bench.server import Server, serving
from app.cli.bench.streams import RATE, compare

#: Connections of a load, unless its measure says otherwise.
CONNECTIONS = 16
#: Builds on a page of the list.
PAGE = 25
#: Promotes a second to reach, by connections.
SQLITE_GOALS = {1: 400.0, 16: 1200.0, 64: 1500.0}
POSTGRES_GOALS = {1: 150.0, 16: 300.0, 64: 300.0}
#: Times slower that a long history may make the server, and long lists each page or row of them.
HISTORY_GOAL = 1.3
#: Milliseconds until an event has reached the median reader, and times slower that readers may make promotes.
STREAM_GOAL, READERS_GOAL = 50.0, 1.2
#: Milliseconds of the slowest of a hundred pages, and of the longest queue.
PAGE_GOAL, QUEUE_GOAL = 20.0, 300.0
#: Stages a second that go through 50 runners elsewhere; milliseconds until one that waits has a stage, and until a log
#: line is read; MiB of all that wait.
STAGES_GOAL, HAND_OVER_GOALS, LINE_GOAL, IDLE_GOAL = 100.0, {0.5: 10.0, 0.95: 25.0}, 100.0, 200.0
#: Runners that work at once.
RUNNERS = 50
#: Turns in which two servers are measured side by side.
TURNS = 5


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: `seconds` is how long a load lasts, the others count."""

    seconds: float = 5.0
    starts: int = 5
    dispatches: int = 60
    promotes: int = 10_000
    history: int = 100_000
    readers: int = 200
    repos: int = 1_000
    waiting: int = 10_000
    stages: int = 2_000
    polls: int = 10_000


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and how much is measured; `say` is told what goes on."""

    folder: Path
    repository: Path
    postgres: str
    sizes: Sizes
    say: Callable[[str], None]

    def server(self, name: str, *, capacity: int = 0, database: str = "") -> AbstractContextManager[Server]:
        """A server with the data folder of this name."""
        return serving(self.folder / name, roots=self.folder, capacity=capacity, database=database)

    def promote(self, server: Server, connections: int = CONNECTIONS) -> Load:
        """Promote build 1 to production for as long as a load lasts."""
        self.say(f"promotes, {_connections(connections)}")
        return server.load("POST", scene.promotions(), connections, self.sizes.seconds)

    def get(self, server: Server, path: str) -> Load:
        """Read for as long as a load lasts."""
        self.say(f"GET {path}, {_connections(CONNECTIONS)}")
        return server.load("GET", repeat(path), CONNECTIONS, self.sizes.seconds)


def start(bench: Bench) -> list[Figure]:
    """From the start of the process to its first answer, with a database that is there."""
    with bench.server("start") as server:
        scene.register(server.api, bench.repository)
    took = []
    for _ in range(bench.sizes.starts):
        with bench.server("start") as server:
            took.append(server.started_in)
    return [Figure("start to first answer", median(took), "s", 1.5)]


def promote(bench: Bench) -> list[Figure]:
    """Promotes on SQLite, with nobody to run them."""
    with bench.server("promote") as server:
        scene.register(server.api, bench.repository)
        return _promotes(bench, server, "promotes", SQLITE_GOALS, 120)


def postgres(bench: Bench) -> list[Figure]:
    """The same on PostgreSQL."""
    with scratch(bench.postgres) as url, bench.server("postgres", database=url) as server:
        scene.register(server.api, bench.repository)
        promotes = _promotes(bench, server, "promotes on PostgreSQL", POSTGRES_GOALS, 400)
    with scratch(bench.postgres) as url, bench.server("postgres-rpc", database=url) as server:
        scene.register(server.api, bench.repository)
        return [*promotes, _stages(bench, server, f"stages of {RUNNERS} remote runners on PostgreSQL", None)]


def _promotes(bench: Bench, server: Server, what: str, goals: Mapping[int, float], p99: float) -> list[Figure]:
    loads = {connections: bench.promote(server, connections) for connections in goals}
    rates = [_rate(f"{what}, {_connections(n)}", load, goals[n]) for n, load in loads.items()]
    most, load = max(loads.items())
    slow = load.detail().get("p99_ms")
    return [*rates, Figure(f"{what}, {_connections(most)}, p99", slow, "ms", p99, load.failed)]


def dispatch(bench: Bench) -> list[Figure]:
    """The built-in runner, one `echo` without a clone at a time."""
    with bench.server("dispatch", capacity=2) as server:
        scene.register(server.api, bench.repository)
        scene.last(scene.watch(server.api, 1, 0.02))
        bench.say(f"{bench.sizes.dispatches} builds, one after another")
        first, end = dispatches(server.api, bench.sizes.dispatches)
    return [
        Figure("answer to first step, p50", at(first, 0.5), "ms", 12),
        Figure("answer to first step, p95", at(first, 0.95), "ms", 25),
        Figure("answer to build finished, p50", at(end, 0.5), "ms", 35),
        Figure("answer to build finished, p95", at(end, 0.95), "ms"),
    ]


def read(bench: Bench) -> list[Figure]:
    """The first page of builds, and one build with its five steps."""
    build = _small_history(bench, "read")
    with bench.server("read") as server:
        builds = bench.get(server, scene.BUILDS)
        one = bench.get(server, f"{scene.BUILDS}/{build['number']}")
    return [_rate(f"builds list ({PAGE})", builds, 1900), _rate("one build", one, 2500)]


def history(bench: Bench) -> list[Figure]:
    """How many times slower the server is with many builds than it was with few, a moment before."""
    copies = bench.sizes.history
    build = _small_history(bench, "history")
    with bench.server("history") as server:
        few = _rounds(bench, server, build["number"])
    bench.say(f"adding {copies:,} builds")
    grow(f"sqlite:///{bench.folder / 'history' / 'gantry.sqlite'}", build["id"], copies)
    with bench.server("history") as server:
        newest = server.api.ask("GET", scene.BUILDS)[0]["number"]
        many = _rounds(bench, server, newest - copies // 2)
    return [_slowdown(f"{what}, {copies:,} builds", few[what], many[what]) for what in few]


def _rounds(bench: Bench, server: Server, number: int) -> dict[str, Load]:
    return {
        f"promotes, {_connections(CONNECTIONS)}": bench.promote(server),
        f"builds list ({PAGE})": bench.get(server, scene.BUILDS),
        "one build": bench.get(server, f"{scene.BUILDS}/{number}"),
    }


def lists(bench: Bench) -> list[Figure]:
    """How lists are answered, over one connection, beside a hundredth of what they hold."""
    _long_lists(bench, "few", 100)
    _long_lists(bench, "many", 1)
    with bench.server("few") as small, bench.server("many") as large:
        servers = [(server, long_lists.paths(server.api)) for server in (small, large)]
        pairs = {name: _side_by_side(bench, name, servers) for name in servers[0][1]}
    queue = pairs["queue"][1]
    return [
        *(_growth(name, *pair) for name, pair in pairs.items()),
        Figure(f"queue of {queue.rows:,}, p99", queue.p99, "ms", QUEUE_GOAL, queue.load.failed),
        *(
            Figure(f"{name}, p99", many.p99, "ms", PAGE_GOAL, many.load.failed)
            for name, (_, many) in pairs.items()
            if name not in long_lists.WHOLE
        ),
    ]


def _long_lists(bench: Bench, name: str, divisor: int) -> None:
    """A data folder with this part of all that there is to be."""
    build, sizes = _small_history(bench, name), bench.sizes
    url = f"sqlite:///{bench.folder / name / 'gantry.sqlite'}"
    repos = max(sizes.repos // divisor, 1)
    bench.say(f"adding {repos:,} repositories")
    grow(url, build["id"], max(sizes.history // 2 // divisor, 4 * PAGE))
    long_lists.fill(url, repos=repos, waiting=max(sizes.waiting // divisor, 1))


def _side_by_side(
    bench: Bench, name: str, servers: list[tuple[Server, dict[str, str]]]
) -> tuple[long_lists.Read, long_lists.Read]:
    """Both servers in turns, so that whatever else the machine does slows both."""
    bench.say(f"{name}, {_connections(1)}")
    few, many = (long_lists.Read.begin(server, paths[name]) for server, paths in servers)
    for _ in range(TURNS):
        few.go_on(bench.sizes.seconds / TURNS)
        many.go_on(bench.sizes.seconds / TURNS)
    return few, many


def _growth(name: str, few: long_lists.Read, many: long_lists.Read) -> Figure:
    """How many times longer a page takes, or a row of a list that is answered whole."""
    failed = few.load.failed + many.load.failed
    if not few.median or not many.median:
        return Figure(name, None, "x", HISTORY_GOAL, failed)
    rows = many.rows / few.rows if name in long_lists.WHOLE else 1
    detail = {"before_ms": few.median, "after_ms": many.median}
    return Figure(f"{name} ({many.rows:,})", many.median / few.median / rows, "x", HISTORY_GOAL, failed, detail)


def memory(bench: Bench) -> list[Figure]:
    """What the server's process holds."""
    promotes = bench.sizes.promotes
    with bench.server("memory") as server:
        scene.register(server.api, bench.repository)
        idle = server.resident()
        bench.say(f"{promotes:,} promotes")
        load = server.load("POST", islice(scene.promotions(), promotes), CONNECTIONS, inf)
        after = server.resident()
    return [
        Figure("memory, idle", idle, "MiB", 90),
        Figure(f"memory, after {promotes:,} promotes", after, "MiB", 110, load.failed),
    ]


def streams(bench: Bench) -> list[Figure]:
    """Readers of every change, while it is promoted at a steady pace."""
    readers, seconds = bench.sizes.readers, bench.sizes.seconds * 4
    with bench.server("streams") as server:
        scene.register(server.api, bench.repository)
        bench.say(f"{RATE:g} promotes a second, without and with {readers} readers of the stream")
        found = compare(server, readers, seconds)
    failed = found.without.failed + found.among.failed + found.missed
    arrived = at(found.delays, 0.5) if found.delays else None
    late = {"p99_ms": at(found.delays, 0.99)} if found.delays else {}
    before, after = (load.detail().get("p99_ms", 0.0) for load in (found.without, found.among))
    detail = {"without_ms": before, "with_ms": after}
    return [
        Figure(f"event to the median of {readers} readers", arrived, "ms", STREAM_GOAL, found.missed, late),
        Figure("readers dropped", found.dropped, "", 0),
        Figure(f"promotes p99, {readers} readers / none", found.slowdown, "x", READERS_GOAL, failed, detail),
    ]


def rpc(bench: Bench) -> list[Figure]:
    """Runners on other machines: what the server does for them."""
    with bench.server("rpc") as server:
        scene.register(server.api, bench.repository)
        stages = _stages(bench, server, f"stages of {RUNNERS} remote runners")
        bench.say(f"{bench.sizes.dispatches} promotions to a waiting runner")
        took = uvloop.run(remote.hand_over(server, bench.sizes.dispatches))
        bench.say("a log of 1,000 lines a second")
        followed = uvloop.run(remote.follow(server, bench.sizes.seconds))
    with bench.server("polls") as server:
        scene.register(server.api, bench.repository)
        server.api.ask("DELETE", f"{scene.BUILDS}/1")
        bench.say(f"{bench.sizes.polls:,} runners that wait")
        grown = uvloop.run(remote.idle(server, bench.sizes.polls))
    late = {"p99_ms": at(followed.delays, 0.99)} if followed.delays else {}
    median_line = at(followed.delays, 0.5) if followed.delays else None
    return [
        stages,
        *(
            Figure(f"promote to waiting runner, p{p * 100:.0f}", at(took, p), "ms", g)
            for p, g in HAND_OVER_GOALS.items()
        ),
        Figure("log line to reader, median", median_line, "ms", LINE_GOAL, followed.missed, late),
        Figure(f"memory of {bench.sizes.polls:,} idle polls", grown, "MiB", IDLE_GOAL),
    ]


def _stages(bench: Bench, server: Server, name: str, goal: float | None = STAGES_GOAL) -> Figure:
    """How many stages a second go through the runners. The build of the push is not theirs."""
    server.api.ask("DELETE", f"{scene.BUILDS}/1")
    bench.say(f"{bench.sizes.stages:,} stages, {RUNNERS} runners")
    remote.promote_all(server, bench.sizes.stages)
    took = uvloop.run(remote.run_all(server, RUNNERS, bench.sizes.stages))
    return Figure(name, bench.sizes.stages / took, "/s", goal)


def _small_history(bench: Bench, name: str) -> Any:
    """A data folder with a page of builds; the answer is one that ran all its five steps."""
    with bench.server(name, capacity=2) as server:
        scene.register(server.api, bench.repository)
        number = server.api.ask("POST", next(scene.promotions()))["number"]
        build = scene.last(scene.watch(server.api, number, 0.02))
    with bench.server(name) as server:
        server.load("POST", islice(scene.promotions(), PAGE), 1, inf)
    return build


def _rate(measure: str, load: Load, goal: float) -> Figure:
    return Figure(measure, load.per_second, "/s", goal, load.failed, load.detail())


def _slowdown(measure: str, few: Load, many: Load) -> Figure:
    failed = few.failed + many.failed
    if not few.per_second or not many.per_second:
        return Figure(measure, None, "x", HISTORY_GOAL, failed)
    detail = {"before_per_s": few.per_second, "after_per_s": many.per_second, **many.detail()}
    return Figure(measure, few.per_second / many.per_second, "x", HISTORY_GOAL, failed, detail)


def _connections(count: int) -> str:
    return "1 connection" if count == 1 else f"{count} connections"


#: In the order of the table.
GROUPS: dict[str, Callable[[Bench], list[Figure]]] = {
    "promote": promote,
    "postgres": postgres,
    "dispatch": dispatch,
    "read": read,
    "history": history,
    "lists": lists,
    "memory": memory,
    "streams": streams,
    "rpc": rpc,
    "start": start,
}
