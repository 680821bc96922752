"""The moments of subscriptions. No moment has more of an address than its host, and none has a secret."""

from dataclasses import replace
from typing import NamedTuple
from urllib.parse import urlsplit

from app.moments import SERVER, Actor, Change, Facts, changed
from app.notify.webhooks.model import Event, Webhook
from app.repos.model import Repo

#: The server has made a subscription inactive.
DISABLED = "webhook.disable"
#: The type of the event that tells of that.
NOTICE = "webhook.disabled"
#: Attributes whose values are recorded.
_FACTS = ("format", "events", "targets", "statuses", "active")


def created(by: Actor, place: str, webhook: Webhook) -> Change:
    """A subscription was added. `place` is the slug of its repository, its namespace, or '' for the server."""
    return _change("webhook.create", by, place, webhook, after=_about(webhook))


def deleted(by: Actor, place: str, webhook: Webhook) -> Change:
    """A subscription was removed, with its deliveries."""
    return _change("webhook.delete", by, place, webhook, before=_about(webhook))


def updated(by: Actor, place: str, before: Webhook, after: Webhook) -> Change | None:
    """A subscription was changed; None when it is as it was."""
    was, now = changed(before, after, _FACTS)
    if before.url != after.url:
        was, now = {**was, "host": host_of(before)}, {**now, "host": host_of(after)}
        now["url"] = "changed"
    if before.secrets != after.secrets:
        now["secrets"] = "changed"
    return _change("webhook.update", by, place, after, was, now) if now else None


class Disabled(NamedTuple):
    """A subscription that the server has made inactive, and its repository; None for one that is of none."""

    webhook: Webhook
    repo: Repo | None

    @property
    def place(self) -> str:
        """As that of `created`."""
        return self.repo.slug if self.repo else self.webhook.namespace


def disabled(found: Disabled) -> Change:
    """The server has made a subscription inactive: nobody took what was sent."""
    webhook = found.webhook
    facts = {"active": False, "reason": webhook.reason, "host": host_of(webhook)}
    change = _change(DISABLED, SERVER, found.place, webhook, {"active": True}, facts)
    return replace(change, about=found)


def notice(moment: Change, now: int, key: str) -> Event:
    """The event that tells other subscribers that one was made inactive."""
    found = moment.about
    assert isinstance(found, Disabled)
    webhook = found.webhook
    told = {"id": webhook.id, "place": found.place, "host": host_of(webhook), "reason": webhook.reason}
    return Event(key, NOTICE, "", now, {"by": {"kind": moment.by.kind, "name": moment.by.name}, "webhook": told})


def host_of(webhook: Webhook) -> str:
    """The host that events are sent to."""
    return urlsplit(webhook.url).hostname or ""


def _change(
    verb: str, by: Actor, place: str, webhook: Webhook, before: Facts | None = None, after: Facts | None = None
) -> Change:
    subject = f"{place}#webhooks/{webhook.id}"
    return Change(verb, by, subject, webhook.repo_id or 0, before or {}, after or {})


def _about(webhook: Webhook) -> Facts:
    return {"host": host_of(webhook), **{name: getattr(webhook, name) for name in _FACTS}}
