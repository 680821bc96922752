"""The measures of release bundles: creation, promotion, verification, long lists, and what others notice of them."""

import asyncio
import threading
import time
from collections.abc import Callable
from itertools import repeat
from statistics import median
from typing import Any

import orjson

from app.artifacts import repositories
from app.cli.bench import holdings, scene
from app.cli.bench.load import Load, at
from app.cli.bench.place import CONNECTIONS, Bench
from app.cli.bench.report import Figure
from app.cli.bench.server import Api, Server
from app.db.connect import connect
from app.db.tx import Tx, run

#: Goals: milliseconds of a usual version's creation, promotion and verification, and of a page; seconds of creating and
#: of promoting a large one.
CREATE_GOAL, PROMOTE_GOAL, VERIFY_GOAL, PAGE_GOAL, LARGE_GOAL = 500.0, 400.0, 100.0, 30.0, 3.0
#: Goals: times slower with many other items; the 99th percentile of reads beside a large version, in times of reads
#: alone; and the longest write beside it, in times of the work.
ITEMS_GOAL, READS_GOAL, WRITES_GOAL = 1.3, 2.0, 1.0
#: Versions whose median is taken; and requests whose quantiles are.
TURNS, PAGES = 5, 40
#: Reads and writes a second beside the work on a large version.
RATE = 50.0
SOURCE, BUNDLES, LISTED = "bundle-dev", "release-bundles-v2", "listed"
_API, _PROMOTIONS = "/lifecycle/api/v2/release_bundle", "/lifecycle/api/v2/promotion/records"
ADD_VERSIONS = """
    INSERT INTO bundles (
        repo_id, name, version, status, created, by_id, by_name, signing_key, sources, environment, files, size,
        manifest, tag, messages
    )
    SELECT :repo_id, :name, entry.version, 'COMPLETED', entry.created, 1, 'bench', '', '{}', '', 1, 1, '', '', '[]'
    FROM :rows(entries; version text, created bigint) AS entry
"""


def measured(bench: Bench) -> list[Figure]:
    """Versions of a usual and of a large build, alone, and beside other requests; the same among many other items."""
    sizes, url = bench.sizes, f"sqlite:///{bench.folder / 'bundles' / 'gantry.sqlite'}"
    with bench.server("bundles") as server:
        scene.register(server.api, bench.repository)
    bench.say(f"adding {sizes.artifacts:,} and {sizes.bundled:,} artifacts, and {sizes.versions:,} versions")
    counts = {"usual": sizes.artifacts, "large": sizes.bundled}
    holdings.add_repositories(url, [SOURCE])
    for number, count in counts.items():
        holdings.add_files(url, SOURCE, number, count)
    asyncio.run(_add_versions(url, sizes.versions))
    with bench.server("bundles") as server:
        for number, count in counts.items():
            server.api.ask("PUT", "/artifactory/api/build", holdings.build_info(SOURCE, number, count))
        alone = _usual(bench, server, "alone")
        large = _large(bench, server)
        pages = _pages(bench, server)
    bench.say(f"adding {sizes.items:,} other items")
    holdings.add_repositories(url, ["bundle-others"])
    holdings.add_files(url, "bundle-others", "others", sizes.items)
    with bench.server("bundles") as server:
        among = _usual(bench, server, "among")
    usual = f"version of {sizes.artifacts:,} artifacts"
    goals = {"created": CREATE_GOAL, "promoted": PROMOTE_GOAL, "verified": VERIFY_GOAL}
    return [
        *(Figure(f"{usual} {did}", alone[did] * 1000, "ms", goal) for did, goal in goals.items()),
        *large,
        *pages,
        *(
            Figure(
                f"{usual} {did}, {sizes.items:,} other items", among[did] / alone[did], "x", ITEMS_GOAL,
                detail={"before_ms": alone[did] * 1000, "after_ms": among[did] * 1000},
            )
            for did in ("created", "promoted")
        ),
    ]  # fmt: skip


def _usual(bench: Bench, server: Server, when: str) -> dict[str, float]:
    """The median seconds of creating, promoting and verifying a version; each is promoted to a new repository."""
    bench.say(f"versions of the usual build, {when}")
    took: dict[str, list[float]] = {"created": [], "promoted": [], "verified": []}
    for turn in range(TURNS):
        version = f"{when}-{turn}"
        _environment(server.api, version)
        took["created"].append(_seconds(_create, server.api, "usual", version))
        took["promoted"].append(_seconds(_promote, server.api, "usual", version))
        took["verified"].append(_seconds(server.api.ask, "GET", f"/api/bundles/usual/{version}/verify"))
    return {did: median(seconds) for did, seconds in took.items()}


