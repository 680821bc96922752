"""What follows from a push or a pull request: a build, or the end of an entry in the index of newest builds."""

import logging
from collections.abc import Callable
from dataclasses import replace

from typing_extensions import TypedDict, Unpack

from app.accounts import store as accounts
from app.builds import flow, lists, triggers
from app.builds.model import Build
from app.builds.ports import Ports
from app.builds.triggers import Gone, Trigger
from app.db.tx import Tx
from app.errors import AppError, NotFound, NothingToRun, Unreadable
from app.moments import Actor
from app.pipeline.skip import skips
from app.repos.model import Repo, source
from app.scm.hook import Change, PullRequest, Push
from app.scm.host import Commit

log = logging.getLogger(__name__)

#: The beginning of the tags that mark promotions in repositories of plain git that want such tags.
DEPLOYED = "refs/tags/deploy/"


class Options(TypedDict):
    """How a build of a delivery is made: `claim` makes the first part of its transaction, as in `flow.start`.

    `retried` tells whether an error of a host makes no error build, because the caller tries once more.
    """

    claim: Callable[[], Tx[None]]
    retried: Callable[[AppError], bool]


async def forget_ref(ports: Ports, repo: Repo, gone: Gone) -> None:
    """Drop the entry of a deleted branch or a closed pull request from the index of newest builds."""
    await ports.db.write(lists.forget(repo.id, gone.kind, gone.name))


async def push_build(
    ports: Ports,
    repo: Repo,
    change: Change,
    trigger: Trigger,
    by: Actor,
    *,
    found_late: bool = False,
    **options: Unpack[Options],
) -> Build:
    """The build of a push or a pull request; `found_late` marks the build of what no delivery told of in time.

    NothingToRun when the repository's settings, the commit's message or the pipeline file say that nothing is to run.
    An error that is `retried` makes no build. A pipeline file that cannot be used, or was declined, makes an error
    build, because no person reads the answer to a push.
    """
    _refuse_unwanted(repo, change, trigger)
    await refuse_without_owner(ports, repo)
    commit = await find_commit(ports, repo, change)
    if skips(trigger.event, change.message or commit.message, change.title):
        raise NothingToRun("the message of the commit asks for no build")
    draft = _draft(repo, commit, change, trigger, by, found_late=found_late)
    claim, retried = options["claim"], options["retried"]
    try:
        return await flow.start(ports, repo, draft, "build.push", by, claim=claim())
    except Unreadable as error:
        if retried(error):
            raise
        return await flow.fail(ports, repo, draft, error.message, "build.push", by, claim=claim())


async def fail_push(
    ports: Ports,
    repo: Repo,
    change: Change,
    trigger: Trigger,
    by: Actor,
    error: str,
    claim: Tx[None],
    *,
    found_late: bool = False,
) -> Build:
    """An error build that says why the commit of a change could not be read: only what the host tells is known."""
    draft = _draft(repo, _unread(change), change, trigger, by, found_late=found_late)
    return await flow.fail(ports, repo, draft, error, "build.push", by, claim=claim)


def _refuse_unwanted(repo: Repo, change: Change, trigger: Trigger) -> None:
    """NothingToRun for a change that the repository ignores, by what the webhook tells (contract scm-webhooks 4)."""
    if repo.git_tags and change.ref.startswith(DEPLOYED):
        raise NothingToRun("the tag is the mark of a promotion, which this server sets")
    if isinstance(change, Push) and "ci.skip" in change.options:
        raise NothingToRun("the push option ci.skip asks for no build")
    if skips(trigger.event, change.message, change.title):
        raise NothingToRun("the message asks for no build")
    if trigger.event != "pull_request":
        return
    if repo.ignore_pull_requests:
        raise NothingToRun("the repository ignores pull requests")
    if repo.ignore_forks and triggers.is_from_fork(trigger, repo.slug):
        raise NothingToRun("the repository ignores pull requests from forks")


async def refuse_without_owner(ports: Ports, repo: Repo) -> None:
    """NothingToRun when the account that owns a repository of a host with an API is inactive: the account of calls."""
    if not repo.scm:
        return
    owner = await ports.db.glance(accounts.find_by_id(repo.user_id))
    if owner is not None and not owner.active:
        raise NothingToRun(f"the account {owner.login}, which owns the repository, is inactive")


async def find_commit(ports: Ports, repo: Repo, change: Change) -> Commit:
    """The commit of a change. A host that has told of the commit is not asked.

    Where the host has told a part, the commit may stay unread: only a commit without an id, and one of plain git, must
    be there, else NotFound, Unreadable or Unavailable.
    """
    if change.message and change.after:
        return _unread(change)
    needed = not repo.scm or not change.after
    try:
        return await _commit(ports, repo, change)
    except AppError as error:
        if needed:
            raise
        about = {"repo": repo.slug, "commit": change.after, "reason": error.message}
        log.warning("the message of a commit could not be read", extra=about)
        return _unread(change)


async def _commit(ports: Ports, repo: Repo, change: Change) -> Commit:
    """The commit by its id; by its ref, if there is no id, or if the id is perhaps that of an annotated tag."""
    if not change.after:
        return await _newest(ports, repo, change)
    try:
        return await ports.hosts.commit(source(repo), change.after)
    except NotFound:
        if not repo.scm or not change.ref.startswith("refs/tags/"):
            raise
    return await ports.hosts.commit(source(repo), change.ref)


async def _newest(ports: Ports, repo: Repo, change: Change) -> Commit:
    """The commit of a ref. Gogs knows a pull request by its branch alone, which is in the repository or in a fork."""
    try:
        return await ports.hosts.commit(source(repo), change.ref)
    except NotFound:
        if not isinstance(change, PullRequest) or change.source_repo != repo.slug:
            raise
    return await ports.hosts.commit(source(repo), f"refs/heads/{change.source}")


def _unread(change: Change) -> Commit:
    return Commit(change.after, "", "", "", "", 0)


def _draft(repo: Repo, commit: Commit, change: Change, trigger: Trigger, by: Actor, *, found_late: bool) -> Build:
    """A draft with all that the host tells, and with facts of the commit where the host does not tell."""
    known = flow.draft_of(repo, commit)
    return replace(
        known,
        trigger=flow.trigger_of(by),
        event=trigger.event,
        action=trigger.action,
        link=change.link,
        timestamp=change.timestamp or known.timestamp,
        title=change.title,
        message=change.message or known.message,
        before=change.before,
        ref=trigger.ref,
        source_repo=trigger.source_repo,
        source_branch=trigger.source_branch,
        target_branch=trigger.target_branch,
        author_login=change.author_login or known.author_login,
        author_name=change.author_name or known.author_name,
        author_email=change.author_email or known.author_email,
        author_avatar=change.author_avatar,
        sender=change.sender or commit.author_name,
        found_late=found_late,
    )
