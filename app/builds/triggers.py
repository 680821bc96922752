"""The event of the build that a push asks for. Pure."""

import re
from dataclasses import dataclass

from app.scm.hook import Push

_REQUEST = re.compile(r"refs/(?:pull|merge-requests)/([1-9][0-9]{0,8})/head")


@dataclass(frozen=True, slots=True)
class Trigger:
    """Event, action, ref and branches of the build that a push asks for; the branches are empty if not known."""

    event: str
    action: str
    ref: str
    source_branch: str
    target_branch: str
    #: Number of the pull request; 0 for other events.
    number: int = 0


def build_event(push: Push, default_branch: str) -> Trigger | None:
    """The build that a push asks for (contract drone-yaml 16); None when its ref was deleted or starts no build.

    A ref of a pull request does not tell into which branch it would be merged, so that is the default branch.
    """
    if push.deleted:
        return None
    if push.ref.startswith("refs/heads/"):
        branch = push.ref.removeprefix("refs/heads/")
        return Trigger("push", "", push.ref, branch, branch)
    if push.ref.startswith("refs/tags/"):
        return Trigger("tag", "create", push.ref, "", "")
    if request := _REQUEST.fullmatch(push.ref):
        action = "opened" if push.created else "synchronized"
        return Trigger("pull_request", action, push.ref, "", default_branch, int(request[1]))
    return None
