"""The texts that stand for a secret in output: the value, its lines, and how programs write them. Pure.

Programs write a value within other text: base64, JSON, the query of a URL, a command of a shell, HTML, YAML. What such
a program prints for the value is hidden as the value is.
"""

import html
import json
import re
from base64 import b64encode
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from heapq import merge

from ahocorasick_rs import AhoCorasick, Implementation

#: A shorter line of a value (in characters) is not looked for alone, because other text contains it too often.
SHORTEST_LINE = 2
#: Shorter base64 of a value (in characters) is not looked for, because other text contains it too often.
SHORTEST_ENCODED = 8
#: A longer text (in characters) is looked for in parts of equal size, so that little output is held back.
LONGEST = 8 * 1024
#: Characters after which `base64` and `openssl base64` break lines.
_WRAPPED = (76, 64)
#: Characters of a needle that the automata know: their size depends on the number of needles, and not on their length.
_HEAD = 8
#: Heads in one automaton. An automaton is built in one piece, and no other thread of the process runs meanwhile.
_HEADS = 5000
#: Characters, or texts, that are worked on in one piece.
_PART = 1000
_SMALL = Implementation.ContiguousNFA
#: Characters that no writer changes.
_PLAIN = re.compile(r"[A-Za-z0-9_.-]*")
#: Made once, because `json.dumps` makes one for each text.
_UNICODE_JSON = json.JSONEncoder(ensure_ascii=False).encode
_UNICODE = re.compile(r"\\u[0-9a-f]{4}")
_BACKSLASHED = {code: f"\\{chr(code)}" for code in range(32, 127) if not re.match(r"[A-Za-z0-9_@%+=:./-]", chr(code))}
_BACKSLASHED_IN_QUOTES = {ord(char): f"\\{char}" for char in '"$`\\'}
_ANSI_C = {code: f"\\{code:03o}" for code in (*range(32), 127)}
_ANSI_C |= {ord(char): f"\\{letter}" for char, letter in zip("\a\b\x1b\f\n\r\t\v\\'", "abEfnrtv\\'", strict=True)}
_GO_JSON = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}
_URL_SAFE = str.maketrans("+/", "-_")


class _Percent(dict[int, str]):
    """A table that percent-encodes the UTF-8 of every character but letters, digits, `_.-~` and those that are safe."""

    def __init__(self, safe: str, form: str) -> None:
        kept = safe + "_.-~"
        super().__init__((c, chr(c) if chr(c).isalnum() or chr(c) in kept else form % c) for c in range(128))
        self._form = form

    def __missing__(self, code: int) -> str:
        return "".join(self._form % byte for byte in chr(code).encode("utf-8", "replace"))


_PERCENT = [_Percent(safe, form) for safe in ("", "/", "!'()*", ";,/?:@&=+$!*'()#") for form in ("%%%02X", "%%%02x")]


class Needles:
    """All needles of some secrets, by name; each needle has a label, which takes the needle's place in output.

    A look-up costs the same however many needles there are, and however long they are.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._labels = _labels(secrets)
        self._sorted = _in_order(list(self._labels))
        self._longest = max(map(len, self._sorted), default=0)
        heads = list(dict.fromkeys(needle[:_HEAD] for needle in self._sorted))
        groups = [heads[at : at + _HEADS] for at in range(0, len(heads), _HEADS)]
        self._finders = [AhoCorasick(group, store_patterns=False, implementation=_SMALL) for group in groups]

    def __bool__(self) -> bool:
        return bool(self._sorted)

    def starts(self, text: str) -> list[int]:
        """The positions, in order, where a needle may begin: the text has the head of a needle there, or ends."""
        found = {start for one in self._finders for _, start, _ in one.find_matches_as_indexes(text, overlapping=True)}
        return sorted(found.union(range(max(len(text) - _HEAD + 1, 0), len(text))))

    def goes_on(self, text: str, at: int) -> bool:
        """Whether the rest of the text from a position is the start of a longer needle."""
        if len(text) - at >= self._longest:
            return False
        rest = text[at:]
        following = bisect_right(self._sorted, rest)
        return following < len(self._sorted) and self._sorted[following].startswith(rest)

    def longest_at(self, text: str, at: int) -> str:
        """The longest needle that the text has at a position; empty if there is none.

        The last needle in order that is not after the text, or a start of that needle: a needle that the text begins
        with is a start of every string between that needle and the text.
        """
        here = text[at : at + self._longest]
        while (before := bisect_right(self._sorted, here) - 1) >= 0:
            needle = self._sorted[before]
            if here.startswith(needle):
                return needle
            here = here[: _common(here, needle)]
        return ""

    def label(self, needle: str) -> str:
        """The text that takes the place of a needle."""
        return self._labels[needle]


def _common(one: str, other: str) -> int:
    """How many characters at the start of two texts are the same."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one.startswith(other[:middle]) else (low, middle - 1)
    return low


