"""What promotions and deletions cost: as many statements for many files as for few."""

from tests.bundles.counting import counted
from tests.bundles.farside import Scene, of_artifacts
from tests.bundles.promotion.acts import delete, delete_promotion, promote


async def _counted(scene: Scene, version: str, files: int) -> list[str]:
    """The statements of promotions of so many files, and of deletions."""
    paths = [f"{version}/d{at % 7}/{at}" for at in range(files)]
    for at, path in enumerate(paths):
        await scene.put(f"dev-local:{path}", path, {"who": [f"{version} {at % 3}"]})
        if at % 2:
            await scene.put(f"stage-local:{path}", path, {"there": [f"{version} {at % 3}"]})
    await scene.create("shop", version, of_artifacts(*(f"dev-local:{path}" for path in paths)))
    added = [{"key": "env", "values": [version]}]
    with counted(scene) as statements:
        first = await promote(scene, "STAGE", version=version, artifact_additional_properties=added)
        await promote(scene, "PROD", version=version, operation="move", artifact_additional_properties=added)
        await delete_promotion(scene, first, version=version)
        await delete(scene, version=version)
    return statements


async def test_statements_do_not_grow_with_files(scene: Scene) -> None:
    few = await _counted(scene, "1", 14)
    many = await _counted(scene, "2", 140)

    assert few == many
    assert len(few) < 200
