"""The settings of Drone's webhook: end points that are told of all repositories."""

from app.settings.load import Variables, named
from app.settings.values import Endpoints, Words


class Webhooks(Variables):
    """Where to, what about, and how it is signed; without an end point, nothing is told."""

    webhook_endpoint: Endpoints = named("WEBHOOK_ENDPOINT", "DRONE_WEBHOOK_ENDPOINT", default=(), repr=False)
    webhook_secret: str = named("WEBHOOK_SECRET", "DRONE_WEBHOOK_SECRET", default="", repr=False)
    #: Patterns of `event:action`; an event alone stands for all its actions, and no pattern for everything.
    webhook_events: Words = named("WEBHOOK_EVENTS", "DRONE_WEBHOOK_EVENTS", default=())
    webhook_skip_verify: bool = named("WEBHOOK_SKIP_VERIFY", "DRONE_WEBHOOK_SKIP_VERIFY", default=False)
