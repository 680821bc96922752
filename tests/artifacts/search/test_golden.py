"""Every query that the `jf` command line was seen to send is understood and answered."""

from pathlib import Path

import orjson
import pytest

from app.db.connect import Database
from app.db.tx import Tx
from tests.artifacts.conftest import NOW
from tests.artifacts.search.store import BUILDS, add_repository, add_run, add_virtual, answer, put

RECORDED = orjson.loads((Path(__file__).parents[3] / "fixtures/jfrog/queries.json").read_bytes())
APP = {"build.name": ["app"], "build.number": ["1"]}
#: Parts of the queries that are to find nothing; the others find something.
NOTHING = {'items.find({"$or":[]})', "nothing", "none*", "flat", '"222-'}


@pytest.fixture
async def store(db: Database) -> Database:
    await db.write(_fill())
    return db


def _fill() -> Tx[None]:
    dev = yield from add_repository("dev-local")
    dev2 = yield from add_repository("dev2-local")
    yield from add_virtual("all-virtual", dev, dev2)
    yield from put(dev, "data/a1.in", "a1", APP | {"color": ["red"], "size": ["1", "2"]})
    yield from put(dev, "data/sub/a3.in", "a3", APP)
    yield from put(dev, "a2.in", "a2")
    yield from put(dev, "dep-file", "dep")
    yield from put(dev, "x", "x")
    yield from put(dev2, "copy/data/sub/a3.in", "a3", {"color": ["red"]})
    yield from add_run("app", "1", ["a1", "a3"], at=NOW)
    yield from add_run("b2", "222", ["a3"], at=NOW)


@pytest.mark.parametrize("recorded", RECORDED, ids=[str(number) for number in range(len(RECORDED))])
async def test_a_recorded_query_is_answered(store: Database, recorded: dict[str, str]) -> None:
    found = await answer(store, recorded["query"])

    assert bool(found["results"]) != any(part in recorded["query"] for part in NOTHING), recorded["command"]
    assert found["range"]["total"] == len(found["results"])
    if f'"repo": "{BUILDS}"' in recorded["query"]:
        assert [item["name"].rpartition("-")[0] for item in found["results"]] in (["1"], ["222"])
