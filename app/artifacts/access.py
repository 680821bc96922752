"""Who calls, and what the caller may do with artifacts."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import orjson
from starlette.requests import Request

from app.accounts import auth
from app.accounts.auth import Claim
from app.accounts.model import User
from app.artifacts import stages
from app.artifacts.blobs.collection import Collector
from app.artifacts.blobs.store import BlobStore
from app.artifacts.clearing import Clearing
from app.artifacts.downloads import Downloads
from app.artifacts.items import Stamp
from app.artifacts.model import BUILD_INFO, ArtifactRepository
from app.artifacts.rights import ACTIONS, Action, Grant, Rights
from app.db.tx import Tx, many
from app.errors import Forbidden, Unauthorized
from app.log import request_id
from app.moments import Actor
from app.web.needs import Scope, StoredNeeds

#: The grants of an account, by itself and by its groups, and those of everybody.
OF_USER = """
    SELECT target_id, section, actions, repositories, includes, excludes
    FROM grants JOIN permission_sections USING (target_id, section)
    WHERE (kind = 'user' AND subject_id = :user_id) OR (kind = 'anonymous')
        OR (kind = 'group' AND subject_id IN (SELECT group_id FROM group_members WHERE user_id = :user_id))
"""
#: The grants of the steps of a git repository.
OF_REPO = """
    SELECT target_id, section, actions, repositories, includes, excludes
    FROM grants JOIN permission_sections USING (target_id, section)
    WHERE (kind = 'repo' AND subject_id = :repo_id) OR (kind = 'anonymous')
"""
#: The environments of sections of permission targets.
ENVIRONMENTS = """
    SELECT target_id, section, name FROM section_environments
    WHERE target_id IN (SELECT id FROM :rows(targets; id bigint) AS target)
"""

#: What tokens of a scope are good for.
BY_SCOPE: dict[Scope, frozenset[Action]] = {
    "read": frozenset({"read"}),
    "promote": frozenset({"read", "promote"}),
    "deploy": frozenset({"read", "annotate", "deploy", "delete", "promote"}),
    "admin": frozenset(ACTIONS),
}


class State(auth.State):
    """The fields of a request's state that the routes of artifacts need."""

    #: Also keeps the quota of all artifacts: `receive` refuses what goes beyond, before it asks for a part.
    blobs: BlobStore
    #: A folder in which files without names may be made.
    spool: Path
    downloads: Downloads
    collector: Collector
    #: Removes the items of deleted repositories.
    clearing: Clearing
    #: Unix milliseconds.
    now_ms: Callable[[], int]
    #: Whether callers without an account may read what everybody was granted.
    anonymous_read: bool


@dataclass(frozen=True, slots=True)
class Visitor:
    """A caller, and what the caller may do with artifacts. `user` is None without an account, and for a stage."""

    user: User | None
    by: Actor
    rights: Rights

    @property
    def name(self) -> str:
        """What is stored as the one who made or changed something."""
        return self.by.name or "anonymous"

    def stamp(self, at: int) -> Stamp:
        """The caller and a time, Unix milliseconds, for what the caller changes."""
        return Stamp(self.name, at)

    def require(self, action: Action, repo: ArtifactRepository, path: str = "") -> None:
        """Forbidden, or Unauthorized without an account, when the caller may not do something at a path."""
        if not self.rights.may(action, repo, path):
            self.refuse(action, repo.key, path)

    def refuse(self, action: Action, repo: str, path: str = "", *, to: str = "") -> NoReturn:
        """The error for a caller who lacks a right, *promote* perhaps `to` an environment; it does not tell whether
        there is such a repository or path."""
        if self.user is None and self.by.kind == "person":
            raise Unauthorized("Bad credentials: this needs an account")
        right, where = f"{action} to {to}" if to else action, f"{repo}:{path}" if path else repo
        raise self.refused(Forbidden(f"Forbidden: the right {right} is needed on {where}", code="right_needed"))

    def refused(self, error: Forbidden) -> Forbidden:
        """The error, with the account that lacks a right, so that the refusal can be recorded."""
        return auth.refused(error, self.user) if self.user is not None else error


