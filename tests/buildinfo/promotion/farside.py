"""A database with artifact repositories, files and runs, and those who promote the runs."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from app.accounts.model import User
from app.artifacts import items, properties, repositories
from app.artifacts.access import Visitor
from app.artifacts.blobs import rows
from app.artifacts.blobs.folder import FolderStore
from app.artifacts.blobs.store import Received
from app.artifacts.items import Stamp
from app.artifacts.model import ArtifactRepository, Item, Sums, depth, parted, whole
from app.artifacts.rights import Action, Grant, Rights
from app.buildinfo import document, files, names, order, promotion, promotions, store, times
from app.buildinfo.files import Ports
from app.buildinfo.model import Run
from app.buildinfo.promotion import Call, Promoted
from app.buildinfo.promotions import Promotion
from app.db.connect import Alterable
from app.db.tx import Tx, many, one, run
from app.db.window import Window
from app.moments import Actor, Recorder, Recorders

NOW = 1_700_000_000_000
ADA = Stamp("ada", NOW)
REPOS = "artifactory-build-info"
TREE = """
    SELECT items.path, items.name, items.set_id, blobs.sha256 FROM items JOIN blobs ON blobs.id = items.blob_id
    WHERE items.repo_id = :repo_id
"""


def sums(text: str) -> Sums:
    """The checksums of a text's bytes."""
    data = text.encode()
    return Sums(hashlib.sha256(data).hexdigest(), hashlib.sha1(data).hexdigest(), hashlib.md5(data).hexdigest())


def artifact(path: str, text: str, repo: str = "dev-local", **more: Any) -> dict[str, Any]:
    """An artifact in a module, as `jf` sends it."""
    found = sums(text)
    known = {"sha1": found.sha1, "sha256": found.sha256, "md5": found.md5}
    return {"name": path.rpartition("/")[2], "path": path, "originalDeploymentRepo": repo, **known, **more}


def loose(name: str, text: str, **more: Any) -> dict[str, Any]:
    """An artifact that does not say where it was put."""
    return {"name": name, "sha1": sums(text).sha1, **more}


def dependency(name: str, text: str, *scopes: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "sha1": sums(text).sha1, "scopes": list(scopes), **more}


def module(*artifacts: Mapping[str, Any], dependencies: Iterable[Mapping[str, Any]] = (), **more: Any) -> Any:
    return {"id": "m", "artifacts": list(artifacts), "dependencies": list(dependencies), **more}


def admin() -> Visitor:
    """An administrator of the server."""
    return Visitor(User(1, "root", admin=True), Actor("person", "root", 1), Rights(everything=True))


def visitor(*grants: tuple[str, Iterable[Action]], name: str = "bob") -> Visitor:
    """A person with rights on some repositories, who may also read and promote every build."""
    given = [Grant(frozenset({key}), frozenset(actions)) for key, actions in grants]
    builds = Grant(frozenset({"ANY"}), frozenset({"read", "promote"}), section="build")
    return Visitor(User(2, name), Actor("person", name, 2), Rights(grants=(*given, builds)))


def mark(name: str, number: str, **more: str) -> dict[str, list[str]]:
    """The properties that `jf` puts on what a build uploads."""
    return {"build.name": [name], "build.number": [number], **{key: [value] for key, value in more.items()}}


