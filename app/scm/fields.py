"""Reads the fields of a webhook's body, and collects what is wrong with them."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import orjson

from app.errors import Invalid, Problem
from app.scm import refs

#: Returns what is wrong with a value, as words after the name of its field; None for a right value.
Rule = Callable[[str], str | None]

#: No time is beyond this: the last second of the year 9999.
LATEST = 253_402_300_799
#: Characters of a text, and of a word such as a name, that are kept.
LONGEST_TEXT, LONGEST_WORD = 65_536, 250
#: The largest number that a database column holds.
_LARGEST = 2**63 - 1
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SLUG = re.compile(r"[^/\s]+(?:/[^/\s]+)+")
_FORM = "application/x-www-form-urlencoded"


class Fields:
    """The fields of a JSON object. A field is named by its path, as `pull_request.head.sha`."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self._payload = payload
        self.problems: list[Problem] = []

    @classmethod
    def read(cls, body: bytes | str) -> "Fields":
        """The fields of a body; Invalid when it is no JSON object."""
        try:
            payload = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            message = f"the body is not JSON in UTF-8: see line {error.lineno}, column {error.colno}"
            raise Invalid.of([Problem("body", "bad_json", message)]) from None
        if not isinstance(payload, dict):
            raise Invalid.of([Problem("body", "wrong_type", "the body must be a JSON object")])
        return cls(payload)

    @classmethod
    def read_signed(cls, headers: Mapping[str, str], body: bytes) -> tuple["Fields", bytes]:
        """As `read`, and the text that Gitea and Gogs sign: of a form, the JSON in its field."""
        payload = form_payload(headers, body)
        text = body if payload is None else payload.encode()
        return cls.read(text), text

    def check(self) -> None:
        """Invalid when something was wrong; it lists all of that."""
        if self.problems:
            raise Invalid.of(self.problems)

    def refuse(self, path: str, code: str, rule: str) -> None:
        """Add a problem, once."""
        if (problem := Problem(path, code, f"{path} {rule}")) not in self.problems:
            self.problems.append(problem)

    def text(self, path: str, rule: Rule, *, optional: bool = False) -> str:
        """A string that keeps a rule; a wrong value is added to the problems, and the result is empty."""
        value = self.find(path)
        if value is None and optional:
            return ""
        if value is None:
            self.refuse(path, "missing", "is missing")
        elif not isinstance(value, str):
            self.refuse(path, "wrong_type", "must be a string")
        elif broken := rule(value):
            self.refuse(path, "invalid", broken)
        else:
            return value
        return ""

    def number(self, path: str, largest: int = _LARGEST, rule: str = "must be a number greater than 0") -> int:
        """A number from 1 to `largest`; a wrong value is added to the problems, and the result is 0."""
        value = self.find(path)
        if value is None:
            self.refuse(path, "missing", "is missing")
        elif type(value) is not int or not 0 < value <= largest:
            self.refuse(path, "invalid", rule)
        else:
            return value
        return 0

    def slug(self, path: str, *parts: str) -> str:
        """`namespace/name` of its parts; a wrong value is added to the problems as one of `path`."""
        slug = "/".join(parts)
        if broken := slug_problem(slug):
            self.refuse(path, "invalid", f"names no repository: {slug[:LONGEST_WORD]!r} {broken}")
        return slug

    def has(self, path: str) -> bool:
        """Whether there is a value that is not null."""
        return self.find(path) is not None

    def told(self, *paths: str, most: int = LONGEST_TEXT) -> str:
        """The first text at these paths that is not empty, cut to `most` characters; a wrong value is no problem."""
        for path in paths:
            if (value := self.look(path)) and isinstance(value, str):
                return value.replace("\0", "\ufffd")[:most]
        return ""

    def word(self, *paths: str) -> str:
        """As `told`, for a name or an address: a text without control characters."""
        return _CONTROL.sub("", self.told(*paths, most=LONGEST_WORD))

    def branch(self, path: str) -> str:
        """The name of a branch, without `refs/heads/`; empty if not told, or if git would refuse the name."""
        found = self.look(path)
        name = found.removeprefix("refs/heads/") if isinstance(found, str) else ""
        return "" if refs.problem(name) else name

    def link(self, *paths: str) -> str:
        """As `word`, for a web address, which may be longer; an address of another kind is none."""
        found = self.told(*paths, most=2048)
        return found if found.startswith(("https://", "http://")) and not _CONTROL.search(found) else ""

    def time(self, *paths: str) -> int:
        """The first time at these paths, in Unix seconds; 0 without one."""
        for path in paths:
            if found := _seconds(self.look(path)):
                return found
        return 0

    def uid(self, path: str) -> str:
        """An id of the host, which is a number or a text; empty without one."""
        value = self.look(path)
        return str(value)[:LONGEST_WORD] if isinstance(value, int | str) and not isinstance(value, bool) else ""

    def is_true(self, *paths: str) -> bool:
        """Whether one of these is true."""
        return any(self.look(path) is True for path in paths)

    def item(self, path: str) -> "Fields":
        """The object at a path; empty, and so false, without one. Problems of its own fields are not collected here."""
        found = self.look(path)
        return Fields(found if isinstance(found, dict) else {})

    def __bool__(self) -> bool:
        return bool(self._payload)

    def chosen(self, path: str, name: str, value: object, *, otherwise: int) -> "Fields":
        """The object in a list whose `name` is `value`, else that at the index `otherwise`; empty without objects."""
        items = self.look(path)
        found = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
        named = (item for item in found if item.get(name) == value)
        return Fields(next(named, found[otherwise] if found else {}))

    def look(self, path: str) -> object:
        """The value at a path; None when the value, or an object around the value, is absent."""
        value: object = self._payload
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def find(self, path: str) -> object:
        """As `look`; what is no object and should be one is added to the problems."""
        value: object = self._payload
        above = ""
        for name in path.split("."):
            if value is not None and not isinstance(value, dict):
                self.refuse(above, "wrong_type", "must be an object")
                return None
            value = value.get(name) if value is not None else None
            above = f"{above}.{name}" if above else name
        return value


