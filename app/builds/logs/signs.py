"""Which lines of a log look like errors. Pure."""

import re

from app.builds.logs.text import ESCAPE, plain

#: The usual words of errors.
WORDS = ("error", "fatal", "failure", "failed", "panic", "exception", "traceback", "denied", "refused", "not found")
#: What a line that looks like an error has; scripts of pages read this, too, and what says that nothing is wrong;
#: only ASCII has letters, in both languages.
WRONG = re.compile(rf"(?:^|[^\w.-])(?:{'|'.join(WORDS)})(?:$|[^\w-])", re.A | re.I)
#: Characters of a line that are searched for signs of an error.
_SEARCHED = 1000
#: What says that nothing is wrong; and what only repeats a command, as runners write before they run the command: of
#: one with several lines, only the first line begins with a plus, and the others look like lines of a shell script.
FINE = re.compile(
    r"^\+ |^\s*(?:(?:echo|printf)\s|\w+=\S*\s*$)|\b(?:echo|printf) +[\"'$]|>&2|(?:;;|; (?:then|do))\s*$"
    r"|\b(?:0|no) (?:errors?|failures?|failed)\b",
    re.A | re.I,
)


def looks_wrong(line: str) -> bool:
    """Whether a line of a log has a usual word of errors."""
    text = line[:_SEARCHED]
    if ESCAPE.search(text):
        text = plain(text)
    if not has_word(text):  # quicker than the pattern, and so it is with most lines
        return False
    return WRONG.search(text) is not None and FINE.search(text) is None


def has_word(text: str) -> bool:
    """Whether a text without escape sequences has a word of errors; if not, no line of the text looks like an error."""
    folded = text.lower()
    return any(word in folded for word in WORDS)
