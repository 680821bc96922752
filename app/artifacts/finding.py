"""Finding the item that an address names, as far as the caller may read.

A caller without the right gets the same refusal whether there is such a repository, such an item, or none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.artifacts import items, repositories, trees
from app.artifacts.access import Visitor
from app.artifacts.address import Address
from app.artifacts.items import Found
from app.artifacts.model import ArtifactRepository
from app.artifacts.repositories import NoRepository
from app.artifacts.rights import Action
from app.artifacts.visible import VISIBLE, visible_in
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
    #: The local repositories that the address means, `repo` among them: what is in a folder is in any of these.
    members: Sequence[ArtifactRepository]

    @property
    def path(self) -> str:
        """The whole path of the item."""
        return self.found.item.whole_path


def find(visitor: Visitor, address: Address) -> Tx[Place]:
    """The item of an address that the caller may read; of a virtual repository, in the first member that has one.

    Forbidden or Unauthorized without the right, NotFound when nothing is there.
    """
    looked, readable = (yield from members(visitor, address)), False
    for repo in looked:
        may = yield from _may_read(visitor, repo, address.path)
        readable = readable or may
        if may and (found := (yield from items.find(repo.id, address.path))) is not None:
            return Place(repo, found, looked)
    if not readable:
        refuse(visitor, address, looked)
    raise no_item(address)


def members(visitor: Visitor, address: Address) -> Tx[Sequence[ArtifactRepository]]:
    """The local repositories that an address means, in the order in which they are searched.

    Forbidden or Unauthorized for who could not read there, else NoRepository, when there is no such repository.
    """
    row = yield from one(repositories.BY_KEY, key=address.repo)
    if row is None:
        visitor.require("read", ArtifactRepository(0, address.repo), address.path)
        raise no_repository(address)
    repo = repositories.MAPPER.make(row)
    return [repo] if repo.kind == "local" else (yield from repositories.read_all()).locals_of(repo)


def refuse(visitor: Visitor, address: Address, looked: Sequence[ArtifactRepository]) -> None:
    """Forbidden or Unauthorized for who may read nothing in the repositories of an address.

    A virtual repository without members is nobody's: who could read a repository of its name may know of it.
    """
    if looked or not visitor.rights.may("read", ArtifactRepository(0, address.repo), address.path):
        visitor.refuse("read", address.repo, address.path)


def no_item(address: Address) -> NotFound:
    """The error for an address without an item; clients look for these words."""
    return NotFound(f"Unable to find item {address}")


def no_repository(address: Address) -> NoRepository:
    """The error for an address whose repository is not there; clients look for these words."""
    return NoRepository(f"Unable to find item {address}: there is no artifact repository {address.repo}")


def _may_read(visitor: Visitor, repo: ArtifactRepository, path: str) -> Tx[bool]:
    """Whether the caller may read an item, or anything below it."""
    if visitor.rights.may("read", repo, path):
        return True
    if not visitor.rights.somewhere("read", repo):
        return False
    seen, tree = visible_in(visitor.rights, [repo]).parameters(), trees.parameters(repo.id, path)
    return (yield from one(VISIBLE_BELOW.of(path), **tree, **seen)) is not None


def local(visitor: Visitor, address: Address, action: Action) -> Tx[ArtifactRepository]:
    """The local repository of an address in which the caller may do something at the path.

    Invalid for a virtual repository. Forbidden, Unauthorized or NoRepository as in `find`.
    """
    all_repos = yield from repositories.read_all()
    repo = all_repos.by_key.get(address.repo) or ArtifactRepository(0, address.repo)
    if repo.kind != "local":
        readable = [each for each in all_repos.locals_of(repo) if visitor.rights.somewhere("read", each)]
        if not readable:
            visitor.refuse(action, address.repo, address.path)
        keys = ", ".join(each.key for each in readable)
        words = f"{repo.key} is a virtual repository; name one of its local repositories: {keys}"
        raise Invalid.of([Problem("path", "virtual_repository", words)])
    visitor.require(action, repo, address.path)
    if not repo.id:
        raise no_repository(address)
    return repo
