"""Names and numbers of build-info: in the path of a run's file, and in the path of a request. Pure.

Contract artifactory-build 1.2, 3.2.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias
from urllib.parse import quote, unquote_plus, unquote_to_bytes

from app.artifacts.address import NAME_LIMIT
from app.artifacts.model import BUILD_INFO
from app.errors import Invalid, Problem
from app.web.path import decoded

#: A name, and a number.
Pair: TypeAlias = tuple[str, str]

_ESCAPES = str.maketrans(
    {"/": "%2F", "\\": "%5C", "|": "%7C", "*": "%2A", "?": "%3F", "'": "%22", ":": "%3A", ";": "%3B", "%": "%25"}
)
_WHITE = re.compile(r"\s")
#: The most bytes that the start of a run and the end of a file's name take: `-253402300799999.json`.
_END = len("-253402300799999.json")
#: The most parts of a path that are read behind the word of a call: a name has fewer slashes.
PARTS = 100
_SUFFIX = "-build-info"
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,50}")


def encoded(text: str) -> str:
    """A name or number as it stands in the path of a run's file."""
    text = _WHITE.sub(" ", text).translate(_ESCAPES)
    return text.replace("%2F ", "%2F%20").replace(" %2F", "%20%2F")


def folder(name: str) -> str:
    """The folder of a build's runs."""
    return encoded(name)


def file_name(number: str, started: int) -> str:
    """The name of a run's file; `started` is in Unix milliseconds."""
    return f"{encoded(number)}-{started}.json"


def path_of(name: str, number: str, started: int = 0) -> str:
    """The path of a run's file. Rights are judged by this path; a `started` of 0 stands for a run that is not known
    yet."""
    return f"{folder(name)}/{file_name(number, started)}"


def check(name: str, number: str) -> list[Problem]:
    """What is wrong with the name and the number of a run."""
    return [*_problems("name", name, NAME_LIMIT), *_problems("number", number, NAME_LIMIT - _END)]


def _problems(field: str, text: str, limit: int) -> Iterator[Problem]:
    if not text.strip():
        yield Problem(field, "missing_field", f"{field}: is missing or blank; a build-info needs it")
    elif "\0" in text:
        yield Problem(field, "bad_name", f"{field}: has a NUL, which cannot be part of a name")
    elif text in (".", ".."):
        yield Problem(field, "bad_name", f"{field}: is {text!r}, which would name another folder; choose another")
    elif len(encoded(text).encode()) > limit:
        words = f"{field}: has {len(encoded(text).encode())} bytes in the name of a file; at most {limit} are allowed"
        yield Problem(field, "name_too_long", words)


def repository_key(project: str, build_repo: str = "") -> str:
    """The key of the repository of build-info that a request means (contract artifactory-build 1.3)."""
    if build_repo:
        return build_repo
    if project in ("", "default"):
        return BUILD_INFO
    if not _PROJECT.fullmatch(project):
        words = f"project: {project[:100]!r} is no key of a project; letters, digits, '.', '_' and '-' make one"
        raise Invalid.of([Problem("project", "bad_project", words)])
    return project + _SUFFIX


def project_of(key: str) -> str | None:
    """The project of a repository of build-info, by its key; empty for the default one, None for any other key."""
    if key == BUILD_INFO:
        return ""
    project = key.removesuffix(_SUFFIX)
    return project if project != key and _PROJECT.fullmatch(project) else None


def names(raw: str) -> list[str]:
    """The names that a raw path may mean, the exact spelling first (contract artifactory-build 1.2)."""
    return list(dict.fromkeys("/".join(parts) for parts in _readings(raw)))


def pairs(raw: str) -> list[Pair]:
    """The names and numbers that a raw path may mean: exact spelling first, then the longest name."""
    found: dict[Pair, None] = {}
    for parts in _readings(raw):
        for at in range(len(parts) - 1, 0, -1):
            name, number = "/".join(parts[:at]), "/".join(parts[at:])
            if not check(name, number):
                found[name, number] = None
    return list(found)


def escaped(text: str) -> str:
    """A name or number as one part of an address."""
    return quote(text, safe="")


def shown(text: str) -> str:
    """A number behind its slash in the list of runs: only what cannot stand in one part of an address is escaped."""
    return quote(text, safe="!$&'()*+,:;=@~-._")


def _readings(raw: str) -> Iterator[list[str]]:
    parts = [part for part in raw.split("/") if part]
    if len(parts) > PARTS:
        words = f"the path has {len(parts)} parts behind the word of the call; at most {PARTS} are read"
        raise Invalid.of([Problem("path", "path_too_long", words)])
    yield [decoded(part) for part in parts]
    for reading in (unquote_plus, _decoded_twice):
        again = _all(reading, parts)
        if again is not None:
            yield again


def _all(reading: Callable[[str], str], parts: Sequence[str]) -> list[str] | None:
    try:
        return [reading(part) for part in parts]
    except UnicodeDecodeError:
        return None


def _decoded_twice(part: str) -> str:
    return unquote_to_bytes(unquote_to_bytes(part)).decode()
