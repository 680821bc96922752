"""`${…}` in a pipeline file: variables, the operators on them, and escapes (contract drone-env 3).

The rules are those of Drone's library, so that a file becomes the text that Drone's runners make of it. Where the
library crashes, the result is an empty text. Where the library cuts a character in two, the character is left out.
"""

import re
from collections.abc import Callable, Mapping
from typing import NoReturn

from app.errors import AppError
from app.pipeline import globs
from app.pipeline.problems import quoted

#: Characters of all values that one call reads and all results that it makes.
MAX_CHARACTERS = 8 * 1024 * 1024
MAX_DEPTH = 16

ANY = r"[\s\S]"
#: An expression begins, or an escape stands for its second character.
MARK = re.compile(r"\$\{|\$\$|\\[\\/]")
_OPERATOR = re.compile(r":[-=?+]?|=|[\^,]{1,2}|##?|%%?|/[/#%]?")
_DEFAULTS = frozenset({"=", ":=", ":-", ":?", ":+"})
_NEXT_MARK = re.compile(r"[\\$:/}]")
_INTEGER = re.compile(r"[+-]?[0-9]{1,9}", re.ASCII)
_GO_ESCAPES = str.maketrans(
    {'"': r"\"", "\\": r"\\", "\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r"}
    | {"\t": r"\t", "\v": r"\v"}
)


class BadSubstitution(AppError):
    """A `${` that cannot be parsed, or a text that would grow too large."""

    code = "bad_substitution"

    def __init__(self, message: str, *, line: int = 0) -> None:
        """`line` counts from 1 in the text; 0 = not known."""
        super().__init__(message)
        self.line = line


def substitute(text: str, variables: Mapping[str, str], keep: Callable[[str], str] | None = None) -> str:
    """The text with every `${…}` replaced, and with `$$`, `\\\\` and `\\/` as the second of their characters.

    An unknown name is empty. A value with a line break is inserted in double quotes, escaped. `keep`, if given, gets
    every result as it is, and returns the text that is inserted for the result. Raises BadSubstitution.
    """
    return _Reader(text, variables, keep).read()


