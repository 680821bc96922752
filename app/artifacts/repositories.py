"""The SQL of artifact repositories, and which local repositories a virtual one stands for."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import orjson

from app.artifacts.model import NO_PROPERTIES, TOP, ArtifactRepository, System
from app.db import holdings, schema
from app.db.mapper import Codec, Mapper
from app.db.tx import Tx, many, one, run
from app.errors import NotFound
from app.evolve import evolve

#: Those that were deleted stay until their items are removed (see `clearing`); nothing else sees them.
ALL = "SELECT * FROM artifact_repos WHERE kind <> 'deleted' ORDER BY key"
BY_KEY = "SELECT * FROM artifact_repos WHERE key = :key"
BY_ID = "SELECT * FROM artifact_repos WHERE id = :id"
#: Without one that was deleted while another request made it a member.
MEMBERS = """
    SELECT virtual_id, member_id FROM virtual_members JOIN artifact_repos ON artifact_repos.id = member_id
    WHERE kind <> 'deleted' ORDER BY virtual_id, position
"""
#: A transaction that puts an item holds its repository so, and one that removes or moves folders so that no item is put
#: meanwhile.
SHARE = "SELECT id FROM artifact_repos WHERE id = :id AND kind <> 'deleted' :shared"
SHARE_WHOLE = "SELECT * FROM artifact_repos WHERE id = :id AND kind <> 'deleted' :shared"
HOLD = "SELECT id FROM artifact_repos WHERE id = :id AND kind <> 'deleted' :exclusive"
HOLD_ALL = """
    SELECT * FROM artifact_repos WHERE id IN (SELECT id FROM :rows(ids; id bigint) AS wanted) AND kind <> 'deleted'
    ORDER BY id :exclusive
"""
HOLD_WHOLE = "SELECT * FROM artifact_repos WHERE id = :id AND kind <> 'deleted' :exclusive"
ADD = schema.insert_sql(holdings.artifact_repos, "ON CONFLICT (key) DO NOTHING RETURNING id")
#: The folder that is the whole repository.
ADD_TOP = """
    INSERT INTO items (
        repo_id, path, name, folder, depth, set_id, mime, sent, created, created_by, modified, modified_by, updated
    ) VALUES (:repo_id, :top, :top, TRUE, 0, :set_id, '', '', :now, :by, :now, :by, :now)
"""
UPDATE = """
    UPDATE artifact_repos SET project = :project, description = :description, notes = :notes, includes = :includes,
        excludes = :excludes, layout = :layout, environments = :environments, immutable = :immutable,
        deploy_to = :deploy_to, settings = :settings, updated = :updated
    WHERE id = :id
"""
FORGET_MEMBERS = "DELETE FROM virtual_members WHERE virtual_id = :id"
ADD_MEMBERS = """
    INSERT INTO virtual_members (virtual_id, position, member_id)
    SELECT :id, entry.position, entry.member_id FROM :rows(entries; position bigint, member_id bigint) AS entry
