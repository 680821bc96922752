"""Cards: what a step shows beside its log. A step prints its card into its output (contract drone-rpc 13). Pure."""

import re
from base64 import b64decode
from dataclasses import dataclass

import orjson

from app.builds.cards.model import LIMIT, LONGEST_SCHEMA
from app.runners.exec.mask import Mask

#: The characters before and after the base64 of `{"schema": …, "data": …}`.
BEGIN, END = "\x1b]1338;", "\x1b]0m"
#: The most characters of base64 in a card: base64 is a third longer than its bytes, and may have line ends.
LONGEST = LIMIT * 3 // 2
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/=\s]")
#: The texts and the numbers of a JSON text, which has no white space.
_VALUE = re.compile(r'"(?:[^"\\]++|\\.)*+"|-?[0-9][0-9.eE+-]*+')


@dataclass(frozen=True, slots=True)
class Card:
    """The data of a card, as JSON text, and the address of the template that draws the card."""

    schema: str
    data: str


class Cards:
    """Removes the cards from a text that comes in pieces, and keeps the last card.

    Text between `BEGIN` and `END` that is not a valid card stays in the text. Each character is looked at once.
    """

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        #: An end of the text that may be the start of `BEGIN`, or within a card the start of `END`.
        self._rest = ""
        #: The base64 after `BEGIN`, in pieces; None outside of a card.
        self._body: list[str] | None = None
        self._size = 0
        self._at_its_end = False
        self._latest: Card | None = None

    @property
    def found(self) -> bool:
        """Whether there was a card so far."""
        return self._latest is not None

    @property
    def card(self) -> Card | None:
        """The latest card so far, with its secrets masked."""
        return _masked(self._latest, self._mask) if self._latest else None

    def feed(self, text: str) -> str:
        """The text so far without its cards. An end that may be the start of a card is held back."""
        if self._at_its_end and text:  # the line end after a card belongs to the card
            text, self._at_its_end = text.removeprefix("\n"), False
        if self._body is None and not self._rest and BEGIN[0] not in text:
            return text
        text, self._rest = self._rest + text, ""
        kept: list[str] = []
        at = 0
        while at < len(text):
            at = self._outside(text, at, kept) if self._body is None else self._inside(text, at, kept)
        return "".join(kept)

    def flush(self) -> str:
        """The text that was held back; for the end of the text."""
        rest, self._rest = self._rest, ""
        return self._no_card() + rest

    def _outside(self, text: str, at: int, kept: list[str]) -> int:
        """Keep the text up to the next `BEGIN`; the position that follows."""
        start = text.find(BEGIN, at)
        if start != -1:
            kept.append(text[at:start])
            self._body, self._size = [], 0
            return start + len(BEGIN)
        end = len(text) - _overlap(text, at)
        kept.append(text[at:end])
        self._rest = text[end:]
        return len(text)

    def _inside(self, text: str, at: int, kept: list[str]) -> int:
        """Collect the base64 up to the next `END`; the position that follows."""
        assert self._body is not None
        other = _NO_BASE64.search(text, at)
        end = other.start() if other else len(text)
        self._body.append(text[at:end])
        self._size += end - at
        if self._size > LONGEST:
            kept.append(self._no_card())
        elif text.startswith(END, end):
            card = _read("".join(self._body))
            if card is None:
                kept.append(self._no_card())
            else:
                self._latest, self._body = card, None
                end += len(END)
                self._at_its_end = end == len(text)
                end += text.startswith("\n", end)
        elif END.startswith(text[end:]):  # also when nothing is left
            self._rest = text[end:]
            end = len(text)
        else:
            kept.append(self._no_card())
        return end

    def _no_card(self) -> str:
        """The text that was held because it could be a card."""
        body, self._body = self._body, None
        return "" if body is None else BEGIN + "".join(body)


def _overlap(text: str, at: int) -> int:
    """How many characters at the end of the text after a position may be the start of a card."""
    longest = min(len(BEGIN) - 1, len(text) - at)
    return next((n for n in range(longest, 0, -1) if text.endswith(BEGIN[:n])), 0)


def _read(encoded: str) -> Card | None:
    """The card; None when the text is not a valid card."""
    try:
        card = orjson.loads(b64decode(encoded))
        schema, data = card.get("schema") or "", orjson.dumps(card["data"]).decode()
    except (ValueError, KeyError, AttributeError, TypeError):  # a TypeError for data that is nested too deeply
        return None
    if not isinstance(schema, str) or len(schema) > LONGEST_SCHEMA or not schema.isprintable() or len(data) > LIMIT:
        return None
    return Card(schema, data)


def _masked(card: Card, mask: Mask) -> Card:
    """The card with labels for the secrets in its texts and numbers. The data stay JSON, whatever the secrets are."""

    def masked(found: re.Match[str]) -> str:
        plain = str(orjson.loads(found[0])) if found[0].startswith('"') else found[0]
        hidden = mask.whole(plain)
        return found[0] if hidden == plain else orjson.dumps(hidden).decode()

    return Card(mask.whole(card.schema), _VALUE.sub(masked, card.data))
