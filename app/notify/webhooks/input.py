"""The bodies of requests about subscriptions. Their rules are those of `rules`, which look at the whole."""

from pydantic import Field

from app.notify.webhooks.model import Format
from app.web import body

_EVENTS = "Patterns of types of events, such as `promotion.*`; none: all. In the format `drone`, such as `build:*`."
_TARGETS = "Patterns of targets, such as `prod*`; none: all, also events without a target."
_STATUSES = "Patterns of statuses of the build, or of the stage that the event is about; none: all."
_SECRET = "What requests are signed with, never shown. Empty: the server makes one."
_SECRETS = "Several secrets, the newest first: requests are signed with each, from now on with exactly these."


class NewWebhook(body.Input):
    """A subscription to add. Without a secret the server makes one, for formats that sign, and shows it this once."""

    model_config = body.required("url")

    url: str = Field("", min_length=1, json_schema_extra={"examples": ["https://example.com/hooks"]})
    format: Format = "standard"
    secret: str = Field("", repr=False, description=_SECRET)
    secrets: list[str] = Field(default_factory=list, repr=False, description=_SECRETS)
    events: list[str] = Field(default_factory=list, description=_EVENTS)
    targets: list[str] = Field(default_factory=list, description=_TARGETS)
    statuses: list[str] = Field(default_factory=list, description=_STATUSES)
    active: bool = True


class WebhookChanges(body.Input):
    """What is to be different of a subscription; what is left out stays.

    A new `secret` joins the one before it, with which requests are signed for another day, too.
    """

    url: str | None = Field(None, min_length=1)
    format: Format | None = None
    secret: str | None = Field(None, repr=False, description=_SECRET)
    secrets: list[str] | None = Field(None, repr=False, description=_SECRETS)
    events: list[str] | None = Field(None, description=_EVENTS)
    targets: list[str] | None = Field(None, description=_TARGETS)
    statuses: list[str] | None = Field(None, description=_STATUSES)
    active: bool | None = None
