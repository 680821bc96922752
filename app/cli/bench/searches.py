"""The measures of searches among many files, in the shapes that clients send, and of the publication of build-info."""

import time

import orjson

from app.cli.bench import holdings
from app.cli.bench.load import at
from app.cli.bench.place import Bench
from app.cli.bench.report import Figure
from app.cli.bench.server import Api

#: Milliseconds: of searches by an index, of those that look at every item, and of a large publication.
INDEX_GOAL, EVERY_GOAL, PUBLISH_GOAL = 50.0, 500.0, 500.0
OTHERS, NUMBER, FEW = "bench-others", "others", "few"
#: Artifacts of the build that is searched, at most; and how often each search is sent.
ARTIFACTS, TURNS = 300, 20
_FIELDS = '"name","repo","path","actual_md5","actual_sha1","sha256","size","type","modified","created","property"'
_SHA1 = '"name","repo","path","actual_sha1"'


def add_others(bench: Bench) -> None:
    """Add many files to the stopped server of the artifacts, and those of the build that is searched."""
    url = f"sqlite:///{bench.folder / 'artifacts' / 'gantry.sqlite'}"
    holdings.add_repositories(url, [OTHERS])
    holdings.add_files(url, OTHERS, NUMBER, bench.sizes.items)
    holdings.add_files(url, OTHERS, FEW, _few(bench))


def measured(bench: Bench) -> list[Figure]:
    """Searches on the server to which `add_others` has added files, and a publication."""
    sizes = bench.sizes
    with bench.server("artifacts") as server:
        server.api.ask("PUT", "/artifactory/api/build", holdings.build_info(OTHERS, FEW, _few(bench)))
        bench.say(f"searches among {sizes.items:,} files")
        figures = [
            Figure(f"{what}, p95", _p95(server.api, query), "ms", goal)
            for what, query, goal in _queries(sizes.items, _few(bench))
        ]
        bench.say(f"publishing {sizes.published:,} artifacts")
        info = holdings.build_info(OTHERS, NUMBER, min(sizes.published, sizes.items))
        began = time.perf_counter()
        server.api.ask("PUT", "/artifactory/api/build", info)
        took = time.perf_counter() - began
    return [*figures, Figure(f"publish of {sizes.published:,} artifacts", took * 1000, "ms", PUBLISH_GOAL)]


def _few(bench: Bench) -> int:
    return min(ARTIFACTS, bench.sizes.artifacts)


def _queries(items: int, few: int) -> list[tuple[str, str, float]]:
    """What is searched, the query, and the goal (contract artifactory-storage 7.3: Q1, Q2, Q5, Q7, Q1 with `*`)."""
    folder = f"{NUMBER}/d{(items - 1) // holdings.FOLDER}*"
    build = f'"$or":[{{"$and":[{{"artifact.module.build.name":"bench","artifact.module.build.number":"{FEW}"}}]}}]'
    runs = '"type": "file","repo": "artifactory-build-info","path": {"$match": "bench"}'
    every = _triple({"$match": "*"}, {"$match": "*"}, {"$match": f"*-{items - 1}.jar"})
    return [
        ("search by the begin of a path", _find(_triple(OTHERS, {"$match": folder}, {"$match": "*"})), INDEX_GOAL),
        (f"search of {few:,} artifacts of a build", _find(build), INDEX_GOAL),
        ("search of their SHA-1", _find(build, _SHA1), INDEX_GOAL),
        ("search of the last run", f'items.find({{{runs}}}).sort({{"$desc":["created"]}}).limit(1)', INDEX_GOAL),
        ("search by the end of a name", _find(every), EVERY_GOAL),
    ]


def _triple(repo: object, path: object, name: object) -> str:
    triple = orjson.dumps({"repo": repo, "path": path, "name": name}).decode()
    return f'"path":{{"$ne":"."}},"$or":[{{"$and":[{triple}]}}]'


def _find(body: str, fields: str = _FIELDS) -> str:
    return f"items.find({{{body}}}).include({fields})"


def _p95(api: Api, query: str) -> float | None:
    """Milliseconds of a search, answer included; None when the search finds nothing."""
    took = list[float]()
    for _ in range(TURNS):
        began = time.perf_counter()
        found = api.ask("POST", "/artifactory/api/search/aql", query.encode())
        took.append(time.perf_counter() - began)
        if not found["results"]:
            return None
    return at(took, 0.95)
