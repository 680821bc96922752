"""Which files and folders a caller may read, as a condition of queries.

Searches, listings and totals put the condition into their own queries, so that nothing else is found or counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from app.artifacts.model import ArtifactRepository
from app.artifacts.repositories import Repositories
from app.artifacts.rights import Action, Rights, regex_of

#: The whole path of a row of `items`.
WHOLE_PATH = """
    CASE WHEN items.path <> '.' THEN items.path || '/' || items.name WHEN items.name = '.' THEN '' ELSE items.name END
"""


def visible(repo_id: str, path: str) -> str:
    """The condition that a caller may read a path of a repository, both named by SQL; its parameters are
    `Visible.parameters`."""
    return f"""(
    {repo_id} IN (SELECT id FROM :rows(visible_whole; id bigint) AS visible)
    OR EXISTS (
        SELECT 1 FROM :rows(visible_partial; repo_id bigint, includes text, excludes text) AS visible
        WHERE visible.repo_id = {repo_id} AND {path} :regexp visible.includes
            AND (visible.excludes = '' OR NOT {path} :regexp visible.excludes)
    )
)"""  # noqa: S608 - names of columns


#: The condition on a row of `items`.
VISIBLE = visible("items.repo_id", WHOLE_PATH)


@dataclass(frozen=True, slots=True)
class Visible:
    """The local repositories of which a caller may read all, and those of which the caller may read some paths."""

    #: Ids of local repositories.
    whole: frozenset[int] = frozenset()
    #: The id of a local repository, and regular expressions: of paths, and of paths that are none of these. An id may
    #: stand in several; what any of them shows is seen.
    partial: tuple[tuple[int, tuple[str, ...], tuple[str, ...]], ...] = ()

    @property
    def ids(self) -> frozenset[int]:
        """The repositories of which the caller may read anything."""
        return self.whole | {repo_id for repo_id, _, _ in self.partial}

    def __bool__(self) -> bool:
        return bool(self.whole or self.partial)

    def parameters(self) -> dict[str, str]:
        """The parameters of VISIBLE."""
        partial = [[repo_id, _any(includes), _any(excludes)] for repo_id, includes, excludes in self.partial]
        return {
            "visible_whole": orjson.dumps([[repo_id] for repo_id in sorted(self.whole)]).decode(),
            "visible_partial": orjson.dumps(partial).decode(),
        }


def visible_to(rights: Rights, repositories: Repositories, action: Action = "read") -> Visible:
    """What a caller may read, or may do something else with, of all repositories."""
    return visible_in(rights, repositories.by_key.values(), action)


def visible_in(rights: Rights, repositories: Iterable[ArtifactRepository], action: Action = "read") -> Visible:
    """What a caller may read, or may do something else with, of these repositories."""
    whole, partial = set[int](), list[tuple[int, tuple[str, ...], tuple[str, ...]]]()
    for repo in repositories:
        if repo.kind != "local" or not rights.somewhere(action, repo):
            continue
        grants = rights.granted(action, repo)
        if rights.everything or any(grant.unlimited for grant in grants):
            whole.add(repo.id)
        else:
            paths = [grant.paths for grant in grants]
            partial.extend((repo.id, _regexes(yes), _regexes(no)) for yes, no in paths if yes)
    return Visible(frozenset(whole), tuple(partial))


def may_see(rights: Rights, repo: ArtifactRepository, repositories: Repositories) -> bool:
    """Whether a caller may know of a repository: may read anything in it, or in a local one that it stands for."""
    meant = repositories.locals_of(repo) if repo.kind == "virtual" else ()
    return any(rights.somewhere("read", found) for found in (repo, *meant))


def _regexes(patterns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(regex_of(pattern) for pattern in patterns)


def _any(regexes: tuple[str, ...]) -> str:
    """One regular expression that matches what any of these matches; no text when there are none."""
    return "|".join(regexes)
