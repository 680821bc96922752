"""Runs a Jsonnet file, in the worker's process only: that process limits time and memory (contract drone-yaml 14)."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import rjsonnet

from app.convert.fault import Fault

MAX_STACK = 200
_PLACE = re.compile(r"^ {4}(.+?):([0-9]+):", re.MULTILINE)
#: A comment, a block of text, or a text; with `import` before a text, the import.
_PART = re.compile(
    r"""
      (?://|\#)[^\n]*+ | /\*.*?(?:\*/|\Z) | \|\|\|.*?(?:^[ \t]*\|\|\||\Z)
    | (?P<import>\bimport(?:str|bin)?\b\s*)? (?:
          @"(?P<a>(?:[^"]|"")*+)" | @'(?P<b>(?:[^']|'')*+)'
        | "(?P<c>(?:[^\\"]|\\.)*+)" | '(?P<d>(?:[^\\']|\\.)*+)'
      )
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)

#: Path and text of the file that a name means in a folder; None = the folder of the file that is run. Raises Fault.
Import = Callable[[str | None, str], tuple[str, str]]


def evaluate(text: str, variables: Mapping[str, str], file: str, find: Import) -> Any:
    """The value of a file that is given these external variables. Raises Fault."""
    imports = _Imports(text, find)
    try:
        made = rjsonnet.evaluate_snippet(
            file,
            _bound(text),
            max_stack=MAX_STACK,
            ext_vars=dict(variables),
            import_callback=imports,
            preserve_order=True,
        )
        return json.loads(made)
    except RuntimeError as error:
        raise imports.fault or _fault(str(error), file) from None
    except ValueError:  # infinity is written as inf, which is no JSON
        raise Fault("a number is too large, or a text is no Unicode") from None


class _Imports:
    """Answers the evaluator, and keeps the fault of an import: the evaluator does not tell its line."""

    def __init__(self, text: str, find: Import) -> None:
        self.fault: Fault | None = None
        self._text = text
        self._find = find

    def __call__(self, folder: str, name: str) -> tuple[str, str]:
        # The folder of the file itself is this process's; the folders of imported files are those of the repository.
        own = folder.startswith("/")
        try:
            path, text = self._find(None if own else folder, name)
        except Fault as fault:
            self.fault = Fault(fault.reason, self._line(name) if own else 0)
            raise
        # An `importstr` must get its text unchanged, and which word asks is not told.
        return path, _bound(text) if path.endswith((".libsonnet", ".jsonnet")) else text

    def _line(self, name: str) -> int:
        """The line of the first import of a name; 0 when it is written with escapes."""
        found = (part for part in _PART.finditer(self._text) if part["import"] and name in part.group(*"abcd"))
        return next((self._text.count("\n", 0, part.start()) + 1 for part in found), 0)


def _bound(text: str) -> str:
    """The file with each import in parentheses: the evaluator takes `import 'a' + b` for an import of `'a' + b`."""
    return _PART.sub(lambda part: f"({part[0]})" if part["import"] else part[0], text) if "import" in text else text


def _fault(message: str, file: str) -> Fault:
    """The fault of a message; its line is one of the file itself, and the reason names an imported file."""
    places = _PLACE.findall(message)
    line = next((int(line) for name, line in places if name == file), 0)
    reason = message.split("\n    ")[0].removeprefix("runtime error: ")
    if places and places[0][0] != file:
        reason += f", in {places[0][0]} at line {places[0][1]}"
    return Fault(reason, line)
