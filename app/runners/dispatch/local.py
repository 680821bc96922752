"""The verbs of a runner, carried out by this server."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from app.backoff import until_heard
from app.builds import claims, progress, stages, steps, store
from app.builds.cards import store as cards
from app.builds.config import converted
from app.builds.live.relay import ANY
from app.builds.model import OVER, Build, Line, Stage, Step
from app.builds.ports import Ports
from app.db.tx import Tx
from app.errors import Conflict, NotFound
from app.moments import Actor
from app.repos import credentials
from app.repos import store as repos
from app.repos.model import SECRET, Repo, Secret
from app.repos.secrets import store as secrets
from app.runners.dispatch.credentials import Credentials
from app.runners.dispatch.leases import POLL, Leases
from app.runners.dispatch.queue import Queue
from app.runners.manager import Context, Deployment, Filter, System
from app.scm.host import Access, Account
from app.scm.ssh import Identity
from app.sealing.seal import Seal

#: Makes the token of a stage.
Deploys: TypeAlias = Callable[[Repo, Build, Stage], Awaitable[Deployment]]


@dataclass(frozen=True, slots=True)
class LocalManager:
    """The Manager of one runner: its calls are carried out in this process."""

    ports: Ports
    queue: Queue
    seal: Seal
    system: System
    leases: Leases
    credentials: Credentials = field(default_factory=Credentials)
    #: Gives a stage what it needs in order to use the artifacts; None for runners whose stages get nothing.
    deploys: Deploys | None = None
    #: The name of the built-in runner, whose stages are lost when its server stops; or of one accept over HTTP (CLAIM).
    runner: str = ""
    #: The address of the runner's machine, or the name of the built-in runner.
    peer: str = ""

    def spoken_for(self, peer: str, runner: str = "") -> "LocalManager":
        """The manager of another runner."""
        return LocalManager(
            self.ports, self.queue, self.seal, self.system, self.leases, self.credentials, None, runner, peer
        )  # every call of a runner makes one: dataclasses.replace takes three times as long

    def request(self, wanted: Filter) -> Coroutine[Any, Any, Stage | None]:
        """See Manager. Returns the queue's coroutine itself, not one around it: thousands of runners wait in it."""
        return self.queue.request(wanted, POLL)

    async def accept(self, stage_id: int, machine: str) -> Stage:
        """See Manager. Tries again while the database is unavailable.

        When the first try was written and only its answer was lost, the next try succeeds for the same `runner`.
        """
        with self.queue.claimed(stage_id):
            return await until_heard(
                lambda: progress.accept(self.ports, stage_id, machine=machine, runner=self.runner, peer=self.peer)
            )

    async def details(self, stage_id: int) -> Context:
        """See Manager. The pipeline file is that of the build's commit, or the converted file stored with the build."""
        self.leases.renew(stage_id)
        repo, build, stage, opened, converted_file, own = await self.ports.db.read(_details(stage_id, self.seal))
        text = converted_file or await self.ports.configs.load_plain(repo, build)
        repo = await self.credentials.located(repo)
        key = self.seal.open(repo.secret, SECRET)
        netrc = await self.credentials.netrc(repo, own if isinstance(own, Account) else None)
        identity = own if isinstance(own, Identity) else None
        deployment = await self._deployment(repo, build, stage)
        return Context(repo, build, stage, text, opened, self.system, key, netrc, identity, deployment)

    async def _deployment(self, repo: Repo, build: Build, stage: Stage) -> Deployment | None:
        """What the stage needs in order to use the artifacts; nothing for code of strangers."""
        from_fork = build.event == "pull_request" and build.source_repo not in ("", repo.slug)
        return await self.deploys(repo, build, stage) if self.deploys is not None and not from_fork else None

    async def update_stage(self, stage: Stage) -> Stage:
        """See Manager."""
        self.leases.renew(stage.id)
        return await progress.update_stage(self.ports, stage, self._actor(stage.machine))

    async def update_step(self, step: Step) -> Step:
        """See Manager."""
        updated = await progress.update_step(self.ports, step, self._actor())
        self.leases.renew(updated.stage_id)
        return updated

    def _actor(self, machine: str = "") -> Actor:
        return Actor("runner", machine, address=self.peer, way="rpc")

    async def watch(self, build_id: int) -> bool:
        """See Manager. Renews the leases of the build's stages that were accepted from the same address.

        The stages of the built-in runner are renewed as long as the runner runs them, not by this call: another stage
        of the same build must not keep one that nobody runs.
        """
        with self.ports.moments.over.subscribe(lambda ended: ended in (build_id, ANY)) as ended:
            is_over, held = await self.ports.db.read(_watched(build_id, self.peer))
            if not self.runner:
                self.leases.renew(*held)
            event = None if is_over else await ended.wait(POLL if self.runner else self.leases.watch)
            return is_over or event == build_id or (event == ANY and await self.ports.db.read(_is_over(build_id)))

    async def write_log(self, step_id: int, lines: Sequence[Line]) -> None:
        """See Manager. Conflict when the step does not run."""
        self.leases.renew(await self.ports.db.read(_logging(step_id)))
        self.ports.logs.open(step_id)
        await self.ports.logs.write(step_id, lines)

    async def upload_log(self, step_id: int, log: bytes) -> None:
        """See Manager. The step must run or be killed: a killed step keeps its output so far. Conflict otherwise.

        NotFound when the step was deleted meanwhile: then its log is removed, too.
        """
        self.leases.renew(await self.ports.db.read(_logging(step_id, killed=True)))
        await self.ports.logs.store(step_id, log)
        try:
            await self.ports.db.read(steps.find(step_id))
        except NotFound:
            await self.ports.logs.remove([step_id])
            raise

    async def upload_card(self, step_id: int, data: str) -> None:
        """See Manager."""
        self.leases.renew(await self.ports.db.read(_logging(step_id)))
        await self.ports.db.write(cards.replace(step_id, data))


def _logging(step_id: int, *, killed: bool = False) -> Tx[int]:
    """The stage id of a step that runs or, with `killed`, was killed. Conflict for a step of another status."""
    step = yield from steps.find(step_id)
    if step.status != "running" and not (killed and step.status == "killed"):
        raise Conflict(f"step {step.id} does not run: {step.status}", code="step_not_running")
    return step.stage_id


def _watched(build_id: int, peer: str) -> Tx[tuple[bool, list[int]]]:
    return (yield from _is_over(build_id)), (yield from claims.held_from(build_id, peer))


def _is_over(build_id: int) -> Tx[bool]:
    """Whether the build's stages must stop: the build has ended or was deleted."""
    build = yield from store.find_if_any(build_id)
    return build is None or build.status in OVER


def _details(stage_id: int, seal: Seal) -> Tx[tuple[Repo, Build, Stage, tuple[Secret, ...], str | None, Access | None]]:
    stage = yield from stages.find(stage_id)
    if stage.status == "running":  # its runner has lost an answer, and asks for the versions
        stage = replace(stage, steps=(yield from steps.of_stage(stage_id)))
    build = yield from store.find_by_id(stage.build_id)
    repo = yield from repos.find(stage.repo_id)
    siblings = yield from stages.list_of(build.id)
    opened = yield from secrets.for_build(repo, seal, pull_request=build.event == "pull_request")
    converted_file = yield from converted.find(build.id)
    own = None if repo.scm else (yield from credentials.access(repo.id, seal))
    return (
        repo,
        replace(build, stages=tuple(replace(s, steps=()) for s in siblings)),
        stage,
        opened,
        converted_file,
        own,
    )
