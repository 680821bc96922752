"""Deliveries over real HTTP: what arrives, when it does not, and what the log says of that."""

import time
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Verifier

from app.db.connect import Database
from app.notify.webhooks import deliveries, poster, store
from app.notify.webhooks.sender import INACTIVE, PATIENCE
from app.outbox.worker import DELAYS, LEASE
from app.repos.secrets import store as secrets
from tests.builds.farside import OCTOCAT, SEAL
from tests.notify.webhooks.delivery.telling import Scene, laid
from tests.notify.webhooks.receiver import Answers, Receiver, drips, endless, receiving, resets, silent, status
from tests.soon import soon

KEY = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
OTHER = "whsec_" + "emFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6"
DAY = 24 * 3600


async def test_a_promotion_is_told_and_the_library_of_receivers_verifies_it(scene: Scene, receiver: Receiver) -> None:
    scene.clock.time = int(time.time())  # the library looks at the clock
    await scene.push()
    await scene.subscribe(receiver.url + "/hooks", secret=KEY, events=["promotion.*"])
    await scene.promote(TAG="v1")
    await scene.settled()

    [came] = receiver.came
    told = Verifier(KEY).verify(came.body, dict(came.headers))
    assert told["type"] == "promotion.requested"
    assert told["data"]["target"] == "production"
    assert told["data"]["parameters"]["TAG"] == "v1"
    assert [(row["state"], row["tries"], row["status"], row["error"]) for row in await scene.deliveries()] == [
        ("delivered", 1, 200, "")
    ]


async def test_events_arrive_in_order_one_after_the_other(scene: Scene, receiver: Receiver) -> None:
    await scene.subscribe(receiver.url, events=["*"])
    await scene.push()
    for _ in range(10):
        await scene.promote()
    await scene.settled()

    assert receiver.types == ["build.created", *["promotion.requested"] * 10]
    numbers = [one.json["data"]["build"] for one in receiver.came]
    assert numbers == list(range(1, 12))


@pytest.mark.parametrize("answers", [status(500), status(302, b"", Location="http://127.0.0.1/"), status(404), resets])
async def test_what_is_not_taken_is_sent_again_with_the_same_id_and_holds_back_what_follows(
    scene: Scene, receiver: Receiver, answers: Answers
) -> None:
    await scene.push()
    webhook = await scene.subscribe(receiver.url, events=["promotion.*"])
    receiver.answers = answers
    await scene.promote()
    await scene.promote()
    await scene.settled()
    assert len(receiver.came) == 1
    assert (await scene.show(webhook)).failing_since == scene.now_ms()

    receiver.answers = status(200)
    await scene.passes(DELAYS[0])

    first, again, second = receiver.came
    assert first.id == again.id != second.id
    assert first.body == again.body
    assert again.headers["webhook-timestamp"] == str(int(first.headers["webhook-timestamp"]) + DELAYS[0])
    assert await scene.states() == ["delivered", "delivered"]
    assert (await scene.show(webhook)).failing_since == 0


@pytest.mark.parametrize(
    ("answers", "state"), [(endless, "delivered"), (drips, "delivered"), (silent, "waiting")],
    ids=["endless", "drips", "silent"],
)  # fmt: skip
async def test_a_rude_endpoint_keeps_no_other_waiting(
    scene: Scene, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, answers: Answers, state: str
) -> None:
    monkeypatch.setattr(poster, "TIMEOUT", 0.5)
    monkeypatch.setattr(poster, "BODY", 0.1)
    receiver.answers = answers
    with receiving() as other:
        await scene.push()
        rude = await scene.subscribe(receiver.url, events=["promotion.*"])
        await scene.subscribe(other.url, events=["promotion.*"])
        await scene.promote()
        await soon(lambda: other.came)
        await scene.settled()

    [row] = [row for row in await scene.deliveries() if row["webhook_id"] == rude.id]
    assert row["state"] == state


