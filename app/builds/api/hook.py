"""POST /hook: a host tells of a push, a pull request, a deployment or a comment (contract scm-webhooks 6, 9)."""

import logging
from collections.abc import Sequence
from typing import NotRequired

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from typing_extensions import TypedDict

from app.builds import triggers
from app.builds.api.request import State
from app.builds.deliveries.keeper import Kept
from app.builds.push import forget_ref
from app.builds.wire import BuildJSON, build_json
from app.errors import AppError, NothingToRun, Unauthorized
from app.log import request_id
from app.moments import Actor
from app.repos import keys
from app.repos import store as repos
from app.repos.hooks import PATH
from app.repos.model import SIGNER, Repo
from app.scm.hook import Change, Delivery, Deployment, PullRequest, Push
from app.web import body
from app.web.connected import address
from app.web.connections import network
from app.web.errors import ErrorJSON, problems_json
from app.web.reply import JSON, Empty
from app.web.route import Endpoint

log = logging.getLogger(__name__)

#: Bytes of a delivery that are read (contract scm-webhooks 1.2).
LIMIT = 10_000_000
#: Bytes that are read of a delivery from an address whose strangers have used up their budget. The delivery may be
#: signed, which only its body shows. Gantry's own hook sends less, unless push options are very long.
SMALL = 64 * 1024
#: The key to check the signature with when the repository is unknown, so that the answer takes the same time.
_NOBODYS_KEY = "0" * 32


class DeliveryJSON(TypedDict):
    """Why a delivery is answered with no build, and the id of a delivery that is known."""

    message: str
    id: NotRequired[str]


async def receive(
    request: Request[State],
) -> JSON[BuildJSON | None] | JSON[DeliveryJSON] | JSON[ErrorJSON] | Empty | Response:
    """Take a webhook of a host; answers the build, or `null` when nothing is to run, and 204 when a ref is gone.

    The hook of plain git is told why nothing is to run, for whoever pushes sees what the hook prints.
    202 when the build is not made within a second: it is made later; and for a comment with a command, which is
    answered at the host. A delivery with the id of an earlier one is answered with the build of that one.

    An unknown repository answers like a wrong signature: strangers learn nothing. The body is read only if it may be
    signed. All that no key signed counts for the strangers of its address.

    `GANTRY_HOOK_KEY` in the example is the key that `GET /api/repos/{owner}/{name}/hook` answers.
    """
    notice = request.state["hosts"].notice(request.headers)
    if notice != "event":
        _count_stranger(request)
        if notice == "unsigned":
            raise _refusal()
        return JSON(DeliveryJSON(message="pong" if notice == "ping" else "ignored"))
    delivery = await _read(request)
    if delivery is None:
        _count_stranger(request)
        return JSON(DeliveryJSON(message="ignored"))
    repo = await _verified(request, delivery)
    if (budgets := request.state["budgets"]) is not None:
        budgets.repositories.spend(str(repo.id))
    if not repo.active:
        disabled = f"the repository is disabled: gantry repo enable {repo.slug}"
        return Response() if delivery.host else JSON(DeliveryJSON(message=disabled))
    if delivery.comment and await request.state["hear"](repo, delivery.comment, address(request)):
        return JSON(DeliveryJSON(message="the command in the comment is answered there", id=delivery.id), 202)
    if delivery.change is None:
        return JSON(DeliveryJSON(message="ignored"))
    return await _answer(request, repo, delivery, triggers.at_home(delivery.change, delivery.slug, repo.slug))


async def _read(request: Request[State]) -> Delivery | None:
    """The delivery, which may be signed. What cannot be read counts as a stranger's."""
    budgets = request.state["budgets"]
    used_up = budgets is not None and budgets.strangers.is_used_up(network(address(request)))
    try:
        return request.state["hosts"].read(request.headers, await body.read(request, SMALL if used_up else LIMIT))
    except (AppError, ClientDisconnect) as error:
        log.warning("a webhook could not be read", extra={"reason": str(error)[:500]})
        _count_stranger(request)
        raise


async def _verified(request: Request[State], delivery: Delivery) -> Repo:
    """The repository whose key signed the delivery; Unauthorized."""
    hosts = request.state["hosts"].of_kind(delivery.host)
    found = await request.state["db"].read(repos.find_told(hosts, delivery.uid, delivery.slug))
    seal = request.state["seal"]
    with_key = [repo for repo in found if repo.signer]
    signed = [repo for repo in with_key if delivery.signed_with(seal.open(repo.signer, SIGNER))]
    if not with_key:
        delivery.signed_with(_NOBODYS_KEY)
    if not signed:
        signed = await _signed_beside(request, delivery, found)
    if not signed:
        about = {"host": delivery.host, "delivery": delivery.id, "repository": delivery.slug}
        log.warning("a webhook has a wrong signature, or its repository is unknown", extra=about)
        _count_stranger(request)
        raise _refusal()
    return signed[0]


async def _signed_beside(request: Request[State], delivery: Delivery, found: Sequence[Repo]) -> list[Repo]:
    """The repositories of which a key signed the delivery that counts beside their own one, while that is exchanged."""
    now, seal = request.state["ports"].now(), request.state["seal"]
    beside = await request.state["db"].read(keys.beside([repo.id for repo in found], now))
    opened = {repo.id: [seal.open(one, keys.KEY) for one in beside.get(repo.id, ())] for repo in found}
    return [repo for repo in found if any(delivery.signed_with(key) for key in opened[repo.id])]


def _count_stranger(request: Request[State]) -> None:
    """Count a delivery that nobody signed; TooMany when its address has used up the budget of strangers."""
    if (budgets := request.state["budgets"]) is not None:
        budgets.strangers.spend(network(address(request)))


def _refusal() -> Unauthorized:
    return Unauthorized("no such repository, or the signature is wrong")


async def _answer(
    request: Request[State], repo: Repo, delivery: Delivery, change: Change
) -> JSON[BuildJSON | None] | JSON[DeliveryJSON] | JSON[ErrorJSON] | Empty:
    if _is_over(change):
        if gone := triggers.ended(change):
            await forget_ref(request.state["ports"], repo, gone)
        return Empty()
    echo = isinstance(change, Deployment) and triggers.is_echo(change, request.state["public_url"])
    if echo or not (isinstance(change, Deployment) or triggers.build_event(change, repo.default_branch)):
        return JSON(DeliveryJSON(message="ignored"))
    by = Actor("hook", change.sender, address=address(request), way="hook", request=request_id.get())
    try:
        build = await request.state["keeper"].receive(repo, delivery, change, by)
    except Kept as kept:
        return JSON(DeliveryJSON(message=kept.message, id=kept.name), 202)
    except NothingToRun as nothing:
        if isinstance(change, Deployment):  # who asks for one wants to know
            return JSON(DeliveryJSON(message=nothing.message, id=delivery.id))
        return JSON[BuildJSON | None](None) if delivery.host else JSON[ErrorJSON](_why(nothing))
    return JSON[BuildJSON | None](build_json(build))


def _why(nothing: NothingToRun) -> ErrorJSON:
    """Why nothing runs, and which conditions keep each pipeline out."""
    told = ErrorJSON(message=nothing.message, code=nothing.code)
    if nothing.problems:
        told["errors"] = problems_json(nothing.problems)
    return told


def _is_over(change: Change) -> bool:
    """Whether the change tells that a ref was deleted, or a pull request closed."""
    return change.deleted if isinstance(change, Push) else isinstance(change, PullRequest) and change.action == "closed"


routes = [Endpoint("POST", PATH, receive, operation="builds.receive_push", errors=[400, 401, 404, 422])]
