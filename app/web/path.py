"""Paths of rows: fixed parts, and words that a request fills in. A word is declared by the room that owns it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self, TypeAlias


@dataclass(frozen=True, slots=True)
class Word:
    """A part of a path that is different in each request. An example that is a number says that the word must be one.

    With `rest` the word is everything that is left of the path, slashes included; such a word comes last.
    """

    name: str
    means: str
    example: str | int
    rest: bool = False

    @property
    def tail(self) -> Self:
        """The same word, for the end of a path."""
        return replace(self, rest=True)


Part: TypeAlias = str | Word


class Path:
    """A path, part by part; `/` makes a longer one. A word is never written as text, or nobody could explain it."""

    __slots__ = ("_places", "parts")

    def __init__(self, parts: Sequence[Part] = ()) -> None:
        self.parts = tuple(parts)
        #: Where each word stands in the text of a request's path, split at its slashes.
        self._places = [(at, part) for at, part in enumerate(parts, 1) if isinstance(part, Word)]
        for at, word in self._places:
            if word.rest and at != len(parts):
                raise ValueError(f"nothing can follow the rest of a path: {self}")

    @classmethod
    def of(cls, text: str) -> Self:
        """A path without words: `/api/repos`."""
        return cls(list(_parts(text)))

    def __truediv__(self, more: Part) -> "Path":
        """The path with one word more, or with the parts of a text."""
        return Path([*self.parts, *([more] if isinstance(more, Word) else _parts(more))])

    def __str__(self) -> str:
        """The path as the description shows it: `/api/repos/{owner}`."""
        return "/" + "/".join(f"{{{part.name}}}" if isinstance(part, Word) else part for part in self.parts)

    @property
    def words(self) -> list[Word]:
        """The words in their order."""
        return [word for _, word in self._places]

    def values(self, split: Sequence[str]) -> dict[str, str]:
        """What a request says for each word; its path, split at its slashes, must be one of this path."""
        return {word.name: "/".join(split[at:]) if word.rest else split[at] for at, word in self._places}


def _parts(text: str) -> Iterator[str]:
    if "{" in text:
        raise ValueError(f"the words of {text} are not declared: append each as a Word")
    return (part for part in text.split("/") if part)
