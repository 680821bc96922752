"""Cards: what a step shows beside its log. A step prints its card into its output (contract drone-rpc 13). Pure."""

from base64 import b64decode
from dataclasses import dataclass

import orjson

from app.builds.cards.model import LIMIT, LONGEST_SCHEMA
from app.runners.exec.mask import Mask

#: The characters before and after the base64 of `{"schema": …, "data": …}`.
BEGIN, END = "\x1b]1338;", "\x1b]0m"
#: The most characters of base64 in a card: base64 is a third longer than its bytes, and may have line ends.
LONGEST = LIMIT * 3 // 2


@dataclass(frozen=True, slots=True)
class Card:
    """The data of a card, as JSON text, and the address of the template that draws the card."""

    schema: str
    data: str


class Cards:
    """Removes the cards from a text that comes in pieces, and keeps the last card.

    Text between `BEGIN` and `END` that is not a valid card stays in the text.
    """

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held = ""
        self._at_its_end = False
        #: The latest card so far.
        self.card: Card | None = None

    def feed(self, text: str) -> str:
        """The text so far without its cards. An end that may be the start of a card is held back."""
        if self._at_its_end and text:  # the line end after a card belongs to the card
            text, self._at_its_end = text.removeprefix("\n"), False
        if not self._held and BEGIN[0] not in text:
            return text
        text, self._held = self._held + text, ""
        kept: list[str] = []
        while (start := text.find(BEGIN)) != -1:
            end = text.find(END, start)
            if end == -1 and len(text) - start <= LONGEST:
                break
            after = end + len(END)
            card = None if end == -1 else _read(text[start + len(BEGIN) : end], self._mask)
            if card is None:
                after = start + len(BEGIN)
                kept.append(text[:after])
            else:
                self.card = card
                kept.append(text[:start])
                self._at_its_end = after == len(text)
                after += text.startswith("\n", after)
            text = text[after:]
        held = len(text) - start if start != -1 else _overlap(text)
        self._held = text[len(text) - held :]
        return "".join(kept) + text[: len(text) - held]

    def flush(self) -> str:
        """The text that was held back; for the end of the text."""
        rest, self._held = self._held, ""
        return rest


def _overlap(text: str) -> int:
    """How many characters at the end of the text may be the start of a card."""
    return next((n for n in range(len(BEGIN) - 1, 0, -1) if text.endswith(BEGIN[:n])), 0)


def _read(encoded: str, mask: Mask) -> Card | None:
    """The card, with its secrets masked; None when the text is not a valid card."""
    try:
        card = orjson.loads(mask.whole(b64decode(encoded).decode()))
        schema, data = card.get("schema") or "", card["data"]
    except (ValueError, KeyError, AttributeError):
        return None
    text = orjson.dumps(data).decode()
    if not isinstance(schema, str) or len(schema) > LONGEST_SCHEMA or not schema.isprintable() or len(text) > LIMIT:
        return None
    return Card(schema, text)
