"""Finds the build that a word stands for: a number, `last`, or what names a commit.

42               the build of this number
last             the newest build of the default branch
last:success     the newest build of the default branch with this status
main, v1.2       the newest build of this branch, else of this tag
5fcb01b          the newest build of this commit, by 7 digits of its id or more
branch:main, tag:v1.2, commit:5fcb01b, refs/heads/main, refs/tags/v1.2: the same, where a name could be several
"""

import re
from collections.abc import Sequence
from typing import NamedTuple, get_args

from app.builds.model import Status
from app.cli.remote.client import Client, Json
from app.cli.terminal.commands import nearest
from app.cli.terminal.options import NUMBER_FORM, is_slug, repo_path
from app.errors import Invalid, NotFound
from app.scm.refs import is_full_id

_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)
_REFS = {"branch": "refs/heads/", "tag": "refs/tags/"}


class Meaning(NamedTuple):
    """One thing that a word may stand for: a branch, a tag or a commit."""

    kind: str
    name: str

    def fits(self, build: Json) -> bool:
        """Whether a build is one of this: servers that do not know a filter send other builds as well."""
        if self.kind == "commit":
            return str(build.get("after", "")).startswith(self.name.lower())
        return build.get("ref") == _REFS[self.kind] + self.name


def find(client: Client, slug: str, word: str) -> int | None:
    """The number of the build that a word stands for; None when a branch, tag or commit of this name has no build.

    A number is taken as it is; Invalid for an unknown status; `Refused` for
    `last` without a build, and for an unknown repository.
    """
    if re.fullmatch(NUMBER_FORM, word, re.ASCII):
        return int(word)
    if word == "last":
        return int(client.record("GET", repo_path(slug, "builds", "latest"))["number"])
    if word.startswith("last:"):
        if (status := word.removeprefix("last:")) not in (known := get_args(Status)):
            raise Invalid(f"{status!r} is no status of a build.{nearest(status, known)}")
        branch = str(client.record("GET", repo_path(slug)).get("default_branch", ""))
        query = {"branch": branch, "status": status, "per_page": "100"}
        found = client.records(repo_path(slug, "builds"), query=query)
        return next((int(build["number"]) for build in found if build.get("status") == status), None)
    for meaning in meanings(word):
        query = {meaning.kind: meaning.name, "per_page": "1"}
        for build in client.records(repo_path(slug, "builds"), query=query):
            if meaning.fits(build):
                return int(build["number"])
    return None


def number(client: Client, slug: str, word: str) -> int:
    """The number of the build that a word stands for; NotFound."""
    if (found := find(client, slug, word)) is not None:
        return found
    if word.startswith("last:"):
        raise NotFound(f"no build of the default branch of {slug} is {word.removeprefix('last:')}")
    hint = f"; if {word} is the repository, the build after it is missing" if is_slug(word) else ""
    raise NotFound(f"{slug} has no build of a branch, tag or commit {word!r}{hint}")


def show(client: Client, slug: str, word: str) -> Json:
    """The build that a word stands for, with its stages; NotFound, Refused."""
    which = "latest" if word == "last" else number(client, slug, word)
    return client.record("GET", repo_path(slug, "builds", which))


def meanings(word: str) -> Sequence[Meaning]:
    """What a word may stand for, in the order in which it is looked for; nothing for a number, and for `last`."""
    if re.fullmatch(NUMBER_FORM, word, re.ASCII) or word == "last" or word.startswith("last:"):
        return ()
    kind, colon, name = word.partition(":")
    if colon and kind in {*_REFS, "commit"}:
        return (Meaning(kind, name),)
    for kind, prefix in _REFS.items():
        if word.startswith(prefix):
            return (Meaning(kind, word.removeprefix(prefix)),)
    commit = (Meaning("commit", word),) if _COMMIT.fullmatch(word) else ()
    if is_full_id(word.lower()):
        return commit
    return (*(Meaning(kind, word) for kind in _REFS), *commit)
