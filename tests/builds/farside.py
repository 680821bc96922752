"""A host of git repositories in memory, a clock that stands, and a runner's reports: what builds meet outside."""

import asyncio
import hashlib
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import orjson

from app.accounts import store as accounts
from app.accounts.model import User
from app.builds import claims, flow, progress, store
from app.builds.config.files import Configs
from app.builds.logs.logs import Logs, Pieces
from app.builds.model import Build, Stage, Status, Step
from app.builds.moments import Moments
from app.builds.ports import Ports
from app.convert.convert import Converter
from app.db.bus import Hear, Notify
from app.db.connect import Database
from app.db.tx import Tx
from app.errors import NotFound, Unavailable
from app.events import Subscription
from app.moments import Actor, Recorders
from app.repos import store as repos
from app.repos.model import SECRET, Repo
from app.repos.store import RepoRights
from app.scm.git import payload
from app.scm.hook import Delivery, Notice
from app.scm.host import Commit, Host, Source, Tips
from app.scm.hosts import Hosts
from app.sealing.seal import Seal

T = TypeVar("T")

NOW = 1_700_000_000
#: The seal of the server, and the key of its repository's signatures.
SEAL, KEY = Seal("a key of sixteen characters"), "0123456789abcdef0123456789abcdef"
#: Who does things in tests.
OCTOCAT, ADA = Actor("person", "octocat", 1, way="token"), Actor("person", "ada", 2, way="token")
HOOK, RUNNER = Actor("hook", "grace", way="hook"), Actor("runner", "m1", address="10.0.0.1", way="rpc")


@dataclass
class Clock:
    """The time in Unix seconds; it moves only when told to."""

    time: int = NOW

    def __call__(self) -> int:
        return self.time


