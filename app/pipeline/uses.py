"""Which steps of a pipeline file name which secrets."""

from collections.abc import Iterator
from typing import NamedTuple

from app.pipeline.fields import Fields
from app.pipeline.nodes import Mapping, Node, Scalar, Sequence, scalars

#: Uses of a file that are told, and characters of a name in one.
MOST, LONGEST = 500, 250
_KEYS = ("steps", "services")


class Use(NamedTuple):
    """A step that names a secret."""

    secret: str
    pipeline: str
    step: str


def uses(document: Mapping, pipeline: str) -> Iterator[Use]:
    """The secrets that the steps and services of a pipeline's document name, once for each step."""
    fields = Fields(document, [])
    steps = [node for key in _KEYS for node in fields.items(key) if isinstance(node, Mapping)]
    for step in steps:
        called = Fields(step, []).text("name")
        for name in dict.fromkeys(secret.text for secret in from_secret(step)):
            if all(_is_kept(text) for text in (name, pipeline, called)) and name:
                yield Use(name, pipeline, called)


def from_secret(node: Node) -> Iterator[Scalar]:
    """The names of secrets in a part of the file, in its order."""
    pending = [node]
    while pending:
        found = pending.pop()
        if isinstance(found, Sequence):
            pending += reversed(found.items)
        elif isinstance(found, Mapping):
            pending += reversed([value for key, value in found.values.items() if key != "from_secret"])
            yield from scalars(found.values.get("from_secret"))


def _is_kept(text: str) -> bool:
    return len(text) <= LONGEST and "\0" not in text
