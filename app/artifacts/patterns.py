"""Which paths a repository takes: the include and exclude patterns of its configuration."""

from collections.abc import Callable

from app.artifacts.model import ArtifactRepository
from app.artifacts.rights import matches
from app.errors import Conflict


class PathRefused(Conflict):
    """A repository does not take files at this path."""

    code = "path_refused"


def check(repo: ArtifactRepository, path: str) -> None:
    """PathRefused, which names repository, path and pattern, when a repository takes no file at a path."""
    check_folder(repo, path)
    includes = _parts(repo.includes)
    if includes and not matches(path, includes):
        words = f"the repository {repo.key} does not take {path}: none of its include patterns fits ({repo.includes})"
        raise PathRefused(words)


def check_folder(repo: ArtifactRepository, path: str) -> None:
    """PathRefused when a repository takes nothing at a path. The include patterns are about files alone."""
    for pattern in _parts(repo.excludes):
        if matches(path, (pattern,)):
            raise PathRefused(f"the repository {repo.key} does not take {path}: its exclude pattern {pattern} fits")


def judge(repo: ArtifactRepository) -> Callable[[str], str]:
    """A function that says why a repository takes no file at a path, in words; no words when it takes one. For many
    paths of a repository."""
    if not repo.excludes.strip() and {"**", "**/*"}.intersection(repo.includes.split(",")):
        return lambda _: ""

    def why(path: str) -> str:
        try:
            check(repo, path)
        except PathRefused as refused:
            return refused.message
        return ""

    return why


def _parts(patterns: str) -> list[str]:
    return [part for text in patterns.split(",") if (part := text.strip())]
