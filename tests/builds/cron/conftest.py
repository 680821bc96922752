"""The scene of builds, with the clock at a round minute."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.builds.cron import flow
from app.builds.cron.model import Cron
from app.builds.cron.pace import Pace
from tests.builds.farside import Scene

#: 2023-11-14 22:14:00 UTC, a Tuesday.
START = 1_700_000_040
#: Every pace is right.
ANY_PACE = Pace()
Add = Callable[..., Awaitable[Cron]]


@pytest.fixture
async def scene(scene: Scene) -> Scene:
    scene.clock.time = START
    return scene


@pytest.fixture
def add(scene: Scene) -> Add:
    """Add a job."""

    async def made(name: str = "nightly", expr: str = "@every 10s", **fields: Any) -> Cron:
        values: dict[str, Any] = {"branch": "main", "repo_id": scene.repo.id} | fields
        job = Cron(0, name=name, expr=expr, next=0, **values)
        return await scene.ports.db.write(flow.create(job, scene.clock(), ANY_PACE))

    return made
