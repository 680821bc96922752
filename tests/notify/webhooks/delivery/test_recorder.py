"""What is written for subscribers, in the transaction of the moment, and what that costs."""

from dataclasses import replace
from typing import Any

import pytest

from app.accounts import moments as of_accounts
from app.accounts import store as accounts
from app.builds import flow
from app.builds.moments import Moments
from app.db.tx import Tx
from app.errors import Unavailable
from app.moments import Recorders
from app.notify.webhooks import store
from app.repos import moments as of_repos
from app.repos import store as repos
from app.repos.model import Repo
from tests.builds.farside import HOOK, NOW, OCTOCAT, pipeline, pushed, uncommitted
from tests.counting import Counting
from tests.notify.webhooks.delivery.telling import Scene, enabled

#: Nobody listens here.
NOWHERE = "http://127.0.0.1:9/"


async def types(scene: Scene, webhook_id: int) -> list[str]:
    sql = "SELECT events.type FROM webhook_deliveries AS d JOIN webhook_events AS events ON events.id = d.event_id"
    rows = await scene.db.read(_many(f"{sql} WHERE d.webhook_id = :id ORDER BY d.id", id=webhook_id))
    return [row["type"] for row in rows]


def _many(sql: str, **values: Any) -> Tx[Any]:
    return (yield sql, values)


async def counted(scene: Scene) -> tuple[Counting, Scene]:
    """The scene with a database that notes statements."""
    counting: Any = Counting(scene.db)
    moments = Moments(counting, scene.ports.logs, Recorders(scene.telling.recorder))
    return counting, replace(scene, ports=replace(scene.ports, db=counting, moments=moments))


async def test_a_promote_without_webhooks_costs_no_statement(scene: Scene) -> None:
    await scene.push()
    bare, other = await counted(scene)
    other.ports.moments.recorders = Recorders()
    await other.promote()
    counting, other = await counted(scene)

    await other.promote()

    assert counting.statements == bare.statements


async def test_a_promote_that_no_subscription_wants_costs_no_statement(scene: Scene) -> None:
    await scene.push()
    bare, other = await counted(scene)
    other.ports.moments.recorders = Recorders()
    await other.promote()
    await scene.subscribe(NOWHERE, events=["rollback.*"])
    await scene.subscribe(NOWHERE, store.of_namespace("another"))
    await scene.subscribe(NOWHERE, store.SERVER, targets=["staging"])
    counting, other = await counted(scene)

    await other.promote()

    assert counting.statements == bare.statements


@pytest.mark.parametrize("many", [1, 40])
async def test_events_for_any_number_of_subscriptions_are_three_statements(scene: Scene, many: int) -> None:
    await scene.push()
    bare, other = await counted(scene)
    other.ports.moments.recorders = Recorders()
    await other.promote()
    for _ in range(many):
        await scene.subscribe(NOWHERE, events=["*.requested"])
    counting, other = await counted(scene)

    await other.promote()

    added = [statement for statement in counting.statements if statement not in bare.statements]
    assert len(added) == 4, added  # the fourth reads what was in the target before
    assert len(await scene.states()) == many
    assert len(await scene.entries()) == many


async def test_what_is_not_committed_is_told_to_nobody(scene: Scene) -> None:
    await scene.subscribe(NOWHERE)
    adding = flow._insert(pushed(scene.repo, "b" * 40), ())
    doing = scene.ports.moments._recorded(flow._begin(scene.repo, adding, "build.push", HOOK, NOW), watched=False)

    with pytest.raises(Unavailable):
        await scene.db.write(uncommitted(doing))

    assert await scene.states() == []
    assert await scene.entries() == []


async def test_each_subscription_gets_what_it_wants_in_order(scene: Scene) -> None:
    everything = await scene.subscribe(NOWHERE)
    promotions = await scene.subscribe(NOWHERE, store.of_namespace("octocat"), events=["promotion.*"])
    failures = await scene.subscribe(NOWHERE, store.SERVER, statuses=["failure"])
    await scene.push()
    await scene.promote()
    [stage] = (await scene.build(2)).stages
    await scene.run(stage, "failure")

    assert (await types(scene, everything.id))[-6:] == [
        *("build.created", "promotion.requested", "promotion.started", "stage.started"),
        *("stage.finished", "promotion.failed"),
    ]
    assert await types(scene, promotions.id) == ["promotion.requested", "promotion.started", "promotion.failed"]
    assert await types(scene, failures.id) == ["stage.finished", "promotion.failed"]


