"""The moments of release bundles. A moment is recorded in the transaction of its change."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.bundles.model import Bundle, Promotion
from app.moments import Actor, Change


def subject(key: str, bundle: Bundle) -> str:
    """What moments call a version."""
    return f"{key}/{bundle.name}/{bundle.version}"


def created(by: Actor, key: str, bundle: Bundle) -> Change:
    """A version was made, or a draft, as its status says."""
    after = {"status": bundle.status, **_content(bundle)}
    if bundle.manifest:
        after["manifest"] = bundle.manifest
    return Change("bundle.create", by, subject(key, bundle), after=after)


def imported(by: Actor, key: str, bundle: Bundle) -> Change:
    """A version came from another server."""
    after = {"status": bundle.status, "manifest": bundle.manifest, **_content(bundle)}
    return Change("bundle.import", by, subject(key, bundle), after=after)


def finalized(by: Actor, key: str, bundle: Bundle) -> Change:
    """A draft became a signed version."""
    after = {"status": bundle.status, "manifest": bundle.manifest, **_content(bundle)}
    return Change("bundle.finalize", by, subject(key, bundle), before={"status": "DRAFT"}, after=after)


def updated(by: Actor, key: str, before: Bundle, after: Bundle) -> Change:
    """Sources were added to a draft."""
    return Change("bundle.update", by, subject(key, after), before=_content(before), after=_content(after))


def failed(verb: str, by: Actor, key: str, bundle: Bundle, reason: str) -> Change:
    """What `verb` says was not done."""
    return Change(verb, by, subject(key, bundle), after={"status": "FAILED", "reason": reason})


def tagged(by: Actor, key: str, bundle: Bundle, tag: str) -> Change:
    """A version got another tag."""
    return Change("bundle.tag", by, subject(key, bundle), before={"tag": bundle.tag}, after={"tag": tag})


def promoted(by: Actor, key: str, bundle: Bundle, promotion: Promotion, removed: int) -> Change:
    """A version was promoted; a move removed so many files."""
    after: dict[str, object] = {
        "environment": promotion.environment,
        "source_environment": promotion.source_environment,
        "operation": promotion.operation,
        "targets": list(promotion.targets),
        "files": promotion.files,
        "removed": removed,
        "override_reason": promotion.reason,
    }
    facts = {name: value for name, value in after.items() if value}
    return Change("bundle.promote", by, subject(key, bundle), after=facts)


def promotion_deleted(by: Actor, key: str, bundle: Bundle, promotion: Promotion, removed: int) -> Change:
    """A promotion was deleted, and so many files with it."""
    before = {"environment": promotion.environment, "created_millis": promotion.created, "removed": removed}
    return Change("bundle.delete_promotion", by, subject(key, bundle), before=before)


def deleted(by: Actor, key: str, bundle: Bundle, promotions: int, removed: int) -> Change:
    """A version was deleted with its promotions, and so many promoted files."""
    before = {"status": bundle.status, "files": bundle.files, "promotions": promotions, "removed": removed}
    return Change("bundle.delete", by, subject(key, bundle), before=before)


def kept(by: Actor) -> dict[str, Any]:
    """An actor as the request of work keeps it, for the moment at the end of the work."""
    return asdict(by)


def actor(kept: Mapping[str, Any]) -> Actor:
    """The actor that `kept` gave."""
    return Actor(**kept)


def _content(bundle: Bundle) -> dict[str, Any]:
    return {"files": bundle.files, "size": bundle.size}
