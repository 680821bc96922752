"""Hosts of each kind that send the recorded webhooks, and a server that receives them."""

import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import orjson

from app.accounts import store as accounts
from app.accounts.hosted import store as hosted
from app.accounts.hosted.model import REFRESH, TOKEN, HostAccount
from app.builds.api import hook
from app.builds.config.files import Configs
from app.builds.deliveries.keeper import Keeper
from app.builds.deliveries.model import Delivery as Known
from app.builds.deliveries.store import list_newest
from app.builds.ports import Ports
from app.convert.convert import Converter
from app.db.tx import Tx
from app.db.window import Window
from app.errors import NotFound
from app.repos import store as repos
from app.repos.model import SIGNER, Permissions, Repo
from app.scm.gitea import payload as gitea
from app.scm.github import payload as github
from app.scm.gitlab import payload as gitlab
from app.scm.gogs import payload as gogs
from app.scm.hook import Comment, Delivery, Notice
from app.scm.host import Commit, Source
from app.scm.hosts import Hosts
from app.web.route import Endpoint
from tests.builds.farside import NOW, SEAL, FakeHost, Scene, pipeline
from tests.web.asgi import serving

FIXTURES = Path(__file__).parents[3] / "fixtures" / "webhooks"
#: The key that signed the recorded webhooks of Gogs.
KEY = "hooksecret"
#: The id of the sender of the recorded deployments.
SENDER = "21031067"
PAYLOADS: dict[str, ModuleType] = {"github": github, "gitea": gitea, "gitlab": gitlab, "gogs": gogs}


@dataclass
class Forge(FakeHost):
    """A host with one pipeline file, the same at every commit. It knows the commits and refs in `known` alone."""

    kind: str = "github"
    name: str = "github"
    file: str = field(default_factory=pipeline)
    known: dict[str, Commit] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def serves(self, url: str) -> bool:
        return False

    def notice(self, headers: Mapping[str, str]) -> Notice | None:
        notice: Notice | None = PAYLOADS[self.kind].notice(headers)
        return notice

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        delivery: Delivery | None = PAYLOADS[self.kind].read(headers, body)
        return delivery

    async def commit(self, source: Source, name: str) -> Commit:
        self.asked.append(name)
        if name not in self.known:
            raise NotFound(f"commit {name} not found")
        return self.known[name]

    async def read_file(self, source: Source, sha: str, path: str) -> str:
        self.reads += 1
        if self.failure is not None:
            raise self.failure
        return self.file


def recorded(host: str, name: str) -> bytes:
    """The body of a recorded webhook, as it was sent."""
    text = (FIXTURES / host / f"{name}.json").read_bytes()
    return orjson.loads(text)["raw"].encode() if host == "gogs" else text


def headers(host: str, event: str, body: bytes, *, key: str = KEY, delivery: str = "") -> dict[str, str]:
    """The headers that a host sends with a body."""
    digest = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    name = delivery or hashlib.sha256(event.encode() + body).hexdigest()[:36]
    if host == "github":
        return {"X-GitHub-Event": event, "X-GitHub-Delivery": name, "X-Hub-Signature-256": f"sha256={digest}"}
    if host == "gitlab":
        return {"X-Gitlab-Event": event, "Idempotency-Key": name, "X-Gitlab-Token": key}
    title = host.title()
    sent = {f"X-{title}-Event": event, f"X-{title}-Delivery": name, f"X-{title}-Signature": digest}
    return sent | {"X-GitHub-Event": event, "X-GitHub-Delivery": name, "X-Gogs-Event": event}


def slug_of(payload: Mapping[str, Any]) -> tuple[str, str]:
    """The id and the slug of the repository in a body."""
    if "project" in payload:
        return str(payload["project"]["id"]), payload["project"]["path_with_namespace"]
    return str(payload["repository"]["id"]), payload["repository"]["full_name"]


@dataclass
class Ears:
    """Where comments are handed up, each with the id of its repository, and whether a comment commands something."""

    heard: list[tuple[int, Comment]] = field(default_factory=list)
    commands: bool = True

    async def hear(self, repo: Repo, comment: Comment, _: str) -> bool:
        self.heard.append((repo.id, comment))
        return self.commands


@dataclass
class Receiver:
    """A server whose hook can be called, with the hosts of each kind."""

    scene: Scene
    ports: Ports
    client: httpx2.AsyncClient
    forges: dict[str, Forge]
    keeper: Keeper
    ears: Ears

    async def register(self, host: str, uid: str, slug: str, **fields: Any) -> Repo:
        namespace, _, name = slug.rpartition("/")
        sealed = SEAL.seal(KEY, SIGNER)
        facts: dict[str, Any] = {
            "default_branch": "master",
            "active": True,
            "git_http_url": f"https://{host}.test/{slug}",
        }
        draft = Repo(0, namespace, name, uid=uid, user_id=self.scene.repo.user_id, scm=host, signer=sealed, **facts)
        return await self.ports.db.write(repos.create(replace(draft, **fields)))

    async def deliver(
        self, host: str, event: str, body: bytes, *, key: str = KEY, delivery: str = "", **more: str
    ) -> httpx2.Response:
        sent = headers(host, event, body, key=key, delivery=delivery)
        return await self.client.post("/hook", content=body, headers=sent | more)

    async def grant(self, repo: Repo, login: str, uid: str = SENDER, *, write: bool = True) -> None:
        """A new account, which its person has at the repository's host, too, with rights in the repository."""

        def granting() -> Tx[None]:
            user = yield from accounts.create(login, token=f"{login}'s token", now=NOW)
            token, nothing = SEAL.seal(f"{login}'s token", TOKEN), SEAL.seal("", REFRESH)
            at_host = HostAccount(0, user.id, repo.scm, uid, login, "token", token, nothing)
            yield from hosted.link(at_host)
            yield from repos.grant(repo.id, user.id, Permissions(True, write), NOW, synced=NOW)

        await self.ports.db.write(granting())

    async def known(self, repo: Repo) -> list[Known]:
        return [*(await self.ports.db.read(list_newest(repo.id, Window(100)))).items]

    async def counter(self, repo: Repo) -> int:
        return (await self.ports.db.read(repos.find(repo.id))).counter


async def _no_template(_namespace: str, _scm: str, _name: str) -> None:
    return None


#: The public address of the server.
URL = "https://gantry.example.com"


@asynccontextmanager
async def receiving(scene: Scene, *more: Forge) -> AsyncIterator[Receiver]:
    """A server with one host of each kind, and perhaps more, which runs while the block lasts."""
    forges = {kind: Forge(kind=kind, name=kind) for kind in PAYLOADS}
    hosts = Hosts(scene.host, *forges.values(), *more)
    ports = replace(scene.ports, hosts=hosts, configs=Configs(hosts, Converter(_no_template)))
    keeper, ears = Keeper(ports), Ears()
    state: dict[str, Any] = {
        "db": ports.db,
        "ports": ports,
        "hosts": hosts,
        "seal": SEAL,
        "keeper": keeper,
        "hear": ears.hear,
        "public_url": URL,
    }
    async with serving([Endpoint("POST", "/hook", hook.receive)], **state) as client, keeper.running():
        yield Receiver(scene, ports, client, forges, keeper, ears)


def commit(sha: str, message: str = "a change") -> Commit:
    return Commit(sha, message, "ada", "Ada", "ada@example.com", NOW - 3600)
