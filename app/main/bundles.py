"""Opening the release bundles: the worker."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from app.bundles.creation import Creation
from app.bundles.ports import Ports
from app.bundles.promotion import Promoting
from app.bundles.removal import Deleting, DeletingPromotion
from app.bundles.work import Kind, Step, Worker


@asynccontextmanager
async def open_bundles(ports: Ports, *, alone: bool) -> AsyncIterator[Worker]:
    """While the block lasts, versions are created, promoted and deleted. `alone`: no other server has the database."""
    steps: Mapping[Kind, Step] = {
        "create": Creation(ports),
        "promote": Promoting(ports),
        "delete_promotion": DeletingPromotion(ports),
        "delete": Deleting(ports),
    }
    worker = Worker(ports.db, steps, secrets.token_hex(8), ports.now_ms, alone=alone)
    async with worker.running():
        yield worker
