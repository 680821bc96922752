"""Checks of names of refs and ids of commits, before they are given to git."""

import re

from app.errors import Invalid, Problem

_LONGEST = 1024
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]")
_FULL_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT_ID = re.compile(r"[0-9a-f]{7,63}")


def is_full_id(text: str) -> bool:
    """Whether `text` is a whole SHA-1 or SHA-256 id in lower case."""
    return _FULL_ID.fullmatch(text) is not None


def is_short_id(text: str) -> bool:
    """Whether `text` may be an abbreviated id, which has at least seven digits."""
    return _SHORT_ID.fullmatch(text) is not None


def is_zero(oid: str) -> bool:
    """Whether this is an id of zeros, of any length: it stands for a ref that does not exist."""
    return oid != "" and not oid.strip("0")


def is_text(text: str) -> bool:
    """Whether `text` can be encoded as UTF-8: names from outside may contain lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def problem(name: str) -> str | None:
    """Why git would refuse `name` as a ref or branch, in words; None for a name that git accepts.

    The rules of `git check-ref-format --allow-onelevel`, and of `git branch` for the first
    character.
    """
    rules = (
        (name == "", "is empty"),
        (len(name) > _LONGEST, f"is longer than {_LONGEST} characters"),
        (name.startswith("-"), "starts with `-`"),
        (name == "@", "is `@` alone"),
        (".." in name, "contains `..`"),
        ("@{" in name, "contains `@{`"),
        (_FORBIDDEN.search(name) is not None, r"contains a space, a control character or one of ~^:?*[\ "),
        (name.endswith("."), "ends with `.`"),
        (any(part == "" for part in name.split("/")), "has an empty part between slashes"),
        (any(part.startswith(".") for part in name.split("/")), "has a part that starts with `.`"),
        (any(part.endswith(".lock") for part in name.split("/")), "has a part that ends with `.lock`"),
        (not is_text(name), "is not valid Unicode"),
    )
    return next((words.rstrip() for broken, words in rules if broken), None)


def check(field: str, name: str) -> None:
    """Raise Invalid for a name that git would refuse; `field` is the field of the request with the name."""
    if broken := problem(name):
        raise Invalid.of([Problem(field, "invalid", f"{field} {name[:80]!r} {broken}")])


def whole_id(sha: str) -> str:
    """A whole id in lower case; Invalid (field `commit`) for any other text."""
    if not is_full_id(sha := sha.lower()):
        raise Invalid.of([Problem("commit", "invalid", f"{sha[:80]!r} is no full commit id")])
    return sha
