"""Cuts a template into texts and actions, and the actions into tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.convert.fault import Fault

SPACE = " \t\r\n"
_TOKEN = re.compile(
    r"""
      (?P<close>[ \t\r\n]+-\}\}|[ \t\r\n]*\}\})
    | (?P<space>[ \t\r\n]+)
    | (?P<string>"(?:[^"\\\n]|\\[^\n])*")
    | (?P<raw>`[^`]*`)
    | (?P<rune>'(?:[^'\\\n]|\\[^\n])[^'\n]{0,10}')
    | (?P<number>[-+]?(?:
          0[xX][0-9a-fA-F_]*+(?:\.[0-9a-fA-F_]*+)?(?:[pP][-+]?[0-9]++)? | 0[bB][01_]++ | 0[oO][0-7_]++
        | [0-9][0-9_]*+(?:\.[0-9_]*+)?(?:[eE][-+]?[0-9]++)? | \.[0-9][0-9_]*+(?:[eE][-+]?[0-9]++)?
      )(?!\w))
    | (?P<field>\.[^\W\d]\w*)
    | (?P<dot>\.)
    | (?P<variable>\$\w*)
    | (?P<word>[^\W\d]\w*)
    | (?P<sign>:=|[=|(),])
    """,
    re.VERBOSE,
)
_COMMENT_END = re.compile(r"\*/(?:[ \t\r\n]+-)?\}\}")


@dataclass(frozen=True, slots=True)
class Token:
    """One word of an action; `glued` when no space stands before it."""

    kind: str
    text: str
    line: int
    glued: bool = True


@dataclass(frozen=True, slots=True)
class Action:
    """The tokens after `{{`; the last token is the closing `}}`."""

    line: int
    tokens: tuple[Token, ...]


def pieces(text: str) -> Iterator[str | Action]:
    """Texts and actions in their order; comments are removed, trim markers are applied."""
    position, line, trim = 0, 1, False
    while (start := text.find("{{", position)) >= 0:
        trims_before = text.startswith("{{-", start) and text[start + 3 : start + 4] in tuple(SPACE)
        yield _trimmed(text[position:start], left=trim, right=trims_before)
        line += text.count("\n", position, start)
        inside = start + (3 if trims_before else 2)
        if (comment := _comment_start(text, inside)) is not None:
            position = _comment_end(text, comment, line)
        else:
            tokens, position = _tokens(text, inside, line)
            yield Action(line, tokens)
        trim = text.startswith("-}}", position - 3) and text[position - 4] in SPACE
        line += text.count("\n", start, position)
    yield _trimmed(text[position:], left=trim, right=False)


def _trimmed(text: str, *, left: bool, right: bool) -> str:
    text = text.lstrip(SPACE) if left else text
    return text.rstrip(SPACE) if right else text


def _comment_start(text: str, inside: int) -> int | None:
    while text[inside : inside + 1] in tuple(SPACE):
        inside += 1
    return inside + 2 if text.startswith("/*", inside) else None


def _comment_end(text: str, start: int, line: int) -> int:
    end = text.find("*/", start)
    if end < 0:
        raise Fault("the comment is not closed: write */}}", line)
    closed = _COMMENT_END.match(text, end)
    if closed is None:
        raise Fault("a comment must end with */}}, without a space between", line)
    return closed.end()


def _tokens(text: str, position: int, line: int) -> tuple[tuple[Token, ...], int]:
    """The tokens of one action, and the position after the action."""
    tokens: list[Token] = []
    first, glued = line, True
    while match := _TOKEN.match(text, position):
        kind, found = match.lastgroup or "", match.group()
        if kind != "space":
            tokens.append(Token(kind, found.strip(SPACE) if kind == "close" else found, line, glued))
        glued = kind != "space"
        line += found.count("\n")
        position = match.end()
        if kind == "close":
            return tuple(tokens), position
    if position == len(text):
        raise Fault("the action is not closed: write }}", first)
    raise Fault(f"unexpected {text[position]!r} in an action", line)
