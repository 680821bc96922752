"""POST /hook: a plain git repository tells of a push (`spec` scm-webhooks 6, 9)."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from app.builds import flow, store
from app.builds.model import Build
from app.builds.ports import Ports
from app.builds.state import State
from app.builds.wire import BuildJSON, build_json
from app.db.tx import Tx
from app.errors import NothingToRun, Unauthorized, Unreadable
from app.pipeline.skip import skips
from app.repos import store as repos
from app.repos.flow import SECRET, SIGNER, source
from app.repos.model import Repo
from app.scm import hook
from app.scm.hook import Push, Trigger
from app.web import body
from app.web.reply import JSON, Empty, MessageJSON

#: Bytes of a delivery that are read (`spec` scm-webhooks 1.2).
LIMIT = 10_000_000
#: Compared against when there is no such repository, so that the answer takes as long.
_NOBODYS_KEY = "0" * 32


async def receive_push(request: Request[State]) -> JSON[BuildJSON | None] | JSON[MessageJSON] | Empty | Response:
    """Announce a push; answers the build, or `null` when nothing is to run, and 204 after a deletion.

    An unknown repository answers like a wrong signature: strangers learn nothing.
    """
    data = await body.read(request, LIMIT)
    event = request.headers.get("x-gantry-event", "")
    if event == "ping":
        return JSON(MessageJSON(message="pong"))
    if event != "push":
        return JSON(MessageJSON(message="ignored"))
    push = hook.parse_push(data)
    repo = await _verified(request, push, data)
    if not repo.active:
        return Response()
    return await _answer(request, repo, push)


async def _verified(request: Request[State], push: Push, data: bytes) -> Repo:
    repo = await request.state["db"].read(_find(push.slug))
    key = request.state["seal"].open(repo.signer, SIGNER) if repo else _NOBODYS_KEY
    genuine = hook.verify(key, data, request.headers.get("x-hub-signature-256"))
    if repo is None or not genuine:
        raise Unauthorized("no such repository, or the signature is wrong")
    return repo


def _find(slug: str) -> Tx[Repo | None]:
    namespace, _, name = slug.partition("/")
    return (yield from repos.find_if_any(namespace, name))


async def _answer(
    request: Request[State], repo: Repo, push: Push
) -> JSON[BuildJSON | None] | JSON[MessageJSON] | Empty:
    ports, seal = request.state["ports"], request.state["seal"]
    if push.deleted:
        await _forget(ports, repo, push)
        return Empty()
    trigger = hook.build_event(push)
    if trigger is None:
        return JSON(MessageJSON(message="ignored"))
    key = seal.open(repo.secret, SECRET) if repo.protected else ""
    build = await push_build(ports, repo, push, trigger, signed_with=key)
    return JSON(build_json(build) if build else None)


async def _forget(ports: Ports, repo: Repo, push: Push) -> None:
    """Show no newest build any more of what the ref was."""
    trigger = hook.build_event(replace(push, after=push.before))
    if trigger and trigger.event == "push":
        await ports.db.write(store.forget(repo.id, "branch", trigger.target))
    elif trigger and trigger.event == "pull_request":
        await ports.db.write(store.forget(repo.id, "pull", str(trigger.number)))


async def push_build(ports: Ports, repo: Repo, push: Push, trigger: Trigger, *, signed_with: str = "") -> Build | None:
    """The build of a push; None when its message or the file says that nothing is to run.

    A pipeline file that cannot be used makes an error build: nobody who pushes looks at this answer. One that
    was not signed with the key of a protected repository makes a build that waits for approval.
    """
    if trigger.event == "pull_request" and repo.ignore_pull_requests:
        return None
    commit = await ports.host.commit(source(repo), push.after)
    if "ci.skip" in push.options or skips(trigger.event, commit.message):
        return None
    draft = replace(
        flow.draft_of(repo, commit),
        trigger="@hook",
        event=trigger.event,
        action=trigger.action,
        before=push.before,
        ref=trigger.ref,
        source=trigger.source,
        target=trigger.target,
        sender=push.sender or commit.author_name,
    )
    try:
        return await flow.start(ports, repo, draft, signed_with=signed_with)
    except NothingToRun:
        return None
    except Unreadable as error:
        return await flow.fail(ports, repo, draft, error.message)
