"""Answers in the Markdown of Mattermost and of Teams. Pure."""

import re
from collections.abc import Iterator, Sequence

from app.chatops.markup import FENCE, Part

#: The signs that mean something in Markdown, anywhere or at the beginning of a line; a backslash takes that away. No
#: other sign gets a backslash: some readers would show the backslash.
_SIGN = re.compile(r"[\\`*_\[\]~|]|^[ \t]*(?:[#>+=-]|[0-9]+(?=[.)]))", re.MULTILINE)
_MENTION = re.compile(r"(?<![A-Za-z0-9])@(?=\w)")
_RUN = re.compile(r"`{3,}")


def markdown(parts: Sequence[Part], *, newline: str = "\n", html: bool = False) -> str:
    """The parts as Markdown, in which no text of somebody else is a mark, a mention or a link.

    `newline` is what ends a line of words; with `html`, the reader knows entities, and tags are written as such.
    """
    return "".join(_written(parts, newline, html)).strip("\n")


def _written(parts: Sequence[Part], newline: str, html: bool) -> Iterator[str]:
    for part in parts:
        match part.kind:
            case "words":
                yield _words(part.text, html).replace("\n", newline)
            case "code":
                yield f"`{part.text}`"
            case "link":
                yield f"[{_words(part.text, html)}]({part.url})"
            case "block":
                fence = max([FENCE, *(f"{run}`" for run in _RUN.findall(part.text))], key=len)
                yield f"\n\n{fence}\n{part.text}\n{fence}\n\n"


def _words(text: str, html: bool) -> str:
    if html:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MENTION.sub("@\u200b", _SIGN.sub(_without_meaning, text))


def _without_meaning(found: "re.Match[str]") -> str:
    """The sign with a backslash; the number of a list with a backslash before its dot."""
    sign = found[0]
    return f"{sign}\\" if sign[-1].isdecimal() else f"{sign[:-1]}\\{sign[-1]}"
