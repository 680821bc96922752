"""Values of `${…}` that are put into a file after its text was parsed, so that no value can change what the file says.

In the text, a mark stands for each value. After the text was parsed, every mark in the tree is replaced by its value,
except in the commands of steps: whoever makes a shell script of the commands puts the values there.
"""

import re
from collections.abc import Callable, Mapping

from app.pipeline import nodes
from app.pipeline.nodes import Node, Scalar, Sequence
from app.pipeline.substitute import BadSubstitution, substitute

#: Characters without a meaning in Unicode; the first that a text lacks encloses the marks of the text.
_PRIVATE = range(0xE000, 0xF900)

#: What a part of a file is: the part that follows from it, by key or for each item of a list.
_BELOW = {("document", "steps"): "steps", ("steps", ""): "step", ("step", "commands"): "commands"}


class Values:
    """The values of one text, and the text with their marks."""

    def __init__(self, text: str, variables: Mapping[str, str]) -> None:
        """Substitute the text. Raises BadSubstitution."""
        sign = next((chr(code) for code in _PRIVATE if chr(code) not in text), "")
        if not sign:
            raise BadSubstitution("the file holds every character that could mark a value")
        self._values: list[str] = []

        def keep(value: str) -> str:
            self._values.append(value)
            return f"{sign}{len(self._values) - 1}{sign}"

        self.text = substitute(text, variables, keep)
        #: Finds a mark.
        self.mark = re.compile(f"{sign}([0-9]+){sign}")

    def value(self, mark: re.Match[str]) -> str:
        """The value that a mark stands for."""
        return self._values[int(mark[1])]

    def put(self, text: str) -> str:
        """The text with each mark replaced by its value."""
        return self.mark.sub(self.value, text)

    def fill(self, document: nodes.Mapping) -> nodes.Mapping:
        """The document with its values, but for the commands of its steps, which keep their marks."""
        if not self._values:
            return document
        filled = _filled(document, "document", self.put, {})
        assert isinstance(filled, nodes.Mapping)
        return filled


def _filled(node: Node, part: str, put: Callable[[str], str], known: dict[tuple[int, str], Node]) -> Node:
    """The node with its values. A node that the file uses several times stays one node."""
    key = id(node), part
    if key not in known:
        known[key] = _made(node, part, put, known)
    return known[key]


def _made(node: Node, part: str, put: Callable[[str], str], known: dict[tuple[int, str], Node]) -> Node:
    if isinstance(node, Scalar):
        return Scalar(node.line, put(node.source), node.plain)
    if isinstance(node, Sequence):
        if part == "commands":
            return Sequence(
                node.line,
                tuple(item if isinstance(item, Scalar) else _filled(item, "", put, known) for item in node.items),
            )
        below = _BELOW.get((part, ""), "")
        return Sequence(node.line, tuple(_filled(item, below, put, known) for item in node.items))
    pairs = node.values.items()
    return nodes.Mapping(
        node.line, {put(key): _filled(value, _BELOW.get((part, key), ""), put, known) for key, value in pairs}
    )
