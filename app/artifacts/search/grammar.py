"""The grammar of AQL: text in, calls and objects out (contract artifactory-storage 7.2). Pure.

An object keeps all its members in their order, because a key may stand in it more than once.
"""

import re
from dataclasses import dataclass
from typing import Any, TypeAlias, Union

from lark import Lark, Token, Transformer, UnexpectedInput
from lark.exceptions import UnexpectedCharacters, UnexpectedToken, VisitError

from app.artifacts.search.limits import DEPTH, TEXT, TOKENS
from app.artifacts.search.refusals import wrong
from app.errors import Invalid


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written, because it may stand for a text."""

    text: str


@dataclass(frozen=True, slots=True)
class Object:
    """Members in their order; a key may stand there more than once."""

    members: "tuple[tuple[str, Value], ...]"


Value: TypeAlias = Union[str, Number, bool, Object, "tuple[Value, ...]", None]


@dataclass(frozen=True, slots=True)
class Call:
    """A method and its arguments."""

    name: str
    arguments: tuple[Value, ...]


_GRAMMAR = r"""
    start: NAME call+
    call: "." NAME "(" [_list] ")"
    object: "{" [member ("," member)*] "}"
    member: STRING ":" _value
    array: "[" [_list] "]"
    _list: _value ("," _value)*
    _value: object | array | scalar
    scalar: STRING | NUMBER | NAME

    NAME: /[A-Za-z_]+/
    STRING: /"(?:[^"\\]|\\.)*"/s
    NUMBER: /-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/
    %ignore /\s+/
"""
_WORDS = {"true": True, "false": False, "null": None}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "/": "/"}
#: What the grammar calls its tokens, and what people call them.
_SIGNS = {
    "LBRACE": "{", "RBRACE": "}", "LSQB": "[", "RSQB": "]", "LPAR": "(", "RPAR": ")", "COMMA": ",", "COLON": ":",
    "DOT": ".", "STRING": "a text in double quotes", "NUMBER": "a number", "NAME": "a word", "$END": "the end",
}  # fmt: skip
_DEEPER = {"LBRACE": 1, "LSQB": 1, "RBRACE": -1, "RSQB": -1}


def parse(text: str) -> tuple[str, tuple[Call, ...]]:
    """The domain of a query, and the calls behind it. Invalid names the place of what is wrong, or the limit."""
    if len(text) > TEXT:
        raise wrong("too_long", f"has {len(text)} characters; at most {TEXT} are allowed")
    if "\0" in text:
        raise _wrong("has a NUL, which no name or value holds")
    parser = _PARSER.parse_interactive(text)
    depth = 0
    try:
        for count, token in enumerate(parser.iter_parse()):
            depth += _DEEPER.get(token.type, 0)
            if depth > DEPTH:
                raise wrong("too_deep", f"nests deeper than {DEPTH} objects and lists, the most that are allowed")
            if count > TOKENS:
                raise wrong("too_many_words", f"has more than {TOKENS} texts, numbers and signs")
        found: tuple[str, tuple[Call, ...]] = parser.feed_eof()  # type: ignore[no-untyped-call]  # the library gives no type
    except UnexpectedInput as error:
        raise _unexpected(error, text) from None
    except VisitError as error:
        raise error.orig_exc from None
    return found


class _Values(Transformer[Token, Any]):
    """Makes values of what the grammar finds."""

    def start(self, found: list[Any]) -> tuple[str, tuple[Call, ...]]:
        return str(found[0]), tuple(found[1:])

    def call(self, found: list[Any]) -> Call:
        return Call(str(found[0]), tuple(found[1:]))

    def object(self, found: list[Any]) -> Object:
        return Object(tuple(found))

    def member(self, found: list[Any]) -> tuple[str, Value]:
        return _text(found[0]), found[1]

    def array(self, found: list[Any]) -> tuple[Value, ...]:
        return tuple(found)

    def scalar(self, found: list[Token]) -> Value:
        token = found[0]
        if token.type == "STRING":
            return _text(token)
        if token.type == "NUMBER":
            return Number(str(token))
        if token not in _WORDS:
            raise _wrong(f"has the word {str(token)[:100]!r} in place of a value: put texts in double quotes", token)
        return _WORDS[token]


def _text(token: Token) -> str:
    text = _ESCAPE.sub(_unescaped, token[1:-1]) if "\\" in token else str(token[1:-1])
    if "\\u" in token:  # two escapes may make one character
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if "\0" in text:
            raise _wrong("has a NUL, which no name or value holds", token)
    return text


def _unescaped(found: "re.Match[str]") -> str:
    escape = found[1]
    if len(escape) > 1:
        return chr(int(escape[1:], 16))
    return _ESCAPES.get(escape, found[0])  # clients that build a query from a name leave a backslash as it is


def _unexpected(error: UnexpectedInput, text: str) -> Invalid:
    if isinstance(error, UnexpectedToken):
        found = "the end" if error.token.type == "$END" else repr(str(error.token)[:100])
        expected = error.accepts or error.expected
    else:
        assert isinstance(error, UnexpectedCharacters)
        found, expected = repr(text[error.pos_in_stream or 0]), error.allowed or set()
    words = " or ".join(sorted(_SIGNS.get(name, name) for name in expected))
    return _wrong(f"has {found} where {words} is due", error)


def _wrong(message: str, at: Token | UnexpectedInput | None = None) -> Invalid:
    ended = at is None or getattr(getattr(at, "token", None), "type", "") == "$END"
    place = "" if at is None or ended else f" (line {at.line}, column {at.column})"
    return wrong("bad_syntax", f"{message}{place}")


_PARSER = Lark(_GRAMMAR, parser="lalr", transformer=_Values(), maybe_placeholders=False)
