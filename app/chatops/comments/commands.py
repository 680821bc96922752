"""Which line of a comment is a command (contract gantry-chatops 6.5). Pure."""

import re

#: How each comment of this server begins: no line of such a comment is a command.
OURS = "<!-- gantry "
#: Other tools and hosts have commands with a slash, such as `/approve` and `/help`: the dot is ours alone.
_COMMAND = re.compile(
    r" {0,3}(?:[./](?=promote|deploy|rollback)|\.)"
    r"(?P<text>(?:promote|deploy|rollback|status|targets|list|builds|approve|reject|decline|cancel|help|login)(?:\s.*)?)",
    re.IGNORECASE,
)
_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,})(?P<rest>.*)")
_HIDDEN, _SHOWN = "<!--", "-->"


def command_in(text: str) -> str | None:
    """The first line of a comment that is a command, without its sign; None for a comment without any.

    Lines of quotes, of code, and those that nobody sees do not count. A line ends at a line feed alone, as for whoever
    quotes a comment: what a quoted line holds stays in that line.
    """
    if text.startswith(OURS):
        return None
    fence, hidden = "", False
    for line in text.split("\n"):
        line = line.removesuffix("\r")
        if hidden:
            hidden = _SHOWN not in line
        elif fence:
            fence = "" if _ends(line, fence) else fence
        elif (begun := _FENCE.fullmatch(line)) and ("`" not in begun["rest"] or begun["fence"][0] == "~"):
            fence = begun["fence"]
        elif _HIDDEN in line:
            hidden = _SHOWN not in line.rpartition(_HIDDEN)[2]
        elif found := _COMMAND.fullmatch(line):
            return found["text"].strip()
    return None


def _ends(line: str, fence: str) -> bool:
    """Whether a line ends a block of code that a fence has begun."""
    found = _FENCE.fullmatch(line)
    return bool(found and found["fence"].startswith(fence) and not found["rest"].strip())
