"""Writes values as the documents of a pipeline file: JSON, which is YAML, after lines of `---`."""

import json
import re
from typing import Any

from app.convert.fault import Fault

MAX_BYTES = 1_000_000
#: Characters that JSON may hold unescaped, and that YAML forbids or takes for the end of a line.
_UNPRINTABLE = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def dump(value: Any) -> str:
    """The text of the file that holds one mapping, or a list of mappings. Raises Fault."""
    documents = value if isinstance(value, list) else [value]
    for document in documents:
        if not isinstance(document, dict):
            raise Fault(f"it must make a mapping or a list of mappings, not {_KINDS.get(type(document), 'that')}")
    text = "".join(f"---\n{_json(document)}\n" for document in documents)
    if (size := len(text.encode(errors="replace"))) > MAX_BYTES:
        raise Fault(f"it makes {size} bytes, and at most {MAX_BYTES} are read")
    return text


_KINDS = {str: "a text", int: "a number", float: "a number", bool: "a boolean", type(None): "nothing", list: "a list"}


def _json(document: dict[str, Any]) -> str:
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1)
    except ValueError:
        raise Fault("a number is too large or not a number") from None
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