class VisitorNeeds(StoredNeeds[Visitor]):
    """Finds out who calls. The handler asks for the right, which depends on the path.

    `account`: an account is needed, or the token of a running stage. `system`: an administrator of the server.
    """

    def __init__(self, means: str, *, account: bool = False, system: bool = False) -> None:
        super().__init__(means, strangers=not account and not system, judges_scope=True)
        self._account = account
        self._system = system

    async def asked(self, request: Request[Any]) -> Tx[Visitor]:
        """The visitor; Unauthorized, Forbidden."""
        return self._judged(await auth.claim(request), anonymous=request.state["anonymous_read"])

    def is_known(self, granted: Visitor) -> bool:
        """See Needs."""
        return granted.user is not None or granted.by.kind != "person"

    def _judged(self, shown: Claim, *, anonymous: bool) -> Tx[Visitor]:
        visitor = yield from visitor_of(shown, anonymous=anonymous)
        known = self.is_known(visitor)
        if not known and (self._account or self._system or not anonymous):
            raise Unauthorized("Bad credentials: this needs an account")
        if self._system and not (visitor.rights.everything and visitor.rights.allowed >= frozenset(ACTIONS)):
            words = "Forbidden: this is for administrators of the server, with a token of the scope admin"
            raise auth.refused(Forbidden(words), visitor.user) if visitor.user else Forbidden(words)
        return visitor


#: Who may do something with artifacts; the handler asks for the right.
VISITOR = VisitorNeeds("Who was granted the right; anybody what everybody may read, if the server allows that.")
ACCOUNT = VisitorNeeds("Any account, and the steps of a running stage.", account=True)
SYSTEM = VisitorNeeds("Administrators of the server.", system=True)


def visitor_of(shown: Claim, *, anonymous: bool) -> Tx[Visitor]:
    """The visitor who makes a claim. Unauthorized for a token that is not known."""
    if shown.token_hash and (stage := (yield from stages.find(shown.token_hash, shown.now))) is not None:
        repo_id, name = stage
        grants = yield from _grants(OF_REPO, repo_id=repo_id)
        by = Actor("runner", name, 0, shown.address, "token", request_id.get())
        return Visitor(None, by, Rights(False, BY_SCOPE["deploy"], (*grants, _own_builds(name))))
    caller = yield from auth.caller_of(shown)
    user = caller.user if caller else None
    allowed = BY_SCOPE[caller.proof.scope if caller else "read"]
    if user is None and not anonymous:
        return Visitor(None, shown.by(None), Rights(False, frozenset()))
    grants = yield from _grants(OF_USER, user_id=user.id if user else 0)
    return Visitor(user, shown.by(user), Rights(user is not None and user.admin, allowed, grants))


def _own_builds(stage: str) -> Grant:
    """What every stage may: publish build-info under the name of its git repository, in the repository of all."""
    folder = stage.rpartition("#")[0].replace("/", "%2F")
    return Grant(frozenset({BUILD_INFO}), frozenset({"read", "deploy"}), (f"{folder}/**",), section="build")


def _grants(sql: str, **who: int) -> Tx[tuple[Grant, ...]]:
    rows = yield from many(sql, **who)
    environments = yield from _environments({row["target_id"] for row in rows if row["section"] == "releaseBundle"})
    return tuple(
        Grant(
            frozenset(orjson.loads(row["repositories"])),
            frozenset(orjson.loads(row["actions"])),
            tuple(orjson.loads(row["includes"])),
            tuple(orjson.loads(row["excludes"])),
            row["section"],
            frozenset(environments.get((row["target_id"], row["section"]), ())),
        )
        for row in rows
    )


def _environments(targets: Collection[int]) -> Tx[dict[tuple[int, str], set[str]]]:
    """The environments of the sections of permission targets, by target and section."""
    found: dict[tuple[int, str], set[str]] = {}
    if targets:
        ids = orjson.dumps([[target] for target in sorted(targets)]).decode()
        for row in (yield from many(ENVIRONMENTS, targets=ids)):
            found.setdefault((row["target_id"], row["section"]), set()).add(row["name"])
    return found
