"""Reads the JSON of clients of Artifactory, which is lax: null is absent, and numbers may be texts. Pure.

Contract artifactory-build 3.4. Whatever is wrong is collected, so that one answer lists all of it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import orjson

from app.errors import Invalid, Problem, TooLarge

#: The most levels of objects and lists in one another.
DEPTH = 100
#: The most objects and lists of a JSON text, and the most commas: what is between them takes many times the memory of
#: its text. An artifact has one object and six commas.
CONTAINERS, COMMAS = 1_000_000, 5_000_000
#: The most problems that one answer lists.
SHOWN = 20
#: The fields of checksums.
SUMS = ("sha1", "sha256", "md5")
_DIGEST = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}", re.ASCII)
_INT64 = 2**63
#: Changes a text that is published.
Mask: TypeAlias = Callable[[str], str]


def parsed(data: bytes) -> Any:
    """The value of a JSON text, without nulls; Invalid, TooLarge."""
    if not data.strip():
        raise Invalid.of([Problem("", "empty_body", "the body is empty; JSON is due")])
    _check_count(data)
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        words = f"the body is not JSON: see line {error.lineno}, column {error.colno}"
        raise Invalid.of([Problem("", "invalid_json", words)]) from None
    return without_nulls(value)


def _check_count(data: bytes) -> None:
    """TooLarge for a text that would take too much memory. What stands in texts is counted, too."""
    if data.count(b"{") + data.count(b"[") > CONTAINERS:
        raise TooLarge(f"the body has too many objects and lists; at most {CONTAINERS} are read")
    if data.count(b",") > COMMAS:
        raise TooLarge(f"the body has too many values; at most {COMMAS} are read")


def without_nulls(value: Any, depth: int = 0) -> Any:
    """The value without all that is null; Invalid when the value nests deeper than DEPTH."""
    if isinstance(value, dict):
        _check_depth(depth)
        kept = {key: item for key, item in value.items() if item is not None}
        for key, item in kept.items():
            if isinstance(item, (dict, list)):  # one call for each text would take most of the time
                kept[key] = without_nulls(item, depth + 1)
        return kept
    if isinstance(value, list):
        _check_depth(depth)
        return [without_nulls(item, depth + 1) for item in value if item is not None]
    return value


def _check_depth(depth: int) -> None:
    if depth >= DEPTH:
        words = f"the body is JSON that nests too deep; at most {DEPTH} levels are read"
        raise Invalid.of([Problem("", "too_deep", words)])


def masked(value: Any, mask: Mask) -> Any:
    """The value with every text changed by a mask; the names of fields stay, and so do checksums: with a short
    secret in one of them, the file would not be found any more."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {key: item if key in SUMS and _is_digest(item) else masked(item, mask) for key, item in value.items()}
    return [masked(item, mask) for item in value] if isinstance(value, list) else value


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


class Fields:
    """The fields of one JSON object. Each method reads one field, and writes down what is wrong with the field."""

    __slots__ = ("problems", "values", "where")

    def __init__(self, values: dict[str, Any], where: str = "", problems: list[Problem] | None = None) -> None:
        self.values = values
        self.where = where
        self.problems = [] if problems is None else problems

    @classmethod
    def of(cls, value: Any) -> "Fields":
        """The fields of a whole body; Invalid when it is no object."""
        if not isinstance(value, dict):
            raise Invalid.of([Problem("", "wrong_type", "the body must be a JSON object")])
        return cls(value)

    def finish(self) -> None:
        """Invalid when anything is wrong."""
        if self.problems:
            raise Invalid.of(self.problems[:SHOWN])

    def name(self, field: str) -> str:
        """The whole name of a field: `modules[0].id`."""
        return f"{self.where}.{field}" if self.where else field

    def text(self, field: str, default: str = "") -> str:
        """A text."""
        value = self.values.get(field, default)
        if not isinstance(value, str):
            self._wrong(field, "a text")
            return default
        if "\0" in value:
            self.wrong(field, "bad_text", "has a NUL, which no text here can hold")
        return value

    def number_text(self, field: str) -> str:
        """A text, which may be sent as a number."""
        value = self.values.get(field)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return orjson.dumps(value).decode()
        return self.text(field)

    def texts(self, field: str) -> tuple[str, ...]:
        """A list of texts, which may be sent as numbers."""
        value = self.values.get(field, [])
        if not isinstance(value, list):
            self._wrong(field, "a list of texts")
            return ()
        each = Fields({str(at): item for at, item in enumerate(value)}, self.name(field), self.problems)
        return tuple(each.number_text(at) for at in each.values)

    def flag(self, field: str, default: bool = False) -> bool:
        """A boolean, which may be sent as a text or as 0 or 1."""
        value = self.values.get(field, default)
        text = value.strip().lower() if isinstance(value, str) else value
        if text == "":
            return default
        if text in (True, "true", "1"):
            return True
        if text in (False, "false", "0"):
            return False
        self._wrong(field, "true or false")
        return default

    def whole(self, field: str, default: int) -> int:
        """A whole number, which may be sent as a text."""
        value = self.values.get(field, default)
        if isinstance(value, str):
            digits = value.strip().removeprefix("-")
            value = int(value) if digits.isascii() and digits.isdecimal() and len(digits) < 19 else value
        if value == "":
            return default
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= _INT64:
            self._wrong(field, "a whole number")
            return default
        return value

    def map(self, field: str) -> dict[str, Any]:
        """An object whose names are free."""
        value = self.values.get(field, {})
        if not isinstance(value, dict):
            self._wrong(field, "an object")
            return {}
        return value

    def objects(self, field: str) -> Iterator["Fields"]:
        """A list of objects."""
        value = self.values.get(field, [])
        if not isinstance(value, list):
            self._wrong(field, "a list")
            return
        for at, item in enumerate(value):
            if isinstance(item, dict):
                yield Fields(item, f"{self.name(field)}[{at}]", self.problems)
            else:
                self._wrong(f"{field}[{at}]", "an object")

    def list(self, field: str) -> None:
        """A list of anything."""
        if not isinstance(self.values.get(field, []), list):
            self._wrong(field, "a list")

    def checked(self, field: str, read: Callable[[], Any]) -> Any:
        """What `read` gives; None when `read` says that the field is invalid."""
        try:
            return read()
        except Invalid as error:
            self.problems.extend(error.problems)
            return None

    def _wrong(self, field: str, due: str) -> None:
        self.wrong(field, "wrong_type", f"must be {due}")

    def wrong(self, field: str, code: str, words: str) -> None:
        """Write down what is wrong with a field."""
        if len(self.problems) < SHOWN:
            self.problems.append(Problem(self.name(field), code, f"{self.name(field)}: {words}"))


def strings(values: Mapping[str, Any]) -> dict[str, str]:
    """A map of texts: other values become their JSON (contract artifactory-build 3.3)."""
    return {key: value if isinstance(value, str) else orjson.dumps(value).decode() for key, value in values.items()}