@dataclass
class Scene:
    """A database, and what tests do with it."""

    db: Alterable
    blobs: FolderStore
    folder: Path
    moments: list[Any] = field(default_factory=list)
    at: int = NOW
    repos: dict[str, int] = field(default_factory=dict)

    @property
    def ports(self) -> Ports:
        return Ports(self.db, self.blobs, Recorders(Recorder(self._note)), lambda: self.at)

    def _note(self, moment: Any) -> Tx[None]:
        self.moments.append(moment)
        yield from run("SELECT 1")

    async def repo(self, *keys: str, **options: Any) -> None:
        for key in keys:
            made = await self.db.write(repositories.add(ArtifactRepository(0, key, **options), "ada"))
            assert made is not None
            self.repos[key] = made.id

    async def virtual(self, key: str, *members: str, deploy_to: str = "") -> None:
        await self.repo(key, kind="virtual", deploy_to=self.repos.get(deploy_to, 0))
        for at, member in enumerate(members):
            await self.db.write(run(
                "INSERT INTO virtual_members (virtual_id, position, member_id) VALUES (:virtual, :at, :member)",
                virtual=self.repos[key], at=at, member=self.repos[member],
            ))  # fmt: skip

    async def put(self, where: str, text: str, said: Mapping[str, list[str]] | None = None, **more: Any) -> None:
        """Put a text at `repo:path`."""
        key, _, path = where.partition(":")
        received = await files.received(self.blobs, text.encode())
        await self.db.write(_put(self.repos[key], path, received, said or {}, more))

    async def publish(
        self, name: str, number: str, *modules: Any, started: int = NOW, project: str = "", **more: Any
    ) -> Run:
        """Publish a run."""
        said = {"name": name, "number": number, "started": times.shown(started), "modules": list(modules)}
        found = document.normalised(orjson.dumps(said | more), "ada")
        received = await files.received(self.blobs, found.data)
        key = names.repository_key(project)
        return await self.db.write(_publish(key, project, found, received, self.at))

    async def promote(
        self, name: str, number: str, by: Visitor | None = None, *, project: str = "", **fields: Any
    ) -> Promoted:
        """Promote a run; the fields are those of the body."""
        asked = order.read(orjson.dumps(fields))
        self.at += 1
        call = Call(by or admin(), names.repository_key(project), [(name, number)], asked, self.at)
        return await promotion.promote(self.ports, call)

    async def tree(self, *keys: str) -> dict[str, str]:
        """The SHA-256 of each file of some repositories, by `repo:path`."""
        found = {}
        for key in keys or [key for key in self.repos if not key.endswith("virtual")]:
            for row in await self.db.read(many(TREE, repo_id=self.repos[key])):
                found[f"{key}:{whole(row['path'], row['name'])}"] = row["sha256"]
        return found

    async def paths(self, *keys: str) -> list[str]:
        return sorted(await self.tree(*keys))

    async def properties(self, where: str) -> dict[str, list[str]]:
        item = await self.item(where)
        sets = await self.db.read(properties.of_sets([item.set_id]))
        return sets[item.set_id]

    async def statuses(self, name: str, number: str) -> list[dict[str, Any]]:
        """The statuses of the newest run: those of its file, which are those of its row."""
        row = await self.db.read(one("SELECT id FROM artifact_repos WHERE key = :key", key=REPOS))
        assert row is not None
        found = await self.db.read(store.find_run(row["id"], name, number))
        assert found is not None
        blob = await self.db.read(store.file_of(found))
        said = orjson.loads(await files.read(self.blobs, blob)).get("statuses", [])
        assert said == list(found.statuses)
        return list(said)

    async def item(self, where: str) -> Item:
        key, _, path = where.partition(":")
        found = await self.db.read(items.find(self.repos[key], path))
        assert found is not None, where
        return found.item

    async def remove(self, where: str) -> None:
        """Remove a file or a folder at `repo:path`."""
        key, _, path = where.partition(":")
        await self.db.write(items.remove_tree(self.repos[key], path))

    async def promotions(self, name: str, number: str) -> list[Promotion]:
        """The promotions of a number that were kept."""
        row = await self.db.read(one("SELECT id FROM artifact_repos WHERE key = :key", key=REPOS))
        assert row is not None
        return list((await self.db.read(promotions.page(row["id"], name, number, Window(100)))).items)

    def stored(self) -> list[str]:
        """The files that hold bytes."""
        return sorted(str(path) for path in self.folder.rglob("*") if path.is_file())

    async def folders(self, key: str) -> list[str]:
        rows_found = await self.db.read(
            many("SELECT path, name FROM items WHERE repo_id = :repo_id AND folder", repo_id=self.repos[key])
        )
        return sorted(whole(row["path"], row["name"]) for row in rows_found)

    async def dump(self) -> dict[str, list[list[Any]]]:
        """Every row of every table of artifacts and build-info."""
        tables = (
            *("artifact_repos", "blobs", "property_sets", "properties", "items", "item_stats", "runs"),
            *("module_artifacts", "module_dependencies", "build_promotions", "build_promotion_messages"),
        )
        return {
            table: sorted([list(row) for row in await self.db.read(many(f"SELECT * FROM {table}"))]) for table in tables
        }


async def opened(db: Alterable, folder: Path) -> Scene:
    """A database with three local repositories."""
    blobs = FolderStore(folder / "blobs")
    blobs.prepare()
    scene = Scene(db, blobs, folder / "blobs")
    await scene.repo("dev-local", "stage-local", "prod-local")
    return scene


def texts(messages: Iterable[Any], level: str) -> list[str]:
    """The messages of a level."""
    return [message.text for message in messages if message.level == level]


def _put(
    repo_id: int, path: str, received: Received, said: Mapping[str, list[str]], more: Mapping[str, Any]
) -> Tx[None]:
    blob = yield from rows.add(received, NOW // 1000)
    folder, name = parted(path)
    yield from items.add_folders(repo_id, "" if folder == "." else folder, ADA)
    set_id = yield from properties.set_of(said)
    item = Item(
        0, repo_id, folder, name, False, depth(path), blob.id, set_id, "text/plain",
        created=NOW, created_by="ada", modified=NOW, modified_by="ada", updated=NOW,
    )  # fmt: skip
    yield from items.put(Item(**{**item.__dict__, **more}))


def _publish(key: str, project: str, found: document.Document, received: Received, at: int) -> Tx[Run]:
    repo = yield from repositories.ensure_system(key, "buildinfo", project, at)
    made, _ = yield from store.add(repo.id, found, received, Stamp("ada", at))
    return made