async def test_a_subscription_that_this_server_does_not_know_to_be_gone_does_no_harm(scene: Scene) -> None:
    """Another server has removed one and made one inactive a moment ago."""
    gone, inactive, there = [await scene.subscribe(NOWHERE) for _ in range(3)]
    await scene.execute("DELETE FROM webhooks WHERE id = :id", id=gone.id)
    await scene.execute("UPDATE webhooks SET active = FALSE WHERE id = :id", id=inactive.id)

    await scene.push()

    assert {row["webhook_id"] for row in await scene.deliveries()} == {there.id}


async def test_a_namespace_s_subscriptions_tell_nothing_of_another_host_s_repositories(scene: Scene) -> None:
    """Anybody may make a group at one host that has the name of a group at another."""
    theirs = await scene.db.write(repos.create(Repo(0, "acme", "first", user_id=1, uid="1", scm="gitea")))
    other = await scene.db.write(repos.create(Repo(0, "acme", "second", user_id=1, uid="2", scm="gitlab")))
    own = await scene.db.write(repos.create(Repo(0, "acme", "third", user_id=1)))
    await scene.subscribe(NOWHERE, store.of_namespace("acme"))

    for repo in (theirs, other, own):
        await scene.db.write(scene.ports.moments.recorders.record(enabled(repo)))

    assert len(await scene.states()) == 2


async def test_the_only_repository_of_a_namespace_is_told_of_when_it_is_deleted(scene: Scene) -> None:
    gone = Repo(99, "acme", "only", scm="gitea")
    await scene.subscribe(NOWHERE, store.of_namespace("acme"))

    await scene.db.write(scene.ports.moments.recorders.record(of_repos.deleted(OCTOCAT, gone)))

    assert len(await scene.states()) == 1


async def test_accounts_are_told_of_to_the_server_s_subscriptions_alone(scene: Scene) -> None:
    server = await scene.subscribe(NOWHERE, store.SERVER)
    await scene.subscribe(NOWHERE)
    await scene.subscribe(NOWHERE, store.of_namespace("ada"))
    ada = await scene.db.write(accounts.create("ada", token="ada's token", now=NOW))
    await scene.db.write(scene.ports.moments.recorders.record(of_accounts.created(OCTOCAT, ada)))

    assert [row["webhook_id"] for row in await scene.deliveries()] == [server.id]
    assert await types(scene, server.id) == ["user.created"]


async def test_addresses_and_secrets_are_sealed_and_in_no_moment(scene: Scene) -> None:
    path, secret = "/services/T000/B000/very-secret", "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
    webhook = await scene.subscribe("https://hooks.example.com" + path, secret=secret)
    await scene.hooks.update(scene.place, webhook.id, {"url": "https://x.example.com/other", "secret": ""}, OCTOCAT)
    await scene.hooks.delete(scene.place, webhook.id, OCTOCAT)

    assert [moment.verb for moment in scene.moments] == ["webhook.create", "webhook.update", "webhook.delete"]
    assert scene.moments[1].after == {"host": "x.example.com", "url": "changed", "secrets": "changed"}
    told = " ".join(str((one.subject, one.before, one.after)) for one in scene.moments)
    assert "secret/" not in told
    assert path not in told
    assert secret not in told
    assert "/other" not in told
    assert repr(webhook).count(secret) == repr(webhook).count(path) == 0


async def test_mere_progress_makes_moments_only_for_who_wants_stages(scene: Scene) -> None:
    await scene.push(pipeline("a"), pipeline("b"))
    await scene.subscribe(NOWHERE, events=["promotion.*"])
    assert not scene.telling.recorder.progress("build.end")

    webhook = await scene.subscribe(NOWHERE, events=["stage.*"])
    assert scene.telling.recorder.progress("build.end")
    assert not scene.telling.recorder.progress("build.step")
    first, second = (await scene.build(1)).stages
    await scene.run(first)
    await scene.run(second)

    assert await types(scene, webhook.id) == ["stage.started", "stage.finished"] * 2
