"""A project on a server: publishes build-info over HTTP, and stores files that belong to runs."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import httpx2

from app.artifacts import items, properties, repositories
from app.artifacts.blobs import rows
from app.artifacts.blobs.store import Received
from app.artifacts.items import Stamp
from app.artifacts.model import ArtifactRepository, Item, Sums, depth, parted
from app.db.connect import connect
from app.db.tx import Tx, many, one, run
from tests.acceptance.server import Server

STARTED = "2024-03-09T14:05:06.700+0000"
STARTED_MS = 1709993106700
GRANT = """
    INSERT INTO grants (target_id, section, kind, subject_id, actions)
    VALUES (:target, :section, 'user', :user, :actions)
"""


def sums(content: bytes) -> dict[str, str]:
    """The checksums of bytes, as a build-info says them."""
    return {name: hashlib.new(name, content).hexdigest() for name in ("sha1", "sha256", "md5")}


def artifact(name: str, content: bytes, **more: Any) -> dict[str, Any]:
    """An artifact in a module."""
    return {"name": name, **sums(content), **more}


def module(*artifacts: dict[str, Any], id: str = "m", **more: Any) -> dict[str, Any]:  # noqa: A002
    """A module."""
    return {"id": id, "artifacts": list(artifacts), **more}


def when(day: int) -> str:
    """A time, the later the greater the day."""
    return f"2024-03-{day:02d}T14:05:06.700+0000"


class Project:
    """One project; each call names it."""

    def __init__(self, server: Server, key: str) -> None:
        self.server = server
        self.key = key
        self.repo = f"{key}-build-info"
        self._clients: list[httpx2.Client] = []

    def close(self) -> None:
        """Close the clients of accounts."""
        for client in self._clients:
            client.close()

    def stranger(self) -> httpx2.Client:
        """A client that shows no account."""
        self._clients.append(self.server.visitor())
        return self._clients[-1]

    def ask(self, method: str, path: str, client: httpx2.Client | None = None, **options: Any) -> httpx2.Response:
        """Call `/artifactory/api/` and this path."""
        params = {"project": self.key, **options.pop("params", {})}
        return (client or self.server.client).request(method, f"/artifactory/api/{path}", params=params, **options)

    def json(self, path: str, **options: Any) -> Any:
        """The JSON of an answer that must be 200."""
        answer = self.ask("GET", path, **options)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def publish(self, name: str, number: Any, started: Any = STARTED, **more: Any) -> httpx2.Response:
        """Publish a build-info, which must work."""
        body = {"name": name, "number": number, "started": started, **more}
        answer = self.ask("PUT", "build", content=json.dumps(body).encode())
        assert answer.status_code == 204, f"{answer.status_code} {answer.text}"
        return answer

    def info(self, name: str, number: str, **params: str) -> Any:
        """The build-info of a run."""
        return self.json(f"build/{name}/{number}", params=params)["buildInfo"]

    def numbers(self, name: str) -> list[str]:
        """The numbers of the runs of a name, the newest run first; none when the name is not known."""
        answer = self.ask("GET", f"build/{name}")
        if answer.status_code == 404:
            return []
        return [entry["uri"].removeprefix("/") for entry in answer.json()["buildsNumbers"]]

    def file(self, repo: str, path: str, content: bytes, **of: str | list[str]) -> None:
        """Store a file with properties: `build_name` is `build.name`."""
        said = {
            key.replace("_", ".", 1): [value] if isinstance(value, str) else value
            for key, value in of.items()
        }  # fmt: skip
        self.drive(_put(repo, path, content, said))

    def files(self, repo: str) -> dict[str, dict[str, list[str]]]:
        """The files in a repository with their properties."""
        found: dict[str, dict[str, list[str]]] = self.drive(_files(repo))
        return found

    def folders(self, repo: str) -> list[str]:
        """The folders in a repository."""
        found: list[str] = self.drive(_folders(repo))
        return found

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        found: list[tuple[Any, ...]] = self.drive(_rows(sql, values))
        return found

    def account(self, login: str, *granted: tuple[str, str, list[str], list[str]]) -> httpx2.Client:
        """An account with rights: section, repository, patterns and actions."""
        client = self.server.account(login)
        self._clients.append(client)
        for at, (section, repo, patterns, actions) in enumerate(granted):
            self.drive(_grant(f"{login}{at}", login, section, repo, patterns, actions))
        return client

    def drive(self, tx: Tx[Any]) -> Any:
        """Carry out a transaction on the server's database."""
        return asyncio.run(_drive(self.server.database, tx))


async def _drive(url: str, tx: Tx[Any]) -> Any:
    db = connect(url)
    await db.open()
    try:
        return await db.write(tx)
    finally:
        await db.close()


def _put(key: str, path: str, content: bytes, said: Mapping[str, list[str]]) -> Tx[None]:
    repo = ArtifactRepository(0, key, created=1, updated=1)
    made = (yield from repositories.add(repo, "test")) or (yield from repositories.find(key))
    digests = sums(content)
    received = Received(
        Sums(digests["sha256"], digests["sha1"], digests["md5"]), len(content), f"{made.id}/{digests['sha256']}"
    )
    blob = yield from rows.add(received, 1)
    set_id = yield from properties.set_of(said)
    folder, name = parted(path)
    yield from items.add_folders(made.id, "" if folder == "." else folder, Stamp("test", 1))
    yield from items.put(
        Item(0, made.id, folder, name, False, depth(path), blob.id, set_id, created=1, modified=1, updated=1)
    )


def _files(key: str) -> Tx[dict[str, dict[str, list[str]]]]:
    found = yield from many(
        "SELECT items.path, items.name, set_id FROM items JOIN artifact_repos ON artifact_repos.id = repo_id"
        " WHERE artifact_repos.key = :key AND NOT folder ORDER BY items.path, items.name",
        key=key,
    )
    sets = yield from properties.of_sets([row["set_id"] for row in found])
    return {f"{row['path']}/{row['name']}".removeprefix("./"): sets[row["set_id"]] for row in found}


def _folders(key: str) -> Tx[list[str]]:
    found = yield from many(
        "SELECT items.path, items.name FROM items JOIN artifact_repos ON artifact_repos.id = repo_id"
        " WHERE artifact_repos.key = :key AND folder AND depth > 0 ORDER BY items.path, items.name",
        key=key,
    )
    return [f"{row['path']}/{row['name']}".removeprefix("./") for row in found]


def _rows(sql: str, values: Mapping[str, Any]) -> Tx[list[tuple[Any, ...]]]:
    return [tuple(row) for row in (yield from many(sql, **values))]


def _grant(target: str, login: str, section: str, repo: str, patterns: list[str], actions: list[str]) -> Tx[None]:
    made = yield from one(
        "INSERT INTO permission_targets (name, created, updated) VALUES (:name, 1, 1) RETURNING id", name=target
    )
    user = yield from one("SELECT id FROM users WHERE login = :login", login=login)
    assert made is not None
    assert user is not None
    yield from run(
        "INSERT INTO permission_sections (target_id, section, repositories, includes, excludes)"
        " VALUES (:id, :section, :repositories, :includes, '[]')",
        id=made["id"],
        section=section,
        repositories=json.dumps([repo]),
        includes=json.dumps(patterns),
    )
    yield from run(GRANT, target=made["id"], section=section, user=user["id"], actions=json.dumps(actions))
