"""The measures of artifacts. Each part is a function from the place to figures, so that more parts may join."""

import threading
import time
from statistics import median

import orjson

from app.cli.bench import files, holdings, scene, searches
from app.cli.bench.place import CONNECTIONS, Bench
from app.cli.bench.report import Figure
from app.cli.bench.server import Api, Server

#: Goals: milliseconds for a usual promotion, seconds for a large one; times slower with many other items, and the
#: longest promote of a pipeline beside a promotion, in times of the promotion.
USUAL_GOAL, LARGE_GOAL, ITEMS_GOAL, BESIDE_GOAL = 250.0, 5.0, 1.3, 1.0
#: Promotes of pipelines a second beside a promotion.
RATE = 50.0
#: Promotions whose median is taken; of a large build one.
TURNS = 5
SOURCE = "bench-dev"


def measured(bench: Bench) -> list[Figure]:
    """Uploads and downloads; promotions alone, beside promotes of pipelines, and among many other items; searches among
    these."""
    return [*files.measured(bench), *promotions(bench), *searches.measured(bench)]


def promotions(bench: Bench) -> list[Figure]:
    """Artifacts copied and moved, answer included."""
    sizes, url = bench.sizes, f"sqlite:///{bench.folder / 'artifacts' / 'gantry.sqlite'}"
    usual, large = (f"{sizes.artifacts:,} artifacts", f"{sizes.many_artifacts:,} artifacts")
    with bench.server("artifacts") as server:
        scene.register(server.api, bench.repository)
    bench.say(f"adding {usual} and {large}")
    _fill(url, "usual", sizes.artifacts)
    _fill(url, "large", sizes.many_artifacts)
    with bench.server("artifacts") as server:
        for number, count in (("usual", sizes.artifacts), ("large", sizes.many_artifacts)):
            server.api.ask("PUT", "/artifactory/api/build", holdings.build_info(SOURCE, number, count))
        alone = _rounds(bench, server, "alone")
        beside = _beside(bench, server, f"{large} copied")
    bench.say(f"adding {sizes.items:,} other items")
    searches.add_others(bench)
    with bench.server("artifacts") as server:
        among = _rounds(bench, server, "among")
    names = {"usual": usual, "large": large}
    return [
        *(_figure(f"{names[number]} {did}", number, seconds) for (number, did), seconds in alone.items()),
        beside,
        *(
            Figure(
                f"{names[number]} {did}, {sizes.items:,} other items", seconds / alone[number, did], "x", ITEMS_GOAL,
                detail={"before_ms": alone[number, did] * 1000, "after_ms": seconds * 1000},
            )
            for (number, did), seconds in among.items()
        ),
    ]  # fmt: skip


def _figure(name: str, number: str, seconds: float) -> Figure:
    if number == "usual":
        return Figure(name, seconds * 1000, "ms", USUAL_GOAL)
    return Figure(name, seconds, "s", LARGE_GOAL)


def _fill(url: str, number: str, count: int) -> None:
    kinds = [f"{number}-{when}-{did}" for when in ("alone", "among") for did in ("copied", "moved")]
    turns = [f"{kind}-{turn}" for kind in kinds for turn in range(_turns(number))]
    holdings.add_repositories(url, [SOURCE, *turns, f"{number}-beside"])
    holdings.add_files(url, SOURCE, number, count)


def _turns(number: str) -> int:
    return TURNS if number == "usual" else 1


def _rounds(bench: Bench, server: Server, when: str) -> dict[tuple[str, str], float]:
    """The seconds of a promotion, by the build and by what is done; each goes to a new repository."""
    took: dict[tuple[str, str], float] = {}
    for number in ("usual", "large"):
        bench.say(f"promoting the {number} build, {when}")
        copied, moved = list[float](), list[float]()
        for turn in range(_turns(number)):
            target = f"{number}-{when}-copied-{turn}"
            copied.append(_promote(server.api, number, SOURCE, target, copy=True))
            moved.append(_promote(server.api, number, target, f"{number}-{when}-moved-{turn}", copy=False))
        took[number, "copied"], took[number, "moved"] = median(copied), median(moved)
    return took


def _promote(api: Api, number: str, source: str, target: str, *, copy: bool) -> float:
    """The seconds of one promotion."""
    body = orjson.dumps({"sourceRepo": source, "targetRepo": target, "copy": copy})
    began = time.perf_counter()
    api.ask("POST", f"/artifactory/api/build/promote/bench/{number}", body)
    return time.perf_counter() - began


def _beside(bench: Bench, server: Server, what: str) -> Figure:
    """The longest promote of a pipeline while artifacts are promoted, in times of that promotion."""
    took = list[float]()

    def promote() -> None:
        api = Api(server.port)
        took.append(_promote(api, "large", SOURCE, "large-beside", copy=True))
        api.close()

    bench.say(f"{RATE:g} promotes a second beside {what}")
    call = threading.Thread(target=promote)
    call.start()
    load = server.load("POST", scene.promotions(), CONNECTIONS, bench.sizes.seconds, RATE)
    call.join()
    name = f"promotes beside {what}, longest / the copy"
    if not took or not load.latencies:
        return Figure(name, None, "x", BESIDE_GOAL, load.failed)
    detail = {**load.detail(), "copy_ms": took[0] * 1000}
    return Figure(name, max(load.latencies) / took[0], "x", BESIDE_GOAL, load.failed, detail)
