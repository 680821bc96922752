"""Which repositories a promotion takes files from and puts them into."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.artifacts import repositories
from app.artifacts.access import Visitor
from app.artifacts.model import ArtifactRepository
from app.artifacts.repositories import Repositories
from app.artifacts.visible import may_see
from app.buildinfo.order import Order
from app.db.tx import Tx
from app.errors import Invalid, Problem


@dataclass(frozen=True, slots=True)
class Aim:
    """Where files come from and go to."""

    repositories: Repositories
    #: None when files stay where they are.
    target: ArtifactRepository | None
    sources: Sequence[ArtifactRepository]

    @property
    def members(self) -> dict[str, Sequence[str]]:
        """The local repositories that virtual ones stand for, by key."""
        found = self.repositories
        virtual = [repo for repo in found.by_key.values() if repo.kind != "local"]
        return {repo.key: [member.key for member in found.locals_of(repo)] for repo in virtual}


def resolved(visitor: Visitor, order: Order) -> Tx[Aim]:
    """The repositories that are named. Invalid when one is not known or not usable; Forbidden is judged first."""
    found = yield from repositories.read_all()
    target = _target(visitor, found, order.target, fail_fast=order.fail_fast) if order.target else None
    return Aim(found, target, _sources(visitor, found, order.source))


def _target(visitor: Visitor, found: Repositories, key: str, *, fail_fast: bool) -> ArtifactRepository:
    """The repository that takes the files.

    To callers who may promote nothing to the repository, one that is there looks like one that is not: without
    `fail_fast` both are a repository without an id, and each file is refused for want of the right.
    """
    rights, nowhere = visitor.rights, ArtifactRepository(0, key)
    repo = found.by_key.get(key)
    if repo is not None and repo.kind != "local":
        if not repo.deploy_to and may_see(rights, repo, found):
            words = f"the virtual repository {key} has no default deployment repository; name a local repository"
            raise _wrong("targetRepo", words)
        repo = found.by_id.get(repo.deploy_to)
    if not rights.somewhere("promote", repo or nowhere):
        if fail_fast:
            visitor.refuse("promote", key)
        return nowhere
    if repo is None:
        raise _wrong("targetRepo", f"there is no repository {key}; name one that exists")
    if repo.system:
        raise _wrong("targetRepo", f"{key} is kept by the server, so nothing can be promoted to it; name another")
    return repo


def _sources(visitor: Visitor, found: Repositories, key: str) -> list[ArtifactRepository]:
    rights = visitor.rights
    if not key:
        return [repo for repo in found.by_key.values() if repo.kind == "local" and not repo.system]
    repo = found.by_key.get(key)
    members = found.locals_of(repo) if repo is not None else [ArtifactRepository(0, key)]
    if members and not any(rights.somewhere("read", member) for member in members):
        visitor.refuse("read", key)
    if repo is None:
        raise _wrong("sourceRepo", f"there is no repository {key}; name one that exists, or none")
    if repo.system:
        raise _wrong("sourceRepo", f"{key} is kept by the server, so nothing is promoted from it; name another")
    return [member for member in members if not member.system]


def _wrong(name: str, words: str) -> Invalid:
    return Invalid.of([Problem(name, "bad_repository", f"{name}: {words}")])
