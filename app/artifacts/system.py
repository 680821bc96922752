"""Repositories that the server keeps for itself: only calls of their own change what is in them.

Each refusal names the call that does what was asked for.
"""

from collections.abc import Mapping

from app.artifacts.address import quoted
from app.artifacts.model import MANIFEST, ArtifactRepository, System
from app.errors import Forbidden

#: The call that puts something into a repository.
_PUTS: Mapping[System, str] = {
    "buildinfo": "PUT /artifactory/api/build publishes build-info",
    "bundles": "POST /lifecycle/api/v2/release_bundle makes versions of release bundles",
}


def put_refused(repo: ArtifactRepository) -> Forbidden:
    """The error for a file or a folder that somebody puts, copies or moves into a repository."""
    return _refused(f"the server itself puts what is in {repo.key}; {_PUTS[repo.system]}")


def move_refused(repo: ArtifactRepository) -> Forbidden:
    """The error for something that somebody moves out of a repository."""
    return _refused(f"the server itself keeps what is in {repo.key}; copy it instead")


def removal_refused(repo: ArtifactRepository, path: str) -> Forbidden:
    """The error for something that somebody removes from a repository of release bundles."""
    words = f"what is in {repo.key} belongs to versions of release bundles; {_deletion(repo, path)} removes a version"
    return _refused(f"{words} with all that is in it")


def change_refused(repo: ArtifactRepository) -> Forbidden:
    """The error for a repository that somebody changes or deletes."""
    way = f"{_deletion(repo, '')} removes a version" if repo.system == "bundles" else "what is in it can be deleted"
    return _refused(f"the server keeps {repo.key} for itself; {way}, the repository cannot change")


def annotation_refused(repo: ArtifactRepository, path: str) -> Forbidden | None:
    """The error for properties that somebody changes in a repository of release bundles; None at the manifest of a
    version, which is the only file that takes some (contract release-bundle 5)."""
    names = path.split("/")
    if names[2:] == [MANIFEST]:
        return None
    manifest = "/".join([*(names[:2] if len(names) > 1 else ("NAME", "VERSION")), MANIFEST])
    words = f"a version of a release bundle stays as it was signed, with the properties of its files: {repo.key}:{path}"
    return _refused(f"{words.rstrip(':')} takes none; set properties of the version at {repo.key}/{manifest}")


def _deletion(repo: ArtifactRepository, path: str) -> str:
    """The call that deletes the version that a path is in."""
    names = path.split("/")
    version = quoted("/".join(names[:2])) if len(names) > 1 else "NAME/VERSION"
    return f"DELETE /lifecycle/api/v2/release_bundle/records/{version}?repository_key={repo.key}"


def _refused(words: str) -> Forbidden:
    return Forbidden(f"Forbidden: {words}", code="system_repository")
