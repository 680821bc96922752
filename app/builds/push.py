"""What follows from a push: a build, or, if the ref was deleted, the end of its entry in the index of newest builds."""

from dataclasses import replace

from app.builds import flow, lists, triggers
from app.builds.model import Build
from app.builds.ports import Ports
from app.builds.triggers import Trigger
from app.errors import NothingToRun, Unreadable
from app.moments import Actor
from app.pipeline.skip import skips
from app.repos.model import Repo, source
from app.scm.hook import Push


async def forget_ref(ports: Ports, repo: Repo, push: Push) -> None:
    """Drop the entry of the deleted ref, a branch or a pull request, from the index of newest builds."""
    trigger = triggers.build_event(replace(push, after=push.before), repo.default_branch)
    if trigger and trigger.event == "push":
        await ports.db.write(lists.forget(repo.id, "branch", trigger.target_branch))
    elif trigger and trigger.event == "pull_request":
        await ports.db.write(lists.forget(repo.id, "pull", str(trigger.number)))


async def push_build(ports: Ports, repo: Repo, push: Push, trigger: Trigger, by: Actor) -> Build | None:
    """The build of a push; None when the commit's message or the pipeline file says that nothing is to run.

    A pipeline file that cannot be used, or was declined, makes an error build, because no person reads the answer to a
    push.
    """
    if trigger.event == "pull_request" and repo.ignore_pull_requests:
        return None
    commit = await ports.hosts.commit(source(repo), push.after)
    if "ci.skip" in push.options or skips(trigger.event, commit.message):
        return None
    draft = replace(
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
    try:
        return await flow.start(ports, repo, draft, "build.push", by)
    except NothingToRun:
        return None
    except Unreadable as error:
        return await flow.fail(ports, repo, draft, error.message, "build.push", by)
