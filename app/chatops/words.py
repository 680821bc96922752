"""Splits what people type into words, as a POSIX shell does, whatever keyboards make of quotes and spaces. Pure."""

#: What opens a quoted text, and what may close it: keyboards put typographic quotes in the place of plain ones.
_QUOTES = {
    "'": "'",
    '"': '"',
    "\u2018": "\u2019'",
    "\u201c": '\u201d\u201c"',
    "\u201e": '\u201c\u201d"',
    "\u201d": '\u201d"',
}
#: Characters of no width, which copied texts hold.
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u2060\ufeff"))
_FENCE = "```"


class NotClosed(ValueError):
    """A quote that is opened and not closed, or a backslash at the end."""


def unfenced(text: str) -> str:
    """A text without the code fence or the backquotes around it, and without spaces around it."""
    text = text.translate(_UNSEEN).strip()
    for fence in (_FENCE, "`"):
        if len(text) > 2 * len(fence) and text.startswith(fence) and text.endswith(fence):
            return text[len(fence) : -len(fence)].strip()
    return text


def split(text: str) -> list[str]:
    """The words of a text. NotClosed.

    For a text without typographic quotes these are the words of `shlex.split`. A typographic single quote opens a
    quoted text only where a word or a value begins: elsewhere it is an apostrophe. Every character of a quoted text
    stands for itself; but inside double quotes, a backslash quotes a quote and a backslash.
    """
    words, word, begun, at = list[str](), "", False, 0
    while at < len(text):
        char = text[at]
        at += 1
        if char.isspace():
            if begun:
                words.append(word)
            word, begun = "", False
        elif char == "\\":
            if at == len(text):
                raise NotClosed
            word, begun, at = word + text[at], True, at + 1
        elif char in _QUOTES and (char != "\u2018" or not begun or word.endswith("=")):
            quoted, at = _quoted(text, at, char)
            word, begun = word + quoted, True
        else:
            word, begun = word + char, True
    return [*words, word] if begun else words


def _quoted(text: str, at: int, opening: str) -> tuple[str, int]:
    """The quoted text that begins at a position, and the position after its closing quote."""
    closing, escapes = _QUOTES[opening], opening not in "'\u2018"
    found = list[str]()
    while at < len(text):
        char = text[at]
        at += 1
        if char in closing:
            return "".join(found), at
        if escapes and char == "\\" and at < len(text) and (text[at] in closing or text[at] == "\\"):
            char, at = text[at], at + 1
        found.append(char)
    raise NotClosed
