"""Reads the keys of one YAML mapping by the type that each must have; another type is noted as a problem."""

import re
from collections.abc import Iterator

from app.pipeline.conditions import ANY, Condition
from app.pipeline.nodes import Mapping, Node, Scalar, Sequence
from app.pipeline.problems import Problem, quoted

TRUE = frozenset({"y", "yes", "true", "on"})
FALSE = frozenset({"n", "no", "false", "off"})
#: Nine digits fit every integer column.
_NUMBER = re.compile(r"[0-9]{1,9}")
_KINDS = {Scalar: "text", Sequence: "a list", Mapping: "a mapping"}


class Fields:
    """Typed access to a mapping. A missing key and null give the empty value of the method's type."""

    def __init__(self, node: Mapping, problems: list[Problem], path: str = "") -> None:
        self.node = node
        self.line = node.line
        self.problems = problems
        self.path = path

    def __iter__(self) -> Iterator[str]:
        return iter(self.node.values)

    def get(self, key: str) -> Node | None:
        """The node at the key; None if the key is missing or null."""
        node = self.node.values.get(key)
        return None if isinstance(node, Scalar) and node.null else node

    def blank(self, key: str) -> bool:
        """Whether the key is missing, null or an empty text."""
        node = self.get(key)
        return node is None or (isinstance(node, Scalar) and not node.text)

    def place(self, key: str) -> str:
        """The key with its path, as in `steps[0].name`."""
        return f"{self.path}.{key}" if self.path else key

    def wrong(self, node: Node, place: str, wanted: str) -> None:
        """Note the problem that the node at this place has a wrong type; `wanted` names the right one."""
        found = quoted(node.source) if isinstance(node, Scalar) else _KINDS[type(node)]
        detail = f"{place} must be {wanted}, not {found}"
        self.problems.append(Problem(node.line, "yaml: wrong type", detail))

    def text(self, key: str) -> str:
        """The source text of a scalar."""
        return self._text(self.node.values.get(key), self.place(key))

    def _text(self, node: Node | None, place: str) -> str:
        if isinstance(node, Scalar):
            return node.text
        if node is not None:
            # The usual cause is an unquoted colon in a command, which makes the command a mapping.
            self.wrong(node, place, "text (quote it if it holds ': ')")
        return ""

    def flag(self, key: str) -> bool:
        """A YAML 1.1 boolean."""
        node = self.get(key)
        word = node.text.lower() if isinstance(node, Scalar) else ""
        if node is not None and word not in TRUE | FALSE:
            self.wrong(node, self.place(key), "true or false")
        return word in TRUE

    def number(self, key: str) -> int:
        """A whole number, 0 or more."""
        node = self.get(key)
        if node is None:
            return 0
        if isinstance(node, Scalar) and _NUMBER.fullmatch(node.text):
            return int(node.text)
        self.wrong(node, self.place(key), "a whole number from 0 to 999999999")
        return 0

    def items(self, key: str) -> tuple[Node, ...]:
        """The nodes of a list."""
        node = self.get(key)
        if isinstance(node, Sequence):
            return node.items
        if node is not None:
            self.wrong(node, self.place(key), "a list")
        return ()

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        place = self.place(key)
        items = enumerate(self.items(key))
        return tuple(self._text(item, f"{place}[{number}]") for number, item in items)

    def section(self, key: str) -> "Fields":
        """A mapping, empty when missing."""
        node = self.get(key)
        place = self.place(key)
        if node is not None and not isinstance(node, Mapping):
            self.wrong(node, place, "a mapping")
        return type(self)(node if isinstance(node, Mapping) else Mapping(self.line, {}), self.problems, place)

    def sections(self, key: str) -> "Iterator[Fields]":
        """A list of mappings."""
        for number, node in enumerate(self.items(key)):
            place = f"{self.place(key)}[{number}]"
            if isinstance(node, Mapping):
                yield type(self)(node, self.problems, place)
            else:
                self.wrong(node, place, "a mapping")

    def table(self, key: str) -> dict[str, str]:
        """A mapping of texts to texts."""
        section = self.section(key)
        return {name: section.text(name) for name in section}

    def condition(self, key: str) -> Condition:
        """A condition in any of its forms; globs that cannot be decoded are left out (contract drone-yaml 7.2)."""
        node = self.get(key)
        if isinstance(node, Mapping):
            lists = _scalars(node.values.get("include")), _scalars(node.values.get("exclude"))
        else:
            lists = _scalars(node), ()
        return Condition(*lists) if any(lists) else ANY


def _scalars(node: Node | None) -> tuple[str, ...]:
    if isinstance(node, Sequence):
        return tuple(item.text for item in node.items if isinstance(item, Scalar))
    return (node.text,) if isinstance(node, Scalar) and not node.null else ()
