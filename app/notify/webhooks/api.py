"""Routes of webhooks: of a repository, of a namespace, and of the server (Drone has no such routes)."""

from typing import Any, TypeAlias, cast, get_args

from starlette.requests import Request

from app.accounts.auth import SYSTEM, Caller
from app.db.tx import Tx
from app.db.window import Part
from app.errors import Invalid, Problem
from app.notify.webhooks import deliveries, store
from app.notify.webhooks.deliveries import Shown
from app.notify.webhooks.flow import Webhooks
from app.notify.webhooks.input import NewWebhook, WebhookChanges
from app.notify.webhooks.model import Delivery, State, Webhook
from app.notify.webhooks.store import Place
from app.notify.webhooks.wire import (
    AgainJSON,
    DeliveryDetailsJSON,
    DeliveryJSON,
    WebhookJSON,
    delivery_json,
    details_json,
    webhook_json,
)
from app.repos import access
from app.repos.access import ADMIN, Access
from app.repos.namespaces import OWNER, Namespace
from app.repos.paths import REPO
from app.web import body, paging
from app.web.needs import StoredNeeds
from app.web.path import Path, Word
from app.web.reply import JSON, Empty
from app.web.route import PAGE, Endpoint, Param

#: Who may keep the webhooks of a place: a caller with the right in a repository or a namespace, or an administrator.
Granted: TypeAlias = Access | Namespace | Caller

WEBHOOK = Word("webhook", "Id of the webhook.", 7)
DELIVERY = Word("delivery", "Id of the delivery.", 42)
#: The namespace of the path. Of the server's own webhooks the same place of the path has the id.
NAMESPACE = Word("namespace", "The namespace. Digits only are the id of a webhook of the server.", "octocat")
OWN = Word("namespace", "Id of the webhook, which is one of the server.", 7)
_LATEST = 253_402_300_799


class RequestState(access.State):
    """What these routes need."""

    webhooks: Webhooks


async def list_webhooks(_: Request[RequestState], granted: Granted, found: list[Webhook]) -> JSON[list[WebhookJSON]]:
    """The webhooks, the oldest first. Secrets are never shown."""
    place = _place(granted)
    return JSON([webhook_json(webhook, place) for webhook in found])


def _all(request: Request[RequestState], granted: Granted) -> Tx[list[Webhook]]:
    webhooks = request.state["webhooks"]
    return store.list_of(_place(granted), webhooks.seal, webhooks.now_ms())


async def create(request: Request[RequestState], granted: Granted) -> JSON[WebhookJSON]:
    """Add a webhook. For formats that sign, a secret is made and shown this once, unless one is given."""
    new, place = await body.parse(request, NewWebhook), _place(granted)
    webhook, secret = await request.state["webhooks"].create(place, new.model_dump(), granted.by)
    return JSON(webhook_json(webhook, place, secret))


async def show(_: Request[RequestState], granted: Granted, webhook: Webhook) -> JSON[WebhookJSON]:
    """A webhook, and whether what it sends is taken."""
    return JSON(webhook_json(webhook, _place(granted)))


async def update(request: Request[RequestState], granted: Granted) -> JSON[WebhookJSON]:
    """Change a webhook; what is left out stays. What waits is sent as the webhook is from now on.

    A new secret is used at once, and the one before it for another day, too: a request has a signature of each.
    """
    changes, place = await body.parse(request, WebhookChanges), _place(granted)
    said = changes.model_dump(exclude_none=True)
    webhook, secret = await request.state["webhooks"].update(place, _id(request), said, granted.by)
    return JSON(webhook_json(webhook, place, secret))


async def delete(request: Request[RequestState], granted: Granted) -> Empty:
    """Remove a webhook with all its deliveries, also those that wait."""
    await request.state["webhooks"].delete(_place(granted), _id(request), granted.by)
    return Empty()


async def ping(request: Request[RequestState], granted: Granted, webhook: Webhook) -> JSON[DeliveryJSON]:
    """Send an event of the type `ping`, after all that waits for the webhook; its delivery tells what was answered."""
    return JSON(delivery_json(await request.state["webhooks"].ping(webhook, granted.by)))


async def list_deliveries(request: Request[RequestState], _: Granted, part: Part[Delivery]) -> JSON[list[DeliveryJSON]]:
    """The deliveries of the last 14 days, the newest first."""
    links = paging.links(request, part, lambda delivery: str(delivery.id))
    return JSON([delivery_json(delivery) for delivery in part.items], headers=links)


def _page(request: Request[RequestState], granted: Granted) -> Tx[Part[Delivery]]:
    state = body.query(request).get("state")
    if state and state not in get_args(State):
        words = f"state must be waiting, delivered or failed, not {state[:100]!r}"
        raise Invalid.of([Problem("state", "bad_state", words)])
    webhook = yield from _one(request, granted)
    window = paging.window(request, deliveries.KEYS)
    return (yield from deliveries.page(webhook.id, cast("State | None", state or None), window))


async def show_delivery(_: Request[RequestState], __: Granted, shown: Shown) -> JSON[DeliveryDetailsJSON]:
    """A delivery, with the request and the answer of its last attempt."""
    return JSON(details_json(shown))


def _delivery(request: Request[RequestState], granted: Granted) -> Tx[Shown]:
    webhook = yield from _one(request, granted)
    return (yield from deliveries.show(webhook.id, body.number(request, DELIVERY.name, "id of a delivery")))


async def redeliver(request: Request[RequestState], _: Granted, webhook: Webhook) -> JSON[DeliveryJSON]:
    """Send a delivery once more, with the same id of the event, after all that waits; one that waits is tried now."""
    delivery = body.number(request, DELIVERY.name, "id of a delivery")
    return JSON(delivery_json(await request.state["webhooks"].redeliver(webhook, delivery)))


