"""Webhooks of GitLab."""

from collections.abc import Mapping

from app.scm.hook import Delivery, Notice


def notice(headers: Mapping[str, str]) -> Notice | None:
    """What the headers of a webhook tell; None when the webhook is not of this host."""
    return None


def read(headers: Mapping[str, str], body: bytes) -> Delivery | None:
    """The delivery of a webhook; None when the webhook is not of this host."""
    return None
