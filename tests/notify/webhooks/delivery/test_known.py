"""Subscriptions that a server knows, also those that another server has changed."""

import pytest

from app.db.connect import Database
from app.notify.webhooks import known as module
from app.notify.webhooks import store
from app.notify.webhooks.known import Known
from tests import postgres
from tests.builds.farside import OCTOCAT
from tests.notify.webhooks.delivery.telling import Scene
from tests.soon import soon

NOWHERE = "http://127.0.0.1:9/"


async def test_a_subscription_is_known_when_the_call_returns_that_makes_changes_or_removes_it(scene: Scene) -> None:
    webhook = await scene.subscribe(NOWHERE, store.SERVER)
    assert [one.id for one in scene.known.subscriptions.of(None)] == [webhook.id]

    await scene.hooks.update(store.SERVER, webhook.id, {"active": False}, OCTOCAT)
    assert not scene.known.subscriptions.of(None)
    await scene.hooks.update(store.SERVER, webhook.id, {"active": True}, OCTOCAT)
    assert scene.known.subscriptions.of(None)

    await scene.hooks.delete(store.SERVER, webhook.id, OCTOCAT)
    assert not scene.known.subscriptions.of(None)


@postgres.real
@pytest.mark.parametrize("told", [True, False])
async def test_another_server_hears_of_it_or_looks(
    scene: Scene, db: Database, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    monkeypatch.setattr(module, "LOOK", 3600 if told else 0.05)
    other = Known(db)
    async with other.running():
        if not told:
            scene.known._tell = None
        await scene.subscribe(NOWHERE, store.SERVER)

        await soon(lambda: other.subscriptions.of(None))
