"""Reads one action: makes expressions of its words, and refuses variables that are not set before."""

from collections.abc import Iterator

from app.convert.fault import Fault
from app.convert.gotemplate import functions, literals
from app.convert.gotemplate.scan import Action, Token
from app.convert.gotemplate.tree import Call, Constant, Dot, Expression, Field, Method, Pipe, Variable

MAX_DEPTH = 20
#: Parentheses and pipes of one action at most.
MAX_PARTS = 100


class Words:
    """The tokens of one action, read from left to right."""

    def __init__(self, action: Action, scopes: list[set[str]]) -> None:
        self.line = action.line
        self._tokens = action.tokens
        self._scopes = scopes
        self._at = 0
        self._depth = 0
        self._parts = 0

    @property
    def word(self) -> str:
        """The first token if it is a word, else empty: the name of the action."""
        return self._tokens[0].text if self._tokens[0].kind == "word" else ""

    @property
    def second(self) -> str:
        """The second token if it is a word, else empty."""
        token = self._tokens[1]
        return token.text if token.kind == "word" else ""

    @property
    def _here(self) -> Token:
        return self._tokens[self._at]

    def next(self) -> Token:
        """Take one token; the last token can be taken again and again."""
        token = self._here
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def close(self) -> None:
        """Raise Fault unless the action ends here."""
        if self._here.kind != "close":
            raise _unexpected(self._here)

    def name(self) -> str:
        """The name of a template: a text."""
        token = self.next()
        if token.kind not in ("string", "raw"):
            raise Fault(f"the name of a template is a text in quotes, not {_found(token)}", token.line)
        return str(literals.value(token))

    def pipe_if_any(self) -> Pipe | None:
        """The pipe up to the end of the action; None if nothing is left."""
        found = None if self._here.kind == "close" else self.pipe()
        self.close()
        return found

    def pipe(self, most: int = 1) -> Pipe:
        """`$a, $b := value | function`, with at most `most` variables."""
        names: list[str] = []
        declares = True
        if self._assigns():
            sign = ","
            while sign == ",":
                names.append(self.next().text)
                sign = self.next().text
            declares = sign == ":="
        if len(names) > most:
            raise Fault("too many variables: only range sets two", self.line)
        value = self._value()
        for name in names:
            self._set(name, declares=declares)
        return Pipe(self.line, value, tuple(names), declares)

    def _assigns(self) -> bool:
        """Whether the next tokens are variables and then `:=` or `=`."""
        at = self._at
        while self._tokens[at].kind == "variable":
            sign = self._tokens[at + 1]
            if sign.text in (":=", "="):
                return True
            if sign.text != ",":
                return False
            at += 2
        return False

    def _set(self, name: str, *, declares: bool) -> None:
        if name == "$":
            raise Fault("$ cannot be set: give the variable a name", self.line)
        if declares:
            self._scopes[-1].add(name)
        else:
            self._known(name, self.line)

    def _known(self, name: str, line: int) -> None:
        if not any(name in scope for scope in self._scopes):
            raise Fault(f"variable {name} is not set before", line)

    def _value(self) -> Expression:
        """Commands joined by `|`, up to the end of the action or a closing parenthesis."""
        value = self._command(())
        while self._here.text == "|":
            self._count()
            self.next()
            if self._here.kind != "word" or self._here.text in literals.WORDS:
                raise Fault(f"only a function can stand after |, not {_found(self._here)}", self._here.line)
            value = self._command((value,))
        return value

    def _count(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise Fault(f"an action may have {MAX_PARTS} parentheses and pipes", self.line)

    def _command(self, piped: tuple[Expression, ...]) -> Expression:
        """A function with arguments, or one operand."""
        token = self._here
        if token.kind == "word" and token.text not in literals.WORDS:
            self.next()
            if self._here.kind == "field" and self._here.glued:
                return self._applied(self._fields(token, self._bare(token)), piped)
            arguments = (*self._arguments(), *piped)
            functions.check(token.text, len(arguments), token.line)
            return Call(token.line, token.text, arguments)
        return self._applied(self._operand(), piped)

    def _applied(self, value: Expression, piped: tuple[Expression, ...]) -> Expression:
        """A value, or a method with its arguments."""
        arguments = (*(() if self._at_end() else self._arguments()), *piped)
        if not arguments:
            return value
        if not isinstance(value, Field):
            raise _unexpected(self._tokens[self._at - 1])
        return Method(value.line, value, arguments)

    def _bare(self, token: Token) -> Call:
        """A function without arguments."""
        functions.check(token.text, 0, token.line)
        return Call(token.line, token.text, ())

    def _arguments(self) -> Iterator[Expression]:
        while not self._at_end():
            if self._here.glued:
                raise _unexpected(self._here)
            yield self._operand()

    def _at_end(self) -> bool:
        return self._here.kind == "close" or self._here.text in ("|", ")")

    def _operand(self) -> Expression:
        token = self.next()
        return self._fields(token, self._first(token))

    def _fields(self, token: Token, value: Expression) -> Expression:
        """The value, or the field that glued names lead to."""
        names = []
        while self._here.kind == "field" and self._here.glued:
            names.append(self.next().text[1:])
        return Field(token.line, value, tuple(names)) if names else value

    def _first(self, token: Token) -> Expression:
        match token.kind:
            case "field":
                return Field(token.line, Dot(token.line), (token.text[1:],))
            case "dot":
                return Dot(token.line)
            case "variable":
                self._known(token.text, token.line)
                return Variable(token.line, token.text)
            case "string" | "raw" | "rune" | "number":
                return Constant(token.line, literals.value(token))
            case "word" if token.text in literals.WORDS:
                return Constant(token.line, literals.WORDS[token.text])
            case "word":
                if functions.find(token.text, token.line).least:
                    raise Fault(f"put {token.text} and its arguments in parentheses", token.line)
                return self._bare(token)
            case _ if token.text == "(":
                return self._parenthesis(token)
        raise _unexpected(token)

    def _parenthesis(self, token: Token) -> Expression:
        self._count()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Fault(f"parentheses may nest {MAX_DEPTH} deep", token.line)
        value = self._value()
        if self.next().text != ")":
            raise Fault("the parenthesis is not closed", token.line)
        self._depth -= 1
        return value


def _unexpected(token: Token) -> Fault:
    return Fault(f"unexpected {_found(token)}", token.line)


def _found(token: Token) -> str:
    return "the end of the action" if token.kind == "close" else token.text
