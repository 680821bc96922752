"""Runs a Jsonnet file, in the worker's process only: that process limits time and memory (contract drone-yaml 14)."""

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import rjsonnet

from app.convert.fault import Fault

MAX_STACK = 200
_FILE = "pipeline"
_PLACE = re.compile(rf"^ *{_FILE}:([0-9]+):", re.MULTILINE)
_IMPORT = re.compile(r"""\bimport(?:str|bin)?\s*[@"'|]""")
_NO_IMPORTS = "imports are not supported: put everything into one file"


def evaluate(text: str, variables: Mapping[str, str]) -> Any:
    """The value of a file that is given these external variables. Raises Fault."""
    try:
        made = rjsonnet.evaluate_snippet(
            _FILE, text, max_stack=MAX_STACK, ext_vars=dict(variables), import_callback=_no_import, preserve_order=True
        )
        return json.loads(made)
    except RuntimeError as error:
        raise _fault(str(error), text) from None
    except ValueError:  # infinity is written as inf, which is no JSON
        raise Fault("a number is too large, or a text is no Unicode") from None


def _no_import(_folder: str, _name: str) -> NoReturn:
    raise RuntimeError(_NO_IMPORTS)


def _fault(message: str, text: str) -> Fault:
    if _NO_IMPORTS in message:  # the evaluator does not tell the line
        found = _IMPORT.search(text)
        return Fault(_NO_IMPORTS, text.count("\n", 0, found.start()) + 1 if found else 0)
    place = _PLACE.search(message)
    return Fault(message.split("\n    ")[0].removeprefix("runtime error: "), int(place[1]) if place else 0)
