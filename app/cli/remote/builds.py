"""Finds the build that a word stands for: a number, `last`, or what names a commit.

42               the build of this number
last             the newest build of the default branch
last:success     the newest build of the default branch with this status; `blocked` is what waits for an approval
main, v1.2       the newest build of this branch, else of this tag
5fcb01b          the newest build of this commit, by 7 digits of its id or more
branch:main, tag:v1.2, commit:5fcb01b, refs/heads/main, refs/tags/v1.2: the same, where a name could be several
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from app.builds.model import LISTED
from app.cli.remote.client import Client, Json
from app.cli.terminal.commands import nearest
from app.cli.terminal.options import NUMBER_FORM, is_slug, repo_path
from app.errors import Invalid, NotFound
from app.scm import refs

_REFS = {"branch": "refs/heads/", "tag": "refs/tags/"}
#: What a word may say that its name is of, as in `tag:v1.2`.
KINDS = (*_REFS, "commit")


class Meaning(NamedTuple):
    """One thing that a word may stand for: a branch, a tag or a commit."""

    kind: str
    name: str

    def can_be(self) -> bool:
        """Whether any repository could have this."""
        return _is_id(self.name) if self.kind == "commit" else self.kind in _REFS and not refs.problem(self.name)

    def fits(self, build: Json) -> bool:
        """Whether a build is one of this: servers that do not know a filter send other builds as well."""
        if self.kind == "commit":
            return str(build.get("after", "")).startswith(self.name.lower())
        return build.get("ref") == _REFS[self.kind] + self.name


def find(client: Client, slug: str, word: str) -> int | None:
    """The number of the build that a word stands for; None when a branch, tag or commit of this name has no build.

    A number is taken as it is; Invalid for a word that stands for nothing; `Refused` for
    `last` without a build, and for an unknown repository.
    """
    for meaning in (wanted := meanings(word)):
        query = {meaning.kind: meaning.name, "per_page": "1"}
        for build in client.records(repo_path(slug, "builds"), query=query):
            if meaning.fits(build):
                return int(build["number"])
    if wanted:
        return None
    if word == "last":
        return int(client.record("GET", repo_path(slug, "builds", "latest"))["number"])
    if status := word.removeprefix("last:") if word.startswith("last:") else "":
        branch = str(client.record("GET", repo_path(slug)).get("default_branch", ""))
        query = {"branch": branch, "status": status, "per_page": "100"}
        found = client.records(repo_path(slug, "builds"), query=query)
        return next((int(build["number"]) for build in found if _is(build, status)), None)
    return int(word)


def _is(build: Json, status: str) -> bool:
    """Whether a build is listed by this status."""
    own, blocked = build.get("status"), bool(build.get("blocked"))
    if status == "blocked":
        return blocked or own == "blocked"
    return own == status and not (blocked and own == "pending")


def number(client: Client, slug: str, word: str) -> int:
    """The number of the build that a word stands for; NotFound."""
    if (found := find(client, slug, word)) is not None:
        return found
    if word.startswith("last:"):
        raise NotFound(f"no build of the default branch of {slug} is {word.removeprefix('last:')}")
    hint = f"; if {word} is the repository, the build after it is missing" if is_slug(word) else ""
    raise NotFound(f"{slug} has no build of a {kinds(meanings(word))} {word!r}{hint}")


def show(client: Client, slug: str, word: str) -> Json:
    """The build that a word stands for, with its stages; NotFound, Refused."""
    which = "latest" if word == "last" else number(client, slug, word)
    return client.record("GET", repo_path(slug, "builds", which))


def meanings(word: str) -> Sequence[Meaning]:
    """What a word may stand for, in the order in which it is looked for; nothing for a number, and for `last`.

    Invalid for a word that is no number and no name.
    """
    if re.fullmatch(NUMBER_FORM, word, re.ASCII) or word == "last":
        return ()
    if word.startswith("last:"):
        if (status := word.removeprefix("last:")) not in LISTED:
            raise Invalid(f"{status!r} is no status of a build.{nearest(status, LISTED)}")
        return ()
    if found := [one for one in _candidates(word) if one.can_be()]:
        return found
    raise Invalid(
        f"{word!r} is neither a build nor a branch, tag or commit: write a build's number (from 1), last, "
        "last:success, a branch, a tag, or 7 digits or more of a commit's id; or which of them it is, as in tag:v1.2"
    )


def _candidates(word: str) -> Sequence[Meaning]:
    """What a word stands for, if there can be such a thing."""
    kind, colon, name = word.partition(":")
    if colon:  # no name of a branch or a tag has a colon
        return [Meaning(kind, name)]
    for kind, prefix in _REFS.items():
        if word.startswith(prefix):
            return [Meaning(kind, word.removeprefix(prefix))]
    if refs.is_full_id(word.lower()):
        return [Meaning("commit", word)]
    if word == "0" or (word.isdigit() and not word.isascii()):  # was meant as a number; branch:0 says otherwise
        return []
    return [Meaning(kind, word) for kind in KINDS]


def _is_id(text: str) -> bool:
    return refs.is_full_id(text.lower()) or refs.is_short_id(text.lower())


def kinds(found: Sequence[Meaning]) -> str:
    """The kinds of some meanings, in words: branch, tag or commit."""
    *others, last = (meaning.kind for meaning in found)
    return f"{', '.join(others)} or {last}" if others else last
