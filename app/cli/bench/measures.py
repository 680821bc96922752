"""The measures: each group runs its own servers, so that no group affects the next."""

import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from itertools import islice
from math import inf
from statistics import median
from typing import Any

import uvloop

from app.cli.bench import artifacts, bundles, hooks, noise, notify, pages, scene
from app.cli.bench import lists as long_lists
from app.cli.bench import runners as remote
from app.cli.bench.dispatch import dispatches
from app.cli.bench.history import grow
from app.cli.bench.load import Load, at
from app.cli.bench.place import CONNECTIONS, Bench, connections_of
from app.cli.bench.postgres import scratch
from app.cli.bench.report import Figure
from app.cli.bench.server import Server
from app.cli.bench.streams import RATE, compare

#: Builds on a page of the list.
PAGE = 25
#: Goals, in promotes a second, by connections.
SQLITE_GOALS = {1: 400.0, 16: 1200.0, 64: 1500.0}
POSTGRES_GOALS = {1: 150.0, 16: 300.0, 64: 300.0}
#: Goals, as times slower: the server with a long history, and each page or row of long lists.
HISTORY_GOAL = 1.3
#: Goals: milliseconds until an event has reached the median reader, and times slower that readers make promotes.
STREAM_GOAL, READERS_GOAL = 50.0, 1.2
#: Goals, in milliseconds at the 99th percentile: of a page, and of the longest queue.
PAGE_GOAL, QUEUE_GOAL = 20.0, 300.0
#: Goals: stages a second with 50 remote runners; milliseconds until a waiting runner has a stage, and until a log line
#: has reached its reader; MiB of memory for all waiting runners.
STAGES_GOAL, HAND_OVER_GOALS, LINE_GOAL, IDLE_GOAL = 100.0, {0.5: 10.0, 0.95: 25.0}, 100.0, 200.0
#: Goal: milliseconds that a sandbox may add until a promoted build of one step has ended.
SANDBOX_GOAL = 8.0
#: Remote runners that work at once.
RUNNERS = 50
#: Goal: times slower that a step that prints makes other requests, at the 99th percentile.
NOISE_GOAL = 2.0
#: Bytes.
MB = 1_000_000
#: Turns in which two servers are measured side by side.
TURNS = 5


def start(bench: Bench) -> list[Figure]:
    """The time from the start of the process to its first answer, with an existing database."""
    with bench.server("start") as server:
        scene.register(server.api, bench.repository)
    took = []
    for _ in range(bench.sizes.starts):
        with bench.server("start") as server:
            took.append(server.started_in)
    return [Figure("start to first answer", median(took), "s", 1.5)]


def promote(bench: Bench) -> list[Figure]:
    """Promotes on SQLite, without a runner."""
    with bench.server("promote") as server:
        scene.register(server.api, bench.repository)
        return _promotes(bench, server, "promotes", SQLITE_GOALS, 120)


def postgres(bench: Bench) -> list[Figure]:
    """Promotes on PostgreSQL, without a runner, and stages of remote runners."""
    with scratch(bench.postgres) as url, bench.server("postgres", database=url) as server:
        scene.register(server.api, bench.repository)
        promotes = _promotes(bench, server, "promotes on PostgreSQL", POSTGRES_GOALS, 400)
    with scratch(bench.postgres) as url, bench.server("postgres-rpc", database=url) as server:
        scene.register(server.api, bench.repository)
        return [*promotes, _stages(bench, server, f"stages of {RUNNERS} remote runners on PostgreSQL", None)]


def _promotes(bench: Bench, server: Server, what: str, goals: Mapping[int, float], p99: float) -> list[Figure]:
    loads = {connections: bench.promote(server, connections) for connections in goals}
    rates = [_rate(f"{what}, {connections_of(n)}", load, goals[n]) for n, load in loads.items()]
    most, load = max(loads.items())
    slow = load.detail().get("p99_ms")
    return [*rates, Figure(f"{what}, {connections_of(most)}, p99", slow, "ms", p99, load.failed)]


def dispatch(bench: Bench) -> list[Figure]:
    """The built-in runner, with builds of one `echo` without a clone, one after another."""
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


