"""Puts values into the commands of a step so that the shell takes each value as one word of text. Pure.

A value becomes a variable of the step, and the script names the variable where the value stands in the command. The
shell does not read as code what a variable holds: in a command that this module misreads, a value is at worst split
into several words. Only where no variable can stand, that is in arithmetic and in a here-document whose end is quoted,
the value itself is written into the script, if it is harmless there; else the command is refused.

bash has places in which the value of a variable is read as code: `reckoning` knows the usual ones, and a value that is
not harmless there is refused. There are more, in which a value is no safer than a variable that the command names.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from app.pipeline.problems import quoted
from app.pipeline.substitute import BadSubstitution
from app.pipeline.values import Values
from app.runners.exec import reckoning

#: Names of the variables that hold the values: this, and a number.
PREFIX = "GANTRY_VALUE_"

_HARMLESS = re.compile(r"[\w.,:/@%+=-]*", re.ASCII)
_HERE = re.compile(r"""<<(-?)[ \t]*((?:'[^']*'|"[^"]*"|\\.|[^\s'"\\;&|()<>`])+)""", re.DOTALL)
_DOLLAR_QUOTE = re.compile(r"\$'(?:\\.|[^'\\])*'?", re.DOTALL)
_COMMENT, _COMMENT_IN_BACKQUOTES = re.compile(r"[^\n]*"), re.compile(r"[^\n`]*")
#: Characters that neither open nor close anything, and are no part of a mark.
_PLAIN = re.compile("[\t !%&*-;=>?@A-Z^_a-z{|}~]+")
#: The same with line breaks, comments, and texts in quotes, outside of quotes when no here-document is to begin.
_WHOLE = re.compile(
    r"""(?:[\t\n !%&*-;=>?@A-Z^_a-z{|}~]+|'[^'\uE000-\uF8FF]*'|"[^"\\$`\uE000-\uF8FF]*"|\\[^\uE000-\uF8FF]"""
    r"""|(?<=[\t\n ;&|()<>])\#[^\n`\uE000-\uF8FF]*)++"""
)
_WORD_BREAKS = frozenset(" \t\n;&|()<>`")


@dataclass(frozen=True, slots=True)
class Script:
    """The commands of a step as the shell runs them and as its log shows them, and the variables that they name."""

    commands: tuple[str, ...]
    shown: tuple[str, ...]
    variables: Mapping[str, str]


def commands(marked: Iterable[str], values: Values) -> Script:
    """The script of commands with marks. Raises BadSubstitution for a value where no value can be quoted."""
    texts = tuple(marked)
    names: dict[str, str] = {}
    integers = reckoning.integers(texts)
    run = tuple(_Reader(text, values, names, integers).read() for text in texts)
    return Script(run, tuple(map(values.put, texts)), {name: value for value, name in names.items()})


