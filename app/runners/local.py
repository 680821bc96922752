"""The verbs of a runner, carried out by this server."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.builds import converted, progress, stages, store
from app.builds.model import OVER, Build, Line, Stage, Step
from app.builds.ports import Ports
from app.db.tx import Tx
from app.errors import NotFound
from app.repos import store as repos
from app.repos.flow import SECRET
from app.repos.model import Repo, Secret
from app.repos.secrets import store as secrets
from app.runners.manager import Context, Filter, System
from app.runners.queue import Queue
from app.runners.report import until_heard
from app.sealing import Seal

#: Seconds after which a question without an answer ends (`spec` drone-rpc 2).
POLL = 30.0


@dataclass(frozen=True, slots=True)
class LocalManager:
    """What a runner asks and reports, on behalf of one runner."""

    ports: Ports
    queue: Queue
    seal: Seal
    system: System
    #: Who asks: what it holds is lost when it is.
    runner: str = ""

    async def request(self, wanted: Filter) -> Stage | None:
        """See Manager."""
        return await self.queue.request(wanted, POLL)

    async def accept(self, stage_id: int, machine: str) -> Stage:
        """See Manager. Says it until it is heard: when only the answer was lost, the stage is this runner's already."""
        with self.queue.claimed(stage_id):
            return await until_heard(lambda: progress.accept(self.ports, stage_id, machine=machine, runner=self.runner))

    async def details(self, stage_id: int) -> Context:
        """See Manager. The file is as it was when the build began: at its commit, or as it was converted then."""
        repo, build, stage, opened, converted_file = await self.ports.db.read(_details(stage_id, self.seal))
        text = converted_file or (await self.ports.configs.load(repo, build)).text
        key = self.seal.open(repo.secret, SECRET)
        return Context(repo, build, stage, text, opened, self.system, key)

    async def update_stage(self, stage: Stage) -> Stage:
        """See Manager."""
        return await progress.update_stage(self.ports, stage)

    async def update_step(self, step: Step) -> Step:
        """See Manager."""
        return await progress.update_step(self.ports, step)

    async def watch(self, build_id: int) -> bool:
        """See Manager."""
        with self.ports.ended.subscribe(lambda ended: ended == build_id) as ended:
            return await self.ports.db.read(_is_over(build_id)) or await ended.wait(POLL)

    async def write_log(self, step_id: int, lines: Sequence[Line]) -> None:
        """See Manager."""
        await self.ports.logs.write(step_id, lines)

    async def upload_log(self, step_id: int, log: bytes) -> None:
        """See Manager. NotFound when the step was deleted meanwhile: then its log goes, too."""
        await self.ports.logs.store(step_id, log)
        try:
            await self.ports.db.read(stages.find_step(step_id))
        except NotFound:
            await self.ports.logs.remove([step_id])
            raise


def _is_over(build_id: int) -> Tx[bool]:
    """Whether nobody should run it any more: it was stopped, or deleted."""
    build = yield from store.find_if_any(build_id)
    return build is None or build.status in OVER


def _details(stage_id: int, seal: Seal) -> Tx[tuple[Repo, Build, Stage, tuple[Secret, ...], str | None]]:
    stage = yield from stages.find(stage_id)
    build = yield from store.find_by_id(stage.build_id)
    repo = yield from repos.find(stage.repo_id)
    siblings = yield from stages.list_of(build.id)
    opened = yield from secrets.for_build(repo, seal, pull_request=build.event == "pull_request")
    converted_file = yield from converted.find(build.id)
    return repo, replace(build, stages=tuple(replace(s, steps=()) for s in siblings)), stage, opened, converted_file
