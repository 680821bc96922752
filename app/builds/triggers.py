"""The build that a change at a host asks for. Pure."""

import re
from dataclasses import dataclass, replace
from typing import Literal

from app.scm.hook import Change, Deployment, PullRequest, Push
from app.scm.refs import is_full_id, is_short_id

_REQUEST = re.compile(r"refs/(?:pull|merge-requests)/([1-9][0-9]{0,8})/head")
_VERSION = re.compile(r"v?[0-9]+.")
#: The repository that the commits of a pull request come from, when the host no longer knows it. No repository has
#: such a name, so the pull request counts as one of a fork.
GONE = "(deleted)"


@dataclass(frozen=True, slots=True)
class Trigger:
    """Event, action, ref and branches of the build that a change asks for; the branches are empty if not known."""

    event: str
    action: str
    ref: str
    source_branch: str
    target_branch: str
    #: Number of the pull request; 0 for other events.
    number: int = 0
    #: The slug of the repository that a pull request comes from; empty if not known.
    source_repo: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """A branch was deleted, or a pull request was closed: it has no newest build any more."""

    kind: Literal["branch", "pull"]
    name: str


def build_event(change: Change, default_branch: str) -> Trigger | None:
    """The build that a push or a pull request asks for (contract drone-yaml 16); None when no build follows.

    A ref of a pull request does not tell into which branch it would be merged, so that is the default branch.
    """
    if isinstance(change, PullRequest):
        return _of_pull_request(change)
    if not isinstance(change, Push) or change.deleted:
        return None
    if change.ref.startswith("refs/heads/"):
        branch = change.ref.removeprefix("refs/heads/")
        return Trigger("push", "", change.ref, branch, branch)
    if change.ref.startswith("refs/tags/"):
        return Trigger("tag", "create", change.ref, change.base, change.base)
    if request := _REQUEST.fullmatch(change.ref):
        action = "opened" if change.created else "synchronized"
        return Trigger("pull_request", action, change.ref, "", default_branch, int(request[1]))
    return None


def _of_pull_request(change: PullRequest) -> Trigger | None:
    if change.action == "closed":
        return None
    origin = GONE if change.source_repo is None else change.source_repo
    return Trigger(
        "pull_request", change.action, change.ref, change.source, change.target, change.number, source_repo=origin
    )


def ended(change: Change) -> Gone | None:
    """The branch or the pull request that a change has ended; None for any other change."""
    if isinstance(change, PullRequest):
        return Gone("pull", str(change.number)) if change.action == "closed" else None
    if not isinstance(change, Push) or not change.deleted:
        return None
    if change.ref.startswith("refs/heads/"):
        return Gone("branch", change.ref.removeprefix("refs/heads/"))
    request = _REQUEST.fullmatch(change.ref)
    return Gone("pull", request[1]) if request else None


def at_home(change: Change, told: str, slug: str) -> Change:
    """The change, where a pull request from the repository itself has the slug that this server knows.

    `told` is the slug that the webhook gives to the repository, and `slug` the one that this server knows: they differ
    after the repository was renamed. Then another repository may have the old slug; it counts as one without a slug.
    """
    if not isinstance(change, PullRequest) or change.source_repo is None:
        return change
    origin = change.source_repo.lower()
    if origin == told.lower():
        return replace(change, source_repo=slug)
    return replace(change, source_repo=None) if origin == slug.lower() else change


def is_from_fork(trigger: Trigger, slug: str) -> bool:
    """Whether a pull request comes from another repository than that of this slug."""
    return trigger.source_repo.lower() not in ("", slug.lower())


def is_echo(change: Deployment, server: str) -> bool:
    """Whether the server of this id, which is its public address, made a deployment itself.

    A server marks the deployments that it shows at the host with `{"ci": server, "build": …}`, and nothing else.
    """
    return set(change.params) == {"ci", "build"} and change.params["ci"] == server


def refs_of(change: Deployment) -> tuple[str, ...]:
    """The refs that a deployment may mean (contract scm-webhooks 3.4), the likeliest first; none for its commit."""
    ref = change.ref
    if change.after.startswith(ref) and (is_full_id(ref) or is_short_id(ref)):
        return ()
    if ref.startswith("refs/"):
        return (ref,)
    branch, tag = f"refs/heads/{ref}", f"refs/tags/{ref}"
    return (tag, branch) if _VERSION.match(ref) else (branch, tag)
