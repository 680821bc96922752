"""Examples of calls about webhooks, where the types of their rows do not tell enough."""

from collections.abc import Mapping

from app.web.examples import Example

_NEW = {
    "url": "https://example.com/hooks",
    "format": "standard",
    "events": ["promotion.*", "rollback.*"],
    "targets": ["prod*"],
}
_CREATED = Example(body=_NEW)
_UPDATED = Example(body={"active": True})

EXAMPLES: Mapping[str, Example] = {
    f"webhooks.{verb}{suffix}": example
    for suffix in ("", ".namespace", ".server")
    for verb, example in (("create", _CREATED), ("update", _UPDATED))
}
