"""The shapes of queries that clients send (contract artifactory-storage 7.3), and what they find."""

from collections.abc import Mapping, Sequence

import pytest

from app.db.connect import Database
from app.db.tx import Tx, run
from tests.artifacts.conftest import NOW
from tests.artifacts.search.store import (
    BUILDS,
    add_repository,
    add_run,
    add_virtual,
    answer,
    paths,
    put,
    sums_of,
)

BUILT = {"build.name": ["app"], "build.number": ["1"]}
RED = {"color": ["red"], "size": ["1", "3"]}
FILES: Sequence[tuple[str, str, Mapping[str, Sequence[str]]]] = (
    ("top.txt", "top", {}),
    ("data/a1.in", "a1", BUILT | RED),
    ("data/a2.in", "a2", BUILT),
    ("data/sub/a3.in", "a3", {"color": ["blue"]}),
    ("data/100%_[x]", "odd", {}),
    ("datax/a1.in", "x", {"color": ["red", "blue"]}),
)
ALL_FILES = sorted(f"dev:{path}" for path, _, _ in FILES)
FIELDS = '.include("name","repo","path","actual_md5","actual_sha1","sha256","size","type","modified","created")'


@pytest.fixture
async def store(db: Database) -> Database:
    await db.write(_fill())
    return db


