"""POST /hook: a host sends a delivery about a push (contract scm-webhooks 6, 9)."""

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.builds import triggers
from app.builds.api.request import State
from app.builds.deliveries.keeper import Kept
from app.builds.push import forget_ref
from app.builds.wire import BuildJSON, build_json
from app.db.tx import Tx
from app.errors import AppError, Unauthorized
from app.log import request_id
from app.moments import Actor
from app.repos import store as repos
from app.repos.hooks import PATH
from app.repos.model import SIGNER, Repo
from app.scm.hook import Delivery, Push
from app.web import body
from app.web.connected import address
from app.web.connections import network
from app.web.reply import JSON, Empty, MessageJSON
from app.web.route import Endpoint

#: Bytes of a delivery that are read (contract scm-webhooks 1.2).
LIMIT = 10_000_000
#: Bytes that are read of a delivery from an address whose strangers have used up their budget. The delivery may be a
#: signed push, which only its body shows. Gantry's own hook sends less, unless push options are very long.
SMALL = 64 * 1024
#: The key to check the signature with when the repository is unknown, so that the answer takes the same time.
_NOBODYS_KEY = "0" * 32


async def receive_push(request: Request[State]) -> JSON[BuildJSON | None] | JSON[MessageJSON] | Empty | Response:
    """Announce a push; answers the build, or `null` when nothing is to run, and 204 after a deletion.

    202 when the repository cannot be read now: the push is built later. A delivery with the id of an earlier one is
    answered with the build of that one.

    An unknown repository answers like a wrong signature: strangers learn nothing. The body is read only if it may be
    signed. All that no key signed counts for the strangers of its address.
    """
    notice = request.state["hosts"].notice(request.headers)
    if notice != "push":
        _count_stranger(request)
        if notice == "unsigned":
            raise _refusal()
        return JSON(MessageJSON(message="pong" if notice == "ping" else "ignored"))
    delivery = await _read(request)
    if delivery is None or delivery.push is None:
        _count_stranger(request)
        return JSON(MessageJSON(message="ignored"))
    repo = await _verified(request, delivery)
    if (budgets := request.state["budgets"]) is not None:
        budgets.repositories.spend(str(repo.id))
    if not repo.active:
        return Response()
    return await _answer(request, repo, delivery.push)


async def _read(request: Request[State]) -> Delivery | None:
    """The delivery, which may be signed. What cannot be read counts as a stranger's."""
    budgets = request.state["budgets"]
    used_up = budgets is not None and budgets.strangers.is_used_up(network(address(request)))
    try:
        return request.state["hosts"].read(request.headers, await body.read(request, SMALL if used_up else LIMIT))
    except (AppError, ClientDisconnect):
        _count_stranger(request)
        raise


async def _verified(request: Request[State], delivery: Delivery) -> Repo:
    """The repository whose key signed the delivery; Unauthorized."""
    repo = await request.state["db"].read(_find(delivery.slug))
    key = request.state["seal"].open(repo.signer, SIGNER) if repo else _NOBODYS_KEY
    genuine = delivery.signed_with(key)
    if repo is None or not genuine:
        _count_stranger(request)
        raise _refusal()
    return repo


def _count_stranger(request: Request[State]) -> None:
    """Count a delivery that nobody signed; TooMany when its address has used up the budget of strangers."""
    if (budgets := request.state["budgets"]) is not None:
        budgets.strangers.spend(network(address(request)))


def _refusal() -> Unauthorized:
    return Unauthorized("no such repository, or the signature is wrong")


def _find(slug: str) -> Tx[Repo | None]:
    namespace, _, name = slug.rpartition("/")
    return (yield from repos.find_if_any(namespace, name))


async def _answer(
    request: Request[State], repo: Repo, push: Push
) -> JSON[BuildJSON | None] | JSON[MessageJSON] | Empty:
    if push.deleted:
        await forget_ref(request.state["ports"], repo, push)
        return Empty()
    trigger = triggers.build_event(push, repo.default_branch)
    if trigger is None:
        return JSON(MessageJSON(message="ignored"))
    by = Actor("hook", push.sender, address=address(request), way="hook", request=request_id.get())
    try:
        build = await request.state["keeper"].receive(repo, push, trigger, by)
    except Kept as kept:
        return JSON(MessageJSON(message=kept.message), 202)
    return JSON(build_json(build) if build else None)


routes = [Endpoint("POST", PATH, receive_push, operation="builds.receive_push", errors=[400, 401, 404, 422])]
