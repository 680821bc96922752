"""Glob patterns over slash-separated values, compiled to regular expressions (contract drone-yaml 7.4).

Patterns come from untrusted files, so a compiled pattern never backtracks over a `*` or `**` that it has passed.
The text between two wildcards has a fixed length, so its first occurrence is as good as any later one, and an
atomic group keeps that first occurrence.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, pairwise

from app.errors import AppError

#: Characters of patterns; a text without any stands for itself.
_SPECIAL = frozenset("*?[{\\")
#: Longer patterns are invalid; the longest sensible one is a git ref.
MAX_LENGTH = 512
#: A segment whose braces stand for more alternatives is invalid.
MAX_ALTERNATIVES = 64

ANY_IN_SEGMENT = "[^/]"
_ANY_SEGMENTS = f"(?:{ANY_IN_SEGMENT}*/)*?"
_SEGMENT_END = r"(?=/|\Z)"
_CHARACTER = r"(?:\\(?s:.)|[^\\\]\-])"
_CLASS = re.compile(rf"\[(\^?)((?:{_CHARACTER}(?:-{_CHARACTER})?)+)\]")
_RANGE = re.compile(rf"({_CHARACTER})(?:-({_CHARACTER}))?")
_MARK = re.compile(r"\\(?s:.)|[{},]|\[(?:\\(?s:.)|[^\\\]])*\]")


class BadGlob(AppError):
    """The pattern breaks the rules of globs; such a pattern matches nothing."""

    code = "bad_glob"


def matches(pattern: str, value: str) -> bool:
    """Whether the whole value matches the pattern; an invalid pattern matches nothing."""
    regex = _compiled(pattern)
    return regex is not None and regex.fullmatch(value) is not None


def is_pattern(text: str) -> bool:
    """Whether a text may match other values than itself."""
    return not _SPECIAL.isdisjoint(text)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(_path(pattern))
    except BadGlob:
        return None


def pieces(pattern: str, any_character: str) -> list[list[str]]:
    """The pattern cut at its `*`: for each piece, the regular expressions of its characters.

    `any_character` is the regular expression of the characters that a wildcard may match. Raises BadGlob.
    """
    if len(pattern) > MAX_LENGTH:
        raise BadGlob(f"a pattern has at most {MAX_LENGTH} characters")
    found: list[list[str]] = [[]]
    position = 0
    while position < len(pattern):
        character = pattern[position]
        width = 1
        if character == "*":
            found.append([])
        elif character == "?":
            found[-1].append(any_character)
        elif character == "[":
            atom, width = _class(pattern, position)
            found[-1].append(f"(?={any_character}){atom}")
        elif character == "\\":
            found[-1].append(re.escape(_escaped(pattern, position)))
            width = 2
        else:
            found[-1].append(re.escape(character))
        position += width
    return found


def _class(pattern: str, position: int) -> tuple[str, int]:
    match = _CLASS.match(pattern, position)
    if match is None:
        raise BadGlob("a character class is empty, open, or has a stray '-'")
    ranges = []
    for low, high in _RANGE.findall(match[2]):
        first, last = low[-1], (high or low)[-1]
        if first > last:
            raise BadGlob(f"the range {first}-{last} runs backwards")
        ranges.append(f"{re.escape(first)}-{re.escape(last)}")
    return f"[{match[1]}{''.join(ranges)}]", len(match[0])


def _escaped(pattern: str, position: int) -> str:
    if position + 1 == len(pattern):
        raise BadGlob("a pattern ends with a lone backslash")
    return pattern[position + 1]


def _path(pattern: str) -> str:
    """The regular expression of a pattern, segment by segment.

    `**` stands for any number of segments, at the end of the pattern for one or more.
    """
    if len(pattern) > MAX_LENGTH:
        raise BadGlob(f"a pattern has at most {MAX_LENGTH} characters")
    runs: list[list[str]] = [[]]
    for segment in pattern.split("/"):
        if segment == "**":
            runs.append([])
        else:
            runs[-1].append(_segment(segment))
    first, *rest = ("/".join(run) for run in runs)
    if not rest:
        return first
    *middle, last = rest
    held = [f"(?>{_ANY_SEGMENTS}{run}/)" for run in middle if run]
    start = f"{first}/" if runs[0] else ""
    return start + "".join(held) + (_ANY_SEGMENTS + last if runs[-1] else r"[\s\S]*")


def _segment(segment: str) -> str:
    alternatives = list(islice(_spelled_out(segment), MAX_ALTERNATIVES + 1))
    if len(alternatives) > MAX_ALTERNATIVES:
        raise BadGlob(f"braces spell out more than {MAX_ALTERNATIVES} alternatives")
    regexes = "|".join(_plain_segment(alternative) for alternative in alternatives)
    return f"(?>(?:{regexes}){_SEGMENT_END})"


def _plain_segment(segment: str) -> str:
    first, *rest = ("".join(piece) for piece in pieces(segment, ANY_IN_SEGMENT))
    if not rest:
        return first
    *middle, last = rest
    held = "".join(f"(?>{ANY_IN_SEGMENT}*?{piece})" for piece in middle if piece)
    return f"{first}{held}{ANY_IN_SEGMENT}*{last}{_SEGMENT_END}"


def _spelled_out(segment: str) -> Iterator[str]:
    """The segment once for each alternative of its braces; braces may nest."""
    cuts = _cuts(segment)
    if not cuts:
        yield segment
        return
    head, tail = segment[: cuts[0]], segment[cuts[-1] + 1 :]
    for start, end in pairwise(cuts):
        for rest in _spelled_out(segment[start + 1 : end] + tail):
            yield head + rest


def _cuts(segment: str) -> list[int]:
    """The positions of the first opening brace, of its own commas, and of its closing brace; empty without braces."""
    cuts: list[int] = []
    depth = 0
    for mark in _MARK.finditer(segment):
        if mark[0] == "{":
            depth += 1
        elif mark[0] == "}" and depth:
            depth -= 1
        starts = mark[0] == "{" and depth == 1
        if starts or (mark[0] == "," and depth == 1) or (cuts and not depth):
            cuts.append(mark.start())
        if cuts and not depth:
            return cuts
    if cuts:
        raise BadGlob("a brace has no partner")
    return cuts