def _large(bench: Bench, server: Server) -> list[Figure]:
    """A large version alone, and what readers and writers notice of the work on another one."""
    name = f"version of {bench.sizes.bundled:,} artifacts"
    bench.say(f"a {name}")
    _environment(server.api, "1")
    created, promoted = (_seconds(do, server.api, "large", "1") for do in (_create, _promote))
    figures = [
        Figure(f"{name} created", created, "s", LARGE_GOAL),
        Figure(f"{name} promoted", promoted, "s", LARGE_GOAL),
    ]
    bench.say(f"reads and writes beside a {name}")
    _environment(server.api, "2")
    _environment(server.api, "3")
    idle = server.load("GET", repeat(scene.BUILDS), CONNECTIONS, bench.sizes.seconds, RATE)
    reads, _ = _beside(server, "2", "GET", bench.sizes.seconds)
    writes, took = _beside(server, "3", "POST", bench.sizes.seconds)
    slower = at(reads.latencies, 0.99) / at(idle.latencies, 0.99) if reads.latencies and idle.latencies else None
    longest = max(writes.latencies) / took if writes.latencies else None
    return [
        *figures,
        Figure(f"reads beside a {name}, p99 / alone", slower, "x", READS_GOAL, reads.failed, reads.detail()),
        Figure(f"promotes beside a {name}, longest / the work", longest, "x", WRITES_GOAL, writes.failed,
               {**writes.detail(), "work_ms": took * 1000}),
    ]  # fmt: skip


def _beside(server: Server, version: str, method: str, seconds: float) -> tuple[Load, float]:
    """Requests while a large version is created and promoted, and the seconds of the slower of both."""
    took = list[float]()

    def work() -> None:
        api = Api(server.port)
        took.extend(_seconds(do, api, "large", version) for do in (_create, _promote))
        api.close()

    thread = threading.Thread(target=work)
    thread.start()
    paths = scene.promotions() if method == "POST" else repeat(scene.BUILDS)
    load = server.load(method, paths, CONNECTIONS, seconds, RATE)
    thread.join()
    return load, max(took, default=0.0)


def _pages(bench: Bench, server: Server) -> list[Figure]:
    """Pages at the begin, in the middle and at the end of a long list of versions."""
    total = bench.sizes.versions
    bench.say(f"pages of {total:,} versions")
    figures = []
    for where, offset in (("first", 0), ("middle", total // 2), ("last", total - 25)):
        path = f"{_API}/records/{LISTED}?limit=25&offset={offset}"
        took = [_seconds(server.api.ask, "GET", path) for _ in range(PAGES)]
        figures.append(Figure(f"{where} page of {total:,} versions, p95", at(took, 0.95), "ms", PAGE_GOAL))
    return figures


def _seconds(do: Callable[..., Any], *arguments: Any) -> float:
    began = time.perf_counter()
    do(*arguments)
    return time.perf_counter() - began


def _environment(api: Api, version: str) -> None:
    """An environment of one repository, which nothing was promoted to."""
    wanted = {"rclass": "local", "packageType": "generic", "environments": [f"env-{version}"]}
    api.ask("PUT", f"/artifactory/api/repositories/bundle-{version}", orjson.dumps(wanted), _JSON)


def _create(api: Api, build: str, version: str) -> None:
    source = {"builds": [{"build_name": "bench", "build_number": build, "build_repository": "artifactory-build-info"}]}
    wanted = {
        "release_bundle_name": build,
        "release_bundle_version": version,
        "source_type": "builds",
        "source": source,
    }
    api.ask("POST", f"{_API}?async=false", orjson.dumps(wanted), _JSON)


def _promote(api: Api, name: str, version: str) -> None:
    wanted = orjson.dumps({"environment": f"env-{version}"})
    api.ask("POST", f"{_PROMOTIONS}/{name}/{version}?async=false", wanted, _JSON)


async def _add_versions(url: str, count: int) -> None:
    db = connect(url)
    await db.open()
    try:
        for start in range(0, count, holdings.CHUNK):
            await db.alter(_versions(range(start, min(start + holdings.CHUNK, count))))
    finally:
        await db.close()


def _versions(numbers: range) -> Tx[None]:
    repo = yield from repositories.ensure_system(BUNDLES, "bundles", "", 1)
    entries = orjson.dumps([(f"1.{number}", number) for number in numbers]).decode()
    yield from run(ADD_VERSIONS, repo_id=repo.id, name=LISTED, entries=entries)


_JSON = {"Content-Type": "application/json"}
