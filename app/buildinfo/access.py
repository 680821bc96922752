"""Which runs a caller may read, publish and delete, and the repository that holds the runs.

Contract artifactory-build 1.3, 1.7. Rights are judged by the path of a run's file, before anybody looks for the run.
"""

from collections.abc import Sequence
from typing import TypeVar, cast

from app.artifacts import repositories
from app.artifacts.access import Visitor
from app.artifacts.model import ArtifactRepository, System
from app.artifacts.moments import repo_created
from app.artifacts.rights import Action
from app.buildinfo import names
from app.buildinfo.linking import Candidate
from app.buildinfo.model import Run
from app.buildinfo.names import Pair
from app.db.tx import Tx, one
from app.errors import Invalid, NotFound, Problem
from app.moments import Actor, Recorders

T = TypeVar("T")


def judged(key: str) -> ArtifactRepository:
    """A repository of build-info as rights are judged on it, whether the repository is there or not."""
    return ArtifactRepository(0, key, system="buildinfo")


def all_of(name: str) -> str:
    """The path that stands for all runs of a name."""
    return f"{names.folder(name)}/"


def named(visitor: Visitor, action: Action, key: str, wanted: Sequence[str]) -> list[str]:
    """Of the names that a request may mean those that the caller may do something with; Forbidden without any."""
    return _allowed(visitor, action, key, [(name, all_of(name)) for name in wanted])


def numbered(visitor: Visitor, action: Action, key: str, wanted: Sequence[Pair]) -> list[Pair]:
    """The same, of names and numbers."""
    return _allowed(visitor, action, key, [(pair, names.path_of(*pair)) for pair in wanted])


def _allowed(visitor: Visitor, action: Action, key: str, wanted: Sequence[tuple[T, str]]) -> list[T]:
    """What has a path at which the caller may do something. Without any path, any right in the repository is enough."""
    repo = judged(key)
    allowed = [value for value, path in wanted if visitor.rights.may(action, repo, path)]
    if not allowed and (wanted or not visitor.rights.somewhere(action, repo)):
        visitor.refuse(action, key, wanted[0][1] if wanted else "")
    return allowed


def may(visitor: Visitor, action: Action, key: str, run: Run) -> bool:
    """Whether the caller may do something with a run."""
    return visitor.rights.may(action, judged(key), names.path_of(run.name, run.number, run.started))


def may_read_file(visitor: Visitor, file: Candidate) -> bool:
    """Whether the caller may read a stored file."""
    return visitor.rights.may("read", repo_of(file), file.path)


def repo_of(file: Candidate) -> ArtifactRepository:
    """The repository of a stored file, as rights are judged on it."""
    return ArtifactRepository(file.repo_id, file.repo, system=cast(System, file.system))


def find(key: str) -> Tx[ArtifactRepository | None]:
    """The repository of build-info of a key; None without one."""
    row = yield from one(repositories.BY_KEY, key=key)
    repo = repositories.MAPPER.make(row) if row is not None else None
    return repo if repo is not None and repo.system == "buildinfo" else None


def ensured(recorders: Recorders, by: Actor, key: str, now_ms: int) -> Tx[ArtifactRepository]:
    """The same; it is made if it is not there. Invalid for a key that no repository of build-info can have."""
    repo, project = (yield from find(key)), names.project_of(key)
    if repo is not None:
        return repo
    if project is None:
        raise NotFound(f"there is no repository of build-info {key}; name the project by ?project= instead")
    made = yield from repositories.ensure_system(key, "buildinfo", project, now_ms)
    if made.system != "buildinfo":
        words = f"{key} is a repository of artifacts, so no build-info can be stored there; choose another project"
        raise Invalid.of([Problem("project", "wrong_repository", words)])
    if made.created == now_ms:  # else another caller was first
        yield from recorders.record(repo_created(by, key, {"kind": made.kind, "project": project}))
    return made
