"""The moments of release bundles. A moment is recorded in the transaction of its change."""

from app.bundles.model import Bundle
from app.moments import Actor, Change


def subject(key: str, name: str, version: str) -> str:
    """A version, as the audit record names it."""
    return f"{key}/{name}/{version}"


def tagged(by: Actor, key: str, bundle: Bundle, tag: str) -> Change:
    """A version got another tag."""
    where = subject(key, bundle.name, bundle.version)
    return Change("bundle.tag", by, where, before={"tag": bundle.tag}, after={"tag": tag})


def imported(by: Actor, key: str, bundle: Bundle) -> Change:
    """A version came from another server."""
    after = {"status": bundle.status, "files": bundle.files, "size": bundle.size, "manifest": bundle.manifest}
    return Change("bundle.import", by, subject(key, bundle.name, bundle.version), after=after)
