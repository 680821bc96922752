"""The problems of a pipeline file, each beside the lines of the file around it. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

#: Lines of the file that are shown before and after the line of a problem, and characters of each.
AROUND, LONGEST = 2, 300
#: How the error of a build tells one problem: the rule, the file, the line, and what is wrong there.
_PROBLEM = re.compile(r"(?P<rule>.*?) \((?P<path>[^()]+):(?P<line>[0-9]{1,7}): (?P<detail>.*)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A line of the file; `is_here` marks the line that the problem is in."""

    number: int
    text: str
    is_here: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """One problem. `lines` is empty where the file is not known, or the problem is of no line."""

    text: str
    place: str
    lines: Sequence[Numbered]


def names_lines(error: str, path: str) -> bool:
    """Whether the error of a build names a line of this file."""
    return any(found and found["path"] == path for found in map(_PROBLEM.fullmatch, error.splitlines()))


def faults(error: str, path: str, text: str) -> Sequence[Fault]:
    """The problems of the error of a build, one a line; `text` is the file at `path`, empty if it is not known."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if text else []
    return [_fault(one, path, lines) for one in error.splitlines() if one.strip()]


def _fault(problem: str, path: str, lines: Sequence[str]) -> Fault:
    found = _PROBLEM.fullmatch(problem)
    if found is None:
        return Fault(problem, "", ())
    number, shown = int(found["line"]), lines if found["path"] == path else ()
    return Fault(f"{found['rule']}: {found['detail']}", f"{found['path']}:{number}", _around(number, shown))


def _around(number: int, lines: Sequence[str]) -> Sequence[Numbered]:
    if not 0 < number <= len(lines):
        return ()
    first = max(number - AROUND, 1)
    near = enumerate(lines[first - 1 : number + AROUND], start=first)
    return [Numbered(at, line[:LONGEST], at == number) for at, line in near]
