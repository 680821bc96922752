"""Any sequence of creations, promotions, deletions and uploads: targets hold what the remaining promotions say.

A model beside the database says which files must be where: it knows promotions and files, and no claims.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.bundles.model import Promotion
from app.db.connect import connect
from app.db.tx import many
from app.errors import AppError
from tests import conftest
from tests.buildinfo.promotion.test_races import ORPHANS
from tests.buildinfo.promotion.test_sequences import EMPTY
from tests.bundles.farside import Scene, of_artifacts, opened, sums
from tests.bundles.promotion import acts

VERSIONS = {"1": ("a", "lib/b"), "2": ("a",), "3": ("lib/b", "lib/c/d")}
REPOS = {"STAGE": ("stage-local", "both-local"), "PROD": ("prod-local", "both-local")}
PATHS = ("a", "lib/b", "lib/c/d")

versions, environments = st.sampled_from(sorted(VERSIONS)), st.sampled_from(sorted(REPOS))
steps = st.one_of(
    st.tuples(st.just("promote"), versions, environments, st.sampled_from(("copy", "move"))),
    st.tuples(st.just("delete promotion"), versions, st.integers(0, 3)),
    st.tuples(st.just("delete"), versions),
    st.tuples(st.just("create"), versions),
    st.tuples(st.just("put"), st.sampled_from(("stage-local", "both-local")), st.sampled_from(PATHS), st.booleans()),
)


@dataclass
class Model:
    """Which files are in targets, by place: their text, and who holds them: ids of promotions, or `user`."""

    text: dict[str, str] = field(default_factory=dict)
    holders: dict[str, set[int | str]] = field(default_factory=dict)

    def put(self, place: str, text: str) -> None:
        """Somebody uploads a file, which is no promotion's any more."""
        self.holders[place] = {"user"}
        self.text[place] = text

    def promote(self, places: Mapping[str, str], promotion: int) -> None:
        """A promotion puts files; what was there stays when nobody promotes it any more."""
        for place, text in places.items():
            self.text[place] = text
            self.holders.setdefault(place, set()).add(promotion)

    def release(self, places: Mapping[str, str], *promotions: int) -> None:
        """Promotions hold files no more; a file that nobody holds goes."""
        for place in places:
            held = self.holders.get(place, set())
            if held & set(promotions):
                held.difference_update(promotions)
                if not held:
                    del self.holders[place], self.text[place]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=12))
def test_any_sequence(sequence: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_play(Path(folder), sequence))


async def _play(folder: Path, sequence: list[tuple[Any, ...]]) -> None:
    file = folder / "gantry.sqlite"
    file.write_bytes(conftest._migrated())
    db = connect(f"sqlite:///{file}")
    await db.open()
    try:
        async with opened(db, folder) as scene:
            await scene.repo("both-local", environments=("STAGE", "PROD"))
            for path in PATHS:
                await scene.put(f"dev-local:{path}", path)
            model = Model()
            for step in sequence:
                await _take(scene, model, step)
                await _check(scene, model)
    finally:
        await db.close()


async def _take(scene: Scene, model: Model, step: tuple[Any, ...]) -> None:
    match step:
        case "create", version:
            files = (f"dev-local:{path}" for path in VERSIONS[version])
            with contextlib.suppress(AppError):  # it is there
                await scene.create("shop", version, of_artifacts(*files))
        case "put", repo, path, same:
            text = path if same else "other"
            await scene.put(f"{repo}:{path}", text)
            model.put(f"{repo}:{path}", text)
        case "promote", version, environment, operation:
            await _promote(scene, model, version, environment, operation)
        case "delete promotion", version, number:
            done = await acts.records(scene, version)
            if number < len(done):
                await acts.delete_promotion(scene, done[number], version)
                model.release(_places(version, done[number]), done[number].id)
        case "delete", version:
            done = await acts.records(scene, version)
            with contextlib.suppress(AppError):  # it is not there
                await acts.delete(scene, version)
            for promotion in done:
                model.release(_places(version, promotion), promotion.id)


async def _promote(scene: Scene, model: Model, version: str, environment: str, operation: str) -> None:
    before = [one for one in await acts.records(scene, version) if one.status == "COMPLETED"]
    places = {f"{repo}:{path}": path for repo in REPOS[environment] for path in VERSIONS[version]}
    clash = any(model.text.get(place, text) != text for place, text in places.items())
    try:
        done = await acts.promote(scene, environment, version, operation)
    except AppError:
        assert clash or await scene.bundle("shop", version) is None
        return
    assert not clash
    model.promote(places, done.id)
    latest = before[-1].environment if before else environment
    assert done.operation == ("move" if operation == "move" and latest != environment else "copy")
    if done.operation == "move":
        left = [one for one in before if one.environment == latest]
        model.release(_places(version, before[-1]), *(one.id for one in left))


def _places(version: str, promotion: Promotion) -> dict[str, str]:
    return {f"{repo}:{path}": path for repo in promotion.targets for path in VERSIONS[version]}


async def _check(scene: Scene, model: Model) -> None:
    there = await scene.tree("stage-local", "prod-local", "both-local")
    assert there == {place: sums(text).sha256 for place, text in model.text.items()}
    assert await scene.paths("dev-local") == sorted(f"dev-local:{path}" for path in PATHS)
    for sql in (ORPHANS, EMPTY):
        assert await scene.db.read(many(sql)) == [], sql
    assert await acts.count(scene, "bundle_work") == 0