@dataclass
class FakeHost(Host, Tips):
    """Commits with one file each, and branches and tags that name them."""

    files: dict[str, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    #: Times of commits, where they are not a minute ago.
    times: dict[str, int] = field(default_factory=dict)
    #: Raised by every read of a file, while there is one.
    failure: Exception | None = None
    #: What the last call of `drop_unused` said.
    used: tuple[set[int], int] | None = None
    reads: int = 0
    listed: int = 0
    #: The repositories of which commits and tips were asked for.
    sources: list[Source] = field(default_factory=list)
    #: Repositories of which nothing is kept any more.
    forgotten: list[int] = field(default_factory=list)

    def add(self, text: str, *, branch: str = "main", message: str = "change") -> str:
        """A new head of a branch with this pipeline file; its id."""
        sha = hashlib.sha1(f"{len(self.files)} {text}".encode(), usedforsecurity=False).hexdigest()
        self.files[sha], self.messages[sha], self.heads[branch] = text, message, sha
        return sha

    name = ""

    def serves(self, url: str) -> bool:
        return True

    def notice(self, headers: Mapping[str, str]) -> Notice | None:
        return payload.notice(headers)

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        return payload.read(headers, body)

    def check_url(self, url: str) -> None:
        """Every address will do."""

    async def default_branch(self, source: Source) -> str:
        return "main"

    async def branch(self, source: Source, name: str) -> Commit:
        if name not in self.heads:
            raise NotFound(f"branch {name} not found")
        return self._commit(self.heads[name])

    async def commit(self, source: Source, name: str) -> Commit:
        self.sources.append(source)
        if (tagged := self.tags.get(name.removeprefix("refs/tags/"))) is not None:
            return self._commit(tagged)
        for sha in self.files:
            if sha.startswith(name):
                return self._commit(sha)
        raise NotFound(f"commit {name} not found")

    async def tips(self, source: Source, branch: str) -> Mapping[str, str]:
        self.listed += 1
        self.sources.append(source)
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        head = await self.branch(source, branch)
        return {f"refs/heads/{branch}": head.sha} | {f"refs/tags/{name}": sha for name, sha in self.tags.items()}

    async def read_file(self, source: Source, sha: str, path: str) -> str:
        self.reads += 1
        await asyncio.sleep(0)  # as whoever asks another process
        if self.failure is not None:
            raise self.failure
        return self.files[sha]

    async def forget(self, source: Source) -> None:
        self.forgotten.append(source.repo_id)

    async def drop_unused(self, used: Collection[int], since: int) -> None:
        self.used = (set(used), since)

    def _commit(self, sha: str) -> Commit:
        return Commit(sha, self.messages[sha], "", "Ada", "ada@example.com", self.times.get(sha, NOW - 60))


@dataclass
class Failing:
    """A real database; what `becomes` says, if it says anything, is done in the place of what is written."""

    db: Database
    becomes: Callable[[Tx[Any]], Tx[Any]] | None = None

    def __post_init__(self) -> None:
        self.dialect = self.db.dialect

    async def open(self) -> None:
        await self.db.open()

    async def close(self) -> None:
        await self.db.close()

    def listening(self, channels: Mapping[str, Hear]) -> AbstractAsyncContextManager[Notify | None]:
        return self.db.listening(channels)

    async def read(self, tx: Tx[T]) -> T:
        return await self.db.read(tx)

    async def read_many(self, tx: Tx[T]) -> T:
        return await self.db.read_many(tx)

    async def search(self, tx: Tx[T], seconds: float) -> T:
        return await self.db.search(tx, seconds)

    async def glance(self, tx: Tx[T]) -> T:
        return await self.db.glance(tx)

    async def write(self, tx: Tx[T]) -> T:
        return await self.db.write(self.becomes(tx) if self.becomes else tx)

    async def write_few(self, tx: Tx[T]) -> T:
        return await self.db.write_few(self.becomes(tx) if self.becomes else tx)


def uncommitted(tx: Tx[T]) -> Tx[T]:
    """All the work, and then no commit."""
    yield from tx
    raise Unavailable("the disk is full")


async def heard(subscription: Subscription[T]) -> T | None:
    """The next event; it must come soon."""
    async with asyncio.timeout(20):
        return await subscription.next()


async def read_log(logs: Logs, step_id: int) -> bytes | None:
    """The whole log of a step, as the array that clients get."""
    record = await logs.open_record(step_id)
    if record is None:
        return None
    async with aclosing(Pieces(record, record.array())) as pieces:
        log = b"".join([piece async for piece in pieces])
    assert len(log) == record.length
    return log


def pipeline(name: str = "default", **keys: Any) -> str:
    """One document of a pipeline file; JSON is YAML."""
    document = {"kind": "pipeline", "type": "exec", "name": name, "steps": [{"name": "one", "commands": ["true"]}]}
    return orjson.dumps(document | keys).decode()


def file(*documents: str) -> str:
    return "\n---\n".join(documents)


@dataclass
class Scene:
    """A repository with its builds, in a real database."""

    ports: Ports
    repo: Repo
    host: FakeHost
    clock: Clock
    #: Texts of the templates, by name.
    templates: dict[str, str]

    async def push(self, *documents: str, **fields: Any) -> Build:
        """The build of a push of these pipelines, every field of it told apart."""
        sha = self.host.add(file(*documents or (pipeline(),)))
        return await flow.start(self.ports, self.repo, replace(pushed(self.repo, sha), **fields), "build.push", HOOK)

    async def build(self, number: int) -> Build:
        found = await self.ports.db.read(store.find(self.repo.id, number))
        return await self.ports.db.read(store.whole(found.id))

    async def counter(self) -> int:
        return (await self.ports.db.read(repos.find(self.repo.id))).counter

    async def statuses(self, number: int) -> dict[str, Status]:
        """The build's status under an empty name, and each stage's."""
        build = await self.build(number)
        return {"": build.status} | {stage.name: stage.status for stage in build.stages}

    async def set(self, stage: Stage, **columns: Any) -> None:
        """Change a stage behind everybody's back."""
        sets = ", ".join(f"{name} = :{name}" for name in columns)

        def tx() -> Any:
            yield f"UPDATE stages SET {sets} WHERE id = :id", {"id": stage.id, **columns}

        await self.ports.db.write(tx())

    async def accept(self, stage: Stage, runner: str = "r1") -> Stage:
        return await progress.accept(self.ports, stage.id, machine="lab", runner=runner, peer="")

    async def start(self, stage: Stage, *names: str) -> Stage:
        """Accept a stage and report that it runs, with pending steps of these names."""
        accepted = await self.accept(stage)
        return await progress.update_stage(self.ports, started(accepted, *names), RUNNER)

    async def run(self, stage: Stage, status: Status = "success") -> Stage:
        """Accept, start and end a stage that has one step."""
        running = await self.start(stage, "one")
        return await progress.update_stage(self.ports, ended(running, status), RUNNER)

    async def step(self, step: Step, status: Status, **fields: Any) -> Step:
        return await progress.update_step(
            self.ports, replace(step, status=status, started=self.clock(), **fields), RUNNER
        )

    async def stage(self, number: int, name: str) -> Stage:
        build = await self.build(number)
        return next(stage for stage in build.stages if stage.name == name)

    async def queued(self) -> list[str]:
        return [stage.name for stage in await self.ports.db.read(claims.queued("exec", 0, 100, now=self.clock()))]


async def nothing_told(_: RepoRights, __: User) -> None:
    """Renews rights where no host tells of any."""
    raise NotFound


async def laid(db: Database, folder: Path) -> Scene:
    """A scene whose repository has no builds yet."""
    host, clock = FakeHost(), Clock()
    templates: dict[str, str] = {}

    async def find_template(_namespace: str, _scm: str, name: str) -> str | None:
        return templates.get(name)

    hosts = Hosts(host)
    configs = Configs(hosts, Converter(find_template))
    logs = Logs(folder / "logs")
    ports = Ports(db, hosts, configs, logs, clock, Moments(db, logs, Recorders()), SEAL, nothing_told)
    owner = await db.write(accounts.create("octocat", token="octocat's token", now=NOW, admin=True))
    draft = Repo(0, "octocat", "hello", user_id=owner.id, default_branch="main", active=True, git_http_url="file:///x")
    draft = replace(draft, secret=SEAL.seal(KEY, SECRET))
    return Scene(ports, await db.write(repos.create(draft)), host, clock, templates)


def pushed(repo: Repo, sha: str) -> Build:
    """A push in which every field has a value of its own."""
    return Build(
        id=0,
        repo_id=repo.id,
        number=0,
        trigger="@hook",
        event="push",
        action="pushed",
        link="https://git.example.com/compare",
        timestamp=NOW - 100,
        title="a title",
        message="a message",
        before="b" * 40,
        after=sha,
        ref="refs/heads/main",
        source_repo="fork/hello",
        source_branch="topic",
        target_branch="main",
        author_login="ada",
        author_name="Ada",
        author_email="ada@example.com",
        author_avatar="https://git.example.com/ada",
        sender="grace",
        params={"A": "1", "B": "2"},
        cron="nightly",
        deploy_to="",
        deploy_id=7,
    )


def started(stage: Stage, *names: str) -> Stage:
    """A runner's report that a stage runs."""
    steps = tuple(Step(0, stage.id, number, name) for number, name in enumerate(names, start=1))
    return replace(stage, status="running", started=NOW + 1, steps=steps)


def ended(stage: Stage, status: Status = "success", **fields: Any) -> Stage:
    """A runner's report that a stage is over, and its steps with it."""
    steps = tuple(replace(step, status=status, started=NOW + 1, stopped=NOW + 2) for step in stage.steps)
    return replace(stage, status=status, stopped=NOW + 2, steps=steps, **fields)
