"""Writes values as the documents of a pipeline file: JSON, which is YAML, after lines of `---`."""

import json
import re
from typing import Any

import orjson

from app.convert.fault import Fault

#: Characters that JSON may hold unescaped, and that YAML forbids or takes for the end of a line.
_UNPRINTABLE = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS


def dump(value: Any, most: int) -> str:
    """The text of the file that holds one mapping, or a list of mappings, in at most `most` bytes. Raises Fault."""
    documents = value if isinstance(value, list) else [value]
    for document in documents:
        if not isinstance(document, dict):
            raise Fault(f"it must make a mapping or a list of mappings, not {_KINDS.get(type(document), 'that')}")
    text = "".join(f"---\n{_json(document)}\n" for document in documents)
    if (size := len(text.encode())) > most:
        raise Fault(f"it makes {size} bytes, and at most {most} are read")
    return text


_KINDS = {str: "a text", int: "a number", float: "a number", bool: "a boolean", type(None): "nothing", list: "a list"}


def _json(document: dict[str, Any]) -> str:
    try:
        json.dumps(document, allow_nan=False)  # orjson writes null for what is not a number
        text = orjson.dumps(document, option=_OPTIONS).decode()
    except (ValueError, TypeError):
        raise Fault("a number is too large or not a number, a text is no Unicode, or it nests too deep") from None
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
