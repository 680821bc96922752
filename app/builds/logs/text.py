"""A log as plain text, made piece by piece from its JSON; with the escape sequences of terminals or without."""

import codecs
import json
import re
from collections.abc import Iterable, Iterator

#: Characters of one entry at most: a longer entry is no entry of a log, and ends the text.
LONGEST = 32 * 1024 * 1024
#: Characters, at most, of an escape sequence that is still found when it is cut between two pieces.
_SEQUENCE = 4096
_BETWEEN = re.compile(r"[\s,\[\]]*")
#: Escape sequences as ECMA-48 defines them: CSI; the strings OSC, DCS, SOS, PM, APC up to their end; all others. Here a
#: string contains no control character, so that no part of a text is searched twice.
_CSI, _STRING, _OTHER = (
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*",
    r"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x00-\x1f\x7f-\x9f]*",
    r"\x1b[ -/]*",
)
_ESCAPES = re.compile(rf"{_CSI}[@-~]|{_STRING}(?:\x07|\x1b\\|\x9c)|{_OTHER}[0-~]")
#: A character that begins an escape sequence.
ESCAPE = re.compile("[\x1b\x90\x98\x9b\x9d-\x9f]")
#: The beginning of an escape sequence at the end of a text.
_BEGUN = re.compile(rf"(?:{_CSI}|{_STRING}\x1b?|{_OTHER})\Z")


def text(array: Iterable[bytes]) -> Iterator[str]:
    """The output of a step, from the JSON array of its log; items of the array that are no log entries are left out."""
    return ("".join(map(_out, entries)) for entries in parsed(array))


def parsed(array: Iterable[bytes]) -> Iterator[list[object]]:
    """The items of a JSON array, as they are complete."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest, enough = "", 0
    for piece in array:
        rest += decoder.decode(piece)
        if len(rest) < enough:
            continue
        if len(rest) > LONGEST:
            return
        found, rest = _entries(rest)
        enough = 2 * len(rest)  # a long entry is not parsed again for each of its pieces
        yield found
    yield _entries(rest)[0]


def _entries(array: str) -> tuple[list[object], str]:
    """The entries that are complete, and the rest of the array."""
    found, at = list[object](), 0
    while (at := _gap(array, at)) < len(array):
        try:
            entry, at = _DECODER.raw_decode(array, at)
        except (ValueError, RecursionError):
            break
        found.append(entry)
    return found, array[at:]


_DECODER = json.JSONDecoder(strict=False)


def _gap(array: str, at: int) -> int:
    found = _BETWEEN.match(array, at)
    return found.end() if found else at


def _out(entry: object) -> str:
    out = entry.get("out") if isinstance(entry, dict) else None
    return out if isinstance(out, str) else ""


def plain(line: str) -> str:
    """A whole line without the escape sequences of terminals."""
    return _ESCAPES.sub("", line)


def without_escapes(pieces: Iterable[str]) -> Iterator[str]:
    """The pieces without the escape sequences by which programs set colours and move the cursor in terminals."""
    rest = ""
    for piece in pieces:
        whole = rest + piece
        begun = _BEGUN.search(whole, max(len(whole) - _SEQUENCE, 0))
        end = begun.start() if begun else len(whole)
        yield _ESCAPES.sub("", whole[:end])
        rest = whole[end:]
    yield _ESCAPES.sub("", rest)