def _fill() -> Tx[None]:
    dev = yield from add_repository("dev")
    other = yield from add_repository("other")
    yield from add_virtual("all", other, dev)
    for at, (path, content, props) in enumerate(FILES):
        yield from put(dev, path, content, props, at=NOW + at)
    yield from put(other, "data/a2.in", "a2", by="bob", at=NOW + 60_000)
    yield from add_run("app", "1", ["a1", "a2", "never stored"], ["top"], at=NOW + 1)
    yield from add_run("app", "2", ["a3"], ["a1"], at=NOW + 2)
    yield from add_run("app", "10", [], [], at=NOW + 3)
    yield from add_run("other", "1", ["odd"], [], at=NOW + 4)
    yield from run(
        "INSERT INTO item_stats (item_id, downloads, last, last_by) "
        "SELECT id, 3, :now, 'bob' FROM items WHERE name = 'top.txt'",
        now=NOW,
    )


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ("", [*ALL_FILES, "other:data/a2.in"]),
        ("{}", [*ALL_FILES, "other:data/a2.in"]),
        ('{"repo":"dev","path":"data","name":"a1.in"}', ["dev:data/a1.in"]),
        ('{"repo":"nowhere"}', []),
        ('{"repo":"all","path":"data","name":{"$match":"*"}}',
         ["dev:data/100%_[x]", "dev:data/a1.in", "dev:data/a2.in", "other:data/a2.in"]),
        ('{"repo":{"$ne":"all"}}', []),
        ('{"repo":{"$nmatch":"d*"}}', ["other:data/a2.in"]),
        ('{"path":{"$ne":"."},"$or":[{"$and":[{"repo":"dev","path":"data","name":{"$match":"*"}}]},'
         '{"$and":[{"repo":"dev","path":{"$match":"data/*"},"name":{"$match":"*"}}]}]}',
         ["dev:data/100%_[x]", "dev:data/a1.in", "dev:data/a2.in", "dev:data/sub/a3.in"]),
        ('{"$or":[{"$and":[{"repo":{"$match":"*"},"path":{"$match":"*"},"name":{"$match":"a2*"}}]}]}',
         ["dev:data/a2.in", "other:data/a2.in"]),
        # Q1 with properties, excluded properties and folders
        ('{"$and":[{"@color":"red"}],"$or":[{"@size":{"$ne":"3"}}],"type":"any",'
         '"$or":[{"$and":[{"repo":"dev","path":{"$match":"*"},"name":{"$match":"*"}}]}]}', ["dev:datax/a1.in"]),
        ('{"$or":[{"@color":{"$ne":"red"}}],"repo":"dev","type":"any"}',
         ["dev:.", "dev:data", "dev:data/100%_[x]", "dev:data/a2.in", "dev:data/sub", "dev:data/sub/a3.in",
          "dev:datax", "dev:top.txt"]),
        # excluded patterns: the members of an object directly in $or are or-ed
        ('{"$or":[{"repo":{"$nmatch":"dev"},"path":{"$nmatch":"data"},"name":{"$nmatch":"a1*"}}],"repo":"dev"}',
         ["dev:data/100%_[x]", "dev:data/a2.in", "dev:data/sub/a3.in", "dev:datax/a1.in", "dev:top.txt"]),
        ('{"$or":[{"path":{"$nmatch":"*"},"name":{"$nmatch":"*a1*"}}],"$or":[{"path":{"$nmatch":"*sub*"},'
         '"name":{"$nmatch":"*"}}],"repo":"dev"}', ["dev:data/100%_[x]", "dev:data/a2.in", "dev:top.txt"]),
        ('{"$or":[]}', []),
        ('{"$and":[],"repo":"other"}', ["other:data/a2.in"]),
        ('{"repo":"other","$or":[{"name":"a"},{"$or":[]}]}', []),
        # Q2, Q3, Q4: builds
        ('{"$or":[{"$and":[{"artifact.module.build.name":"app","artifact.module.build.number":"1"}]}]}',
         ["dev:data/a1.in", "dev:data/a2.in", "other:data/a2.in"]),
        ('{"$or":[{"$and":[{"artifact.module.build.name":"app","artifact.module.build.number":"1"}]},'
         '{"$and":[{"artifact.module.build.name":"app","artifact.module.build.number":"2"}]}]}',
         ["dev:data/a1.in", "dev:data/a2.in", "dev:data/sub/a3.in", "other:data/a2.in"]),
        ('{"$and":[{"$or":[{"$and":[{"artifact.module.build.name":"app","artifact.module.build.number":"1"}]}]},'
         '{"$or":[{"$and":[{"repo":"dev","path":"data","name":{"$match":"a1*"}}]}]}]}', ["dev:data/a1.in"]),
        ('{"$or":[{"$and":[{"dependency.module.build.name":"app","dependency.module.build.number":"1"}]}]}',
         ["dev:top.txt"]),
        ('{"artifact.module.build.name":"other","artifact.module.build.number":"2"}', []),
        ('{"$and":[{"artifact.module.build.name":"app"},{"artifact.module.build.number":"2"}]}',
         ["dev:data/sub/a3.in"]),
        ('{"artifact.module.build.name":{"$match":"o*"}}', ["dev:data/100%_[x]"]),
        ('{"artifact.module.build.number":"2","type":"any"}', ["dev:data/sub/a3.in"]),
        # Q6
        ('{"$and":[{"type":"any","path":{"$ne":"."},"$or":[{"$and":[{"repo":"dev","path":"data","name":'
         '{"$match":"*"}}]}]},{"$or":[{"@build.name":"app"}]}]}', ["dev:data/a1.in", "dev:data/a2.in"]),
        ('{"$and":[{"repo":"dev"},{"$or":[{"@*":{"$match":"*"}}]}]}',
         ["dev:data/a1.in", "dev:data/a2.in", "dev:data/sub/a3.in", "dev:datax/a1.in"]),
        # Q7, Q8
        (f'{{"type": "file","repo": "{BUILDS}","path": {{"$match": "other"}}}}', [f"{BUILDS}:other/1-{NOW + 4}.json"]),
        (f'{{"repo": "{BUILDS}","path": {{"$match": "app"}},"name": {{"$match": "2-{NOW + 2}.json"}}}}',
         [f"{BUILDS}:app/2-{NOW + 2}.json"]),
        # system repositories are left out unless they are named
        (f'{{"repo": {{"$ne": "{BUILDS}"}}, "path":"other"}}', []),
        ('{"repo": {"$match": "*"}, "path":"other"}', []),
        ('{"path":"other"}', []),
        ('{"repo": {"$match": "*-build-info"}, "path":"other"}', [f"{BUILDS}:other/1-{NOW + 4}.json"]),
        # properties
        ('{"@color":{"$match":"b*"}}', ["dev:data/sub/a3.in", "dev:datax/a1.in"]),
        ('{"@color":{"$nmatch":"b*"},"@build.name":"app"}', ["dev:data/a1.in", "dev:data/a2.in"]),
        ('{"@color":null,"repo":"other"}', ["other:data/a2.in"]),
        ('{"@color":{"$eq":null},"path":"data","repo":"dev"}', ["dev:data/100%_[x]", "dev:data/a2.in"]),
        ('{"@color":{"$ne":null},"path":"data"}', ["dev:data/a1.in"]),
        ('{"@build.*":{"$match":"*"}}', ["dev:data/a1.in", "dev:data/a2.in"]),
        ('{"@*":"blue"}', ["dev:data/sub/a3.in", "dev:datax/a1.in"]),
        ('{"@*":{"$ne":"blue"},"@*":{"$match":"*"}}', ["dev:data/a1.in", "dev:data/a2.in"]),
        ('{"@size":3}', ["dev:data/a1.in"]),
        ('{"property.key":"color","property.value":"red"}', ["dev:data/a1.in", "dev:datax/a1.in"]),
        ('{"property.key":"color","property.value":{"$ne":"red"},"@color":{"$ne":null}}', ["dev:data/sub/a3.in"]),
        ('{"property.key":{"$match":"col*"}}', ["dev:data/a1.in", "dev:data/sub/a3.in", "dev:datax/a1.in"]),
        ('{"property.key":{"$ne":"color"},"property.key":{"$ne":"size"}}', ["dev:data/a1.in", "dev:data/a2.in"]),
        ('{"property.value":"1"}', ["dev:data/a1.in", "dev:data/a2.in"]),
        ('{"$msp":[{"@color":{"$ne":"red"}},{"@color":{"$match":"*"}}]}', ["dev:data/sub/a3.in", "dev:datax/a1.in"]),
        ('{"$msp":[{"property.key":"size"},{"property.value":{"$gt":"2"}}]}', ["dev:data/a1.in"]),
        # other fields
        ('{"name":{"$match":"100%_[*"}}', ["dev:data/100%_[x]"]),
        ('{"name":{"$match":"A1.in"}}', []),
        ('{"name":{"$match":"a?.in"},"repo":"other"}', ["other:data/a2.in"]),
        ('{"depth":1}', ["dev:top.txt"]),
        ('{"depth":{"$gt":"2"}}', ["dev:data/sub/a3.in"]),
        ('{"size":{"$gte":3}}', ["dev:data/100%_[x]", "dev:top.txt"]),
        ('{"size":{"$lt":2,"$gt":0}}', ["dev:datax/a1.in"]),
        ('{"size":{"$lt":99999999999999999999}}', [*ALL_FILES, "other:data/a2.in"]),
        ('{"created_by":"bob"}', ["other:data/a2.in"]),
        ('{"created":{"$gt":"2023-11-14T22:13:30Z"}}', ["other:data/a2.in"]),
        ('{"modified":{"$before":"1d"}}', []),
        ('{"modified":{"$last":"1d"},"repo":"other"}', ["other:data/a2.in"]),
        (f'{{"sha256":"{sums_of("a2").sha256}"}}', ["dev:data/a2.in", "other:data/a2.in"]),
        (f'{{"actual_sha1":"{sums_of("a3").sha1}"}}', ["dev:data/sub/a3.in"]),
        (f'{{"original_md5":{{"$match":"{sums_of("a3").md5[:8]}*"}}}}', ["dev:data/sub/a3.in"]),
        ('{"actual_sha1":"","type":"folder","repo":"other"}', ["other:.", "other:data"]),
        ('{"type":"folder","path":{"$ne":"."}}', ["dev:data/sub"]),
        ('{"type":{"$ne":"file"},"repo":"other"}', ["other:.", "other:data"]),
        ('{"repo":"other","type":"any","path":".","name":"."}', ["other:."]),
        ('{"stat.downloads":{"$gt":0}}', ["dev:top.txt"]),
        ('{"stat.downloaded_by":"bob"}', ["dev:top.txt"]),
        # there are no release bundles
        ('{"$and":[{"release_artifact.release.name":"r","release_artifact.release.version":"1"}]}', []),
        ('{"$or":[{"release_artifact.release.name":"r"},{"repo":"other"}]}', ["other:data/a2.in"]),
    ],
)  # fmt: skip
async def test_a_query_finds(store: Database, criteria: str, expected: list[str]) -> None:
    assert sorted(await paths(store, f"items.find({criteria})")) == sorted(expected)


