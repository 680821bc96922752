"""YAML as a tree whose nodes have their line, and whose scalars have their source text.

A value's type depends on its key, not on its text: `1.10` stays `1.10`. The tree is built from the parser's
events, without recursion and with a limit on the number of its nodes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

import yaml

from app.pipeline.problems import BadPipeline, Problem

MAX_DEPTH = 64
#: Nodes of all documents of a file; the nodes of an alias count at each use.
MAX_NODES = 400_000

#: The rule that a file with more nodes breaks.
TOO_MANY = "document contains too many values"
NULLS = frozenset({"", "~", "null", "Null", "NULL"})
MERGE = "<<"
#: Messages of this parser, and the words that Drone's decoder has for the same fault.
WORDINGS = {"found a tab character that violates indentation": ("found a tab character that violate indentation")}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text as written in the file; only a plain (unquoted) scalar can be null or a merge key."""

    line: int
    source: str
    plain: bool = False

    @property
    def null(self) -> bool:
        """Whether the scalar is null."""
        return self.plain and self.source in NULLS

    @property
    def text(self) -> str:
        """The source text, empty for null."""
        return "" if self.null else self.source


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list of nodes."""

    line: int
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values with merge keys resolved; of equal keys the last one wins."""

    line: int
    values: dict[str, "Node"]


Node = Scalar | Sequence | Mapping


def compose(text: str, first_line: int, budget: int = MAX_NODES) -> tuple[Node | None, int]:
    """The tree of one document, None if the document is empty, and its number of nodes, aliases included.

    `first_line` is the line of the file where the document starts. Raises BadPipeline.
    """
    composer = _Composer(first_line, budget)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            composer.take(event)
    except yaml.YAMLError as error:
        raise BadPipeline([_syntax_problem(error, text, first_line)]) from error
    return composer.root, composer.used


def _syntax_problem(error: yaml.YAMLError, text: str, first_line: int) -> Problem:
    if not isinstance(error, yaml.MarkedYAMLError):
        # libyaml gives the position of an unreadable character as an offset in bytes.
        offset: int = getattr(error, "position", 0)
        line = first_line + text.encode()[:offset].count(b"\n")
        return Problem(line, "yaml: control characters are not allowed", "remove the character")
    mark, context = error.problem_mark, error.context_mark
    line, column = (mark.line, mark.column + 1) if mark else (0, 1)
    # Drone counts these lines from zero, from the start of the document, and omits a zero.
    counted = line or (context.line if context else 0)
    fault = WORDINGS.get(error.problem or "", error.problem)
    detail = f"at column {column}" + (f", {error.context}" if error.context else "")
    return Problem(first_line + line, f"yaml: line {counted}: {fault}" if counted else f"yaml: {fault}", detail)


@dataclass(slots=True)
class _Collection:
    """A sequence or mapping whose end has not been read yet."""

    line: int
    anchor: str | None
    is_mapping: bool
    #: the number of nodes that were counted before the collection began
    used: int
    children: list[Node] = field(default_factory=list)

    def closed(self) -> Node:
        if self.is_mapping:
            return Mapping(self.line, _merged(self.children))
        return Sequence(self.line, tuple(self.children))


class _Composer:
    """Builds the tree from the parser's events; collections that have not ended are on a stack."""

    def __init__(self, first_line: int, budget: int) -> None:
        self.first_line = first_line
        self.budget = budget
        self.used = 0
        self.root: Node | None = None
        self.open: list[_Collection] = []
        #: The node of each anchor and its number of nodes; None until the node has ended.
        self.anchors: dict[str, tuple[Node, int] | None] = {}

    def take(self, event: yaml.Event) -> None:
        line = self.first_line + (event.start_mark.line if event.start_mark else 0)
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "", line)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            ended = self.open.pop()
            self._add(ended.closed(), ended.anchor, self.used - ended.used)

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        if "\0" in event.value:
            _refuse(line, "control characters are not allowed", r"remove the NUL (\0)")
        self._count(1, line)
        self._add(Scalar(line, event.value, event.implicit[0]), event.anchor, 1)

    def _start(self, event: yaml.CollectionStartEvent, line: int) -> None:
        if len(self.open) == MAX_DEPTH:
            detail = f"lists and mappings may nest {MAX_DEPTH} deep"
            _refuse(line, "exceeded maximum depth", detail)
        if event.anchor:
            self.anchors[event.anchor] = None
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self.open.append(_Collection(line, event.anchor, is_mapping, self.used))
        self._count(1, line)

    def _alias(self, name: str, line: int) -> None:
        if name not in self.anchors:
            detail = "define it before, in the same document: anchors do not reach over ---"
            _refuse(line, f"unknown anchor '{name}' referenced", detail)
        anchored = self.anchors[name]
        if anchored is None:
            detail = "an alias can only name a node that has ended"
            _refuse(line, f"anchor '{name}' value contains itself", detail)
        node, count = anchored
        self._count(count, line)
        self._add(node, None, count)

    def _add(self, node: Node, anchor: str | None, count: int) -> None:
        if anchor:
            self.anchors[anchor] = node, count
        if self.open:
            self.open[-1].children.append(node)
        elif self.root is None:
            self.root = node
        else:
            detail = "put the --- between two documents at the start of a line"
            _refuse(node.line, "did not find expected <document end>", detail)

    def _count(self, nodes: int, line: int) -> None:
        self.used += nodes
        if self.used > self.budget:
            detail = f"a file may hold {MAX_NODES} values, an alias counts wherever it is used"
            _refuse(line, TOO_MANY, detail)


def _merged(children: list[Node]) -> dict[str, Node]:
    """Keys and values of a mapping; its own keys win over merged keys, earlier merged mappings over later ones."""
    own: dict[str, Node] = {}
    merged: dict[str, Node] = {}
    for key, value in zip(children[::2], children[1::2], strict=True):
        # A key that is a list or mapping is never one of the known keys.
        if not isinstance(key, Scalar):
            continue
        if not (key.plain and key.source == MERGE):
            own[key.source] = value
            continue
        for base in value.items if isinstance(value, Sequence) else (value,):
            if not isinstance(base, Mapping):
                rule = "map merge requires map or sequence of maps as the value"
                _refuse(key.line, rule, "write <<: *anchor, with the anchor at a mapping")
            merged = base.values | merged
    return merged | own


def _refuse(line: int, rule: str, detail: str) -> NoReturn:
    raise BadPipeline([Problem(line, f"yaml: {rule}", detail)])


def scalars(node: Node | None) -> Iterator[Scalar]:
    """The scalars of a list, or the one scalar that stands in its place."""
    items = node.items if isinstance(node, Sequence) else (node,)
    return (item for item in items if isinstance(item, Scalar))
