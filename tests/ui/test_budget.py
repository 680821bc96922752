"""What a page costs: bytes on the line, statements, and time with a long history."""

import gzip
import hashlib
import time
from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy import Boolean, Text

from app.builds import flow, store
from app.db import schema
from app.db.tx import Tx, run
from app.repos import store as repos
from app.ui import errors, routes
from app.ui.assets import all_of_them
from tests.accounts import farside
from tests.builds.farside import NOW, OCTOCAT, Scene, pipeline, pushed
from tests.counting import Counting
from tests.ui.farside import BROWSER, Place, state
from tests.web.asgi import serving

KB = 1024


async def busy(place: Place) -> None:
    """A repository as people have one: targets, promotions, a failed step with a log."""
    await place.scene.push(pipeline("build"), pipeline("deploy", depends_on=["build"], trigger={}))
    for number in range(30):
        await place.scene.push(message=f"Change {number} of something that matters to somebody", title="")
    await place.set("builds WHERE number > 0", status="success", started=1, finished=9)
    old = await place.scene.build(1)
    for target in ("test", "staging", "production"):
        for _ in range(3):
            await flow.promote(place.scene.ports, place.repo, old, target=target, by=OCTOCAT, params={"VERSION": "1"})
    stage = await place.ran(await place.scene.build(1), "clone", "test")
    lines = [{"pos": pos, "out": f"trying {pos} of many lines\n", "time": 0} for pos in range(5000)]
    await place.logs.store(stage.steps[1].id, orjson.dumps(lines))


async def test_pages_are_small_on_the_line(place: Place) -> None:
    await busy(place)

    sizes = {
        path: len(gzip.compress((await place.page(path)).html.encode()))
        for path in (
            "/",
            "/octocat/hello",
            "/octocat/hello/2",
            "/octocat/hello/1/1/2",
            "/login",
            "/-/builds",
            "/-/deployments",
            "/-/approvals",
            "/octocat/hello/2/-/again",
        )
    }
    files = {name: len(asset.text.packed) for name, asset in all_of_them().items()}

    assert max(sizes.values()) < 15 * KB, sizes
    assert files["gantry.css"] < 6 * KB
    assert files["icons.svg"] < 3 * KB
    assert max(sizes.values()) + files["gantry.css"] + files["icons.svg"] < 35 * KB


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/", 11),
        ("/octocat/hello", 11),
        ("/octocat/hello/1", 7),
        ("/octocat/hello/32/1/1", 9),
        ("/octocat/hello/32/-/cancel", 9),
        ("/-/approvals", 5),
        ("/-/go?q=web", 5),
        ("/-/builds", 5),
        ("/-/deployments", 7),
    ],
)
async def test_a_page_asks_for_few_statements_in_one_transaction(place: Place, path: str, most: int) -> None:
    await busy(place)
    await place.ran(await place.scene.build(32), "one")
    counting: Any = Counting(place.scene.ports.db)
    why = dict[int, str]()
    known = state(place.scene, why) | {"db": counting}
    async with serving(routes.routes, page=errors.page, split=routes.split, **known) as client:
        answer = await client.get(path, headers=BROWSER | farside.shown(place.cookies["writer"]))

    assert answer.status_code == 200
    assert counting.calls == ["read"]
    assert len(counting.statements) <= most, counting.statements


async def test_a_board_of_fifty_rows_of_six_targets_is_small_on_the_line(place: Place) -> None:
    rows = await place.scene.ports.db.write(grid(place, 49, 6))

    page = await place.page("/", "root")

    assert page.count("tbody tr") == rows
    assert page.count("tbody td details.menu") == 49 * 6
    assert len(gzip.compress(page.html.encode())) <= 15 * KB


def grid(place: Place, count: int, width: int) -> Tx[int]:
    """More repositories with so many targets each, and a commit of its own in each target; how many there are."""
    for number in range(count):
        made = yield from repos.create(
            replace(place.repo, id=0, namespace=f"team{number % 5}", name=f"service-{number}")
        )
        for at in range(width):
            sha = hashlib.sha1(f"{number} {at}".encode(), usedforsecurity=False).hexdigest()
            draft = replace(
                pushed(made, sha), event="promote", deploy_to=f"target-{at}", status="success", number=at + 1
            )
            yield from store.create(
                replace(draft, finished=NOW - number * at * 977, trigger=f"person{number * at % 9}")
            )
    return count + 1


def fill(scene: Scene, count: int) -> Tx[None]:
    """A history of so many builds."""
    texts = {column.name: "''" for column in schema.builds.columns if isinstance(column.type, Text)}
    flags = {column.name: "FALSE" for column in schema.builds.columns if isinstance(column.type, Boolean)}
    row = {
        "id": "n + 1000",
        "repo_id": str(scene.repo.id),
        "number": "n + 1000",
        "status": "CASE WHEN n % 7 < 2 THEN 'failure' ELSE 'success' END",
        "deploy_to": "CASE WHEN n % 2 = 0 THEN '' ELSE 't' || (n % 12) END",
        "event": "CASE WHEN n % 2 = 0 THEN 'push' ELSE 'promote' END",
        "finished": "n",
        "params": "'{}'",
    }
    values = {column.name: "0" for column in schema.builds.columns} | texts | flags | row
    yield from run(
        f"INSERT INTO builds ({', '.join(values)}) WITH RECURSIVE count(n) AS (SELECT 0 UNION ALL SELECT n + 1 "
        f"FROM count WHERE n + 1 < {count}) SELECT {', '.join(values.values())} FROM count"
    )
    yield from run(
        "INSERT INTO latest (repo_id, kind, name, build_id, first_number) SELECT repo_id, 'deployment', deploy_to, "
        "max(id), min(number) FROM builds WHERE deploy_to <> '' GROUP BY repo_id, deploy_to ON CONFLICT DO NOTHING"
    )
    yield from run(f"UPDATE repos SET counter = {count + 999}, unbroken_from = 1000")
    yield from run("ANALYZE")


async def test_a_history_of_a_hundred_thousand_builds_is_as_quick(place: Place) -> None:
    await busy(place)
    await place.scene.ports.db.write(fill(place.scene, 100_000))
    paths = [
        *("/", "/octocat/hello", "/octocat/hello?status=failure&target=t5", "/octocat/hello/100500"),
        *("/-/builds", "/-/builds?status=killed", "/-/deployments", "/-/deployments?target=none"),
        *("/-/approvals", "/octocat/hello/100500/-/again", "/octocat/hello/100501/-/approve"),
    ]

    times: dict[str, list[float]] = {path: [] for path in paths}
    for _ in range(7):
        for path in paths:
            began = time.perf_counter()
            answer = await place.get(path, "writer")
            times[path].append(time.perf_counter() - began)
            assert answer.status_code == 200

    best = {path: min(took) for path, took in times.items()}
    assert max(best.values()) < 0.04, best
