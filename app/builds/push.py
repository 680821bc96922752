"""What follows from a push: a build, or, if the ref was deleted, the end of its entry in the index of newest builds."""

from collections.abc import Callable
from dataclasses import replace

from app.builds import flow, lists, triggers
from app.builds.model import Build
from app.builds.ports import Ports
from app.builds.triggers import Trigger
from app.db.tx import Tx
from app.errors import NothingToRun, Unreadable
from app.moments import Actor
from app.pipeline.skip import skips
from app.repos.model import Repo, source
from app.scm.hook import Push
from app.scm.host import Commit, passes


async def forget_ref(ports: Ports, repo: Repo, push: Push) -> None:
    """Drop the entry of the deleted ref, a branch or a pull request, from the index of newest builds."""
    trigger = triggers.build_event(replace(push, after=push.before), repo.default_branch)
    if trigger and trigger.event == "push":
        await ports.db.write(lists.forget(repo.id, "branch", trigger.target_branch))
    elif trigger and trigger.event == "pull_request":
        await ports.db.write(lists.forget(repo.id, "pull", str(trigger.number)))


async def push_build(
    ports: Ports,
    repo: Repo,
    push: Push,
    trigger: Trigger,
    by: Actor,
    *,
    claim: Callable[[], Tx[None]] | None = None,
) -> Build | None:
    """The build of a push; None when the commit's message or the pipeline file says that nothing is to run.

    `claim` makes the first part of the build's transaction, as in `flow.start`. An error that may pass makes no build.

    A pipeline file that cannot be used, or was declined, makes an error build, because no person reads the answer to a
    push.
    """
    if trigger.event == "pull_request" and repo.ignore_pull_requests:
        return None
    commit = await ports.hosts.commit(source(repo), push.after)
    if "ci.skip" in push.options or skips(trigger.event, commit.message):
        return None
    draft = _draft(repo, commit, push, trigger, by)
    claimed = claim or _nothing
    try:
        return await flow.start(ports, repo, draft, "build.push", by, claim=claimed())
    except NothingToRun:
        return None
    except Unreadable as error:
        if passes(error):
            raise
        return await flow.fail(ports, repo, draft, error.message, "build.push", by, claim=claimed())


async def fail_push(
    ports: Ports, repo: Repo, push: Push, trigger: Trigger, by: Actor, error: str, claim: Tx[None]
) -> Build:
    """An error build that says why the commit of a push could not be read: its message and author are not known."""
    draft = _draft(repo, Commit(push.after, "", "", "", "", 0), push, trigger, by)
    return await flow.fail(ports, repo, draft, error, "build.push", by, claim=claim)


def _draft(repo: Repo, commit: Commit, push: Push, trigger: Trigger, by: Actor) -> Build:
    return replace(
        flow.draft_of(repo, commit),
        trigger=flow.trigger_of(by),
        event=trigger.event,
        action=trigger.action,
        before=push.before,
        ref=trigger.ref,
        source_branch=trigger.source_branch,
        target_branch=trigger.target_branch,
        sender=push.sender or commit.author_name,
    )


def _nothing() -> Tx[None]:
    yield from ()
