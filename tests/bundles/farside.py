"""A database with artifact repositories, files, runs and versions of release bundles, and those who make versions.

`await scene.completed("shop", "1.0", "dev-local:lib/a.jar")` puts the file and makes a version of it.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from app.accounts.model import User
from app.artifacts import properties
from app.artifacts.access import Visitor
from app.artifacts.blobs.folder import FolderStore
from app.artifacts.model import whole
from app.artifacts.rights import Action, Grant, Rights
from app.bundles import creation, evidence, sources, store
from app.bundles.creation import Accepted, Call
from app.bundles.evidence import Evidence
from app.bundles.model import BUNDLES, Artifact, Bundle
from app.bundles.ports import Ports
from app.bundles.work import Worker
from app.db.connect import Alterable
from app.db.tx import many, run
from app.main.bundles import open_bundles
from app.moments import Actor, Recorder, Recorders
from app.sealing.seal import Seal
from tests.buildinfo.promotion import farside
from tests.buildinfo.promotion.farside import NOW, admin, artifact, dependency, loose, mark, module, sums

__all__ = ["NOW", "Scene", "admin", "artifact", "dependency", "loose", "mark", "module", "opened", "sums", "visitor"]

FILES = """
    SELECT items.path, items.name, items.depth, items.set_id, blobs.sha256 FROM items
    JOIN artifact_repos ON artifact_repos.id = items.repo_id JOIN blobs ON blobs.id = items.blob_id
    WHERE artifact_repos.key = :key
