"""Opening the audit log: the recorder of moments, and the sealing of its rows."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import Request

from app.accounts import auth
from app.audit.refusals import Refusals
from app.audit.sealer import Sealer
from app.builds.moments import PROGRESS
from app.db.connect import Database
from app.errors import AppError, Unavailable
from app.main.maintenance import now
from app.moments import Recorder, Recorders

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_audit(db: Database) -> AsyncIterator[Recorder]:
    """Seal the rows of the log while the block lasts. The recorder records all moments but the progress of runners."""
    sealer = Sealer(db, now)
    async with sealer.running():
        yield sealer.recorder(without=PROGRESS)


def refused(db: Database, recorders: Recorders) -> Callable[[Request[Any], AppError], Awaitable[None]]:
    """A function that records a request that was refused because its account lacks a right."""
    refusals = Refusals(db, recorders, now)

    async def write(request: Request[Any], error: AppError) -> None:
        by = (await auth.claim(request)).by(error.refused)
        try:
            await refusals.record(by, request.method, request.scope["path"], error.code)
        except Unavailable as failure:  # the answer is sent already, so the failure can only be logged
            log.warning("a refusal could not be recorded", extra={"account": by.name, "reason": failure.message})

    return write
