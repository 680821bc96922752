"""What a promotion is asked to do.

Contract artifactory-build 6.1. A blank text, like null, says nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.artifacts import properties
from app.buildinfo import times
from app.buildinfo.fields import Fields, parsed
from app.errors import Invalid

#: The most bytes of a body.
BODY = 1024 * 1024
_COPY, _ALIAS = "copy", "copyArtifact"


@dataclass(frozen=True, slots=True)
class Order:
    """What a promotion is asked to do."""

    status: str = ""
    comment: str = ""
    ci_user: str = ""
    #: Unix milliseconds; None for now.
    timestamp: int | None = None
    dry_run: bool = False
    #: The key of the repository that files are taken from; empty for any.
    source: str = ""
    #: The key of the repository that files are put into; empty when they stay.
    target: str = ""
    copy: bool = False
    artifacts: bool = True
    dependencies: bool = False
    scopes: frozenset[str] = frozenset()
    properties: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fail_fast: bool = True

    @property
    def moves(self) -> bool:
        """Whether files are looked for: to be put elsewhere, or to get properties."""
        return bool(self.target or self.properties)

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for."""
        return not (self.moves or self.status)

    def as_json(self) -> dict[str, Any]:
        """What was asked, as records of promotions show it."""
        return {
            "dependencies": self.dependencies,
            "artifacts": self.artifacts,
            "scopes": sorted(self.scopes),
            "properties": {key: list(values) for key, values in self.properties.items()},
            "failFast": self.fail_fast,
        }


def read(data: bytes) -> Order:
    """The order of a request's body; Invalid lists what is wrong. Fields that are not known are ignored."""
    fields = Fields.of(parsed(data) if data.strip() else {})
    dependencies = fields.flag("dependencies")
    order = Order(
        status=_text(fields, "status"),
        comment=_text(fields, "comment"),
        ci_user=_text(fields, "ciUser"),
        timestamp=_time(fields),
        dry_run=fields.flag("dryRun"),
        source=_text(fields, "sourceRepo"),
        target=_text(fields, "targetRepo"),
        copy=fields.flag(_COPY if fields.values.get(_COPY, "") != "" else _ALIAS),
        artifacts=fields.flag("artifacts", default=True),
        dependencies=dependencies,
        scopes=frozenset(scope for scope in _texts(fields, "scopes") if scope.strip()),
        properties=_properties(fields),
        fail_fast=fields.flag("failFast", default=True),
    )
    fields.finish()
    return order


def _text(fields: Fields, name: str) -> str:
    text = fields.text(name)
    return text if text.strip() else ""


def _texts(fields: Fields, name: str) -> tuple[str, ...]:
    """A list of texts, or one text."""
    value = fields.values.get(name, [])
    one = value if isinstance(value, list) else [value]
    return Fields({name: one if value != "" else []}, fields.where, fields.problems).texts(name)


def _time(fields: Fields) -> int | None:
    value = fields.values.get("timestamp", "")
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        fields.wrong("timestamp", "wrong_type", "must be a time like 2024-03-09T14:05:06.700+0000")
        return None
    if isinstance(value, str) and not value.strip():
        return None
    at: int | None = fields.checked("timestamp", lambda: times.parse_any(value, "timestamp"))
    return at


def _properties(fields: Fields) -> dict[str, tuple[str, ...]]:
    raw = fields.values.get("properties", {})
    said = fields.map("properties") if raw != "" else {}
    within = Fields(said, "properties", fields.problems)
    found = {key: tuple(dict.fromkeys(_texts(within, key))) for key in said}
    found = {key: values for key, values in found.items() if values}
    try:
        properties.check_keys(found)
    except Invalid as error:
        fields.problems.extend(error.problems)
    return found
