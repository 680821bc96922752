"""What is checked before a version is promoted, in which order; and dry runs, which make the same checks."""

from typing import Any

import pytest

from app.accounts.model import User
from app.artifacts import environments
from app.artifacts.access import Visitor
from app.artifacts.rights import Grant, Rights
from app.bundles.model import BUNDLES
from app.bundles.signing import pairs
from app.bundles.store import NoBundle
from app.errors import Conflict, Forbidden, Invalid, Unauthorized
from app.moments import Actor
from tests.bundles.farside import Scene, of_artifacts
from tests.bundles.promotion.acts import (
    begin,
    call,
    count,
    person,
    promote,
    records,
    rehearse,
    shop,
    statuses,
    wait,
)
from tests.bundles.promotion.conftest import Gate

READER = person(bundles=["read"])
EVERYWHERE = person(("ANY", ["read", "promote", "delete"]))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"environment": "  "}, "missing_environment"),
        ({"environment": "PROD", "operation": "link"}, "bad_operation"),
        ({"environment": "PROD", "artifact_additional_properties": [{"key": "a b=", "values": ["1"]}]}, "bad_key"),
        (
            {"environment": "PROD", "artifact_additional_properties": [{"key": "a", "values": ["1"] * 1001}]},
            "too_many_values",
        ),
        ({"environment": "PROD", "override_reason": "x" * 1001}, "too_long"),
    ],
)
async def test_a_malformed_request(scene: Scene, fields: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        call(scene, **fields)

    assert [problem.code for problem in refused.value.problems] == [code]


async def test_the_checks_have_their_order(scene: Scene, gate: Gate) -> None:
    """Each call has all problems but those that were told before."""
    await pairs.create(scene.bundle_ports, EVERYWHERE.by, pairs.Wanted("known"))
    nobody = Visitor(None, Actor("person"), Rights())
    with pytest.raises(Unauthorized):
        await begin(scene, "NOENV", by=nobody)
    with pytest.raises(Forbidden, match="the right read is needed on release-bundles-v2:shop"):
        await begin(scene, "NOENV", by=person(bundles=[]))
    with pytest.raises(Invalid, match="there is no key pair 'nope'"):
        await begin(scene, "NOENV", by=READER, signing_key="nope")
    with pytest.raises(NoBundle, match="there is no version"):
        await begin(scene, "NOENV", by=READER)
    bundle = await shop(scene, "a")
    for status, error in (("DRAFT", Invalid), ("FAILED", Invalid), ("PROCESSING", Conflict), ("DELETING", Conflict)):
        await scene.set_status(bundle, status)
        with pytest.raises(error):
            await begin(scene, "NOENV", by=READER)
    await scene.set_status(bundle, "COMPLETED")
    await scene.put("prod-local:a", "other")
    first = await begin(scene, "STAGE")
    with pytest.raises(Conflict, match="in progress"):
        await begin(scene, "STAGE", by=READER)
    with pytest.raises(Forbidden, match="the right promote to NOENV is needed on release-bundles-v2:shop"):
        await begin(scene, "NOENV", by=READER)
    with pytest.raises(Invalid, match="no repository in environment NOENV"):
        await begin(scene, "NOENV", by=person())
    with pytest.raises(Forbidden, match="the right promote is needed on prod-local:a"):
        await begin(scene, "PROD", by=person())
    assert await statuses(scene) == ["STAGE PENDING"]
    with pytest.raises(Conflict, match="target artifact already exists: prod-local/a"):
        await begin(scene, "PROD", by=EVERYWHERE)
    assert await statuses(scene) == ["STAGE PENDING", "PROD FAILED"]
    gate.open()
    assert scene.worker is not None
    await scene.worker.ended(first.work_id)


async def test_rights_are_judged_at_every_target_path(scene: Scene) -> None:
    await shop(scene, "lib/a", "lib/b", "c")
    grant = Grant(frozenset({"prod-local"}), frozenset({"deploy"}), ("lib/**",))
    bundles = Grant(frozenset({"ANY"}), frozenset({"read", "promote"}), section="releaseBundle")
    bob = Visitor(User(2, "bob"), Actor("person", "bob", 2), Rights(grants=(grant, bundles)))

    with pytest.raises(Forbidden, match="needed on prod-local:c") as refused:
        await begin(scene, "PROD", by=bob)

    assert refused.value.refused == bob.user
    assert await records(scene) == []


async def test_who_may_promote_to_one_environment_may_not_promote_to_another(scene: Scene) -> None:
    await shop(scene, "a")
    files = Grant(frozenset({"ANY"}), frozenset({"promote"}))
    read = Grant(frozenset({"ANY"}), frozenset({"read"}), section="releaseBundle")
    to_stage = Grant(
        frozenset({BUNDLES}), frozenset({"promote"}), ("shop/**",), section="releaseBundle",
        environments=frozenset({"STAGE"}),
    )  # fmt: skip
    bob = Visitor(User(2, "bob"), Actor("person", "bob", 2), Rights(grants=(files, read, to_stage)))

    await promote(scene, "STAGE", by=bob)
    with pytest.raises(Forbidden):
        await promote(scene, "PROD", by=bob)


async def test_a_move_needs_the_right_to_delete_at_the_origin(scene: Scene) -> None:
    await shop(scene, "a")
    await promote(scene, "STAGE")
    bob = person(("ANY", ["read", "promote"]))

    with pytest.raises(Forbidden, match="the right delete is needed on stage-local:a"):
        await promote(scene, "PROD", operation="move", by=bob)
    await promote(scene, "PROD", by=bob)


async def test_an_order_of_environments_is_kept_to(scene: Scene) -> None:
    await _order(scene, "DEV", "STAGE", "PROD")
    await scene.repo("eu-local", environments=("EU",))
    await shop(scene, "a")

    with pytest.raises(Conflict, match="skips STAGE") as refused:
        await promote(scene, "PROD")
    assert "promote it to STAGE first" in refused.value.message
    await promote(scene, "EU")  # which has no place in the order
    await promote(scene, "STAGE")  # the version is from DEV
    done = await promote(scene, "PROD")
    assert done.reason == ""
    await promote(scene, "PROD")
    await promote(scene, "DEV")


async def test_the_order_counts_from_where_a_version_is_from(scene: Scene) -> None:
    await _order(scene, "DEV", "STAGE", "PROD")
    await scene.completed("shop", "1.0", "stage-local:a")

    await promote(scene, "PROD")


async def test_an_override_of_the_order_needs_a_right_and_a_reason_and_both_are_recorded(scene: Scene) -> None:
    await _order(scene, "DEV", "STAGE", "PROD")
    await shop(scene, "a")
    manager = person(("ANY", ["promote"]), bundles=["read", "promote", "manage"])

    with pytest.raises(Forbidden, match="the right manage is needed on"):
        await promote(scene, "PROD", by=EVERYWHERE, override_reason="hotfix")
    with pytest.raises(Conflict):
        await promote(scene, "PROD", by=manager, override_reason="  ")
    done = await promote(scene, "PROD", by=manager, override_reason="hotfix 7")

    assert done.reason == "hotfix 7"
    assert scene.moments[-1].after["override_reason"] == "hotfix 7"
    again = await promote(scene, "STAGE", by=manager, override_reason="not needed")
    assert again.reason == ""


async def _order(scene: Scene, *names: str) -> None:
    await scene.db.write(environments.add(names, 1))
    await scene.db.write(environments.set_order(names))


async def test_versions_of_a_project_go_to_the_repositories_of_the_project(scene: Scene) -> None:
    await scene.repo("web-prod", project="web", environments=("PROD",))
    await scene.repo("ops-prod", project="ops", environments=("PROD",))
    key = "web-release-bundles-v2"
    await shop(scene, "a", key=key)

    done = await promote(scene, "PROD", key=key)
    assert done.targets == ("web-prod",)
    shared = await promote(scene, "PROD", key=key, included_repository_keys=["prod-local"])
    assert shared.targets == ("prod-local",)
    with pytest.raises(Invalid, match="is called ops-prod"):
        await promote(scene, "PROD", key=key, included_repository_keys=["ops-prod"])
    elsewhere = await promote(scene, "STAGE", key=key)
    assert elsewhere.targets == ("stage-local",)


async def test_a_dry_run_tells_what_a_promotion_would_do_and_does_nothing(scene: Scene) -> None:
    await shop(scene, "a", "b", "lib/c")
    await promote(scene, "STAGE")
    await scene.put("prod-local:a", "dev-local:a")
    await scene.put("prod-local:b", "other")
    before = await scene.dump()

    found = await rehearse(scene, "PROD", operation="move")

    assert found.plan.operation == "move"
    assert found.plan.course.source_environment == "STAGE"
    assert [target.repo.key for target in found.plan.targets] == ["prod-local"]
    assert found.plan.clashes == ["target artifact already exists: prod-local/b has other bytes there"]
    assert [kept.path for kept in found.kept] == ["a"]
    assert len(found.plan.removed) == 3
    assert await scene.dump() == before
    assert await statuses(scene) == ["STAGE COMPLETED"]
    assert await count(scene, "bundle_work") == 0
    for by, environment, error in ((READER, "PROD", Forbidden), (EVERYWHERE, "NOENV", Invalid)):
        with pytest.raises(error):
            await rehearse(scene, environment, by=by)


async def test_a_name_that_meant_the_default_key_means_it_also_when_pairs_are_registered_later(scene: Scene) -> None:
    """Clients name a pair of the server that they were written for."""
    await shop(scene, "a", signing_key="theirs")
    await scene.create("shop", "draft", of_artifacts("dev-local:a"), draft=True, signing_key="theirs")
    waiting = await begin(scene, "STAGE", signing_key="theirs")

    await pairs.create(scene.bundle_ports, EVERYWHERE.by, pairs.Wanted("ours"))

    await wait(scene, waiting.work_id)
    assert (await promote(scene, "PROD")).signing_key == ""
    assert (await scene.finalize("shop", "draft")).status == "COMPLETED"
    with pytest.raises(Invalid, match="there is no key pair 'theirs'"):
        await promote(scene, "PROD", signing_key="theirs")


async def test_a_promotion_is_signed_with_the_key_of_the_version_or_with_the_one_that_is_named(scene: Scene) -> None:
    for name in ("k1", "k2"):
        await pairs.create(scene.bundle_ports, EVERYWHERE.by, pairs.Wanted(name))
    await shop(scene, "a", signing_key="k1")

    first = await promote(scene, "PROD")
    second = await promote(scene, "STAGE", signing_key="k2")

    assert (first.signing_key, second.signing_key) == ("k1", "k2")
    with pytest.raises(Invalid, match="there is no key pair 'gone'"):
        await promote(scene, "PROD", signing_key="gone")
