"""Versions that are created: what is frozen, signed and stored."""

from tests.bundles.farside import Scene, mark, of_artifacts, sums


async def test_a_version_holds_its_files_and_a_signed_manifest(scene: Scene) -> None:
    await scene.put("dev-local:lib/a.jar", "a", mark("app", "1"))

    bundle = await scene.create("shop", "1.0", of_artifacts("dev-local:lib/a.jar"))

    assert (bundle.status, bundle.files, bundle.size, bundle.environment) == ("COMPLETED", 1, 1, "DEV")
    assert await scene.content("shop", "1.0") == ["dev-local:lib/a.jar"]
    assert await scene.stored_files() == {
        "shop/1.0/artifacts/generic/lib/a.jar": sums("a").sha256,
        "shop/1.0/release-bundle.json.evd": bundle.manifest,
    }
    [statement] = await scene.evidence("shop", "1.0")
    assert (statement.seq, statement.kind, statement.digest) == (1, "create", bundle.manifest)