async def test_results_come_by_repository_path_and_name(store: Database) -> None:
    found = await paths(store, "items.find()")

    assert found == [
        "dev:top.txt", "dev:data/100%_[x]", "dev:data/a1.in", "dev:data/a2.in", "dev:data/sub/a3.in",
        "dev:datax/a1.in", "other:data/a2.in",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ('.sort({"$desc":["created"]}).limit(2)', ["other:data/a2.in", "dev:datax/a1.in"]),
        ('.sort({"$asc":["name"],"$desc":["repo"]}).limit(2)', ["dev:data/100%_[x]", "dev:data/a1.in"]),
        ('.sort({"$asc":["name"],"$desc":["repo"]}).offset(3).limit(1)', ["other:data/a2.in"]),
        ('.sort({"$asc":["size"]}).offset(5).limit(9)', ["dev:top.txt", "dev:data/100%_[x]"]),
        (".offset(6)", ["other:data/a2.in"]),
        (".offset(7)", []),
        (".limit(0)", []),
        (".limit(99999999999999999999999)", None),
        (".offset(99999999999999999999999)", []),
        (".transitive() . distinct ( false ) .limit( \n1 )", ["dev:top.txt"]),
    ],
)  # fmt: skip
async def test_the_tail_orders_and_cuts(store: Database, tail: str, expected: list[str] | None) -> None:
    found = await paths(store, f"items.find({{}}){tail}")

    assert found == expected if expected is not None else len(found) == 7


