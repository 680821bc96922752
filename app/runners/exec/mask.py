"""Masking secrets in output that comes in pieces (contract drone-env 7.2). Pure.

The result does not depend on how the output was cut into pieces. The leftmost value is replaced first; of several
values at one place, the longest.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping

#: A shorter line of a value (in characters) is not masked alone, because other text contains it too often.
SHORTEST_LINE = 2
#: Shorter base64 of a value (in characters) is not masked, because other text contains it too often.
SHORTEST_ENCODED = 8
#: Characters after which `base64` breaks lines.
WRAPPED = 76
_HEAD = 8


class Mask:
    """Replaces secret values by `[secret:name]`. Only an end of the text that may be the start of a value is held back.

    A value of several lines is replaced as a whole, and each of its lines (trimmed) alone. The base64 of a value is
    replaced, too.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._names = _needles(secrets)
        self._longest_first = sorted(self._names, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, self._longest_first)))
        self._held = ""

    def feed(self, text: str) -> str:
        """The masked output so far, without the end that is held back."""
        if not self._names:
            return text
        text = self._held + text
        starts = sorted(self._unfinished(text))
        pieces: list[str] = []
        done = 0
        for found in self._pattern.finditer(text):
            if found.start() >= _first(starts, done, len(text)):
                break
            pieces += text[done : found.start()], self._names[found.group()]
            done = found.end()
        held = _first(starts, done, len(text))
        self._held = text[held:]
        return "".join(pieces) + text[done:held]

    def flush(self) -> str:
        """The masked text that was held back; for the end of the output."""
        text, self._held = self._held, ""
        return self.whole(text)

    def whole(self, text: str) -> str:
        """Mask a text that is complete and not part of the output."""
        return self._pattern.sub(lambda found: self._names[found.group()], text) if text and self._names else text

    def _unfinished(self, text: str) -> set[int]:
        """The positions from which the rest of the text is the start of a longer value."""
        return {at for needle in self._longest_first for at in _overlaps(needle, text)}


def _needles(secrets: Mapping[str, str]) -> dict[str, str]:
    needles: dict[str, str] = {}
    for name, value in secrets.items():
        label = f"[secret:{name.lower()}]"
        lines = (line.strip() for line in value.splitlines())
        for needle in (value, *(line for line in lines if len(line) >= SHORTEST_LINE), *_encoded(value)):
            if needle:
                needles.setdefault(needle, label)
    return needles


def _encoded(value: str) -> Iterator[str]:
    """The base64 of a value: alone or within a longer text, in one line or in the lines that `base64` prints.

    Within a longer text, the characters at both ends depend on the neighbours of the value and are left out.
    """
    data = value.encode()
    for before, uncertain in enumerate((0, 2, 3)):
        text = b64encode(bytes(before) + data).decode()
        certain = text[uncertain : (before + len(data)) * 8 // 6]
        if len(certain) >= SHORTEST_ENCODED:
            yield certain
    whole = b64encode(data).decode().rstrip("=")
    if len(whole) > WRAPPED:
        pieces = (whole[at : at + WRAPPED] for at in range(0, len(whole), WRAPPED))
        yield from (piece for piece in pieces if len(piece) >= SHORTEST_ENCODED)


def _overlaps(needle: str, text: str) -> Iterator[int]:
    """The positions from which the rest of the text is the start of the needle.

    For a long rest, `str.find` searches for the first `_HEAD` characters of the needle; a short rest is compared at
    every position.
    """
    start = max(len(text) - len(needle) + 1, 0)
    close = max(start, len(text) - _HEAD + 1)
    at = text.find(needle[:_HEAD], start)
    while at != -1:
        if needle.startswith(text[at:]):
            yield at
        at = text.find(needle[:_HEAD], at + 1)
    for at in range(close, len(text)):
        if needle.startswith(text[at:]):
            yield at


def _first(starts: list[int], least: int, otherwise: int) -> int:
    return next((at for at in starts if at >= least), otherwise)