"""

#: Who made what the server makes for itself.
SERVER = "_system_"
#: The package type of what the server keeps for itself.
_PACKAGES: Mapping[System, str] = {"buildinfo": "buildinfo", "bundles": "releasebundles"}

_JSON: Codec = (lambda value: json.dumps(value, ensure_ascii=False), json.loads)
_NAMES: Codec = (lambda value: json.dumps(list(value), ensure_ascii=False), lambda text: tuple(json.loads(text)))
MAPPER = Mapper(ArtifactRepository, holdings.artifact_repos, codecs={"environments": _NAMES, "settings": _JSON})


class NoRepository(NotFound):
    """There is no such artifact repository."""

    code = "no_repository"


@dataclass(frozen=True, slots=True)
class Repositories:
    """All artifact repositories, and which members the virtual ones have."""

    by_key: Mapping[str, ArtifactRepository]
    members: Mapping[int, tuple[int, ...]]

    @property
    def by_id(self) -> dict[int, ArtifactRepository]:
        """The repositories by id."""
        return {repo.id: repo for repo in self.by_key.values()}

    def find(self, key: str) -> ArtifactRepository:
        """The repository of a key; NoRepository."""
        repo = self.by_key.get(key)
        if repo is None:
            raise NoRepository(f"there is no artifact repository {key}")
        return repo

    def locals_of(self, repo: ArtifactRepository) -> list[ArtifactRepository]:
        """The local repositories that a repository stands for, in the order in which they are searched: depth first,
        each once."""
        by_id, seen, waiting = self.by_id, dict[int, None](), [repo.id]
        while waiting:  # not a recursion: virtual repositories may stand for each other at any depth
            at = waiting.pop()
            if at not in seen:
                seen[at] = None
                waiting.extend(reversed(self.members.get(at, ())))
        return [by_id[found] for found in seen if by_id[found].kind == "local"]


def read_all() -> Tx[Repositories]:
    """All artifact repositories."""
    repos = [MAPPER.make(row) for row in (yield from many(ALL))]
    members: dict[int, tuple[int, ...]] = {}
    for row in (yield from many(MEMBERS)):
        members[row["virtual_id"]] = (*members.get(row["virtual_id"], ()), row["member_id"])
    return Repositories({repo.key: repo for repo in repos}, members)


def find(key: str) -> Tx[ArtifactRepository]:
    """The repository of a key; NoRepository."""
    row = yield from one(BY_KEY, key=key)
    if row is None:
        raise NoRepository(f"there is no artifact repository {key}")
    return MAPPER.make(row)


def add(repo: ArtifactRepository, by: str) -> Tx[ArtifactRepository | None]:
    """Add a repository; None when its key is taken. A local one gets the folder of all its items."""
    row = yield from one(ADD, **MAPPER.values(repo))
    if row is None:
        return None
    if repo.kind == "local":
        yield from run(ADD_TOP, repo_id=row["id"], top=TOP, set_id=NO_PROPERTIES, now=repo.created, by=by)
    return evolve(repo, id=row["id"])


def update(repo: ArtifactRepository) -> Tx[None]:
    """Store what may change of a repository."""
    values = MAPPER.values(repo)
    for fixed in ("key", "kind", "package_type", "system", "created"):
        del values[fixed]
    yield from run(UPDATE, id=repo.id, **values)


def set_members(virtual_id: int, members: Sequence[int]) -> Tx[None]:
    """Let a virtual repository stand for these repositories, in this order."""
    yield from run(FORGET_MEMBERS, id=virtual_id)
    yield from run(ADD_MEMBERS, id=virtual_id, entries=orjson.dumps(list(enumerate(members))).decode())


def ensure_system(key: str, system: System, project: str, now_ms: int) -> Tx[ArtifactRepository]:
    """The repository that the server keeps for itself under this key; it is made if it is not there."""
    row = yield from one(BY_KEY, key=key)
    if row is not None:
        return MAPPER.make(row)
    package = _PACKAGES[system]
    wanted = ArtifactRepository(0, key, "local", package, project, system, created=now_ms, updated=now_ms)
    made = yield from add(wanted, SERVER)
    return made if made is not None else (yield from find(key))


def share(repo_id: int) -> Tx[None]:
    """Keep a repository and its folders until the transaction ends. NoRepository when it was deleted meanwhile."""
    if (yield from one(SHARE, id=repo_id)) is None:
        raise NoRepository("the artifact repository was deleted meanwhile")


def configured(repo_id: int, *, alone: bool = False) -> Tx[ArtifactRepository]:
    """The same as `share`, and with `alone` the same as `hold`; gives the repository as it is configured now."""
    row = yield from one(HOLD_WHOLE if alone else SHARE_WHOLE, id=repo_id)
    if row is None:
        raise NoRepository("the artifact repository was deleted meanwhile")
    return MAPPER.make(row)


def hold(repo_id: int) -> Tx[None]:
    """Let no other transaction put items into a repository until this one ends. NoRepository as above."""
    if (yield from one(HOLD, id=repo_id)) is None:
        raise NoRepository("the artifact repository was deleted meanwhile")


def hold_all(ids: Collection[int]) -> Tx[dict[int, ArtifactRepository]]:
    """The same for several repositories, which are locked in the order of their ids, as every transaction does that
    locks several; those that are there, as they are configured now, by id."""
    wanted = orjson.dumps([[repo_id] for repo_id in sorted(ids)]).decode()
    return {row["id"]: MAPPER.make(row) for row in (yield from many(HOLD_ALL, ids=wanted))}