async def test_the_range_says_what_part_the_results_are(store: Database) -> None:
    assert (await answer(store, "items.find().offset(2).limit(3)"))["range"] == {
        "start_pos": 2, "end_pos": 5, "total": 3, "limit": 3,
    }  # fmt: skip
    assert (await answer(store, 'items.find({"$or":[]})'))["range"] == {"start_pos": 0, "end_pos": 0, "total": 0}


async def test_the_latest_run_is_found(store: Database) -> None:
    text = f'items.find({{"type": "file","repo": "{BUILDS}","path": {{"$match": "app"}}}})'

    (run_file,) = (await answer(store, text + '.sort({"$desc":["created"]}).limit(1)'))["results"]

    assert run_file["name"] == f"10-{NOW + 3}.json"


async def test_an_answer_has_the_default_fields(store: Database) -> None:
    (item,) = (await answer(store, 'items.find({"name":"a3.in"})'))["results"]

    assert item == {
        "repo": "dev", "path": "data/sub", "name": "a3.in", "type": "file", "size": 2,
        "created": "2023-11-14T22:13:20.003Z", "created_by": "ada",
        "modified": "2023-11-14T22:13:20.003Z", "modified_by": "ada", "updated": "2023-11-14T22:13:20.003Z",
    }  # fmt: skip


async def test_an_answer_has_the_fields_that_are_included(store: Database) -> None:
    text = f'items.find({{"repo":"dev","path":"data","name":"a1.in"}}){FIELDS[:-1]},"property","stat")'

    (item,) = (await answer(store, text))["results"]

    sums = sums_of("a1")
    assert item == {
        "name": "a1.in", "repo": "dev", "path": "data", "type": "file", "size": 2,
        "actual_md5": sums.md5, "actual_sha1": sums.sha1, "sha256": sums.sha256,
        "modified": "2023-11-14T22:13:20.001Z", "created": "2023-11-14T22:13:20.001Z",
        "properties": [
            {"key": "build.name", "value": "app"}, {"key": "build.number", "value": "1"},
            {"key": "color", "value": "red"}, {"key": "size", "value": "1"}, {"key": "size", "value": "3"},
        ],
        "stats": [{"downloads": 0}],
    }  # fmt: skip


async def test_properties_are_absent_where_an_item_has_none(store: Database) -> None:
    found = await answer(store, 'items.find({"repo":"dev"}).include("name","@color","stat").sort({"$asc":["created"]})')

    top, first = found["results"][0], found["results"][1]
    assert top == {
        "name": "top.txt",
        "stats": [{"downloads": 3, "downloaded": "2023-11-14T22:13:20.000Z", "downloaded_by": "bob"}],
    }
    assert first["properties"] == [{"key": "color", "value": "red"}]
    assert "properties" not in found["results"][2]


async def test_a_folder_has_no_bytes(store: Database) -> None:
    text = 'items.find({"type":"folder","repo":"other","name":"data"}).include("*")'

    (item,) = (await answer(store, text))["results"]

    assert (item["type"], item["size"], item["actual_sha1"], item["sha256"], item["depth"]) == ("folder", 0, "", "", 1)
