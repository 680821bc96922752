"""What a query finds is what the caller may read, item by item."""

import itertools

import orjson
import pytest

from app.artifacts import items, repositories
from app.artifacts.items import Stamp
from app.artifacts.model import ArtifactRepository, whole
from app.artifacts.repositories import Repositories
from app.artifacts.rights import Action, Grant, Rights
from app.artifacts.visible import VISIBLE, Visible, visible_to
from app.db.connect import Database
from app.db.tx import Tx, many
from tests.artifacts.conftest import NOW

READ: frozenset[Action] = frozenset({"read"})
FOLDERS = ("a/b/c", "a/bc", "x.y/[z]", "ü/*", "a\nb")
GRANTS = {
    "everything": Grant(frozenset({"one"}), READ, ("**",)),
    "one folder": Grant(frozenset({"one"}), READ, ("a/b/**",)),
    "two patterns": Grant(frozenset({"one"}), READ, ("a/*", "x.y/**")),
    "all but": Grant(frozenset({"one", "two"}), READ, ("**",), ("a/**", "x.y/*")),
    "every repository": Grant(frozenset({"ANY"}), READ, ("*",)),
    "special characters": Grant(frozenset({"two"}), READ, ("ü/?", "x.y/[[]z]", "a?b")),
    "no pattern": Grant(frozenset({"one"}), READ, ()),
    "build-info": Grant(frozenset({"ANY"}), READ, ("**",), section="build"),
    "one version": Grant(frozenset({"ANY"}), READ, ("shop/1.0", "**/3.?"), section="releaseBundle"),
    "all versions but": Grant(frozenset({"ANY"}), READ, ("**",), ("*/2.0", "web/**"), section="releaseBundle"),
    "another right": Grant(frozenset({"ANY"}), frozenset({"deploy"}), ("**",)),
}
SETS: list[tuple[str, ...]] = [names for size in (1, 2) for names in itertools.combinations(GRANTS, size)]


@pytest.fixture
async def stored(db: Database) -> Repositories:
    return await db.write(_store())


def _store() -> Tx[Repositories]:
    for key in ("one", "two"):
        made = yield from repositories.add(ArtifactRepository(0, key, created=NOW), "ada")
        assert made is not None
        for folder in FOLDERS:
            yield from items.add_folders(made.id, folder, Stamp("ada", NOW))
    yield from repositories.ensure_system("artifactory-build-info", "buildinfo", "", NOW)
    bundles = yield from repositories.ensure_system("release-bundles-v2", "bundles", "", NOW)
    for version in ("shop/1.0", "shop/2.0", "web/1.0", "web/3.1"):
        yield from items.add_folders(bundles.id, f"{version}/artifacts/generic/a", Stamp("ada", NOW))
    return (yield from repositories.read_all())


async def _seen(db: Database, visible: Visible) -> set[tuple[int, str]]:
    sql = f"SELECT items.repo_id, items.path, items.name FROM items WHERE {VISIBLE}"
    rows = await db.read(many(sql, **visible.parameters()))
    return {(row["repo_id"], whole(row["path"], row["name"])) for row in rows}


@pytest.mark.parametrize("names", SETS, ids=" and ".join)
async def test_a_query_finds_what_the_rights_allow(db: Database, stored: Repositories, names: tuple[str, ...]) -> None:
    rights = Rights(grants=tuple(GRANTS[name] for name in names))
    everything = await _seen(db, visible_to(Rights(everything=True), stored))
    by_id = stored.by_id

    found = await _seen(db, visible_to(rights, stored))

    assert found == {(repo_id, path) for repo_id, path in everything if rights.may("read", by_id[repo_id], path)}


async def test_an_administrator_sees_all_and_nobody_nothing(db: Database, stored: Repositories) -> None:
    assert len(await _seen(db, visible_to(Rights(everything=True), stored))) == 3 + 2 * 9 + 19
    assert await _seen(db, visible_to(Rights(), stored)) == set()
    assert not visible_to(Rights(), stored)


async def test_what_a_token_is_not_good_for_is_not_seen(stored: Repositories) -> None:
    rights = Rights(everything=True, allowed=frozenset({"read"}))

    assert visible_to(rights, stored, "deploy") == Visible()
    assert visible_to(rights, stored).ids == {repo.id for repo in stored.by_key.values()}


def test_parameters_are_rows_of_json() -> None:
    visible = Visible(frozenset({2, 1}), ((3, (r"\Aa\Z", r"\Ab\Z"), ()),))

    parameters = visible.parameters()

    assert orjson.loads(parameters["visible_whole"]) == [[1], [2]]
    assert orjson.loads(parameters["visible_partial"]) == [[3, r"\Aa\Z|\Ab\Z", ""]]
