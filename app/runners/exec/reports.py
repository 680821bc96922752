"""Reports what a stage and its steps do, and takes the versions of the answers into the state of the stage."""

import logging
from functools import partial

from app.backoff import until_heard
from app.builds.model import DONE, Stage, Step
from app.errors import AppError, Conflict, NotFound
from app.runners.exec.stage import State
from app.runners.manager import Manager

log = logging.getLogger(__name__)

#: How often the last report of a stage is sent that meets a newer version.
ATTEMPTS = 5


class Reports:
    """The reports of one stage to the manager. Each is repeated until the manager answers."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    async def stage(self, state: State, stage: Stage) -> bool:
        """Report a stage; whether the manager has accepted the report."""
        try:
            state.heard(await until_heard(partial(self._manager.update_stage, stage)))
        except AppError as error:
            _refused(error, stage=stage.id)
            return False
        return True

    async def step(self, state: State, step: Step) -> str:
        """Report a step; why the manager has refused the report, or an empty text."""
        try:
            state.heard(await until_heard(partial(self._manager.update_step, step)))
        except AppError as error:
            _refused(error, stage=step.stage_id, step=step.id)
            return error.message
        return ""

    async def last(self, state: State, stage: Stage) -> None:
        """Report that the stage has ended, with the newest versions.

        A step's report may have been cancelled before its answer came: then the server knows a newer version, which is
        read, and the report is repeated. Without this, the stage would run for ever at the server.
        """
        for _ in range(ATTEMPTS):
            try:
                state.heard(await until_heard(partial(self._manager.update_stage, stage)))
                return
            except Conflict as conflict:
                refusal: AppError = conflict
            except AppError as other:
                refusal = other
                break
            newest = await self._newest(stage.id)
            if newest is None or newest.status in DONE:
                break
            state.heard(newest)
            stage = state.stage
        _refused(refusal, stage=stage.id)

    async def _newest(self, stage_id: int) -> Stage | None:
        """The stage and its steps as the server knows them; None when they cannot be read."""
        try:
            return (await until_heard(lambda: self._manager.details(stage_id))).stage
        except AppError:
            return None


def _refused(error: AppError, **what: int) -> None:
    """Log a refused report. Conflict and NotFound are expected: the stage was cancelled or deleted meanwhile."""
    level = logging.INFO if isinstance(error, (Conflict, NotFound)) else logging.ERROR
    log.log(level, "a report was refused", extra={**what, "reason": error.message})
