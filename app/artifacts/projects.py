"""The SQL of projects, to which repositories may belong (contract artifactory-storage 10)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.db.tx import Row, Tx, many, one, run
from app.errors import NotFound

ALL = "SELECT * FROM projects ORDER BY key"
BY_KEY = "SELECT * FROM projects WHERE key = :key"
ADD = """
    INSERT INTO projects (key, name, settings, created) VALUES (:key, :name, :settings, :now)
    ON CONFLICT (key) DO NOTHING RETURNING *
"""
UPDATE = "UPDATE projects SET name = :name, settings = :settings WHERE key = :key"
REMOVE = "DELETE FROM projects WHERE key = :key"
#: What the server keeps for a project stays: runs of build-info belong to the project of that key.
DETACH_ALL = "UPDATE artifact_repos SET project = '' WHERE project = :key AND system = ''"
ATTACH = "UPDATE artifact_repos SET project = :project, updated = :now WHERE id = :id"


@dataclass(frozen=True)
class Project:
    """A project."""

    key: str
    name: str
    #: Other fields, which are given back as they came.
    settings: Mapping[str, Any] = field(default_factory=dict)


class NoProject(NotFound):
    """There is no such project."""

    code = "no_project"


def list_all() -> Tx[list[Project]]:
    """All projects, by key."""
    return [_project(row) for row in (yield from many(ALL))]


def find(key: str) -> Tx[Project]:
    """The project of a key; NoProject."""
    row = yield from one(BY_KEY, key=key)
    if row is None:
        raise NoProject(f"there is no project {key[:100]}")
    return _project(row)


def add(project: Project, now: int) -> Tx[bool]:
    """Add a project; False when its key is taken."""
    settings = orjson.dumps(project.settings).decode()
    return (yield from one(ADD, key=project.key, name=project.name, settings=settings, now=now)) is not None


def update(project: Project) -> Tx[None]:
    """Store name and settings of a project."""
    yield from run(UPDATE, key=project.key, name=project.name, settings=orjson.dumps(project.settings).decode())


def remove(key: str) -> Tx[None]:
    """Remove a project; its repositories belong to none."""
    yield from run(DETACH_ALL, key=key)
    yield from run(REMOVE, key=key)


def attach(repo_id: int, key: str, now_ms: int) -> Tx[None]:
    """Let a repository belong to a project; to none with an empty key."""
    yield from run(ATTACH, id=repo_id, project=key, now=now_ms)


def _project(row: Row) -> Project:
    return Project(row["key"], row["name"], orjson.loads(row["settings"]))
