"""The commit that a word of a person names: a build, a branch, a tag or a commit."""

import re

from app.builds import store
from app.builds.model import Build
from app.builds.ports import Ports
from app.db.tx import Tx
from app.errors import Invalid, Problem
from app.repos.model import Repo, source
from app.scm import refs

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


def _numbered(repo_id: int, number: int, *, must: bool) -> Tx[Build | None]:
    if must:
        return (yield from store.find(repo_id, number))
    return (yield from store.find_numbered_if_any(repo_id, number))


def _commit(build: Build, field: str) -> str:
    if not refs.is_full_id(build.after):
        raise Invalid.of([Problem(field, "no_commit", f"build {build.number} has no commit")])
    return build.after
