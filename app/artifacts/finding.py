"""Finding the item that an address names, as far as the caller may read.

A caller without the right gets the same refusal whether there is such a repository, such an item, or none.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from app.artifacts import items, repositories, trees
from app.artifacts.access import Visitor
from app.artifacts.address import Address
from app.artifacts.items import Found
from app.artifacts.model import ArtifactRepository
from app.artifacts.repositories import NoRepository, Repositories
from app.artifacts.rights import Action
from app.artifacts.visible import VISIBLE, visible_to
from app.db.tx import Tx, one
from app.errors import Invalid, NotFound, Problem

#: Anything below a folder that the caller may read.
VISIBLE_BELOW = trees.statement(
    f"SELECT id FROM items WHERE {{tree}} AND items.name <> '.' AND {VISIBLE} LIMIT 1"  # noqa: S608 - fixed texts
)


@dataclass(frozen=True, slots=True)
class Place:
    """An item, and the local repository that it is in."""

    repo: ArtifactRepository
    found: Found

    @property
    def path(self) -> str:
        """The whole path of the item."""
        return self.found.item.whole_path


def find(visitor: Visitor, address: Address) -> Tx[Place]:
    """The item of an address that the caller may read; of a virtual repository, in the first member that has one.

    Forbidden or Unauthorized without the right, NotFound when nothing is there.
    """
    all_repos = yield from repositories.read_all()
    refused = True
    for repo in _locals(visitor, all_repos, address):
        may = yield from _may_read(visitor, all_repos, repo, address.path)
        refused = refused and not may
        if may and (found := (yield from items.find(repo.id, address.path))) is not None:
            return Place(repo, found)
    if refused:
        visitor.refuse("read", address.repo, address.path)
    raise no_item(address)


def no_item(address: Address) -> NotFound:
    """The error for an address without an item; clients look for these words."""
    return NotFound(f"Unable to find item {address}")


def _locals(visitor: Visitor, all_repos: Repositories, address: Address) -> Iterator[ArtifactRepository]:
    repo = all_repos.by_key.get(address.repo)
    if repo is not None:
        yield from all_repos.locals_of(repo)
    elif visitor.rights.everything:
        raise NoRepository(f"Unable to find item {address}: there is no artifact repository {address.repo}")


def _may_read(visitor: Visitor, all_repos: Repositories, repo: ArtifactRepository, path: str) -> Tx[bool]:
    """Whether the caller may read an item, or anything below it."""
    if visitor.rights.may("read", repo, path):
        return True
    if not visitor.rights.somewhere("read", repo):
        return False
    seen, tree = visible_to(visitor.rights, all_repos).parameters(), trees.parameters(repo.id, path)
    return (yield from one(VISIBLE_BELOW.of(path), **tree, **seen)) is not None


def local(visitor: Visitor, address: Address, action: Action) -> Tx[ArtifactRepository]:
    """The local repository of an address in which the caller may do something at the path.

    Invalid for a virtual repository. Forbidden, Unauthorized or NoRepository as in `find`.
    """
    all_repos = yield from repositories.read_all()
    repo = all_repos.by_key.get(address.repo)
    if repo is None:
        if visitor.rights.everything:
            raise NoRepository(f"Unable to find item {address}: there is no artifact repository {address.repo}")
        visitor.refuse(action, address.repo, address.path)
    if repo.kind != "local":
        members = all_repos.locals_of(repo)
        if not any(visitor.rights.somewhere("read", member) for member in members):
            visitor.refuse(action, address.repo, address.path)
        keys = ", ".join(member.key for member in members if visitor.rights.somewhere("read", member))
        words = f"{repo.key} is a virtual repository; name one of its local repositories: {keys or 'it has none'}"
        raise Invalid.of([Problem("path", "virtual_repository", words)])
    visitor.require(action, repo, address.path)
    return repo
