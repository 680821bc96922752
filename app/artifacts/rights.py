"""What a caller may do with artifacts. Pure.

Rights are given by permission targets: repositories and patterns of paths, and the actions that somebody may do there.
*deploy* includes *promote*; *promote* alone lets a promotion put files, and nothing else.
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

    def is_for(self, repo: ArtifactRepository) -> bool:
        """Whether the grant is for this local repository."""
        if repo.system != _SYSTEM[self.section]:
            return False
        return bool(self.repositories & {repo.key, ANY, ANY_LOCAL})

    def holds_for(self, path: str) -> bool:
        """Whether the grant is for this path in its repositories."""
        return matches(path, self.includes) and not matches(path, self.excludes)

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
        """Whether the caller may do something at a path of a local repository."""
        return self.judge(action, repo)(path)

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
        asked = {action, "deploy"} if action == "promote" else {action}
        return [grant for grant in self.grants if asked & grant.actions and grant.is_for(repo)]

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
def pattern_of(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern of paths."""
    return re.compile(regex_of(pattern).replace("(?:", "(?>"), re.DOTALL)


def regex_of(pattern: str) -> str:
    """The text of a pattern's regular expression, for `:regexp` in SQL.

    Each group `(?:` keeps the first text that it matches (see `app.db.parameters`): no other text would leave more of
    the path for the rest of the pattern. So the time of a match does not explode, however many stars there are.
    """
    names = f"{pattern}**".lstrip("/").split("/") if pattern.endswith("/") else pattern.lstrip("/").split("/")
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