async def test_an_endpoint_that_is_gone_gets_nothing_any_more_and_others_hear_of_that(
    scene: Scene, receiver: Receiver
) -> None:
    await scene.push()
    with receiving() as watching:
        await scene.subscribe(watching.url, store.of_namespace("octocat"), events=["webhook.*"])
        await scene.subscribe(watching.url, store.SERVER, events=["webhook.*"])
        webhook = await scene.subscribe(receiver.url, events=["promotion.*"])
        receiver.answers = status(410)
        await scene.promote()
        await scene.promote()
        await scene.settled()

        await soon(lambda: len(watching.came) == 2, "both hear of it")

    shown = await scene.show(webhook)
    assert (shown.active, shown.reason) == (False, "the endpoint says that it is gone (410)")
    assert len(receiver.came) == 1
    assert watching.came[0].json["data"]["webhook"]["place"] == "octocat/hello-world"
    [disabled] = [moment for moment in scene.moments if moment.verb == "webhook.disable"]
    assert (disabled.subject, disabled.by.kind) == (f"octocat/hello-world#webhooks/{webhook.id}", "server")


async def test_what_waits_for_an_inactive_subscription_is_given_up(scene: Scene, receiver: Receiver) -> None:
    await scene.push()
    webhook = await scene.subscribe(receiver.url, events=["promotion.*"])
    receiver.answers = status(500)
    for _ in range(3):
        await scene.promote()
    await scene.settled()

    await scene.hooks.update(scene.place, webhook.id, {"active": False}, OCTOCAT)
    await scene.hooks.upkeep.round()

    assert {(row["state"], row["error"]) for row in await scene.deliveries()} == {("failed", INACTIVE)}
    assert await scene.entries() == []
    assert len(receiver.came) == 1


