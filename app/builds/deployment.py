"""What follows from a deployment that a host asks for: a promotion or a rollback, by the account of its sender."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from typing_extensions import Unpack

from app.accounts import store as accounts
from app.accounts.hosted import store as hosted
from app.accounts.model import User
from app.builds import flow, store, triggers
from app.builds.model import Build
from app.builds.ports import Ports
from app.builds.push import Options, find_commit, refuse_without_owner
from app.db.tx import Tx
from app.errors import Forbidden, Invalid, NotFound, NothingToRun, Unavailable, Unreadable
from app.moments import Actor, Kind
from app.repos import access
from app.repos.hosted.rights import Untold
from app.repos.model import Repo, source
from app.repos.parameters import problem, shortened
from app.scm.hook import Deployment
from app.web.needs import renewing

#: Names of parameters that a message repeats.
NAMED = 20


async def deployment_build(
    ports: Ports, repo: Repo, change: Deployment, hook: Actor, **options: Unpack[Options]
) -> Build:
    """The promotion or rollback of a deployment (contract scm-webhooks 3.4).

    NothingToRun when its sender may not promote here, or when no pipeline wants the event; Unavailable when the host
    does not tell at present whether the sender may. An error that is `retried` makes no build; a pipeline file that
    cannot be used makes an error build.
    """
    by, parent = await _allowed(ports, repo, change, hook)
    await refuse_without_owner(ports, repo)
    params, refused = _sorted_out(change.params, repo)
    draft = await _completed(ports, repo, change, _draft(repo, change, hook, parent), refused)
    claim, retried = options["claim"], options["retried"]
    try:
        return await flow.deploy(ports, repo, draft, _event(change), by, params=params, claim=claim())
    except Invalid as error:
        raise NothingToRun(f"the deployment cannot be started: {error.message}") from error
    except Unreadable as error:
        if retried(error):
            raise
        return await flow.fail(ports, repo, draft, error.message, flow.verb_of(_event(change)), by, claim=claim())


async def fail_deployment(
    ports: Ports, repo: Repo, change: Deployment, hook: Actor, error: str, claim: Tx[None]
) -> Build:
    """An error build that says why the commit of a deployment could not be read.

    NothingToRun when its sender may not promote here, or when the host does not tell whether the sender may.
    """
    try:
        by, parent = await _allowed(ports, repo, change, hook)
    except Unavailable as untold:
        raise NothingToRun(untold.message) from untold
    draft = _draft(repo, change, hook, parent)
    return await flow.fail(ports, repo, draft, error, flow.verb_of(_event(change)), by, claim=claim)


def _event(change: Deployment) -> flow.Deployment:
    return "rollback" if change.rollback else "promote"


async def _allowed(ports: Ports, repo: Repo, change: Deployment, hook: Actor) -> tuple[Actor, Build | None]:
    """The account that promotes, and the newest passing build of the commit.

    Rights that are too old are asked for, as for a request of the account. NothingToRun without such an account, and
    Unavailable when the host may tell later.
    """
    user = await ports.db.read(_sender(repo, change))
    try:
        return await renewing(lambda: ports.db.read(_judged(ports, repo, change, hook, user)))
    except Untold as untold:
        words = f"{repo.scm} does not tell whether {user.login} may write in {repo.slug}: {untold.reason}"
        raise (Unavailable if untold.passing else NothingToRun)(words) from untold
    except (NotFound, Forbidden) as refusal:
        words = f"{user.login}, who asked for the deployment, needs write access to {repo.slug}"
        raise NothingToRun(words) from refusal


def _sender(repo: Repo, change: Deployment) -> Tx[User]:
    """The account of whoever asked for a deployment; NothingToRun without one.

    NothingToRun also for the work of a workflow, unless the repository wants promotions of that.
    """
    if change.by_workflow and not repo.workflow_deployments:
        words = "a workflow of the host made the deployment; it promotes only with the setting workflow_deployments"
        raise NothingToRun(f"{words} of the repository")
    name = change.sender[:100] or "(unknown)"
    at_host = yield from hosted.by_uid(repo.scm, change.sender_uid)
    user = (yield from accounts.find_by_id(at_host.user_id)) if at_host else None
    if user is None or not user.active:
        raise NothingToRun(f"no active account of this server belongs to {name}, who asked for the deployment")
    return user


def _judged(ports: Ports, repo: Repo, change: Deployment, hook: Actor, user: User) -> Tx[tuple[Actor, Build | None]]:
    """As `_allowed`, with an error that refuses the right to write, or says that the rights are outdated."""
    now, renew = ports.now(), ports.renew_rights
    found = yield from access.of_account(user, repo.namespace, repo.name, "write", now, renew)
    if found.repo.id != repo.id:
        raise NotFound
    kind: Kind = "machine" if user.machine else "person"
    by = Actor(kind, user.login, user.id, address=hook.address, way="hook", request=hook.request)
    return by, (yield from store.success_of_commit(repo.id, change.after))


def _sorted_out(params: Mapping[str, str], repo: Repo) -> tuple[dict[str, str], list[str]]:
    """The parameters that may reach a step, and the names of the others."""
    refused = [name for name, value in params.items() if problem(name, repo.parameters) or "\0" in value]
    return {name: value for name, value in params.items() if name not in refused}, refused


def _draft(repo: Repo, change: Deployment, hook: Actor, parent: Build | None) -> Build:
    """A draft with what the webhook tells; the ref is the likeliest."""
    ref = next(iter(triggers.refs_of(change)), "")
    branch = change.ref.removeprefix("refs/heads/") if ref else repo.default_branch
    return Build(
        id=0,
        repo_id=repo.id,
        number=0,
        trigger=flow.trigger_of(hook),
        parent=parent.number if parent else 0,
        event=_event(change),
        link=change.link,
        timestamp=change.timestamp,
        message=change.message,
        after=change.after,
        ref=ref,
        source_branch=branch,
        target_branch=branch,
        author_login=change.author_login,
        author_name=change.author_name,
        author_email=change.author_email,
        author_avatar=change.author_avatar,
        sender=change.sender,
        deploy_to=change.environment,
        deploy_id=change.number,
        debug=change.params.get("debug") == "true",
    )


async def _completed(ports: Ports, repo: Repo, change: Deployment, draft: Build, refused: Sequence[str]) -> Build:
    """The draft with the ref that the host has, a message, and the names of the parameters that were left out."""
    message = draft.message or (await find_commit(ports, repo, change)).message
    if refused:
        names = ", ".join(shortened(name) for name in refused[:NAMED])
        more = f" and {len(refused) - NAMED} more" if len(refused) > NAMED else ""
        note = f"Parameters that were left out, because they are not allowed: {names}{more}"
        message = f"{message[: flow.TEXT_LIMIT - len(note) - 2]}\n\n{note}".lstrip()
    return replace(draft, ref=await _ref(ports, repo, change), message=message)


async def _ref(ports: Ports, repo: Repo, change: Deployment) -> str:
    """The full ref that a deployment names, branch or tag as the host has it; empty when it names its commit."""
    likely = triggers.refs_of(change)
    if len(likely) < 2:
        return next(iter(likely), "")
    if change.ref == repo.default_branch:
        return f"refs/heads/{change.ref}"
    for ref in likely:
        try:
            await ports.hosts.commit(source(repo), ref)
        except NotFound:
            continue
        return ref
    return likely[0]