class _Reader:
    """Reads a command as a shell does, as far as this tells where quotes begin and end.

    `open` holds what is open: `"`, a backquote, `(`, and `((` or `[` for arithmetic.
    """

    def __init__(self, text: str, values: Values, names: dict[str, str], integers: frozenset[str]) -> None:
        self.text = text
        self.values = values
        self.names = names
        #: The variables in which bash reckons.
        self.integers = integers
        self.is_checked = bool(integers) or reckoning.may_refuse(text)
        self.position = 0
        self.open: list[str] = []
        #: How many of each are open.
        self.count: Counter[str] = Counter()
        self.made: list[str] = []
        #: The here-documents that begin after this line: whether tabs are stripped, and the word that ends each.
        self.here: list[tuple[bool, str]] = []

    def read(self) -> str:
        last = max((mark.start() for mark in self.values.mark.finditer(self.text)), default=-1)
        while self.position <= last:
            skip = _PLAIN if self.here or self._top == '"' else _WHOLE
            if plain := skip.match(self.text, self.position):
                self._take(len(plain[0]))
            elif mark := self.values.mark.match(self.text, self.position):
                self._value(mark)
            elif self.text[self.position] == "\\":
                self._escape()
            elif self._top == '"':
                self._in_quotes()
            else:
                self._bare()
        return "".join(self.made) + self.text[self.position :]

    @property
    def _top(self) -> str:
        return self.open[-1] if self.open else ""

    @property
    def _reckons(self) -> bool:
        """Whether the shell reads this place as arithmetic."""
        return bool(self.count["(("] or self.count["["])

    def _push(self, what: str) -> None:
        self.open.append(what)
        self.count[what] += 1

    def _pop(self) -> str:
        what = self.open.pop()
        self.count[what] -= 1
        return what

    def _take(self, width: int) -> None:
        self.made.append(self.text[self.position : self.position + width])
        self.position += width

    def _value(self, mark: re.Match[str]) -> None:
        self.position = mark.end()
        if self._reckons:
            self.made.append(self._integer(mark))
        elif self.made and self.made[-1] == "$":
            self._refuse("after a $")
        else:
            self._check(mark)
            name = self._name(mark)
            self.made.append(name if self._top == '"' else f'"{name}"')

    def _check(self, mark: re.Match[str], offset: int = 0, *, is_single: bool = False) -> None:
        """Refuse a value that bash would read as more than text. The mark stands `offset` after its own start."""
        if not self.is_checked:
            return
        value, at = self.values.value(mark), mark.start() + offset
        where = "" if is_single else reckoning.refuses_in_braces(self.text, at, value)
        if where := where or reckoning.refuses(self.text, at, mark.end() + offset, value, self.integers):
            self._refuse(where)

    def _name(self, mark: re.Match[str]) -> str:
        value = self.values.value(mark)
        return "${" + self.names.setdefault(value, f"{PREFIX}{len(self.names) + 1}") + "}"

    def _integer(self, mark: re.Match[str]) -> str:
        value = self.values.value(mark)
        if not reckoning.INTEGER.fullmatch(value):
            self._refuse(reckoning.ARITHMETIC)
        return value

    def _escape(self) -> None:
        """A backslash and the character after it. Before a value it is a backslash in quotes, and nothing elsewhere."""
        if self.values.mark.match(self.text, self.position + 1):
            self.position += 1
            if self._top == '"':
                self.made.append("\\\\")
        else:
            self._take(2)

    def _in_quotes(self) -> None:
        if self.text[self.position] == '"':
            self._pop()
            self._take(1)
        elif not self._opens():
            self._take(1)

    def _opens(self) -> bool:
        """Take what begins a substitution or arithmetic, in quotes or not; whether there was any."""
        text, at = self.text, self.position
        if text.startswith("$((", at):
            self._push("((")
            self._push("((")
            self._take(3)
        elif text.startswith("$(", at):
            self._push("(")
            self._take(2)
        elif text.startswith("$[", at):
            self._push("[")
            self._take(2)
        elif text[at] == "`":
            self._backquote()
        else:
            return False
        return True

    def _backquote(self) -> None:
        """A backquote ends the substitution that an earlier one began, with all that is open in it."""
        if self.count["`"]:
            while self._pop() != "`":
                pass
        else:
            self._push("`")
        self._take(1)

    def _bare(self) -> None:
        """Take what stands outside of double quotes."""
        text, at = self.text, self.position
        character = text[at]
        if text.startswith("$'", at):
            self._dollar_quote()
        elif self._opens():
            pass
        elif character == "'":
            self._single()
        elif character == '"':
            self._push('"')
            self._take(1)
        elif text.startswith("((", at):
            self._push("((")
            self._push("((")
            self._take(2)
        elif character == "(":
            self._push("(")
            self._take(1)
        elif character in ")]":
            if self._top in (("((", "(") if character == ")" else ("[",)):
                self._pop()
            self._take(1)
        elif character == "#" and (not at or text[at - 1] in _WORD_BREAKS):
            self._comment()
        elif text.startswith("<<", at) and not self._reckons:
            self._here()
        elif character == "\n" and self.here:
            self._take(1)
            self._bodies()
        else:
            self._take(1)

    def _single(self) -> None:
        """A text in single quotes: for a value, the quotes end and begin anew."""
        end = self.text.find("'", self.position + 1)
        end = len(self.text) if end < 0 else end + 1
        part = self.text[self.position : end]
        for mark in self.values.mark.finditer(part):
            self._check(mark, self.position, is_single=True)
        self.made.append(self.values.mark.sub(lambda mark: f"'\"{self._name(mark)}\"'", part))
        self.position = end

    def _dollar_quote(self) -> None:
        """`$'…'`, which some shells read as a text with escapes and others as a dollar and a text."""
        found = _DOLLAR_QUOTE.match(self.text, self.position)
        assert found is not None
        if self.values.mark.search(found[0]):
            self._refuse("in $'…'")
        self._take(len(found[0]))

    def _comment(self) -> None:
        found = (_COMMENT_IN_BACKQUOTES if self.count["`"] else _COMMENT).match(self.text, self.position)
        assert found is not None
        end = found.end()
        self.made.append(self.values.mark.sub("…", self.text[self.position : end]))
        self.position = end

    def _here(self) -> None:
        """The beginning of a here-document, or of a here-string, whose word is read as any other."""
        if self.text.startswith("<<<", self.position):
            self._take(3)
            return
        found = _HERE.match(self.text, self.position)
        if found is None:
            self._take(2)
            return
        if self.values.mark.search(found[0]):
            self._refuse("as the end of a here-document")
        self.here.append((bool(found[1]), found[2]))
        self._take(len(found[0]))

    def _bodies(self) -> None:
        for strips, word in self.here:
            end = re.sub(r"\\(.)|['\"]", r"\1", word, flags=re.DOTALL)
            while self.position < len(self.text):
                after = self.text.find("\n", self.position) + 1 or len(self.text)
                line = self.text[self.position : after]
                self.position = after
                bare = line.removesuffix("\n")
                over = (bare.lstrip("\t") if strips else bare) == end
                self.made.append(line if over else self._body_line(line, end, is_text=word != end))
                if over:
                    break
        self.here = []

    def _body_line(self, line: str, end: str, *, is_text: bool) -> str:
        """A line of a here-document. If `is_text`, the shell replaces nothing in it."""
        if not self.values.mark.search(line):
            return line
        if is_text:
            made = self.values.put(line)
            values = map(self.values.value, self.values.mark.finditer(line))
            if made.strip("\t\n") == end or not all(map(_HARMLESS.fullmatch, values)):
                self._refuse(f"in a here-document that ends with a quoted {end}")
            return made
        if "$((" in line or "$[" in line:
            return self.values.mark.sub(self._integer, line)
        if re.search(r"(?<!\\)\$" + self.values.mark.pattern, line):
            self._refuse("after a $")
        for mark in self.values.mark.finditer(line):
            if where := reckoning.refuses_in_braces(line, mark.start(), self.values.value(mark)):
                self._refuse(where)
        line = re.sub(r"(?<!\\)((?:\\\\)*)\\(?=" + self.values.mark.pattern + ")", r"\1\\\\", line)
        return self.values.mark.sub(self._name, line)

    def _refuse(self, where: str) -> NoReturn:
        about = self.values.put(self.text).partition("\n")[0]
        is_read = where in (reckoning.ARITHMETIC, reckoning.NAME)  # a variable is no safer there
        raise BadSubstitution(
            f"GANTRY_QUOTE_SUBSTITUTION: a value cannot be quoted {where}, in the command {quoted(about)}; "
            f'let the command {"check and " if is_read else ""}name a variable, as in "$VERSION"'
        )
