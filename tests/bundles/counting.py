"""Notes the statements of what a scene does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.bundles.farside import Scene
from tests.counting import Counting


@contextmanager
def counted(scene: Scene) -> Iterator[list[str]]:
    """The statements of what the scene, and the work of its worker, do in the block, but for those that ask again and
    again whether something has ended."""
    db, counting = scene.db, Counting(scene.db, without=["glance"])
    try:
        _use(scene, counting)
        yield counting.statements
    finally:
        _use(scene, db)


def _use(scene: Scene, db: Any) -> None:
    assert scene.worker is not None
    scene.db = db
    for step in scene.worker._steps.values():
        object.__setattr__(step, "ports", scene.bundle_ports)
