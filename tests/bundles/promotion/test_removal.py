"""Deletion of promotions and of versions: what goes, what stays."""

import asyncio
from typing import Any

import pytest

from app.bundles.model import BUNDLES
from app.bundles.removal import NoPromotion
from app.bundles.store import NoBundle
from app.db.tx import run
from app.errors import AppError, Conflict, Forbidden
from tests.bundles.farside import Scene
from tests.bundles.promotion.acts import (
    begin,
    claims,
    count,
    delete,
    delete_promotion,
    person,
    promote,
    records,
    shop,
    statuses,
    wait,
)
from tests.bundles.promotion.conftest import Gate


async def test_a_deleted_promotion_takes_its_files_and_leaves_a_statement(scene: Scene) -> None:
    await shop(scene, "a", "lib/b")
    done = await promote(scene, "PROD")

    await delete_promotion(scene, done)

    assert await scene.paths("prod-local") == []
    assert await scene.folders("prod-local") == [""]
    assert await records(scene) == []
    assert [one.kind for one in await scene.evidence("shop", "1.0")] == ["create", "promote", "delete_promotion"]
    assert await count(scene, "bundle_claims") == 0
    moment = scene.moments[-1]
    assert (moment.verb, moment.subject) == ("bundle.delete_promotion", f"{BUNDLES}/shop/1.0")
    assert moment.before == {"environment": "PROD", "created_millis": done.created, "removed": 2}
    with pytest.raises(NoPromotion, match="not found"):
        await delete_promotion(scene, done)


async def test_a_deleted_promotion_leaves_what_was_there_before_and_what_was_changed(scene: Scene) -> None:
    await shop(scene, "a", "b", "c")
    await scene.put("prod-local:a", "dev-local:a")
    done = await promote(scene, "PROD")
    await scene.put("prod-local:b", "changed")

    await delete_promotion(scene, done)

    assert await scene.paths("prod-local") == ["prod-local:a", "prod-local:b"]


async def test_other_bytes_that_came_in_the_millisecond_of_a_promotion_stay(scene: Scene) -> None:
    await shop(scene, "a")
    done = await promote(scene, "PROD")
    written = (await scene.item("prod-local:a")).modified
    await scene.put("prod-local:a", "changed", modified=written)

    await delete_promotion(scene, done)

    assert await scene.paths("prod-local") == ["prod-local:a"]


async def test_a_file_that_somebody_has_put_again_stays(scene: Scene) -> None:
    await shop(scene, "a", "b", "c")
    done = await promote(scene, "PROD")
    await scene.remove("prod-local:a")
    await scene.put("prod-local:a", "dev-local:a")
    await scene.put("prod-local:b", "dev-local:b")
    again = await promote(scene, "PROD")

    await delete_promotion(scene, done)
    await delete_promotion(scene, again)

    assert await scene.paths("prod-local") == ["prod-local:a", "prod-local:b"]


async def test_a_file_stays_as_long_as_another_promotion_claims_it(scene: Scene) -> None:
    await shop(scene, "a", "b")
    await shop(scene, "a", version="2.0")
    first, second = await promote(scene, "PROD"), await promote(scene, "PROD", version="2.0")

    await delete_promotion(scene, first)
    assert await scene.paths("prod-local") == ["prod-local:a"]

    await delete_promotion(scene, second, version="2.0")
    assert await scene.paths("prod-local") == []


async def test_another_claim_inherits_that_a_file_was_written(scene: Scene) -> None:
    await scene.put("prod-local:a", "dev-local:a")
    await shop(scene, "a")
    first = await promote(scene, "PROD")
    await scene.remove("prod-local:a")
    second = await promote(scene, "PROD")
    assert await claims(scene) == [f"prod-local:./a {first.id} found", f"prod-local:./a {second.id} written"]

    await delete_promotion(scene, second)
    assert await scene.paths("prod-local") == ["prod-local:a"]
    assert await claims(scene) == [f"prod-local:./a {first.id} written"]

    await delete_promotion(scene, first)
    assert await scene.paths("prod-local") == []


async def test_a_deleted_promotion_makes_the_one_before_the_place_of_the_version(scene: Scene) -> None:
    await shop(scene, "a")
    await promote(scene, "STAGE")
    second = await promote(scene, "PROD")
    await delete_promotion(scene, second)

    third = await promote(scene, "PROD", operation="move")

    assert third.source_environment == "STAGE"
    assert await scene.paths("stage-local", "prod-local") == ["prod-local:a"]


async def test_a_failed_promotion_can_be_deleted(scene: Scene) -> None:
    await shop(scene, "a")
    await scene.put("prod-local:a", "other")
    with pytest.raises(Conflict):
        await promote(scene, "PROD")
    [failed] = await records(scene)

    await delete_promotion(scene, failed)

    assert await records(scene) == []
    assert await scene.paths("prod-local") == ["prod-local:a"]


async def test_a_promotion_is_deleted_when_its_key_is_gone(scene: Scene) -> None:
    await shop(scene, "a")
    done = await promote(scene, "PROD")
    await scene.db.write(run("UPDATE bundle_promotions SET signing_key = 'gone'"))

    await delete_promotion(scene, done)

    assert await scene.paths("prod-local") == []


