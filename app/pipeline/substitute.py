"""`${…}` in a pipeline file: variables and the operators on them (contract drone-env 3)."""

import re
from collections.abc import Mapping
from typing import NoReturn

from app.errors import AppError
from app.pipeline import globs
from app.pipeline.problems import quoted

#: Characters of all values that one call reads and all results that it makes.
MAX_CHARACTERS = 8 * 1024 * 1024
MAX_DEPTH = 16

ANY = r"[\s\S]"
_OPENING = re.compile(r"\$\$\{|\$\{")
_NAME = re.compile(r"[\w-]+")
# The shell's :? and :+ are not part of the language.
_OPERATOR = re.compile(r":[-=]|=|\^\^?|,,?|##?|%%?|/[/#%]?|:(?![?+])")
_NEXT_MARK = re.compile(r"[\\$:/}]")
_INTEGER = re.compile(r"\s*-?[0-9]{1,9}\s*", re.ASCII)
_GO_ESCAPES = str.maketrans(
    {'"': r"\"", "\\": r"\\", "\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r"}
    | {"\t": r"\t", "\v": r"\v"}
)


class BadSubstitution(AppError):
    """A `${` that cannot be parsed, or a text that would grow too large."""

    code = "bad_substitution"


def substitute(text: str, variables: Mapping[str, str]) -> str:
    """The text with every `${…}` replaced; an unknown name is empty, `$${` becomes a literal `${`.

    A value with a line break is inserted in double quotes, escaped. Raises BadSubstitution.
    """
    return _Reader(text, variables).read()


class _Reader:
    """Reads the text once; nested expressions recurse, to MAX_DEPTH."""

    def __init__(self, text: str, variables: Mapping[str, str]) -> None:
        self.text = text
        self.variables = variables
        self.position = 0
        self.depth = 0
        self.left = MAX_CHARACTERS

    def read(self) -> str:
        parts = []
        while opening := _OPENING.search(self.text, self.position):
            parts.append(self.text[self.position : opening.start()])
            self.position = opening.end()
            parts.append("${" if opening[0] == "$${" else self._expression())
        parts.append(self.text[self.position :])
        return "".join(parts)

    def _expression(self) -> str:
        """The value of the expression after `${`, up to and including its `}`."""
        start = self.position - len("${")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._refuse(start, f"expressions may nest {MAX_DEPTH} deep")
        length = self._taken("#")
        value = self._value(start)
        result = str(len(value)) if length else self._operated(value, start)
        if not self._taken("}"):
            self._refuse(start, "it is no name with an operator and a closing }")
        self.depth -= 1
        self._spend(len(result), start)
        return result

    def _value(self, start: int) -> str:
        name = _NAME.match(self.text, self.position)
        if name is None:
            self._refuse(start, "a name must follow ${")
        self.position = name.end()
        value = self.variables.get(name[0], "")
        self._spend(len(value), start)
        return _go_quoted(value) if "\n" in value else value

    def _operated(self, value: str, start: int) -> str:
        match = _OPERATOR.match(self.text, self.position)
        if match is None:
            return value
        self.position = match.end()
        operator = match[0]
        if operator in ("=", ":=", ":-"):
            default = self._argument("}", start)
            return value or default
        if operator == ":":
            return self._substring(value, start)
        if operator[0] == "/":
            return self._replaced(operator, value, start)
        if operator[0] in "#%":
            return _removed(operator, value, self._argument("}", start))
        return _cased(operator, value)

    def _substring(self, value: str, start: int) -> str:
        position = self._argument(":}", start)
        length = self._argument("}", start) if self._taken(":") else str(len(value))
        if not (_INTEGER.fullmatch(position) and _INTEGER.fullmatch(length)):
            return value
        first = int(position) if int(position) >= 0 else max(0, len(value) + int(position))
        return value[first : first + max(0, int(length))]

    def _replaced(self, operator: str, value: str, start: int) -> str:
        old = self._argument("/}", start, escapes=True)
        if not self._taken("/"):
            self._refuse(start, "a replacement must follow a second /")
        new = self._argument("}", start, escapes=True)
        if operator == "/#":
            return new + value[len(old) :] if value.startswith(old) else value
        if operator == "/%":
            return value[: len(value) - len(old)] + new if value.endswith(old) else value
        count = value.count(old) if operator == "//" else 1
        self._spend(count * len(new), start)
        return value.replace(old, new, count)

    def _argument(self, stops: str, start: int, *, escapes: bool = False) -> str:
        """The text up to one of the characters `stops`.

        The text may hold expressions and, if `escapes`, `\\/` for a slash.
        """
        parts = []
        while self.position < len(self.text) and self.text[self.position] not in stops:
            if self._taken("${"):
                parts.append(self._expression())
                continue
            if escapes and self.text.startswith(("\\/", "\\\\"), self.position):
                self.position += 1
            end = _NEXT_MARK.search(self.text, self.position + 1)
            parts.append(self.text[self.position : end.start() if end else None])
            self.position += len(parts[-1])
        argument = "".join(parts)
        self._spend(len(argument), start)
        return argument

    def _taken(self, expected: str) -> bool:
        found = self.text.startswith(expected, self.position)
        self.position += len(expected) if found else 0
        return found

    def _spend(self, characters: int, start: int) -> None:
        self.left -= characters
        if self.left < 0:
            self._refuse(start, f"the values come to more than {MAX_CHARACTERS} characters")

    def _refuse(self, start: int, reason: str) -> NoReturn:
        line = self.text.count("\n", 0, start) + 1
        shown = quoted(self.text[start : start + 40].partition("\n")[0])
        message = f"bad substitution at line {line}: {shown}: {reason}; a literal ${{ is written $${{"
        raise BadSubstitution(message)


def _cased(operator: str, value: str) -> str:
    many = value if len(operator) == 2 else value[:1]
    return (many.upper() if operator[0] == "^" else many.lower()) + value[len(many) :]


def _removed(operator: str, value: str, pattern: str) -> str:
    """The value without its shortest or longest prefix or suffix that matches; an invalid pattern matches nothing."""
    try:
        pieces = globs.pieces(pattern, ANY)
    except globs.BadGlob:
        return value
    if operator[0] == "#":
        return _without_prefix(value, pieces, longest=operator == "##")
    # A suffix is a prefix of the reversed text.
    backwards = [piece[::-1] for piece in reversed(pieces)]
    return _without_prefix(value[::-1], backwards, longest=operator == "%%")[::-1]


def _without_prefix(value: str, pieces: list[list[str]], *, longest: bool) -> str:
    first, *rest = ("".join(piece) for piece in pieces)
    held = "".join(f"(?>{ANY}*?{piece})" for piece in rest[:-1])
    last = f"{ANY}*{'' if longest else '?'}{rest[-1]}" if rest else ""
    match = re.match(first + held + last, value)
    return value[match.end() :] if match else value


def _go_quoted(value: str) -> str:
    return '"' + "".join(map(_shown, value.translate(_GO_ESCAPES))) + '"'


def _shown(character: str) -> str:
    code = ord(character)
    if character.isprintable():
        return character
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