def form_payload(headers: Mapping[str, str], body: bytes) -> str | None:
    """The JSON text in the field `payload` of a form; None for a body that is no form. Invalid without that field."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return None
    try:
        found = parse_qs(body.decode(), strict_parsing=True, errors="strict", max_num_fields=10).get("payload")
    except ValueError:
        found = None
    if not found:
        message = "the form has no field `payload` in UTF-8: let the host send webhooks as JSON"
        raise Invalid.of([Problem("body", "no_payload", message)])
    return found[0]


def line_problem(value: str, longest: int = LONGEST_WORD) -> str | None:
    """What is wrong with a line of text."""
    if len(value) > longest:
        return f"is longer than {longest} characters"
    return "contains a control character" if _CONTROL.search(value) else None


def slug_problem(value: str) -> str | None:
    """What is wrong with `namespace/name`; a namespace of nested groups has slashes."""
    if len(value) > LONGEST_WORD:
        return f"is longer than {LONGEST_WORD} characters"
    return None if not _CONTROL.search(value) and _SLUG.fullmatch(value) else "must be namespace/name"


def id_problem(value: str) -> str | None:
    """What is wrong with the id of a commit."""
    return None if refs.is_full_id(value) else "must be 40 or 64 lower-case hex digits"


def ref_problem(value: str) -> str | None:
    """What is wrong with a full ref."""
    return refs.problem(value) if value.startswith("refs/") else "must start with refs/"


def _seconds(value: object) -> int:
    """Unix seconds of a time in ISO 8601, or as GitLab writes it: `2017-12-10 17:01:11 UTC`."""
    if not isinstance(value, str):
        return 0
    try:
        time = datetime.fromisoformat(value.replace(" UTC", "+00:00"))
        seconds = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0
    return int(seconds) if 0 < seconds <= LATEST else 0
