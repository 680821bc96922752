"""The commit that a word of a person names: a build, a branch, a tag or a commit; and what lies between two."""

import re
from dataclasses import dataclass

from app.builds import store
from app.builds.model import Build
from app.builds.ports import Ports
from app.db.tx import Tx
from app.errors import Invalid, Problem
from app.repos.model import Repo, source
from app.scm import refs
from app.scm.forge import Comparison

_NUMBER = re.compile(r"#?([1-9][0-9]{0,17})", re.ASCII)


async def commit_of(ports: Ports, repo: Repo, word: str, field: str) -> str:
    """The whole id of the commit of `#42` or `42`, or of a branch, a tag or a commit id, tried in this order.

    A number that is no build's may be another name, unless it has the `#`. NotFound; Invalid (of the field) for a build
    without a commit, and for a word that is no name.
    """
    if number := _NUMBER.fullmatch(word):
        build = await ports.db.read(_numbered(repo.id, int(number[1]), must=word.startswith("#")))
        if build is not None:
            return _commit(build, field)
    if refs.is_full_id(word.lower()):
        return word.lower()
    return (await ports.hosts.commit(source(repo), word)).sha


@dataclass(frozen=True, slots=True)
class Between:
    """Two commits by their whole ids, and what the second has and the first has not."""

    before: str
    after: str
    found: Comparison


async def between(ports: Ports, repo: Repo, words: str) -> Between:
    """What lies between the two commits of `31...main`.

    Each is named as for `commit_of`, and its errors are those of the field `range`. Unreadable `cannot_compare` where
    the repository's host cannot tell.
    """
    first, dots, second = words.partition("...")
    if not (first and dots and second):
        text = "write two builds, branches, tags or commits with three dots between them, as in 31...main"
        raise Invalid.of([Problem("range", "bad_range", text)])
    before = await commit_of(ports, repo, first, "range")
    after = await commit_of(ports, repo, second, "range")
    same = before == after
    return Between(
        before, after, Comparison((), ()) if same else await ports.hosts.compare(source(repo), before, after)
    )


def _numbered(repo_id: int, number: int, *, must: bool) -> Tx[Build | None]:
    if must:
        return (yield from store.find(repo_id, number))
    return (yield from store.find_numbered_if_any(repo_id, number))


def _commit(build: Build, field: str) -> str:
    if not refs.is_full_id(build.after):
        raise Invalid.of([Problem(field, "no_commit", f"build {build.number} has no commit")])
    return build.after
