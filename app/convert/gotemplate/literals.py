"""Literals of Go: interpreted and raw strings, characters, integers and floats."""

import re
from typing import Any

from app.convert.fault import Fault
from app.convert.gotemplate.scan import Token

WORDS = {"true": True, "false": False, "nil": None}
_ESCAPE = re.compile(
    r"\\(?:x([0-7][0-9a-fA-F])|u([0-9a-fA-F]{4})|U(000[0-9a-fA-F]{5}|0010[0-9a-fA-F]{4})|(.))", re.DOTALL
)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
#: More characters than any number of 64 bits needs; a longer number is refused before it is converted.
_MAX_DIGITS = 40
_INT64 = 2**63


def value(token: Token) -> Any:
    """The value of a token of kind string, raw, rune or number. Raises Fault."""
    match token.kind:
        case "string":
            return _string(token)
        case "raw":
            return token.text[1:-1].replace("\r", "")
        case "rune":
            return _rune(token)
        case _:
            return _number(token)


def _string(token: Token) -> str:
    return _unescaped(token, '"')


def _rune(token: Token) -> int:
    """The number of a character in single quotes."""
    if len(char := _unescaped(token, "'")) != 1:
        raise Fault(f"{_short(token)} is not one character: a text has double quotes", token.line)
    return ord(char)


def _unescaped(token: Token, quote: str) -> str:
    """The characters between the quotes; of the two quotes, only the text's own may be escaped."""

    def replaced(match: re.Match[str]) -> str:
        code = next((group for group in match.groups()[:3] if group), None)
        if code is None:
            if match[4] != quote and match[4] not in _ESCAPES:
                raise Fault(f"unknown escape \\{match[4]} in {_short(token)}", token.line)
            return _ESCAPES.get(match[4], quote)
        if 0xD800 <= (number := int(code, 16)) < 0xE000:
            raise Fault(f"\\u{code} in {_short(token)} is half a character", token.line)
        return chr(number)

    return _ESCAPE.sub(replaced, token.text[1:-1])


def _number(token: Token) -> int | float:
    """An int64 or a float64; the octal 010 is refused, as its author most likely means 10, not 8."""
    text = token.text.lower()
    digits = text.lstrip("+-")
    if len(text) > _MAX_DIGITS or re.fullmatch(r"0[0-9_]+", digits):
        raise Fault(f"{_short(token)} is no number that templates know", token.line)
    is_hexadecimal = digits.startswith("0x")
    is_float = "p" in text if is_hexadecimal else any(mark in text for mark in ".e")
    try:
        value = (float.fromhex(text) if is_hexadecimal else float(text)) if is_float else int(text, 0)
    except (ValueError, OverflowError):
        raise Fault(f"{_short(token)} is no number that templates know", token.line) from None
    if abs(value) == float("inf") or (isinstance(value, int) and not -_INT64 <= value < _INT64):
        raise Fault(f"{_short(token)} is too large", token.line)
    return value


def _short(token: Token) -> str:
    return token.text if len(token.text) <= _MAX_DIGITS else token.text[:_MAX_DIGITS] + "…"
