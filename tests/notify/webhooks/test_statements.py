"""What it costs to listen: without subscribers nothing, and reports about steps cost only those who want them."""

from collections.abc import Awaitable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.builds import flow, progress
from app.builds.model import Stage
from app.builds.moments import Moments
from app.db.connect import Database
from app.moments import Recorders
from app.notify.webhooks import drone, store
from app.notify.webhooks.known import Known
from app.notify.webhooks.recorder import Telling
from tests.builds.farside import OCTOCAT, RUNNER, SEAL, Scene, ended, laid, pipeline
from tests.counting import Counting

URL = "https://receiver.example.com"


@pytest.fixture
async def scene(db: Database, tmp_path: Path) -> Scene:
    return await laid(db, tmp_path)


async def listening(scene: Scene, format_: str, *events: str) -> Recorders:
    """The recorders of a server with a subscription; with none for an empty format."""
    db = scene.ports.db
    values: dict[str, Any] = {"url": URL, "format": format_, "events": events, "targets": [], "statuses": []}
    values |= {"active": True, "creator": "octocat"}
    if format_:
        await db.write(store.add(store.SERVER, values, [store.Secret("hush")], SEAL, 1))
    known = Known(db)
    await known.changed()
    told = drone.Notes(drone.Receivers(), URL, lambda: 1, lambda: "fresh")
    return Recorders(Telling(known, URL, lambda: 1, lambda: "fresh").recorder, told.recorder)


async def costs(scene: Scene, recorders: Recorders) -> dict[str, int]:
    """The statements of what happens to a promotion of two stages, one after the other."""
    counting: Any = Counting(scene.ports.db)
    ports = replace(scene.ports, db=counting, moments=Moments(counting, scene.ports.logs, recorders))
    there = replace(scene, ports=ports)
    found: dict[str, int] = {}

    async def counted(name: str, work: Awaitable[Any]) -> Any:
        counting.statements.clear()
        result = await work
        found[name] = len(counting.statements)
        return result

    old = await scene.build(1)
    promoting = flow.promote(ports, scene.repo, old, target="x", by=OCTOCAT, params={})
    number = (await counted("promote", promoting)).number
    for at, name in enumerate(("first", "last")):
        stage: Stage = (await scene.build(number)).stages[at]
        running = await counted(f"{name} starts", there.start(stage, "one"))
        step = await counted(f"{name} reports", there.step(running.steps[0], "running"))
        await counted(f"{name} ends", progress.update_stage(ports, ended(replace(running, steps=(step,))), RUNNER))
    return found


async def dearer(scene: Scene, format_: str, *events: str) -> set[str]:
    """What costs more with a subscription."""
    await scene.push(pipeline("a"), pipeline("b", depends_on=["a"]))
    plain = await costs(scene, Recorders())
    heard = await costs(scene, await listening(scene, format_, *events))
    return {name for name, count in heard.items() if count > plain[name]}


@pytest.mark.parametrize(
    ("format_", "events", "expected"),
    [
        ("", (), set()),
        ("standard", ("repo.*",), {"first starts", "last ends"}),
        ("standard", ("promotion.*",), {"promote", "first starts", "last ends"}),
        ("standard", ("stage.*",), {"first starts", "first ends", "last starts", "last ends"}),
        ("drone", ("build:created",), {"promote", "first starts", "last ends"}),
        ("drone", ("build",), {"promote", "first starts", "first reports", "last reports", "last ends"}),
    ],
)
async def test_only_what_a_subscriber_wants_costs_more(
    scene: Scene, format_: str, events: Sequence[str], expected: set[str]
) -> None:
    """The start and the end of a build are read for every subscriber: who wants them is seen by what they are."""
    assert await dearer(scene, format_, *events) == expected