async def test_a_deleted_version_goes_with_its_promotions_and_never_with_the_sources(scene: Scene) -> None:
    await shop(scene, "a", "lib/b")
    await shop(scene, "a", version="2.0")
    await promote(scene, "STAGE")
    await promote(scene, "PROD")
    await promote(scene, "PROD", version="2.0")

    await delete(scene)

    assert await scene.paths() == ["dev-local:a", "dev-local:lib/b", "prod-local:a"]
    assert sorted(await scene.stored_files()) == [
        "shop/2.0/artifacts/generic/a",
        "shop/2.0/release-bundle.json.evd",
    ]
    assert scene.moments[-1].verb == "bundle.delete"
    assert scene.moments[-1].before == {"status": "COMPLETED", "files": 2, "promotions": 2, "removed": 3}
    await delete(scene, version="2.0")
    assert await scene.paths() == ["dev-local:a", "dev-local:lib/b"]
    for table in (
        "bundles",
        "bundle_artifacts",
        "bundle_promotions",
        "bundle_claims",
        "bundle_evidence",
        "bundle_work",
    ):
        assert await count(scene, table) == 0
    assert await scene.stored_files() == {}
    with pytest.raises(NoBundle, match="not found"):
        await delete(scene)


async def test_drafts_and_failed_versions_can_be_deleted(scene: Scene) -> None:
    for status in ("DRAFT", "FAILED"):
        bundle = await shop(scene, "a")
        await scene.set_status(bundle, status)
        await delete(scene)
    assert await count(scene, "bundles") == 0


async def test_a_version_whose_work_is_not_finished_is_not_deleted(scene: Scene, gate: Gate) -> None:
    bundle = await shop(scene, "a")
    done = await begin(scene, "PROD")

    for refused in (delete(scene), delete_promotion(scene, done.promotion)):
        with pytest.raises(Conflict, match="try again when that has ended"):
            await refused
    gate.open()
    await wait(scene, done.work_id)
    await scene.set_status(bundle, "PROCESSING")
    with pytest.raises(Conflict, match="is PROCESSING"):
        await delete(scene)


async def test_the_right_to_delete_is_judged_before_anybody_looks(scene: Scene) -> None:
    await shop(scene, "a")
    done = await promote(scene, "PROD")
    bob = person(("ANY", ["read", "deploy", "delete"]))

    for refused in (delete(scene, by=bob), delete(scene, "9.9", by=bob), delete_promotion(scene, done, by=bob)):
        with pytest.raises(Forbidden, match="the right delete is needed on release-bundles-v2:shop"):
            await refused
    await delete(scene, by=person(bundles=["delete"]))


async def test_a_deletion_that_fails_leaves_what_was_there(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop(scene, "a")
    done = await promote(scene, "PROD")
    monkeypatch.setattr("app.bundles.claims.release", _refused)

    for deletion in (delete_promotion(scene, done), delete(scene)):
        with pytest.raises(Conflict, match="not now"):
            await deletion

    assert await statuses(scene) == ["PROD COMPLETED"]
    bundle = await scene.bundle("shop", "1.0")
    assert bundle is not None
    assert (bundle.status, bundle.messages[-1]["text"]) == ("COMPLETED", "not now")
    assert await scene.paths("prod-local") == ["prod-local:a"]


def _refused(*_: Any) -> Any:
    raise Conflict("not now")


async def _both(*calls: Any) -> list[Any]:
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert [error for error in done if isinstance(error, BaseException) and not isinstance(error, AppError)] == []
    return done


async def test_of_two_deletions_at_one_moment_one_is_told_of_the_other(scene: Scene) -> None:
    await shop(scene, "a")
    done = await promote(scene, "PROD")

    results = await _both(delete_promotion(scene, done), delete_promotion(scene, done))
    assert sorted(type(result).__name__ for result in results) in (
        ["Conflict", "NoneType"],
        ["NoPromotion", "NoneType"],
    )
    results = await _both(delete(scene), delete(scene), delete(scene))
    assert sum(result is None for result in results) == 1
    assert await scene.paths("prod-local") == []


async def test_two_promotions_to_one_environment_at_one_moment(scene: Scene, gate: Gate) -> None:
    await shop(scene, "a")

    results = await _both(*(begin(scene, "PROD") for _ in range(5)), begin(scene, "STAGE"))
    refused = [result for result in results if isinstance(result, AppError)]

    assert len(refused) == 4
    assert all(isinstance(error, Conflict) and "in progress" in error.message for error in refused)
    gate.open()
    for result in results:
        if not isinstance(result, AppError):
            await wait(scene, result.work_id)
    assert sorted(await statuses(scene)) == ["PROD COMPLETED", "STAGE COMPLETED"]


async def test_a_deletion_beside_promotions(scene: Scene) -> None:
    for version in ("1", "2", "3", "4"):
        await shop(scene, "a", "lib/b", version=version)

        await _both(promote(scene, "PROD", version=version), delete(scene, version=version))

        there = await scene.bundle("shop", version)
        assert await scene.paths("prod-local") == (["prod-local:a", "prod-local:lib/b"] if there else [])
        assert await count(scene, "bundle_work") == 0
        if there:
            await delete(scene, version=version)
    assert await scene.paths() == ["dev-local:a", "dev-local:lib/b"]


async def test_promotions_of_versions_that_share_files_at_one_moment(scene: Scene) -> None:
    versions = ("1", "2", "3", "4")
    for version in versions:
        await shop(scene, "a", f"b{version}", version=version)

    await _both(*(promote(scene, "PROD", version=version) for version in versions))
    done = {version: (await records(scene, version))[0] for version in versions}
    assert await scene.paths("prod-local") == ["prod-local:a", *(f"prod-local:b{version}" for version in versions)]
    await _both(*(delete_promotion(scene, done[version], version) for version in versions))

    assert await scene.paths("prod-local") == []
