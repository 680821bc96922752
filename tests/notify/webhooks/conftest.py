"""Builds in a real database, and a subscriber to all that happens to them."""

import pytest

from app.moments import Recorders
from tests.builds.farside import Scene
from tests.notify.webhooks.farside import Subscriber


@pytest.fixture
def subscriber(scene: Scene) -> Subscriber:
    made = Subscriber(lambda: scene.clock() * 1000 + 5)
    scene.ports.moments.recorders = Recorders(made.recorder)
    return made
