"""Any sequence of uploads, copies, moves, promotions, deletions and collections keeps what must always hold."""

import asyncio
import contextlib
import hashlib
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.artifacts import moving, pruning
from app.artifacts.address import Address, plain
from app.artifacts.blobs.collection import Collector
from app.artifacts.blobs.quota import Usage
from app.artifacts.items import Stamp
from app.db.connect import Alterable, connect
from app.db.tx import many
from app.errors import AppError
from tests import sqlite
from tests.buildinfo.promotion.farside import Scene, admin, artifact, loose, mark, module, opened
from tests.buildinfo.promotion.test_races import ORPHANS

REPOS = ("dev-local", "stage-local", "prod-local")
PATHS = ("a", "lib/a", "lib/b", "lib/deep/c")
TEXTS = ("B1", "B2")
EMPTY = """
    SELECT id FROM items AS folder WHERE folder.folder AND folder.depth > 0 AND NOT EXISTS (
        SELECT 1 FROM items WHERE items.repo_id = folder.repo_id
            AND items.path = CASE WHEN folder.path = '.' THEN folder.name ELSE folder.path || '/' || folder.name END
    )
"""
WITHOUT_BYTES = "SELECT id FROM items WHERE NOT folder AND blob_id IS NULL"
UNUSED = "SELECT id FROM blobs WHERE NOT EXISTS (SELECT 1 FROM items WHERE blob_id = blobs.id)"
UNREAL = "SELECT id FROM items WHERE NOT folder AND blob_id NOT IN (SELECT id FROM blobs)"

repos, paths, contents = st.sampled_from(REPOS), st.sampled_from(PATHS), st.sampled_from(TEXTS)
numbers = st.sampled_from(("1", "2"))
entries = st.lists(
    st.one_of(st.builds(artifact, paths, contents, repos), st.builds(loose, st.just("a"), contents)), max_size=4
)
steps = st.one_of(
    st.tuples(st.just("put"), repos, paths, contents, numbers),
    st.tuples(st.just("publish"), numbers, entries),
    st.tuples(st.just("carry"), repos, st.sampled_from(PATHS), repos, st.sampled_from((*PATHS, "new/")), st.booleans()),
    st.just(("collect",)),
    st.tuples(st.just("remove"), repos, st.sampled_from(("a", "lib", "lib/b"))),
    st.tuples(
        st.just("promote"),
        numbers,
        st.fixed_dictionaries(
            {
                "targetRepo": st.sampled_from((*REPOS, "")),
                "copy": st.booleans(),
                "failFast": st.booleans(),
                "dryRun": st.booleans(),
            },
            optional={
                "sourceRepo": repos,
                "status": st.just("s"),
                "properties": st.just({"p": ["1"]}),
            },
        ),
    ),
)


@settings(max_examples=30)
@given(st.lists(steps, max_size=14))
def test_any_sequence(sequence: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_play(Path(folder), sequence))


async def _play(folder: Path, sequence: list[tuple[Any, ...]]) -> None:
    file = folder / "gantry.sqlite"
    file.write_bytes(sqlite.migrated())
    db = connect(f"sqlite:///{file}")
    await db.open()
    scene = await opened(db, folder)
    started = 0
    try:
        for step in sequence:
            started += 1000
            with contextlib.suppress(AppError):  # an answer; what must hold is checked all the same
                await _take(scene, step, started)
            await _check(scene, db)
    finally:
        scene.blobs.close()
        await db.close()


async def _take(scene: Scene, step: tuple[Any, ...], started: int) -> None:
    match step:
        case "put", repo, path, text, number:
            await scene.put(f"{repo}:{path}", text, mark("app", number))
        case "remove", repo, path:
            await scene.remove(f"{repo}:{path}")
            await _prune(scene, repo, path)
        case "carry", repo, path, target, to, move:
            order = moving.order_of(Address(repo, path), plain(f"{target}/{to}"), move=move, fail_fast=True)
            await scene.db.write(moving.carry_out(admin(), order, Stamp("root", started)))
        case ("collect",):
            await Collector(scene.db, scene.blobs, lambda: 2**40).collect(grace=0)
            assert await scene.db.read(many(UNUSED)) == []
        case "publish", number, listed:
            await scene.publish("app", number, module(*listed), started=started)
        case "promote", number, fields:
            before = await scene.dump()
            known = len(before["items"])
            try:
                await scene.promote("app", number, **fields)
            except AppError:
                assert await scene.dump() == before
                raise
            after = await scene.dump()
            if fields["dryRun"]:
                assert after == before
            if not fields["copy"]:
                assert len(after["items"]) <= known + 3  # folders of the target


async def _prune(scene: Scene, repo: str, path: str) -> None:
    """Remove the folders that a deletion has emptied, as the server does."""
    await scene.db.write(pruning.prune(scene.repos[repo], [path.rpartition("/")[0]]))


async def _check(scene: Scene, db: Alterable) -> None:
    for sql in (ORPHANS, EMPTY, WITHOUT_BYTES, UNREAL):
        assert await db.read(many(sql)) == [], sql
    blobs = await db.read(many("SELECT place, size, sha256 FROM blobs"))
    for row in blobs:
        content = b"".join([part async for part in scene.blobs.read(row["place"], 0, row["size"])])
        assert hashlib.sha256(content).hexdigest() == row["sha256"]
    assert await Usage(db).stored() == (len(blobs), sum(row["size"] for row in blobs))
