"""A promotion or a rollback, as a host shows it (contract scm-api 4). Pure."""

from collections.abc import Mapping

from app.builds.model import Build
from app.moments import Actor
from app.notify.statuses import is_commit, page_of
from app.scm.forge import Deployment

_TASKS = {"promote": "deploy", "rollback": "rollback"}
_TEXTS: Mapping[str, str] = {
    "pending": "is waiting for a runner",
    "blocked": "is waiting for approval",
    "running": "is running",
    "success": "has succeeded",
    "failure": "has failed",
    "error": "met an error",
    "killed": "was killed",
    "declined": "was declined",
    "skipped": "was skipped",
}
#: Statuses that somebody decided on.
_DECIDED = frozenset({"killed", "declined", "skipped"})
#: Characters of a description that hosts take.
LONGEST = 140


def deployment_of(build: Build, slug: str, by: Actor, *, server: str, public_url: str) -> Deployment | None:
    """The deployment that a build with its stages is; None for a build that is none.

    `by` is who has made its status what it is, `server` the id of this server.
    """
    if (task := _TASKS.get(build.event)) is None or not build.deploy_to or not is_commit(build.after):
        return None
    state = build.state
    return Deployment(
        sha=build.after,
        ref=build.ref,
        environment=build.deploy_to,
        state=state,
        description=_description(build, state, by),
        link=page_of(build, slug, public_url),
        task=task,
        payload=mark(server, build.number),
    )


def mark(server: str, number: int) -> dict[str, str | int]:
    """What the payload of a deployment says, so that the server whose deployment it is starts nothing because of it."""
    return {"ci": server, "build": number}


def _description(build: Build, state: str, by: Actor) -> str:
    """What the state means, and who has decided so (contract scm-api 4.2)."""
    text = f"Build {build.number} {_TEXTS.get(state, 'is ' + state)}"
    who = by.name if by.kind in ("person", "machine") else by.kind
    return f"{text} by {who}"[:LONGEST] if state in _DECIDED and who else text