def sandboxed(bench: Bench) -> list[Figure]:
    """The end of a first step in a sandbox and without one, in turns, so that other work of the machine slows both."""
    if not shutil.which("bwrap"):
        bench.say("no bubblewrap on this machine: a sandbox is not measured")
        return []
    took: dict[str, list[float]] = {"none": [], "bwrap": []}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(bench.server(name, capacity=2, sandbox=name)) for name in took}
        for server in servers.values():
            scene.register(server.api, bench.repository)
            scene.last(scene.watch(server.api, 1, 0.02))
        bench.say(f"{bench.sizes.dispatches} builds in a sandbox and as many without")
        for _ in range(TURNS):
            for name, server in servers.items():
                took[name] += dispatches(server.api, max(bench.sizes.dispatches // TURNS, 1))[1]
    without = at(took["none"], 0.5)
    about = {"without_ms": without}
    return [
        Figure("first step in a sandbox, p50", at(took["bwrap"], 0.5), "ms", without + SANDBOX_GOAL, detail=about),
    ]


def read(bench: Bench) -> list[Figure]:
    """Reads of the first page of builds, and of one build with its five steps."""
    build = _small_history(bench, "read")
    with bench.server("read") as server:
        builds = bench.get(server, scene.BUILDS)
        one = bench.get(server, f"{scene.BUILDS}/{build['number']}")
    return [_rate(f"builds list ({PAGE})", builds, 1900), _rate("one build", one, 2500)]


def history(bench: Bench) -> list[Figure]:
    """How many times slower the server is with many builds than with few builds just before."""
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
        f"promotes, {connections_of(CONNECTIONS)}": bench.promote(server),
        f"builds list ({PAGE})": bench.get(server, scene.BUILDS),
        "one build": bench.get(server, f"{scene.BUILDS}/{number}"),
    }


def lists(bench: Bench) -> list[Figure]:
    """Reads of long lists over one connection, compared with lists of a hundredth of their length."""
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
    """Make a data folder whose lists have their full length divided by `divisor`."""
    build, sizes = _small_history(bench, name), bench.sizes
    url = f"sqlite:///{bench.folder / name / 'gantry.sqlite'}"
    repos = max(sizes.repos // divisor, 1)
    bench.say(f"adding {repos:,} repositories")
    grow(url, build["id"], max(sizes.history // 2 // divisor, 4 * PAGE))
    long_lists.fill(url, repos=repos, waiting=max(sizes.waiting // divisor, 1))


def _side_by_side(
    bench: Bench, name: str, servers: list[tuple[Server, dict[str, str]]]
) -> tuple[long_lists.Read, long_lists.Read]:
    """Read a list of both servers in turns, so that other work of the machine slows both."""
    bench.say(f"{name}, {connections_of(1)}")
    few, many = (long_lists.Read.begin(server, paths[name]) for server, paths in servers)
    for _ in range(TURNS):
        few.go_on(bench.sizes.seconds / TURNS)
        many.go_on(bench.sizes.seconds / TURNS)
    return few, many


def _growth(name: str, few: long_lists.Read, many: long_lists.Read) -> Figure:
    """How many times longer a page takes; of a list without pages, how many times longer a row takes."""
    failed = few.load.failed + many.load.failed
    if not few.median or not many.median:
        return Figure(name, None, "x", HISTORY_GOAL, failed)
    rows = many.rows / few.rows if name in long_lists.WHOLE else 1
    detail = {"before_ms": few.median, "after_ms": many.median}
    return Figure(f"{name} ({many.rows:,})", many.median / few.median / rows, "x", HISTORY_GOAL, failed, detail)


def memory(bench: Bench) -> list[Figure]:
    """The memory of the server's process."""
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
    """Readers of the stream of all changes, during promotions at a steady rate."""
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
    """The server's work for remote runners: stages, waiting polls and logs."""
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


def output(bench: Bench) -> list[Figure]:
    """Requests while the built-in runner takes the output of a step that prints without pause."""
    size = bench.sizes.printed
    repository = scene.make_repository(bench.folder / "noise", noise.pipelines(size))
    with bench.server("output", capacity=2) as server:
        scene.register(server.api, repository)
        bench.say(f"a step that prints {size // MB:,} MB")
        idle, busy = noise.compare(server, bench.sizes.seconds)
    before, after = (at(load.latencies, 0.99) if load.latencies else None for load in (idle, busy))
    name = f"{noise.PATH} p99 while a step prints {size // MB:,} MB with {noise.SECRETS} secrets"
    slower = after / before if before and after else None
    return [
        Figure(name, after, "ms", None, busy.failed, {"idle_ms": before or 0.0}),
        Figure(f"{noise.PATH} p99, a step that prints / none", slower, "x", NOISE_GOAL, idle.failed + busy.failed),
    ]


def _stages(bench: Bench, server: Server, name: str, goal: float | None = STAGES_GOAL) -> Figure:
    """Stages a second that remote runners complete. The build of the push is cancelled first, as it does not count."""
    server.api.ask("DELETE", f"{scene.BUILDS}/1")
    bench.say(f"{bench.sizes.stages:,} stages, {RUNNERS} runners")
    remote.promote_all(server, bench.sizes.stages)
    took = uvloop.run(remote.run_all(server, RUNNERS, bench.sizes.stages))
    return Figure(name, bench.sizes.stages / took, "/s", goal)


def _small_history(bench: Bench, name: str) -> Any:
    """Make a data folder with a page of builds; returns a build that ran all its five steps."""
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


#: The groups of measures, in the order of the table.
GROUPS: dict[str, Callable[[Bench], list[Figure]]] = {
    "promote": promote,
    "postgres": postgres,
    "dispatch": dispatch,
    "sandbox": sandboxed,
    "read": read,
    "history": history,
    "lists": lists,
    "memory": memory,
    "streams": streams,
    "pages": pages.measured,
    "rpc": rpc,
    "hooks": hooks.measured,
    "notify": notify.measured,
    "artifacts": artifacts.measured,
    "bundles": bundles.measured,
    "output": output,
    "start": start,
}
