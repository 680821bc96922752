"""The matrix of a file of Drone 0.8: its axes, and the file with the values of each axis."""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice

from app.convert.fault import Fault
from app.pipeline import source
from app.pipeline.fields import Fields
from app.pipeline.nodes import Mapping as MappingNode
from app.pipeline.nodes import Node, Scalar, Sequence

#: Axes and keys that Drone uses of a matrix that is a table; the rest is dropped.
MAX_AXES, MAX_KEYS = 27, 12
#: Characters of the files of all axes together, and what each value costs beside its own: such files are small, and
#: they are converted anew for each build.
MAX_CHARACTERS = 1024 * 1024
_COST = 20

_VARIABLE = re.compile(r"\$\{([^{}]*+)\}")

#: The value of each key.
Axis = Mapping[str, str]


def axes(file: Fields) -> list[Axis]:
    """The axes of a file: those listed below `include`, or all combinations of a table; none without a matrix."""
    found = _axes(file)
    if len(found) > source.MAX_DOCUMENTS:
        raise Fault(f"the matrix makes more than {source.MAX_DOCUMENTS} pipelines", file.line)
    return found


def _axes(file: Fields) -> list[Axis]:
    fields = file.section("matrix")
    if isinstance(included := fields.get("include"), Sequence) and any(
        isinstance(item, MappingNode) for item in included.items
    ):
        return [{name: section.text(name) for name in section} for section in fields.sections("include")]
    table = {key: fields.texts(key) for key in fields}
    for key, values in table.items():
        if not values:
            raise Fault(f"{fields.place(key)} needs a list of values", fields.line)
    return list(islice(_combined(table), MAX_AXES)) if table else []


def _combined(table: Mapping[str, tuple[str, ...]]) -> Iterator[Axis]:
    """Every combination, the last key first to change."""
    count = 1
    for values in table.values():
        count *= len(values)
    for number in range(min(count, MAX_AXES)):
        axis, every = {}, count
        for key, values in islice(table.items(), MAX_KEYS):
            every //= len(values)
            axis[key] = values[number // every % len(values)]
        yield axis


def replaced(root: MappingNode, found: list[Axis]) -> Iterator[MappingNode]:
    """The file for each axis: `${KEY}` in any key or text is the axis's value. Fault when the files are too large."""
    rest = MappingNode(root.line, {key: value for key, value in root.values.items() if key != "matrix"})
    budget = _Budget()
    for axis in found:
        yield _Replacing(axis, budget).mapping(rest)


class _Budget:
    """The characters that are left for all files."""

    def __init__(self) -> None:
        self._left = MAX_CHARACTERS

    def take(self, characters: int, line: int) -> None:
        """Take the characters of one value; Fault when there are too few left."""
        self._left -= characters + _COST
        if self._left < 0:
            raise Fault(f"it is too large: more than {MAX_CHARACTERS} characters, in all files of its matrix", line)


class _Replacing:
    def __init__(self, axis: Axis, budget: _Budget) -> None:
        self._axis = axis
        self._budget = budget

    def mapping(self, node: MappingNode) -> MappingNode:
        return MappingNode(
            node.line, {self._text(key, node.line): self._node(value) for key, value in node.values.items()}
        )

    def _node(self, node: Node) -> Node:
        match node:
            case MappingNode():
                return self.mapping(node)
            case Sequence(line, items):
                return Sequence(line, tuple(self._node(item) for item in items))
            case Scalar(line, text, plain):
                # Where something was replaced, the text is read anew: a number may come out of it.
                made = self._text(text, line)
                return Scalar(line, made, plain or (made != text and "\n" not in made))

    def _text(self, text: str, line: int) -> str:
        if (whole := _VARIABLE.fullmatch(text)) and whole[1] in self._axis:
            text = self._axis[whole[1]]
        elif "${" in text:
            pieces = _VARIABLE.split(text)
            pieces[1::2] = [self._value(name) for name in pieces[1::2]]
            self._budget.take(sum(map(len, pieces)), line)
            return "".join(pieces)
        self._budget.take(len(text), line)
        return text

    def _value(self, name: str) -> str:
        """The value inside of a text; one of several lines is quoted, as it would break the text's line."""
        if name not in self._axis:
            return f"${{{name}}}"
        value = self._axis[name]
        return json.dumps(value, ensure_ascii=False) if "\n" in value else value