def _in_order(texts: list[str]) -> list[str]:
    """The texts sorted. In parts, because no other thread of the process runs while one is sorted."""
    return list(merge(*(sorted(texts[at : at + _PART]) for at in range(0, len(texts), _PART))))


def _labels(secrets: Mapping[str, str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for name, value in secrets.items():
        # As the output of a step is decoded: bytes that are no UTF-8 become replacement characters.
        for needle in _texts(value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")):
            for part in _parts(needle) if len(needle) > LONGEST else (needle,) if needle else ():
                labels.setdefault(part, f"[secret:{name.lower()}]")
    return labels


def _texts(value: str) -> Iterator[str]:
    lines = [line.strip() for line in value.splitlines()]
    for text in (value, *(line for line in lines if len(line) >= SHORTEST_LINE)):
        yield text
        if not _PLAIN.fullmatch(text):
            yield from _written(text)
    yield from _encoded(value)


def _parts(text: str) -> Iterator[str]:
    count = -(-len(text) // LONGEST)
    return (text[number * len(text) // count : (number + 1) * len(text) // count] for number in range(count))


def _written(text: str) -> Iterator[str]:
    """A text as programs write it within another text."""
    for escaped in {json.dumps(text)[1:-1], _UNICODE_JSON(text)[1:-1]}:
        for one in {escaped, escaped.replace("/", "\\/"), _translated(escaped, _GO_JSON)}:
            yield one
            yield _UNICODE_JSON(one)[1:-1]
            if "\\u" in one:
                yield _UNICODE.sub(lambda found: "\\u" + found[0][2:].upper(), one)
    for table in _PERCENT:
        percent = _translated(text, table)
        yield percent
        yield percent.replace("%20", "+")
    for quoted in ("'\\''", "'\"'\"'", "''"):
        yield text.replace("'", quoted)
    backslashed = _translated(text, _BACKSLASHED)
    yield backslashed
    yield backslashed.replace("\\~", "~")  # bash escapes only the first
    yield _translated(text, _BACKSLASHED_IN_QUOTES)
    yield _translated(text, _ANSI_C)
    yield text.replace('"', '""')
    escaped = html.escape(text)
    yield escaped
    yield escaped.replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    yield html.escape(text, quote=False)


def _translated(text: str, table: Mapping[int, str] | Mapping[int, int]) -> str:
    """A text of any length by a table. In parts, because no other thread of the process runs during the work on one."""
    return "".join([text[at : at + _PART].translate(table) for at in range(0, len(text), _PART)])


def _encoded(value: str) -> Iterator[str]:
    """The base64 of a value: alone or within a longer text, in one line or in the lines that programs break it into.

    Within a longer text, the characters at both ends depend on the neighbours of the value and are left out.
    """
    data = value.encode()
    for before, uncertain in enumerate((0, 2, 3)):
        text = b64encode(bytes(before) + data).decode()
        yield from _each_alphabet(text[uncertain : (before + len(data)) * 8 // 6])
    whole = b64encode(data).decode().rstrip("=")
    for width in _WRAPPED:
        if len(whole) > width:
            for at in range(0, len(whole), width):
                yield from _each_alphabet(whole[at : at + width])


def _each_alphabet(text: str) -> Iterator[str]:
    if len(text) >= SHORTEST_ENCODED:
        yield text
        yield _translated(text, _URL_SAFE)
