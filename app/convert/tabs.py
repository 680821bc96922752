"""Spaces in place of the tabs of a Starlark file: the evaluator refuses tabs, which Drone accepts."""

import re

#: Columns between two tab stops, as Drone's evaluator counts indentation.
_WIDTH = 8
#: A text or a comment, whose tabs stay; else the space at the start of a line, or tabs inside of a line.
_PART = re.compile(
    r'''
      """(?:[^\\"]|\\.|"(?!""))*+(?:"""|\Z)
    | \'\'\'(?:[^\\']|\\.|'(?!''))*+(?:\'\'\'|\Z)
    | "(?:[^\\"\n]|\\.)*+"?
    | '(?:[^\\'\n]|\\.)*+'?
    | \#[^\n]*+
    | (?P<indent>^[ \t]*\t[ \t]*)
    | (?P<inside>\t+)
    ''',
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


def expanded(text: str) -> str:
    """The file with the same lines and the same texts, whose indentation and gaps are of spaces alone."""
    return _PART.sub(_spaced, text) if "\t" in text else text


def _spaced(part: re.Match[str]) -> str:
    match part.lastgroup:
        case "indent":
            return part[0].expandtabs(_WIDTH)
        case "inside":
            return " "
        case _:
            return part[0]
