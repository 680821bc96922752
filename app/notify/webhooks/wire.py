"""Subscriptions and deliveries as clients read them. Times are Unix seconds."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, cast
from urllib.parse import urlsplit

from typing_extensions import TypedDict

from app.notify.webhooks.deliveries import Shown
from app.notify.webhooks.formats.signing import public_key
from app.notify.webhooks.model import Delivery, Format, State, Webhook
from app.notify.webhooks.rules import CHATS, HIDDEN
from app.notify.webhooks.store import Place


class WebhookJSON(TypedDict):
    """A subscription of the repository `repo`, of the namespace `namespace`, or, if both are empty, of the server.

    The addresses of chats are shown without their paths, and secrets are only counted. `public_key` is what a receiver
    verifies with, of a secret that is a private key. `reason` says why the server has made it inactive, and
    `failing_since` since when no delivery was taken; 0 for none. `secret` is there once: the server has just made it.
    """

    id: int
    repo: str
    namespace: str
    url: str
    format: Format
    secrets: int
    public_key: NotRequired[str]
    events: Sequence[str]
    targets: Sequence[str]
    statuses: Sequence[str]
    active: bool
    reason: str
    failing_since: int
    creator: str
    created: int
    updated: int
    secret: NotRequired[str]


class DeliveryJSON(TypedDict):
    """An event for a subscription: `event` is its id, as the receiver sees it, which is the same at each attempt.

    `attempted` is when the last attempt began, 0 before the first; its answer had the `status`, 0 for none, and came
    after `duration` milliseconds. `tries` counts all attempts.
    """

    id: int
    event: str
    type: str
    state: State
    created: int
    attempted: int
    tries: int
    status: int
    duration: int
    error: str


class SentJSON(TypedDict):
    """What was sent: headers that depend on the format, and the body as text."""

    headers: Mapping[str, str]
    body: str


class AnsweredJSON(TypedDict):
    """What was answered: some headers, and the beginning of the body."""

    status: int
    headers: Mapping[str, str]
    body: str


class DeliveryDetailsJSON(DeliveryJSON):
    """A delivery with the request of its last attempt, and with the answer, as far as there were any."""

    request: NotRequired[SentJSON]
    answer: NotRequired[AnsweredJSON]


class AgainJSON(TypedDict):
    """How many deliveries are sent once more."""

    redelivered: int


def shown_url(webhook: Webhook) -> str:
    """The address, of a chat without its path."""
    if webhook.format not in CHATS:
        return webhook.url
    parts = urlsplit(webhook.url)
    return f"{parts.scheme}://{parts.netloc}{HIDDEN}"


def webhook_json(webhook: Webhook, place: Place, secret: str = "") -> WebhookJSON:
    """A subscription; with `secret` if the server has just made it."""
    made = WebhookJSON(
        id=webhook.id,
        repo=place.name if place.repo_id is not None else "",
        namespace=place.namespace,
        url=shown_url(webhook),
        format=webhook.format,
        secrets=len(webhook.secrets),
        events=webhook.events,
        targets=webhook.targets,
        statuses=webhook.statuses,
        active=webhook.active,
        reason=webhook.reason,
        failing_since=webhook.failing_since // 1000,
        creator=webhook.creator,
        created=webhook.created // 1000,
        updated=webhook.updated // 1000,
    )
    if webhook.format != "drone" and webhook.secrets and (key := public_key(webhook.secrets[0])):
        made["public_key"] = key
    if secret:
        made["secret"] = secret
    return made


def delivery_json(delivery: Delivery) -> DeliveryJSON:
    """A delivery."""
    return DeliveryJSON(
        id=delivery.id,
        event=delivery.key,
        type=delivery.type,
        state=delivery.state,
        created=delivery.created // 1000,
        attempted=delivery.attempted // 1000,
        tries=delivery.tries,
        status=delivery.status,
        duration=delivery.duration,
        error=delivery.error,
    )


def details_json(shown: Shown) -> DeliveryDetailsJSON:
    """A delivery with its last request and answer."""
    made = cast(DeliveryDetailsJSON, delivery_json(shown.delivery))
    if shown.request:
        made["request"] = SentJSON(headers=shown.request.headers, body=shown.request.body.decode())
    if answer := shown.answer:
        made["answer"] = AnsweredJSON(status=answer.status, headers=answer.headers, body=answer.body)
    return made
