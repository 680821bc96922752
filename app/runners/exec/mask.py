"""Masking secrets in output that comes in pieces (contract drone-env 7.2). Pure.

The result does not depend on how the output was cut into pieces. The leftmost needle is replaced first; of several
needles at one place, the longest.
"""

from app.runners.exec.needles import Needles


class Mask:
    """Replaces needles by their labels. Only an end of the text that may be the start of a needle is held back."""

    def __init__(self, needles: Needles) -> None:
        self._needles = needles
        self._held = ""

    def feed(self, text: str) -> str:
        """The masked output so far, without the end that is held back."""
        if not self._needles:
            return text
        masked, self._held = self._masked(self._held + text, more=True)
        return masked

    def flush(self) -> str:
        """The masked text that was held back; for the end of the output."""
        text, self._held = self._held, ""
        return self.whole(text)

    def whole(self, text: str) -> str:
        """Mask a text that is complete and not part of the output."""
        return self._masked(text, more=False)[0] if text and self._needles else text

    def _masked(self, text: str, *, more: bool) -> tuple[str, str]:
        """The masked text, and its end that must wait when `more` text may follow."""
        pieces: list[str] = []
        done, end = 0, len(text)
        for at in self._needles.starts(text):
            if at < done:
                continue
            if more and self._needles.goes_on(text, at):
                end = at
                break
            if needle := self._needles.longest_at(text, at):
                pieces += text[done:at], self._needles.label(needle)
                done = at + len(needle)
        return "".join(pieces) + text[done:end], text[end:]
