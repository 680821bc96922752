"""The `data` of a template document as plain values; untagged scalars get the types that go-yaml gives them."""

import re
from typing import Any

from app.convert.fault import Fault
from app.pipeline.fields import FALSE, TRUE
from app.pipeline.nodes import Mapping, Node, Scalar, Sequence
from app.pipeline.source import MAX_BYTES

#: Characters of all texts together; the text of an alias counts at each use.
MAX_TEXT = MAX_BYTES
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9_]*|0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_OCTAL = re.compile(r"([-+]?)0([0-7_]+)")
_INT64 = 2**63
#: Booleans are written in lower or upper case, or capitalized.
_BOOLEANS = {form(word): word in TRUE for word in TRUE | FALSE for form in (str.lower, str.upper, str.capitalize)}


def values(node: Mapping) -> dict[str, Any]:
    """The mapping with all its values. Raises Fault when its texts, aliases included, have more than MAX_TEXT."""
    return _Reader().mapping(node)


class _Reader:
    def __init__(self) -> None:
        self._left = MAX_TEXT

    def mapping(self, node: Mapping) -> dict[str, Any]:
        return {self._counted(key, node.line): self._value(value) for key, value in node.values.items()}

    def _value(self, node: Node) -> Any:
        match node:
            case Mapping():
                return self.mapping(node)
            case Sequence():
                return [self._value(item) for item in node.items]
            case Scalar():
                self._counted(node.source, node.line)
                return scalar(node)

    def _counted(self, text: str, line: int) -> str:
        self._left -= len(text)
        if self._left < 0:
            raise Fault(f"data holds more than {MAX_TEXT} characters, an alias counts wherever it is used", line)
        return text


def scalar(node: Scalar) -> Any:
    """None, a boolean, a number of 64 bits or a text; a quoted scalar is a text."""
    text = node.source
    if not node.plain:
        return text
    if node.null:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text) and (whole := _whole(text)) is not None:
        return whole
    if _FLOAT.fullmatch(text) and abs(value := float(text)) != float("inf"):
        return value
    return text


def _whole(text: str) -> int | None:
    """The integer; None if it has more than 64 bits or an underscore in a wrong place."""
    try:
        value = int(_OCTAL.sub(r"\g<1>0o\g<2>", text) if _OCTAL.fullmatch(text) else text, 0)
    except ValueError:
        return None
    return value if -_INT64 <= value < _INT64 else None