class _Reader:
    """Reads the text once; nested expressions recurse, to MAX_DEPTH."""

    def __init__(self, text: str, variables: Mapping[str, str], keep: Callable[[str], str] | None) -> None:
        self.text = text
        self.variables = variables
        self.keep = keep
        self.position = 0
        self.depth = 0
        self.left = MAX_CHARACTERS

    def read(self) -> str:
        parts = []
        while mark := MARK.search(self.text, self.position):
            parts.append(self.text[self.position : mark.start()])
            self.position = mark.end()
            if mark[0] == "${":
                result = self._expression()
                parts.append(self.keep(result) if self.keep else result)
            else:
                parts.append(mark[0][1])
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
        result = str(len(_bytes(value))) if length else self._operated(value, start)
        if not self._taken("}"):
            self._refuse(start, self._fault())
        self.depth -= 1
        self._spend(len(result), start)
        return result

    def _value(self, start: int) -> str:
        end = self.position
        while end < len(self.text) and _in_name(self.text[end]):
            end += 1
        if end == self.position:
            self._refuse(start, "a name must follow ${")
        value = self.variables.get(self.text[self.position : end], "")
        self.position = end
        self._spend(len(value), start)
        return _go_quoted(value) if "\n" in value and not self.keep else value

    def _operated(self, value: str, start: int) -> str:
        match = _OPERATOR.match(self.text, self.position)
        if match is None:
            return value
        self.position = match.end()
        operator = match[0]
        if operator in _DEFAULTS:
            default = self._argument("}", start, empty=True)
            return value or default
        if operator == ":":
            return self._substring(value, start)
        if operator[0] == "/":
            return self._replaced(operator, value, start)
        if operator[0] in "#%":
            return _removed(operator, value, self._argument("}", start))
        return _cased(operator, value)

    def _substring(self, value: str, start: int) -> str:
        """The part that begins at a position and has a length, both in bytes; a character is never cut in two."""
        position = self._argument(":}", start)
        whole = _bytes(value)
        length = str(len(whole))
        if self._taken(":"):
            while self._taken(":"):
                pass
            length = self._argument("}", start)
        if not (_INTEGER.fullmatch(position) and _INTEGER.fullmatch(length)):
            return value
        first = int(position) if int(position) >= 0 else max(0, len(whole) + int(position))
        return whole[first : first + max(0, int(length))].decode(errors="ignore")

    def _replaced(self, operator: str, value: str, start: int) -> str:
        begin = self.position
        old = self._argument("/", start, escapes=True)
        read = self.text[begin : self.position]
        astray = "}" in read and "\n" in read and "${" not in read
        if astray or not self._taken("/"):
            self._refuse(start, "a replacement must follow a second /")
        while self._taken("/"):
            pass
        bare = self.text.startswith("}", self.position)
        new = self._argument("}", start, escapes=True, empty=True)
        if operator in ("/#", "/%") and bare:
            return value  # The library changes nothing at the start or the end without a replacement.
        if operator == "/#":
            return new + value[len(old) :] if value.startswith(old) else value
        if operator == "/%":
            return value[: len(value) - len(old)] + new if value.endswith(old) else value
        count = value.count(old) if operator == "//" else 1
        self._spend(count * len(new), start)
        return value.replace(old, new, count)

    def _argument(self, stops: str, start: int, *, escapes: bool = False, empty: bool = False) -> str:
        """The text up to one of the characters `stops`; it may be `empty`, if that is allowed.

        The text may hold expressions and, if `escapes`, the same escapes as the text of a file.
        """
        parts: list[str] = []
        if not empty and self.text.startswith(tuple(stops), self.position):
            self._refuse(start, "a text must follow the operator")
        while self.position < len(self.text) and self.text[self.position] not in stops:
            if self._taken("${"):
                parts.append(self._expression())
                continue
            if escapes and MARK.match(self.text, self.position):
                self.position += 1
            end = _NEXT_MARK.search(self.text, self.position + 1)
            parts.append(self.text[self.position : end.start() if end else None])
            self.position += len(parts[-1])
        argument = "".join(parts)
        self._spend(len(argument), start)
        return argument

    def _fault(self) -> str:
        following = self.text[self.position : self.position + 1]
        if following in ("-", "+", "?"):
            return f"there is no operator {following}, a default is written :-"
        return "it is no name with an operator and a closing }"

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
        raise BadSubstitution(message, line=line)


def _in_name(character: str) -> bool:
    return character == "_" or character.isalpha() or character.isdecimal()


def _bytes(value: str) -> bytes:
    return value.encode(errors="surrogatepass")


def _cased(operator: str, value: str) -> str:
    if operator in ("^,", ",^"):
        return value
    many = value if len(operator) == 2 else value[:1]
    return (many.upper() if operator[0] == "^" else many.lower()) + value[len(many) :]


def _removed(operator: str, value: str, pattern: str) -> str:
    """The value without its shortest or longest prefix or suffix that matches; an invalid pattern matches nothing.

    The library looks for a suffix with all characters of the value and of the pattern in reverse order. So a pattern
    of a suffix may hold `*` and `?`, but a class `[a-z]` in it is no class.
    """
    longest = len(operator) == 2
    if operator[0] == "#":
        return _without_prefix(value, pattern, longest=longest)
    return _without_prefix(value[::-1], pattern[::-1], longest=longest)[::-1]


def _without_prefix(value: str, pattern: str, *, longest: bool) -> str:
    try:
        pieces = globs.pieces(pattern, ANY)
    except globs.BadGlob:
        return value
    if not pattern.strip("*"):  # The shortest match has one character.
        return value if not pattern else "" if longest else value[1:]
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
