"""Paths of rows: fixed parts, and words, whose values differ in each request. The owning package declares a word."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self, TypeAlias
from urllib.parse import unquote_to_bytes

from app.errors import Invalid, Problem


@dataclass(frozen=True, slots=True)
class Word:
    """A part of a path that is different in each request. If the example is a number, the word must be a number.

    With `rest` the word is the whole remaining path, slashes included; such a word comes last.
    """

    name: str
    means: str
    example: str | int
    rest: bool = False

    @property
    def tail(self) -> Self:
        """The same word, for the end of a path."""
        return replace(self, rest=True)


def decoded(text: str) -> str:
    """A part of a raw path, percent escapes decoded, once; Invalid when that gives no text."""
    try:
        found = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        found = "\0"
    if "\0" in found:
        raise Invalid.of([Problem("path", "bad_path", "the path must be percent-encoded UTF-8 without NUL")])
    return found


Part: TypeAlias = str | Word
#: Digits of a number of a path are fewer.
_LONGEST_NUMBER = 19


class Path:
    """A path as a list of parts; `/` makes a longer path. A word must be a Word, not text, as it needs its `means`."""

    __slots__ = ("_places", "parts")

    def __init__(self, parts: Sequence[Part] = ()) -> None:
        self.parts = tuple(parts)
        #: The index of each word in a request's path that is split at its slashes.
        self._places = [(at, part) for at, part in enumerate(parts, 1) if isinstance(part, Word)]
        for at, word in self._places:
            if word.rest and at != len(parts):
                raise ValueError(f"nothing can follow the rest of a path: {self}")

    @classmethod
    def of(cls, text: str) -> Self:
        """A path without words: `/api/repos`."""
        return cls(list(_parts(text)))

    def __truediv__(self, more: Part) -> "Path":
        """The path with one more word, or with the parts of a text."""
        return Path([*self.parts, *([more] if isinstance(more, Word) else _parts(more))])

    def __str__(self) -> str:
        """The path as the description shows it: `/api/repos/{owner}`."""
        return "/" + "/".join(f"{{{part.name}}}" if isinstance(part, Word) else part for part in self.parts)

    @property
    def words(self) -> list[Word]:
        """The words in their order."""
        return [word for _, word in self._places]

    def has_numbers(self, split: Sequence[str]) -> bool:
        """Whether each word that must be a number is one in a request's path, which must match this one otherwise."""
        numbers = (split[at] for at, word in self._places if isinstance(word.example, int))
        return all(part.isascii() and part.isdecimal() and len(part) < _LONGEST_NUMBER for part in numbers)

    def values(self, split: Sequence[str]) -> dict[str, str]:
        """The value of each word in a request's path, split at its slashes; the path must match this one."""
        return {word.name: "/".join(split[at:]) if word.rest else split[at] for at, word in self._places}


def _parts(text: str) -> Iterator[str]:
    if "{" in text:
        raise ValueError(f"the words of {text} are not declared: append each as a Word")
    return (part for part in text.split("/") if part)
