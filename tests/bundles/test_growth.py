"""What creation, verification, export and import cost: as many statements for many files as for few."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import pytest

from app.artifacts.visible import Visible
from app.bundles import lists, records, store, verifying
from app.bundles.lists import Asked
from app.bundles.model import BUNDLES, Bundle
from app.bundles.transfer import export, imports
from app.db.tx import Tx
from tests.bundles.counting import counted
from tests.bundles.farside import (
    Scene,
    admin,
    artifact,
    dependency,
    mark,
    module,
    of_artifacts,
    of_build,
    of_query,
    of_version,
)
from tests.bundles.promotion.acts import delete, promote

Act: TypeAlias = Callable[[Scene, str, Sequence[str]], Awaitable[object]]
FEW, MANY = 14, 280


async def _files(scene: Scene, version: str, paths: Sequence[str]) -> None:
    await scene.create("shop", version, of_artifacts(*(f"dev-local:{path}" for path in paths)))


async def _query(scene: Scene, version: str, _: Sequence[str]) -> None:
    query = f'items.find({{"repo": "dev-local", "path": {{"$match": "{version}/*"}}}})'
    await scene.create("shop", version, of_query(query))


async def _build(scene: Scene, version: str, _: Sequence[str]) -> None:
    await scene.create("shop", version, of_build("app", version, include_dependencies=True))


async def _package(scene: Scene, version: str, _: Sequence[str]) -> None:
    named = {"package_name": "p", "package_version": version, "package_type": "generic", "repository_key": "dev-local"}
    await scene.create("shop", version, {"source_type": "packages", "packages": [named]})


async def _version(scene: Scene, version: str, _: Sequence[str]) -> None:
    await scene.create("shop", version, of_version("whole", version))


async def _draft(scene: Scene, version: str, paths: Sequence[str]) -> None:
    await scene.create("shop", version, of_artifacts(f"dev-local:{paths[0]}"), draft=True)
    await scene.update("shop", version, of_artifacts(*(f"dev-local:{path}" for path in paths)))
    await scene.finalize("shop", version)


async def _verify(scene: Scene, version: str, paths: Sequence[str]) -> None:
    _, verdict = await verifying.verify(scene.bundle_ports, _whole(version))
    assert (verdict.problems, len(verdict.artifacts)) == ((), len(paths))


async def _import(scene: Scene, version: str, paths: Sequence[str]) -> None:
    """Export a version, delete it, and import it."""
    _, bundle = await scene.db.read(_whole(version))
    assert bundle.files == len(paths)
    exported = await scene.db.read(export.of(bundle))
    parts = [part async for part in export.pieces(scene.blobs, exported)]
    await delete(scene, version, name="whole")

    async def file() -> Any:
        for part in parts:
            yield part

    await imports.import_(scene.bundle_ports, admin(), BUNDLES, file())


def _whole(version: str) -> Tx[tuple[str, Bundle]]:
    return BUNDLES, (yield from _found("whole", version))


def _found(name: str, version: str) -> Tx[Bundle]:
    found = yield from store.find(BUNDLES, name, version)
    assert found is not None
    return found


ACTS: dict[str, Act] = {
    "create from files": _files,
    "create from a query": _query,
    "create from a build": _build,
    "create from a package": _package,
    "create from a version": _version,
    "draft, update and finalize": _draft,
    "verify": _verify,
    "export and import": _import,
}


async def _statements(scene: Scene, act: Act, version: str, files: int) -> list[str]:
    """The statements of an act on so many files."""
    paths = [f"{version}/d{at % 7}/{at}" for at in range(files)]
    for at, path in enumerate(paths):
        package = {"generic.name": ["p"], "generic.version": [version], "who": [f"{version} {at % 3}"]}
        await scene.put(f"dev-local:{path}", path, mark("app", version) | package)
        await scene.put(f"stage-local:{path}.dep", f"{path} used")
    used = [dependency(path, f"{path} used") for path in paths]
    await scene.publish("app", version, module(*(artifact(path, path) for path in paths), dependencies=used))
    await scene.create("whole", version, of_artifacts(*(f"dev-local:{path}" for path in paths)))
    with counted(scene) as statements:
        await act(scene, version, paths)
    return statements


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_statements_do_not_grow_with_files(scene: Scene, act: Act) -> None:
    few = await _statements(scene, act, "1", FEW)
    many = await _statements(scene, act, "2", MANY)

    assert few == many
    assert 0 < len(few) < 80


async def test_statements_of_lists_do_not_grow_with_what_is_listed(scene: Scene) -> None:
    counts = list[list[str]]()
    at = 0
    for versions in (2, 12):
        for _ in range(versions):
            at += 1
            await scene.completed("shop", str(at), "dev-local:a")
            await promote(scene, "PROD", version=str(at))
        with counted(scene) as statements:
            await scene.db.read(_listed())
        counts.append(statements)

    assert counts[0] == counts[1]


def _listed() -> Tx[None]:
    bundle = yield from _found("shop", "1")
    asked, everything = Asked(100), Visible(frozenset({bundle.repo_id}))
    page = yield from lists.versions(bundle.repo_id, "shop", asked, everything)
    yield from lists.environments_of([each.id for each in page.rows])
    yield from lists.groups(bundle.repo_id, asked, everything)
    yield from records.of_name(bundle.repo_id, "shop", records.Asked(100), everything)
    yield from records.of_version(bundle.id, records.Asked(100))
