"""What a caller may do with artifacts. Pure.

Rights are given by permission targets: repositories and patterns of paths, and the actions that somebody may do there.
*deploy* includes *promote*; *promote* alone lets a promotion put files, and nothing else.

Patterns for release bundles are judged on `name/version`: a pattern that a version matches is for the version and for
every file in it. There *deploy*, which creates versions, does not include *promote*, and *promote* may be limited to
some environments.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import Literal, TypeAlias, get_args

from app.artifacts.model import ArtifactRepository

Action: TypeAlias = Literal["read", "annotate", "deploy", "delete", "manage", "promote"]
ACTIONS: tuple[Action, ...] = get_args(Action)
#: The parts of a permission target: files, build-info, release bundles.
Section: TypeAlias = Literal["repo", "build", "releaseBundle"]
SECTIONS: tuple[Section, ...] = get_args(Section)
#: The kind of repository that a section is for.
_SYSTEM = {"repo": "", "build": "buildinfo", "releaseBundle": "bundles"}
#: Names that stand for all repositories of a kind.
ANY, ANY_LOCAL, ANY_REMOTE = "ANY", "ANY LOCAL", "ANY REMOTE"


@dataclass(frozen=True, slots=True)
class Grant:
    """Actions in some repositories, at the paths that match a pattern of `includes` and none of `excludes`."""

    repositories: frozenset[str]
    actions: frozenset[Action]
    includes: tuple[str, ...] = ("**",)
    excludes: tuple[str, ...] = ()
    section: Section = "repo"
    #: Of release bundles, the environments that *promote* is for; without any, all environments.
    environments: frozenset[str] = frozenset()

    def is_for(self, repo: ArtifactRepository) -> bool:
        """Whether the grant is for this local repository."""
        if repo.system != _SYSTEM[self.section]:
            return False
        return bool(self.repositories & {repo.key, ANY, ANY_LOCAL})

    def gives(self, action: Action) -> bool:
        """Whether the grant is for this action."""
        included = action == "promote" and self.section != "releaseBundle" and "deploy" in self.actions
        return included or action in self.actions

    @property
    def paths(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The patterns of whole paths that the grant is for, and those of paths that it is not for."""
        if self.section != "releaseBundle":
            return self.includes, self.excludes
        return _of_versions(self.includes), _of_versions(self.excludes)

    def holds_for(self, path: str) -> bool:
        """Whether the grant is for this path in its repositories."""
        includes, excludes = self.paths
        return matches(path, includes) and not matches(path, excludes)

    @property
    def unlimited(self) -> bool:
        """Whether the grant is for every path."""
        return not self.excludes and any(pattern in ("**", "**/*") for pattern in self.includes)


@dataclass(frozen=True, slots=True)
class Rights:
    """All that a caller may do. `everything`: the caller is an administrator of the server."""

    everything: bool = False
    #: The actions that what the request shows is good for.
    allowed: frozenset[Action] = field(default_factory=lambda: frozenset(ACTIONS))
    grants: tuple[Grant, ...] = ()

    def may(self, action: Action, repo: ArtifactRepository, path: str = "") -> bool:
        """Whether the caller may do something at a path of a local repository.

        *promote* of a version of a release bundle: to any environment at all.
        """
        return self.judge(action, repo)(path)

    def may_promote_to(self, repo: ArtifactRepository, path: str, environment: str) -> bool:
        """Whether the caller may promote a version of a release bundle, `name/version`, to an environment."""
        if self.everything:
            return "promote" in self.allowed
        grants = [grant for grant in self.granted("promote", repo) if grant.holds_for(path)]
        return any(not grant.environments or environment in grant.environments for grant in grants)

    def judge(self, action: Action, repo: ArtifactRepository) -> Callable[[str], bool]:
        """A function that says of a path whether the caller may do something there; for many paths of a repository."""
        if action not in self.allowed:
            return lambda _: False
        grants = self.granted(action, repo)
        if self.everything or any(grant.unlimited for grant in grants):
            return lambda _: True
        return lambda path: any(grant.holds_for(path) for grant in grants)

    def granted(self, action: Action, repo: ArtifactRepository) -> list[Grant]:
        """The grants by which the caller may do something at some paths of a local repository."""
        if action not in self.allowed:
            return []
        return [grant for grant in self.grants if grant.gives(action) and grant.is_for(repo)]

    def wholly(self, action: Action, repo: ArtifactRepository) -> bool:
        """Whether the caller may do something at every path of a repository."""
        if action not in self.allowed:
            return False
        return self.everything or any(grant.unlimited for grant in self.granted(action, repo))

    def somewhere(self, action: Action, repo: ArtifactRepository) -> bool:
        """Whether the caller may do something at any path of a local repository."""
        return action in self.allowed and (self.everything or bool(self.granted(action, repo)))


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether a path matches one of these patterns.

    `?` and `*` stay in one name, and a name `**` is any number of names. A pattern that ends with `/` means all below.
    """
    return any(pattern_of(pattern).match(path) for pattern in patterns)


@lru_cache(maxsize=4096)
def _of_versions(patterns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found for pattern in patterns for found in of_versions(pattern)))


def of_versions(pattern: str) -> tuple[str, ...]:
    """The patterns of whole paths that a pattern of `name/version` stands for: of versions with all that is in them,
    and of the folder of a name. None for a pattern of more than two names, which no version matches."""
    names = _names(pattern)
    match [name for name in names if name != "**"]:
        case []:
            return ("**",)
        case [name]:
            versions = (f"*/{name}/**",) if names[0] == "**" else ()
            return (f"{name}/**" if names[-1] == "**" else name, *versions)
        case [name, version]:
            return (f"{name}/{version}/**",)
        case _:
            return ()


@lru_cache(maxsize=4096)
def pattern_of(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern of paths."""
    return re.compile(regex_of(pattern).replace("(?:", "(?>"), re.DOTALL)


def regex_of(pattern: str) -> str:
    """The text of a pattern's regular expression, for `:regexp` in SQL.

    Each group `(?:` keeps the first text that it matches (see `app.db.parameters`): no other text would leave more of
    the path for the rest of the pattern. So the time of a match does not explode, however many stars there are.
    """
    names = _names(pattern)
    if all(name == "**" for name in names):
        return r"\A.*\Z"
    *rest, last = [list(found) for several, found in groupby(names, "**".__eq__) if not several]
    pieces = [r"\A"]
    deep = names[0] == "**"
    for run in rest:
        pieces.append(rf"(?:([^/]*/)*?{_run(run)}/)" if deep else f"{_run(run)}/")
        deep = True
    pieces.append(f"([^/]*/)*?{_run(last)}" if deep else _run(last))
    pieces.append(r"(/.*)?\Z" if names[-1] == "**" else r"\Z")
    return "".join(pieces)


def _names(pattern: str) -> list[str]:
    return (f"{pattern}**" if pattern.endswith("/") else pattern).lstrip("/").split("/")


def _run(names: Iterable[str]) -> str:
    """The expression of names that follow each other."""
    return "/".join(_name(name) for name in names)


def _name(name: str) -> str:
    """The expression of one name; the last star alone may have to give back what it took."""
    first, *others = [_letters(text) for text in re.split(r"\*+", name)]
    if not others:
        return first
    *middle, last = others
    return "".join([first, *(f"(?:[^/]*?{text})" for text in middle), f"[^/]*{last}"])


def _letters(text: str) -> str:
    return "".join("[^/]" if letter == "?" else re.escape(letter) for letter in text)