"""


def visitor(
    *grants: tuple[str, Iterable[Action]], bundles: Iterable[Action] = ("read", "deploy"), name: str = "bob"
) -> Visitor:
    """A person with rights on some repositories, and on all release bundles, who may read every build."""
    given = [Grant(frozenset({key}), frozenset(actions)) for key, actions in grants]
    builds = Grant(frozenset({"ANY"}), frozenset({"read"}), section="build")
    versions = Grant(frozenset({"ANY"}), frozenset(bundles), section="releaseBundle")
    return Visitor(User(2, name), Actor("person", name, 2), Rights(grants=(*given, builds, versions)))


def of_artifacts(*paths: str) -> dict[str, Any]:
    """The source of some files, each `repo:path`."""
    return {"source_type": "artifacts", "artifacts": [{"path": path.replace(":", "/", 1)} for path in paths]}


def of_build(name: str, number: str, **more: Any) -> dict[str, Any]:
    """The source of a build."""
    return {"source_type": "builds", "builds": [{"build_name": name, "build_number": number, **more}]}


def of_version(name: str, version: str, **more: Any) -> dict[str, Any]:
    """The source of another version."""
    entry = {"release_bundle_name": name, "release_bundle_version": version, **more}
    return {"source_type": "release_bundles", "release_bundles": [entry]}


def of_query(text: str) -> dict[str, Any]:
    """The source of a query."""
    return {"source_type": "aql", "aql": text}


@dataclass
class Scene(farside.Scene):
    """A database with a worker, and what tests do with them."""

    worker: Worker | None = None

    @property
    def bundle_ports(self) -> Ports:
        recorders = Recorders(Recorder(self._note))
        return Ports(self.db, self.blobs, recorders, Seal("secret"), lambda: self.at, "jfrt@test")

    async def create(
        self,
        name: str,
        version: str,
        *from_: dict[str, Any],
        by: Visitor | None = None,
        key: str = BUNDLES,
        signing_key: str = "",
        sync: bool = True,
        **fields: Any,
    ) -> Bundle:
        """Make a version of some sources, to its end; the other fields are those of the body."""
        body = {"release_bundle_name": name, "release_bundle_version": version, "sources": list(from_), **fields}
        call = self.call(by, key, signing_key, sync=sync)
        wanted = sources.of_creation(orjson.dumps(body), call.at)
        return await self.ended(await creation.create(self.bundle_ports, call, wanted))

    async def update(
        self, name: str, version: str, *from_: dict[str, Any], by: Visitor | None = None, key: str = BUNDLES
    ) -> Bundle:
        """Add sources to a draft."""
        body = {"release_bundle_name": name, "release_bundle_version": version, "add_sources": list(from_)}
        call = self.call(by, key)
        wanted = sources.of_update(orjson.dumps(body), call.at)
        return await self.ended(await creation.update(self.bundle_ports, call, wanted))

    async def finalize(
        self, name: str, version: str, by: Visitor | None = None, key: str = BUNDLES, signing_key: str = ""
    ) -> Bundle:
        """Make a draft a signed version."""
        call = self.call(by, key, signing_key)
        return await self.ended(await creation.finalize(self.bundle_ports, call, name, version))

    def call(self, by: Visitor | None = None, key: str = BUNDLES, signing_key: str = "", *, sync: bool = True) -> Call:
        """A call one millisecond later than the one before."""
        self.at += 1
        return Call(by or admin(), key, self.at, signing_key, sync)

    async def ended(self, accepted: Accepted) -> Bundle:
        """The version when its work has ended."""
        if accepted.work_id:
            assert self.worker is not None
            await self.worker.ended(accepted.work_id)
        bundle = await self.db.read(store.by_id(accepted.bundle.id))
        assert bundle is not None
        return bundle

    async def completed(self, name: str, version: str, *paths: str, **options: Any) -> Bundle:
        """A version of these files, each `repo:path`; a file that is not there is put, with its path as its bytes."""
        there = await self.tree(*{path.partition(":")[0] for path in paths})
        for path in paths:
            if path not in there:
                await self.put(path, path)
        bundle = await self.create(name, version, of_artifacts(*paths), **options)
        assert bundle.status == "COMPLETED"
        return bundle

    async def bundle(self, name: str, version: str, key: str = BUNDLES) -> Bundle | None:
        """A version as it is now."""
        return await self.db.read(store.find(key, name, version))

    async def artifacts(self, name: str, version: str, key: str = BUNDLES) -> list[Artifact]:
        """What is in a version."""
        bundle = await self.bundle(name, version, key)
        assert bundle is not None
        return await self.db.read(store.artifacts_of(bundle.id))

    async def content(self, name: str, version: str, key: str = BUNDLES) -> list[str]:
        """The same as `repo:path`, sorted."""
        found = await self.artifacts(name, version, key)
        return sorted(f"{each.source}:{each.whole_path}" for each in found)

    async def frozen(self, name: str, version: str) -> dict[str, dict[str, list[str]]]:
        """The properties of each artifact of a version, by `repo:path`."""
        found = await self.artifacts(name, version)
        sets = await self.db.read(properties.of_sets([each.set_id for each in found]))
        return {f"{each.source}:{each.whole_path}": sets[each.set_id] for each in found}

    async def stored_files(self, key: str = BUNDLES) -> dict[str, str]:
        """The SHA-256 of each file in a repository of bundles, by path."""
        rows = await self.db.read(many(FILES, key=key))
        return {whole(row["path"], row["name"]): row["sha256"] for row in rows}

    async def evidence(self, name: str, version: str) -> Sequence[Evidence]:
        """The statements about a version."""
        bundle = await self.bundle(name, version)
        assert bundle is not None
        return await self.db.read(evidence.all_of(bundle.id))

    async def set_status(self, bundle: Bundle, status: str) -> None:
        """Give a version a status behind the server's back."""
        await self.db.write(run("UPDATE bundles SET status = :status WHERE id = :id", status=status, id=bundle.id))


@asynccontextmanager
async def opened(db: Alterable, folder: Path) -> AsyncIterator[Scene]:
    """A database with three local repositories, and a worker, while the block lasts."""
    blobs = FolderStore(folder / "blobs")
    blobs.prepare()
    scene = Scene(db, blobs, folder / "blobs")
    for key, environment in (("dev-local", "DEV"), ("stage-local", "STAGE"), ("prod-local", "PROD")):
        await scene.repo(key, environments=(environment,))
    async with open_bundles(scene.bundle_ports, alone=True) as worker:
        scene.worker = worker
        yield scene
    blobs.close()
