"""What a caller may do with versions of release bundles, and the repository that holds the versions.

Rights are judged by the folder of a version, before anybody looks for the version: read and delete by their names,
creation by *deploy*, promotion by *promote* together with the environment.
"""

from app.artifacts import repositories
from app.artifacts.access import Visitor
from app.artifacts.model import ArtifactRepository
from app.artifacts.moments import repo_created
from app.artifacts.rights import Action
from app.bundles import names
from app.bundles.model import Bundle
from app.db.tx import Tx, one
from app.errors import Invalid, Problem
from app.moments import Actor, Recorders


def judged(key: str) -> ArtifactRepository:
    """A repository of bundles as rights are judged on it, whether the repository is there or not."""
    return ArtifactRepository(0, key, system="bundles")


def require(visitor: Visitor, action: Action, key: str, name: str, version: str = "") -> None:
    """Forbidden or Unauthorized when the caller may not do something with a version; without a version, with any
    version of the name."""
    visitor.require(action, judged(key), f"{name}/{version}")


def require_promote(visitor: Visitor, key: str, name: str, version: str, environment: str) -> None:
    """Forbidden or Unauthorized when the caller may not promote a version to an environment: *read* and *promote* are
    needed on the version (contract release-bundle 1.5)."""
    require(visitor, "read", key, name, version)
    if not visitor.rights.may_promote_to(judged(key), f"{name}/{version}", environment):
        visitor.refuse("promote", key, f"{name}/{version}", to=environment)


def may(visitor: Visitor, action: Action, key: str, name: str, version: str = "") -> bool:
    """Whether the caller may do something with a version."""
    return visitor.rights.may(action, judged(key), f"{name}/{version}")


def find(key: str) -> Tx[ArtifactRepository | None]:
    """The repository of bundles of a key; None without one."""
    row = yield from one(repositories.BY_KEY, key=key)
    repo = repositories.MAPPER.make(row) if row is not None else None
    return repo if repo is not None and repo.system == "bundles" else None


def key_of(bundle: Bundle) -> Tx[str]:
    """The key of the repository of a version."""
    row = yield from one(repositories.BY_ID, id=bundle.repo_id)
    assert row is not None
    return str(row["key"])


def ensured(recorders: Recorders, by: Actor, key: str, now_ms: int) -> Tx[ArtifactRepository]:
    """The same; it is made if it is not there. Invalid when a repository of artifacts has the key."""
    if (found := (yield from find(key))) is not None:
        return found
    made = yield from repositories.ensure_system(key, "bundles", names.project_of(key), now_ms)
    if made.system != "bundles":
        words = f"{key} is a repository of artifacts, so no release bundle can be stored there; choose another project"
        raise Invalid.of([Problem("project", "wrong_repository", words)])
    if made.created == now_ms:  # else another caller has made it
        yield from recorders.record(repo_created(by, key, {"kind": made.kind, "project": made.project}))
    return made
