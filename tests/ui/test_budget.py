"""What a page costs: bytes on the line, statements, and what the database does with a long history."""

import gzip
import hashlib
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Boolean, Text

from app.builds import everywhere, flow, store
from app.builds.moments import Moments
from app.db import schema
from app.db.tx import Tx, each, many, run
from app.moments import Recorders
from app.repos import store as repos
from app.ui import errors, routes
from app.ui.assets import all_of_them
from tests.accounts import farside
from tests.builds.farside import NOW, OCTOCAT, Scene, pipeline, pushed
from tests.builds.test_growth import drive
from tests.counting import Counting
from tests.ui.farside import BROWSER, Place, state
from tests.web.asgi import serving

KB = 1024
#: The first number of a long history, and the builds of a short one: a list of all repositories looks at no more.
FIRST, SHORT = 1000, everywhere.AMONG + 1000
PROMOTE, ROLLBACK = "/octocat/hello/1/-/promote?target=production", "/octocat/hello/40/-/rollback"


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
        path: len(gzip.compress((await place.page(path, "writer")).html.encode()))
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
            PROMOTE,
            ROLLBACK,
        )
    }
    files = {name: len(asset.text.packed) for name, asset in all_of_them().items()}

    assert max(sizes.values()) < 15 * KB, sizes
    assert files["gantry.css"] < 6 * KB
    assert files["icons.svg"] < 3 * KB
    assert files["vendor/idiomorph.min.js"] < 4 * KB
    assert files["live.js"] + files["keys.js"] < 8 * KB
    assert sum(files[f"{name}.js"] for name in ("ansi", "find", "lines", "log", "reader", "windows")) < 16 * KB
    assert max(sizes.values()) + sum(size for name, size in files.items() if not name.startswith("tab")) < 48 * KB


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/", 11),
        ("/octocat/hello", 11),
        ("/octocat/hello/1", 8),
        ("/octocat/hello/32/1/1", 10),
        ("/octocat/hello/32/-/cancel", 10),
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
    async with serving(routes.routes, page=errors.page, split=routes.split, strict=True, **known) as client:
        answer = await client.get(path, headers=BROWSER | farside.shown(place.cookies["writer"]))

    assert answer.status_code == 200
    assert counting.calls == ["read"]
    assert len(counting.statements) <= most, counting.statements


@pytest.mark.parametrize(
    ("path", "who", "calls", "most"),
    [
        (PROMOTE, "writer", ["read", "write", "read"], 18),
        (ROLLBACK, "writer", ["read", "read", "write", "read"], 21),
        (PROMOTE, "reader", ["read"], 9),
        ("/octocat/hello/-/new", "writer", ["read"], 9),
    ],
)
async def test_a_form_reads_once_and_rehearses_once(
    place: Place, path: str, who: str, calls: list[str], most: int
) -> None:
    await busy(place)
    await place.set("builds WHERE number > 0", status="success", finished=9)
    await place.set("builds WHERE number = 39", params='{"VERSION":"0"}')
    counting: Any = Counting(place.scene.ports.db)
    moments = Moments(counting, place.scene.ports.logs, Recorders())
    scene = replace(place.scene, ports=replace(place.scene.ports, db=counting, moments=moments))
    known = state(scene, {}) | {"db": counting}
    async with serving(routes.routes, page=errors.page, split=routes.split, strict=True, **known) as client:
        answer = await client.get(path, headers=BROWSER | farside.shown(place.cookies[who]))

    assert answer.status_code == 200
    assert counting.calls == calls
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


def fill(scene: Scene, least: int, count: int) -> Tx[None]:
    """So many builds, with numbers from `least` on."""
    texts = {column.name: "''" for column in schema.builds.columns if isinstance(column.type, Text)}
    flags = {column.name: "FALSE" for column in schema.builds.columns if isinstance(column.type, Boolean)}
    row = {
        "id": f"n + {least}",
        "repo_id": str(scene.repo.id),
        "number": f"n + {least}",
        "status": "CASE WHEN n % 7 < 2 THEN 'failure' ELSE 'success' END",
        "deploy_to": "CASE WHEN n % 2 = 0 THEN '' ELSE 't' || (n % 12) END",
        "event": "CASE WHEN n % 2 = 0 THEN 'push' ELSE 'promote' END",
        "finished": f"n + {least}",
        "params": "'{}'",
    }
    values = {column.name: "0" for column in schema.builds.columns} | texts | flags | row
    yield from run(
        f"INSERT INTO builds ({', '.join(values)}) WITH RECURSIVE count(n) AS (SELECT 0 UNION ALL SELECT n + 1 "
        f"FROM count WHERE n + 1 < {count}) SELECT {', '.join(values.values())} FROM count"
    )
    yield from run(
        "INSERT INTO latest (repo_id, kind, name, build_id, first_number) SELECT repo_id, 'deployment', deploy_to, "
        "max(id), min(number) FROM builds WHERE deploy_to <> '' GROUP BY repo_id, deploy_to "
        "ON CONFLICT (repo_id, kind, name) DO UPDATE SET build_id = excluded.build_id"
    )
    yield from run(f"UPDATE repos SET counter = {least + count - 1}, unbroken_from = {FIRST}")
    yield from run("ANALYZE")


async def instructions(place: Place, file: Path, path: str) -> int:
    """What SQLite runs for a page, counted by driving the statements of the page once more."""
    counting: Any = Counting(place.scene.ports.db)
    known = state(place.scene, {}) | {"db": counting}
    async with serving(routes.routes, page=errors.page, split=routes.split, strict=True, **known) as client:
        answer = await client.get(path, headers=BROWSER | farside.shown(place.cookies["writer"]))
    assert answer.status_code == 200, answer.text
    with closing(sqlite3.connect(file, isolation_level=None)) as raw:
        return drive(raw, each(many(sql, **values) for sql, values in counting.asked)).instructions


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_page_costs_as_much_with_a_long_history_as_with_a_short_one(place: Place, tmp_path: Path) -> None:
    file, db = tmp_path / "gantry.sqlite", place.scene.ports.db
    await busy(place)
    paths = [
        *("/", "/octocat/hello", "/octocat/hello?status=failure&target=t5", f"/octocat/hello/{FIRST + 500}"),
        *("/-/builds", "/-/builds?status=killed", "/-/deployments", "/-/deployments?target=none"),
        *("/-/approvals", f"/octocat/hello/{FIRST + 500}/-/again", f"/octocat/hello/{FIRST + 501}/-/approve"),
        *(PROMOTE, ROLLBACK, f"/octocat/hello/{FIRST + 501}/-/rollback"),
    ]

    await db.write(fill(place.scene, FIRST, SHORT))
    short = {path: await instructions(place, file, path) for path in paths}
    await db.write(fill(place.scene, FIRST + SHORT, 3 * SHORT))
    long = {path: await instructions(place, file, path) for path in paths}

    assert all(short.values())
    assert not {path: (short[path], long[path]) for path in paths if long[path] > short[path] * 1.05 + 20}