async def test_five_days_of_failure_end_in_an_inactive_subscription(scene: Scene, receiver: Receiver) -> None:
    await scene.push()
    webhook = await scene.subscribe(receiver.url, events=["promotion.*"])
    receiver.answers = status(500, b"no room")
    await scene.promote()
    await scene.settled()
    for _ in range(4):
        await scene.promote()
        await scene.passes(DAY)
    assert (await scene.show(webhook)).active

    await scene.promote()
    await scene.passes(PATIENCE // 1000 - 4 * DAY)

    shown = await scene.show(webhook)
    assert not shown.active
    assert shown.reason == "no delivery was taken for five days: the endpoint answered 500: no room"

    receiver.answers = status(200)
    after, _ = await scene.hooks.update(scene.place, webhook.id, {"active": True}, OCTOCAT)
    assert (after.active, after.reason, after.failing_since) == (True, "", 0)


async def test_one_success_begins_the_five_days_anew(scene: Scene, receiver: Receiver) -> None:
    await scene.push()
    webhook = await scene.subscribe(receiver.url, events=["promotion.*"])
    for _ in range(4):
        receiver.answers = status(500)
        await scene.promote()
        await scene.passes(2 * DAY)
        receiver.answers = status(200)
        await scene.passes(DAY)

    assert (await scene.show(webhook)).active


@pytest.mark.parametrize("code", [429, 502, 503, 504])
async def test_an_endpoint_that_wants_a_pause_gets_it_and_no_attempt_is_lost(
    scene: Scene, receiver: Receiver, code: int
) -> None:
    await scene.push()
    await scene.subscribe(receiver.url, events=["promotion.*"])
    receiver.answers = status(code, Retry_After="120")
    await scene.promote()
    await scene.settled()
    [entry] = await scene.entries()
    assert (entry.tries, entry.due) == (0, scene.now_ms() + 120_000)
    receiver.answers = status(200)

    await scene.passes(119)
    assert len(receiver.came) == 1
    await scene.passes(1)

    assert await scene.states() == ["delivered"]


async def test_after_the_last_attempt_the_delivery_has_failed_and_can_be_sent_again(
    scene: Scene, receiver: Receiver
) -> None:
    await scene.push()
    webhook = await scene.subscribe(receiver.url, events=["promotion.*"])
    receiver.answers = status(500)
    await scene.promote()
    await scene.settled()
    for delay in DELAYS:
        await scene.passes(delay)
    [row] = await scene.deliveries()
    assert (row["state"], row["tries"]) == ("failed", len(DELAYS) + 1)
    receiver.answers = status(200)

    again = await scene.hooks.redeliver(await scene.show(webhook), row["id"])
    await scene.settled()

    assert again.state == "waiting"
    assert await scene.states() == ["delivered"]
    assert len({one.id for one in receiver.came}) == 1


async def test_all_failed_deliveries_of_a_time_are_sent_again_in_their_order(
    scene: Scene, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.notify.webhooks.flow.ROWS", 2)
    await scene.push()
    webhook = await scene.subscribe(receiver.url, events=["promotion.*"])
    for _ in range(7):
        scene.clock.time += 1
        await scene.promote()
    await scene.settled()
    await scene.execute("UPDATE webhook_deliveries SET state = 'failed' WHERE id <> 3")
    receiver.came.clear()
    begun = scene.now_ms() - 6000

    count = await scene.hooks.redeliver_failed(await scene.show(webhook), begun + 1000, begun + 6000)
    await scene.settled()

    assert count == 4
    assert [one.json["data"]["build"] for one in receiver.came] == [3, 5, 6, 7]
    assert await scene.hooks.redeliver_failed(await scene.show(webhook), begun + 1000, begun + 6000) == 0


async def test_secrets_in_parameters_are_hidden_also_in_the_log(scene: Scene, receiver: Receiver) -> None:
    await scene.push()
    owner = secrets.of_repo(scene.repo.id)
    sealed = SEAL.seal("hunter2", owner.purpose)
    await scene.db.write(secrets.create(owner, "KEY", sealed, pull_request=False, pull_request_push=False))
    webhook = await scene.subscribe(receiver.url, events=["promotion.*"])
    await scene.promote(PASSWORD="hunter2", URL="https://x:hunter2@y", TAG="v1")
    await scene.settled()

    told = receiver.came[0].json["data"]["parameters"]
    assert {name: told[name] for name in ("PASSWORD", "URL", "TAG")} == {
        "PASSWORD": "******",
        "URL": "https://x:******@y",
        "TAG": "v1",
    }
    shown = await scene.db.read(deliveries.show(webhook.id, (await scene.deliveries())[0]["id"]))
    assert b"hunter2" not in (shown.request.body if shown.request else b"hunter2")


async def test_a_request_is_signed_with_each_secret_while_one_is_exchanged(scene: Scene, receiver: Receiver) -> None:
    await scene.push()
    webhook = await scene.subscribe(receiver.url, secret=KEY, events=["promotion.*"])
    await scene.hooks.update(scene.place, webhook.id, {"secret": OTHER}, OCTOCAT)
    await scene.promote()
    await scene.settled()
    scene.clock.time += DAY
    await scene.promote()
    await scene.settled()

    signatures = [one.headers["webhook-signature"].split() for one in receiver.came]
    assert [len(each) for each in signatures] == [2, 1]
    assert (await scene.show(webhook)).secrets == [OTHER]


async def test_secrets_can_be_named_exactly_and_a_leaked_one_ends_at_once(scene: Scene, receiver: Receiver) -> None:
    webhook = await scene.subscribe(receiver.url, secret=KEY)
    both, _ = await scene.hooks.update(scene.place, webhook.id, {"secrets": [OTHER, KEY]}, OCTOCAT)
    one, _ = await scene.hooks.update(scene.place, webhook.id, {"secrets": [OTHER]}, OCTOCAT)
    made, secret = await scene.hooks.update(scene.place, webhook.id, {"secret": ""}, OCTOCAT)

    assert (both.secrets, one.secrets, made.secrets) == ([OTHER, KEY], [OTHER], [secret, OTHER])
    scene.clock.time += 30 * DAY
    assert (await scene.show(webhook)).secrets == [secret]


async def test_a_format_of_other_secrets_gets_a_new_one(scene: Scene, receiver: Receiver) -> None:
    webhook = await scene.subscribe(receiver.url, format="drone", secret="a word")
    standard, made = await scene.hooks.update(scene.place, webhook.id, {"format": "standard"}, OCTOCAT)
    cloud, none = await scene.hooks.update(scene.place, webhook.id, {"format": "cloudevents"}, OCTOCAT)
    chat, _ = await scene.hooks.update(scene.place, webhook.id, {"format": "slack"}, OCTOCAT)

    assert made.startswith("whsec_")
    assert standard.secrets == cloud.secrets == [made]
    assert (none, chat.secrets) == ("", [])


async def test_what_waits_goes_to_the_new_address_at_once(scene: Scene, receiver: Receiver) -> None:
    await scene.push()
    receiver.answers = status(500)
    webhook = await scene.subscribe(receiver.url, events=["promotion.*"])
    await scene.promote()
    await scene.settled()
    with receiving() as other:
        await scene.hooks.update(scene.place, webhook.id, {"url": other.url}, OCTOCAT)
        await scene.settled()

        assert other.came[0].id == receiver.came[0].id


async def test_a_subscription_that_is_removed_takes_what_waits_with_it(scene: Scene, receiver: Receiver) -> None:
    await scene.push()
    receiver.answers = status(500)
    webhook = await scene.subscribe(receiver.url, events=["promotion.*"])
    for _ in range(3):
        await scene.promote()
    await scene.settled()

    await scene.hooks.delete(scene.place, webhook.id, OCTOCAT)

    assert await scene.states() == []
    assert await scene.entries() == []
    assert [moment.verb for moment in scene.moments if moment.verb.startswith("webhook")] == [
        "webhook.create",
        "webhook.delete",
    ]


async def test_a_repository_that_is_deleted_takes_its_subscriptions_with_it(scene: Scene, receiver: Receiver) -> None:
    await scene.push()
    receiver.answers = status(500)
    await scene.subscribe(receiver.url, events=["promotion.*"])
    await scene.promote()
    await scene.settled()
    await scene.execute("DELETE FROM repos WHERE id = :id", id=scene.repo.id)

    await scene.passes(DELAYS[0])

    assert await scene.states() == []
    assert await scene.entries() == []
    assert len(receiver.came) == 1


async def test_what_a_killed_server_was_sending_is_sent_again_with_the_same_id(
    scene: Scene, receiver: Receiver, db: Database, tmp_path: Path
) -> None:
    """Two servers: the first dies when the request has left and nothing is written yet."""
    await scene.push()
    await scene.subscribe(receiver.url, events=["promotion.*"])
    receiver.answers = silent
    await scene.promote()
    await soon(lambda: receiver.came)
    await scene.execute("UPDATE outbox SET owner = 'killed'")  # its lease is all that is left of it
    receiver.answers = status(200)
    async with laid(db, tmp_path / "second", owner="second") as second:
        second.clock.time = scene.clock.time + LEASE // 1000
        second.worker.wake()
        await soon(lambda: len(receiver.came) == 2)
        await second.settled()

    assert receiver.came[0].id == receiver.came[1].id
    assert await scene.states() == ["delivered"]


async def test_two_servers_send_each_delivery_once_and_in_order(
    scene: Scene, receiver: Receiver, db: Database, tmp_path: Path
) -> None:
    await scene.push()
    await scene.subscribe(receiver.url, events=["promotion.*"])
    async with laid(db, tmp_path / "second", owner="second") as second:
        await second.known.changed()
        for _ in range(20):
            await scene.promote()
        await scene.settled()
        await second.settled()

    assert [one.json["data"]["build"] for one in receiver.came] == list(range(2, 22))


async def test_a_ping_tells_nothing_but_itself(scene: Scene, receiver: Receiver) -> None:
    webhook = await scene.subscribe(receiver.url, events=["promotion.*"], targets=["production"])

    delivery = await scene.hooks.ping(webhook, OCTOCAT)
    await scene.settled()

    assert (delivery.type, delivery.state) == ("ping", "waiting")
    assert receiver.types == ["ping"]


@pytest.mark.parametrize("format_", ["standard", "cloudevents", "cdevents", "drone", "slack", "mattermost", "teams"])
async def test_every_format_is_sent(scene: Scene, receiver: Receiver, format_: str) -> None:
    await scene.push()
    await scene.subscribe(receiver.url, format=format_)
    await scene.promote()
    [stage] = (await scene.build(2)).stages
    await scene.run(stage)
    await scene.settled()

    assert set(await scene.states()) == {"delivered"}
    assert receiver.came
    assert all(one.json for one in receiver.came)


async def test_old_deliveries_are_forgotten_but_not_those_that_wait(scene: Scene, receiver: Receiver) -> None:
    await scene.push()
    await scene.subscribe(receiver.url, events=["promotion.*"])
    await scene.promote()
    await scene.settled()
    receiver.answers = status(500)
    await scene.promote()
    await scene.settled()
    scene.clock.time += 15 * DAY

    await scene.hooks.upkeep.round()

    assert await scene.states() == ["waiting"]
