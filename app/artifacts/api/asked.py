"""The words of a query in which a value may hold `;` (contract artifactory-storage 4.3)."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from starlette.requests import Request

from app.errors import Invalid, Problem


def words(request: Request[Any]) -> Mapping[str, str]:
    """The words of the query; names and values are decoded as in a form. Invalid for what is no text."""
    text = request.scope["query_string"].decode("latin-1")
    pairs = (part.partition("=") for part in text.split("&") if part)
    return {unquote_plus(name): _decoded(name, value) for name, _, value in pairs}


def _decoded(name: str, value: str) -> str:
    try:
        decoded = unquote_plus(value, errors="strict")
    except UnicodeDecodeError:
        decoded = "\0"
    if "\0" in decoded:
        problem = f"{name[:100]}: must be percent-encoded UTF-8 without NUL"
        raise Invalid.of([Problem(name[:100], "bad_text", problem)])
    return decoded


def is_set(said: Mapping[str, str], name: str, default: str = "0") -> bool:
    """Whether a word is there, also without a value, and is not turned off."""
    return said.get(name, default).lower() not in ("0", "false")


def number(said: Mapping[str, str], name: str) -> int:
    """The number that a word says; 0 without the word or its value. Invalid."""
    text = said.get(name, "") or "0"
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise Invalid.of([Problem(name, "not_a_number", f"{name}: must be a number from 0")])
    return int(text)
