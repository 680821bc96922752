"""The text of an answer in its parts: words, `code`, [links](https://…) and blocks. Pure.

What others have written (names of branches, titles of commits, lines of logs) is in an answer as code or in a block, so
that no mark and no link in such a text counts.
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


def link(text: str, url: str) -> str:
    """A link; the text alone when the address is none that a link may have."""
    made = f"[{text}]({url})"
    return made if _MARK.fullmatch(made) else text


def without_links(text: str) -> str:
    """A text that repeats words of others, such as those of a pipeline file, in which nothing is a link."""
    return text.replace("](", "] (")


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
