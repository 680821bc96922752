"""The text of an answer in its parts: words, `code`, [links](https://…) and blocks; and how each is written. Pure.

What others have written (names of branches, messages of commits, lines of logs) goes into an answer only through
`words`, `code`, `link` or `block`: so no mark and no link in such a text counts.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

#: The line before and after a block.
FENCE: Final = "```"
_BLOCK = re.compile(r"^```\n(?:(?:(?P<text>.*?)\n)??```$|(?P<open>.*)\Z)", re.DOTALL | re.MULTILINE)
_MARK = re.compile(r"`(?P<code>[^`\n]+)`|\[(?P<words>[^\[\]\n]+)\]\((?P<url>https?://[^\s()<>|\"`]+)\)")
#: What shows that something was left out.
_CUT = "…"


@dataclass(frozen=True, slots=True)
class Part:
    """Words, code, the words of a link, or the lines of a block."""

    kind: Literal["words", "code", "link", "block"]
    text: str
    url: str = ""


def words(text: str) -> str:
    """A text of somebody else as words, on one line, in which nothing is a mark."""
    return _line(text).replace("`", "'").replace("](", "] (")


def code(text: str) -> str:
    """A text as code, on one line; nothing for no text."""
    inside = _line(text).replace("`", "'")
    return f"`{inside}`" if inside else ""


def link(text: str, url: str) -> str:
    """A link; the text alone when the address is none that a link may have."""
    inside = words(text).replace("[", "(").replace("]", ")")
    made = f"[{inside}]({url})"
    return made if _MARK.fullmatch(made) else inside


def block(text: str) -> str:
    """A text of several lines, as it is; the lines around it are its own."""
    inside = text.replace(FENCE, "'''").replace("\r\n", "\n").strip("\n")
    return f"\n{FENCE}\n{inside}\n{FENCE}\n" if inside else ""


def parts(text: str) -> list[Part]:
    """The parts of a text, none of them empty."""
    return [part for part in _parts(text) if part.text]


def fitted(found: Sequence[Part], most: int) -> list[Part]:
    """Parts with at most `most` characters in all: words lose their end, and blocks, which take what the others leave,
    lose their first lines, as the end of a log tells most."""
    room = most
    cut: dict[int, Part] = {}
    for at, part in enumerate(found):
        if part.kind != "block" and room:
            cut[at] = part if len(part.text) <= room else replace(part, text=part.text[: room - 1] + _CUT)
            room -= len(cut[at].text)
    for at, part in enumerate(found):
        if part.kind == "block" and room > 1:
            cut[at] = part if len(part.text) <= room else replace(part, text=_end(part.text, room))
            room -= len(cut[at].text)
    return [cut[at] for at in sorted(cut)]


def _end(text: str, room: int) -> str:
    """The last lines of a text, or the last part of its last line if that alone is too long."""
    tail = text[len(text) - (room - 2) :] if room > 2 else ""
    _, newline, whole = tail.partition("\n")
    return f"{_CUT}\n{whole if newline and whole else tail}"


def _parts(text: str) -> Iterator[Part]:
    start = 0
    for found in _BLOCK.finditer(text):
        yield from _inline(text[start : found.start()].removesuffix("\n"))
        yield Part("block", found["text"] or found["open"] or "")
        start = found.end()
    yield from _inline(text[start:].removeprefix("\n") if start else text)


def _inline(text: str) -> Iterator[Part]:
    start = 0
    for found in _MARK.finditer(text):
        yield Part("words", text[start : found.start()])
        yield Part("code", found["code"]) if found["code"] else Part("link", found["words"], found["url"])
        start = found.end()
    yield Part("words", text[start:])


def _line(text: str) -> str:
    """The text on one line, without control characters."""
    return "".join(char if char.isprintable() else " " for char in text).strip()