async def redeliver_failed(request: Request[RequestState], _: Granted, webhook: Webhook) -> JSON[AgainJSON]:
    """Send all failed deliveries of a time once more, in their order, after all that waits."""
    since, until = _time(request, "since", 0), _time(request, "until", _LATEST)
    count = await request.state["webhooks"].redeliver_failed(webhook, since * 1000, until * 1000)
    return JSON(AgainJSON(redelivered=count))


def _time(request: Request[RequestState], name: str, default: int) -> int:
    """A time of the query, in Unix seconds."""
    if not body.query(request).get(name):
        return default
    return min(max(body.query_number(request, name, f"time of {name}, in Unix seconds,"), 0), _LATEST)


def _place(granted: Granted) -> Place:
    match granted:
        case Access():
            return store.of_repo(granted.repo.id, granted.repo.slug)
        case Namespace():
            return store.of_namespace(granted.name)
        case _:
            return store.SERVER


def _id(request: Request[RequestState]) -> int:
    """The id of the webhook of the path."""
    name = WEBHOOK.name if WEBHOOK.name in request.path_params else OWN.name
    return body.number(request, name, "id of a webhook")


def _one(request: Request[RequestState], granted: Granted) -> Tx[Webhook]:
    webhooks = request.state["webhooks"]
    return store.find(_place(granted), _id(request), webhooks.seal, webhooks.now_ms())


class _NamespaceOrServer(StoredNeeds[Namespace | Caller]):
    """As OWNER; where the path has the id of one of the server's webhooks instead of a namespace, as SYSTEM."""

    def __init__(self) -> None:
        super().__init__(f"{OWNER.means} Of the server: {SYSTEM.means}", words=OWNER.words)

    async def asked(self, request: Request[Any]) -> Tx[Namespace | Caller]:
        """As the needs of the path."""
        needs: StoredNeeds[Any] = SYSTEM if _is_id(request) else OWNER
        asked: Tx[Namespace | Caller] = await needs.asked(request)
        return asked


LISTED = _NamespaceOrServer()


def _is_id(request: Request[Any]) -> bool:
    word: str = request.path_params[NAMESPACE.name]
    return word.isascii() and word.isdecimal()


async def list_or_show(
    request: Request[RequestState], granted: Namespace | Caller, found: list[Webhook] | Webhook
) -> JSON[list[WebhookJSON] | WebhookJSON]:
    """The webhooks of a namespace, the oldest first; of digits only, the webhook of the server with this id."""
    place = _place(granted)
    if isinstance(found, Webhook):
        return JSON(webhook_json(found, place))
    return JSON([webhook_json(webhook, place) for webhook in found])


def _all_or_one(request: Request[RequestState], granted: Namespace | Caller) -> Tx[list[Webhook] | Webhook]:
    if isinstance(granted, Namespace):
        return (yield from _all(request, granted))
    return (yield from _one(request, granted))


def _of_place(path: Path, needs: StoredNeeds[Any], suffix: str) -> list[Endpoint]:
    """The rows of a place."""
    new = Endpoint(
        "POST",
        path,
        create,
        operation=f"webhooks.create{suffix}",
        needs=needs,
        body=NewWebhook,
        errors=[409],
        secret=True,
    )
    listed = Endpoint("GET", path, list_webhooks, operation=f"webhooks.list_webhooks{suffix}", needs=needs, reads=_all)
    return [listed, new]


def _of_webhook(one: Path, needs: StoredNeeds[Any], suffix: str) -> list[Endpoint]:
    """The rows of one webhook."""

    def row(method: str, path: Path, handler: Any, name: str, **options: Any) -> Endpoint:
        return Endpoint(method, path, handler, operation=f"webhooks.{name}{suffix}", needs=needs, **options)

    sent = one / "deliveries"
    states = Param("state", "`waiting`, `delivered` or `failed`; all without it.")
    times = [
        Param("since", "Unix seconds from which on the deliveries were made; all without it.", example="1767225600"),
        Param("until", "Unix seconds before which the deliveries were made."),
    ]
    return [
        row("GET", one, show, "show", reads=_one),
        row("PATCH", one, update, "update", body=WebhookChanges, errors=[409], secret=True),
        row("DELETE", one, delete, "delete"),
        row("POST", one / "ping", ping, "ping", reads=_one, errors=[409]),
        row(
            "POST", one / "redeliver", redeliver_failed, "redeliver_failed", reads=_one, query=times, errors=[400, 409]
        ),
        row("GET", sent, list_deliveries, "list_deliveries", reads=_page, query=[states, *PAGE], errors=[400]),
        row("GET", sent / DELIVERY, show_delivery, "show_delivery", reads=_delivery),
        row("POST", sent / DELIVERY / "redeliver", redeliver, "redeliver", reads=_one, errors=[409]),
    ]


_REPO, _SHARED = REPO / "webhooks", Path.of("/api/webhooks")
#: Two rows have one method and path: one row serves both.
_, _new_of_namespace = _of_place(_SHARED / NAMESPACE, OWNER, ".namespace")
_, *_rest_of_server = _of_webhook(_SHARED / OWN, SYSTEM, ".server")
routes = [
    *_of_place(_REPO, ADMIN, ""),
    *_of_webhook(_REPO / WEBHOOK, ADMIN, ""),
    *_of_place(_SHARED, SYSTEM, ".server"),
    *_rest_of_server,
    Endpoint(
        "GET",
        _SHARED / NAMESPACE,
        list_or_show,
        operation="webhooks.list_webhooks.namespace",
        needs=LISTED,
        reads=_all_or_one,
    ),
    _new_of_namespace,
    *_of_webhook(_SHARED / NAMESPACE / WEBHOOK, OWNER, ".namespace"),
]
