"""A real server with artifact repositories, made behind its back, and callers with rights."""

import asyncio
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from app.artifacts import repositories
from app.artifacts.access import Visitor
from app.artifacts.model import ArtifactRepository
from app.artifacts.rights import Rights
from app.db.connect import connect
from app.db.tx import Rows, Tx, many, one, run
from app.moments import Actor
from tests.acceptance.server import Server

T = TypeVar("T")
NOW = 1_700_000_000_000
#: An administrator, for what is called without HTTP.
ADMIN = Visitor(None, Actor("person", "ada", 1), Rights(everything=True))

ADD_TARGET = "INSERT INTO permission_targets (name, created, updated) VALUES (:name, 0, 0) RETURNING id"
ADD_SECTION = """
    INSERT INTO permission_sections (target_id, section, repositories, includes, excludes)
    VALUES (:target_id, :section, :repositories, :includes, :excludes)
"""
ADD_GRANT = """
    INSERT INTO grants (target_id, section, kind, subject_id, actions)
    VALUES (:target_id, :section, 'user', (SELECT id FROM users WHERE login = :login), :actions)
"""


class Site(Server):
    """The server, and what its database holds."""

    def __init__(self, folder: Path, **settings: str) -> None:
        super().__init__(folder, **settings)
        self._clients: list[httpx2.Client] = []

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        super().__exit__()

    def write(self, tx: Tx[T]) -> T:
        """Change the database behind the server's back."""
        return asyncio.run(self._drive(tx))

    def rows(self, sql: str, **values: Any) -> Rows:
        """The rows of a query."""
        return self.write(many(sql, **values))

    async def _drive(self, tx: Tx[T]) -> T:
        db = connect(self.database)
        await db.open()
        try:
            return await db.write(tx)
        finally:
            await db.close()

    def repo(self, key: str, **fields: Any) -> str:
        """Make a repository; its key."""
        members = fields.pop("members", ())
        if deploy_to := fields.pop("deploy_to", ""):
            fields["deploy_to"] = self.write(repositories.find(deploy_to)).id
        self.write(_add(ArtifactRepository(0, key, created=NOW, **fields), members))
        return key

    def caller(self, login: str, *grants: tuple[str, str] | tuple[str, str, str], admin: bool = False) -> httpx2.Client:
        """A client of a new account that may do something: actions, repositories, and perhaps patterns of paths."""
        client = self.account(login, admin=admin)
        self._clients.append(client)
        for at, grant in enumerate(grants):
            actions, repos, includes = (*grant, "**")[:3]
            self.write(_grant(f"{login}-{at}", login, actions.split(), repos.split(), includes.split()))
        return client

    def stranger(self) -> httpx2.Client:
        """A client that shows no account."""
        client = self.visitor()
        self._clients.append(client)
        return client

    def put(self, path: str, content: bytes = b"", **headers: str) -> httpx2.Response:
        """Put a file as the administrator; `_` in names of headers stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("PUT", f"/artifactory/{path}", content=content, headers=named)

    def get(self, path: str, **headers: str) -> httpx2.Response:
        """Read as the administrator."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("GET", f"/artifactory/{path}", headers=named)

    def properties(self, repo: str, path: str) -> dict[str, list[str]]:
        """The stored properties of an item."""
        folder, _, name = path.rpartition("/")
        found: dict[str, list[str]] = {}
        for row in self.rows(OF_ITEM, repo=repo, path=folder or ".", name=name):
            found.setdefault(row["key"], []).append(row["value"])
        return found

    def places(self) -> set[str]:
        """What the store of blobs holds."""
        return {str(path.relative_to(self.data / "blobs")) for path in (self.data / "blobs").glob("??/*")}


OF_ITEM = """
    SELECT properties.key, value FROM properties
    JOIN items ON items.set_id = properties.set_id JOIN artifact_repos ON artifact_repos.id = items.repo_id
    WHERE artifact_repos.key = :repo AND items.path = :path AND items.name = :name ORDER BY properties.key, position
"""


def _add(repo: ArtifactRepository, members: Iterable[str]) -> Tx[None]:
    made = yield from repositories.add(repo, "octocat")
    assert made is not None
    for position, key in enumerate(members):
        member = yield from repositories.find(key)
        sql = "INSERT INTO virtual_members (virtual_id, position, member_id) VALUES (:id, :position, :member)"
        yield from run(sql, id=made.id, position=position, member=member.id)


def _grant(name: str, login: str, actions: list[str], repos: list[str], includes: list[str]) -> Tx[None]:
    row = yield from one(ADD_TARGET, name=name)
    assert row is not None
    target = row["id"]
    lists = {"repositories": json.dumps(repos), "includes": json.dumps(includes), "excludes": "[]"}
    yield from run(ADD_SECTION, target_id=target, section="repo", **lists)
    yield from run(ADD_GRANT, target_id=target, section="repo", login=login, actions=json.dumps(actions))


def digests(content: bytes) -> dict[str, str]:
    """The checksums of bytes."""
    return {name: hashlib.new(name, content).hexdigest() for name in ("sha1", "md5", "sha256")}


def message(answer: httpx2.Response) -> str:
    """The message of an error in the form of Artifactory."""
    [fault] = answer.json()["errors"]
    assert fault["status"] == answer.status_code
    return str(fault["message"])
