"""The measures of the web pages, as a browser with a session asks for them, and of promotions while pages are open."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import cycle

from app.cli.bench import fleet, scene
from app.cli.bench.browser import Answer, Browser, browsing
from app.cli.bench.fleet import Fleet
from app.cli.bench.load import Load, at
from app.cli.bench.place import CONNECTIONS, Bench, connections_of
from app.cli.bench.report import Figure
from app.cli.bench.server import Server
from app.cli.bench.streams import CONNECTIONS as FEW
from app.cli.bench.streams import RATE, beside
from app.cli.bench.visitors import Seen, Visit

#: Goals: milliseconds of a page and of a region; kilobytes of a first visit and of a later page.
BOARD_GOAL, PAGE_GOAL, REGION_GOAL, FIRST_GOAL, LATER_GOAL = 100.0, 40.0, 15.0, 60.0, 15.0
#: Goals: milliseconds until the median page shows a promotion; times slower that open pages make promotions.
SEEN_GOAL, OPEN_GOAL = 500.0, 1.2
#: The pages whose regions are renewed, those of a page with one request.
LIVE = ("board", "repository", "build")
#: Of the open pages, one in so many is the board, and one in so many is that of a repository with promotions; the
#: others show builds that are over.
BOARDS, PROMOTED = 10, 4
#: Loads without open pages and with them take turns, so that a busy moment of the machine hits both.
ROUNDS = 2
KB = 1_000


def paths(there: Fleet) -> Mapping[str, str]:
    """The paths of the pages that are measured, by name."""
    repo = f"/{there.slugs[0]}"
    before, after = there.commits[-7], there.commits[-2]
    return {
        "board": "/",
        "repository": repo,
        "build": f"/{scene.SLUG}/2",
        "long log": "/".join(("", scene.SLUG, *map(str, fleet.LOGGED))),
        "builds": "/-/builds",
        "deployments": "/-/deployments",
        "approvals": "/-/approvals",
        "target": f"{repo}/-/targets/{fleet.TARGETS[-2]}",
        "compare": f"{repo}/-/compare/{before}...{after}",
        "settings": f"{repo}/-/settings/general",
    }


@dataclass(slots=True)
class Views:
    """The answers to one question: the seconds of each good one, the bytes of the last one, and how many were not."""

    took: list[float] = field(default_factory=list)
    size: int = 0
    failed: int = 0

    def take(self, answer: Answer) -> None:
        """Count an answer."""
        if answer.status == 200:
            self.took.append(answer.took)
            self.size = answer.size
        else:
            self.failed += 1

    def at(self, fraction: float) -> float | None:
        """Milliseconds at this fraction; None without a good answer."""
        return at(self.took, fraction) if self.took else None


def measured(bench: Bench) -> list[Figure]:
    """Each page, the first visit, the regions; then promotions without and with many open pages."""
    there = fleet.make(bench)
    with bench.server(fleet.NAME) as server:
        with browsing(server.port, there.cookies[0]) as browser:
            known = paths(there)
            for path in known.values():
                browser.get(path)  # so that the server knows what it remembers
            figures = [*_pages(bench, browser, known), *_sizes(browser, known), *_regions(bench, browser, known)]
        return [*figures, *_open(bench, server, there)]


def _pages(bench: Bench, browser: Browser, known: Mapping[str, str]) -> list[Figure]:
    """Each page, one after another again and again, so that a busy moment of the machine hits all."""
    bench.say(f"{len(known)} pages, each {bench.sizes.views} times")
    views = {name: Views() for name in known}
    for _ in range(bench.sizes.views):
        for name, path in known.items():
            views[name].take(browser.get(path))
    return [_page(name, seen) for name, seen in views.items()]


def _page(name: str, seen: Views) -> Figure:
    detail = {"p50_ms": seen.at(0.5) or 0.0, "html_kb": seen.size / KB}
    goal = BOARD_GOAL if name == "board" else PAGE_GOAL
    return Figure(f"page {name}, p95", seen.at(0.95), "ms", goal, seen.failed, detail)


def _sizes(browser: Browser, known: Mapping[str, str]) -> list[Figure]:
    """The bytes of a first visit, which is that of the board, and of the largest page that follows."""
    first = browser.get(known["board"])
    loaded = [browser.get(path) for path in first.loads()]
    failed = sum(answer.status != 200 for answer in loaded)
    html, rest = first.size / KB, sum(answer.size for answer in loaded) / KB
    largest = max(browser.get(path).size for path in known.values()) / KB
    return [
        Figure("first visit, compressed", html + rest, "kB", FIRST_GOAL, failed, {"html_kb": html, "files_kb": rest}),
        Figure("largest page, compressed", largest, "kB", LATER_GOAL),
    ]


def _regions(bench: Bench, browser: Browser, known: Mapping[str, str]) -> list[Figure]:
    """The regions of each page: when something is new, and when the browser shows what there is."""
    regions = {name: ", ".join(browser.get(known[name]).regions()) for name in LIVE}
    new: dict[str, Views] = {name: Views() for name in LIVE}
    same: dict[str, list[float]] = {name: [] for name in LIVE}
    bench.say(f"the regions of {len(regions)} pages, each {bench.sizes.views} times")
    for _ in range(bench.sizes.views):
        for name in LIVE:
            answer = browser.get(known[name], Gantry_Region=regions[name])
            new[name].take(answer)
            again = browser.get(known[name], Gantry_Region=regions[name], If_None_Match=answer.tag)
            same[name] += [again.took] if again.status == 304 else []
    return [
        Figure(
            f"regions of page {name}, p95",
            new[name].at(0.95),
            "ms",
            REGION_GOAL,
            new[name].failed,
            {"p50_ms": new[name].at(0.5) or 0.0, "same_p95_ms": at(same[name], 0.95) if same[name] else 0.0},
        )
        for name in LIVE
    ]


@dataclass(slots=True)
class Compared:
    """Promotions without and with open pages: at a steady rate, and as many as the server takes."""

    steady: dict[str, Load] = field(default_factory=lambda: {"without": Load(), "with": Load()})
    most: dict[str, Load] = field(default_factory=lambda: {"without": Load(), "with": Load()})
    #: By kind of page, the seconds from the request of a promotion until the median page showed it, at a steady rate.
    delays: dict[str, list[float]] = field(default_factory=lambda: {"board": [], "repository": []})
    renewed: int = 0
    failed: int = 0

    def take(self, seen: Seen, asked: Mapping[str, float]) -> None:
        """Count what open pages have shown, of promotions that were asked for at these times."""
        for kind, each in seen.at.items():
            self.delays[kind] += [when - asked[build] for build, when in each.items() if build in asked]
        self.renewed += seen.renewed + seen.unchanged
        self.failed += seen.failed + seen.dropped + seen.missed


def _open(bench: Bench, server: Server, there: Fleet) -> list[Figure]:
    """Promotions without open pages and with them, in turns."""
    visits = _visits(server, there)
    slugs = [visit.path[1:] for visit in visits if visit.kind == "repository"]
    # One each, so that the commits of each repository are fetched.
    last = {slug: server.api.ask("POST", _promotion(slug, there))["number"] for slug in slugs}
    bench.say(f"promotes of {len(slugs)} repositories, without and with {len(visits)} open pages")
    found, asked = Compared(), dict[str, float]()
    steady, most = _promotions(last, there, asked), _promotions(last, there, {})

    def load(name: str) -> None:
        found.steady[name].add(server.load("POST", steady, FEW, bench.sizes.seconds * 3 / ROUNDS, RATE))
        found.most[name].add(server.load("POST", most, CONNECTIONS, bench.sizes.seconds / ROUNDS))

    for _ in range(ROUNDS):
        load("without")
        with beside("visitors", str(server.port), told=json.dumps([asdict(visit) for visit in visits])) as heard:
            load("with")
        for one in heard:
            found.take(Seen(**one), asked)
    return _compared(found, len(visits))


def _visits(server: Server, there: Fleet) -> list[Visit]:
    """The open pages, each in a browser of its own."""
    with browsing(server.port, there.cookies[0]) as browser:
        regions = {path: browser.get(path).regions() for path in ("/", f"/{there.slugs[0]}")}
    board, repository = regions.values()
    slugs, visits = cycle(there.slugs), []
    for number, cookie in enumerate(there.cookies):
        if number % BOARDS == 0:
            visits.append(Visit(cookie, "/", board, "", "board"))
        elif number % PROMOTED == 1:
            slug = next(slugs)
            visits.append(Visit(cookie, f"/{slug}", repository, slug, "repository"))
        else:
            visits.append(Visit(cookie, f"/{scene.SLUG}/2", (), "", "build"))
    return visits


def _promotion(slug: str, there: Fleet) -> str:
    return f"/api/repos/{slug}/builds/{there.number - 1}/promote?target=production"


def _promotions(last: dict[str, int], there: Fleet, asked: dict[str, float]) -> Iterator[str]:
    """Paths that promote a build of one repository after another; stores in `asked` when each path was taken.

    `last` has the number of each repository's last build, and is counted up. A build is called `owner/name#number`.
    """
    for slug in cycle(tuple(last)):
        last[slug] += 1
        asked[f"{slug}#{last[slug]}"] = time.perf_counter()
        yield _promotion(slug, there)


def _compared(found: Compared, pages: int) -> list[Figure]:
    (alone, among), (few, many) = found.steady.values(), found.most.values()
    failed = sum(load.failed for load in (alone, among)) + found.failed
    medians = {kind: at(delays, 0.5) if delays else None for kind, delays in found.delays.items()}
    slow = [load.detail().get("p99_ms", 0.0) for load in (alone, among)]
    rates = [load.per_second or 0.0 for load in (few, many)]
    renewals = found.renewed / (among.took + many.took)
    seen = {"board_ms": medians["board"] or 0.0, "renewals_per_s": renewals}
    return [
        Figure(f"promotion to the median page of {pages}", medians["repository"], "ms", SEEN_GOAL, found.failed, seen),
        Figure(
            f"promotes p99, {pages} open pages / none",
            slow[1] / slow[0] if all(slow) else None,
            *("x", OPEN_GOAL, failed, {"without_ms": slow[0], "with_ms": slow[1]}),
        ),
        Figure(
            f"promotes, {connections_of(CONNECTIONS)}, {pages} open pages / none",
            rates[0] / rates[1] if all(rates) else None,
            *("x", OPEN_GOAL, few.failed + many.failed, {"without_per_s": rates[0], "with_per_s": rates[1]}),
        ),
    ]
