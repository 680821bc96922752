"""Texts and characters in quotes, as Go writes them."""

_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
}


def quoted(text: str, *, ascii_only: bool) -> str:
    """The text in double quotes."""
    return '"' + "".join(_escaped(char, '"', ascii_only) for char in text) + '"'


def quoted_rune(char: str, *, ascii_only: bool) -> str:
    """The character in single quotes."""
    return f"'{_escaped(char, chr(39), ascii_only)}'"


def _escaped(char: str, quote: str, ascii_only: bool) -> str:
    if char == quote:
        return "\\" + char
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable() and (char.isascii() or not ascii_only):
        return char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
