"""Makes a tree of a template's pieces; refuses unsupported actions, even those that `render` would not reach."""

from collections.abc import Callable, Iterator

from app.convert.fault import Fault
from app.convert.gotemplate import scan
from app.convert.gotemplate.scan import Action
from app.convert.gotemplate.tree import Body, If, Include, Jump, Node, Pipe, Print, Range, Text, With
from app.convert.gotemplate.words import Words
from app.pipeline.problems import quoted

MAX_DEPTH = 50

#: Bodies by the names of their templates.
Templates = dict[str, Body]


def parse(file: str, text: str) -> Templates:
    """The trees of a template and of those that it defines, by name; its own name is `file`. Raises Fault."""
    parser = _Parser(scan.pieces(text))
    body, end = parser.body()
    if end is not None:
        raise Fault(f"{{{{{end.word}}}}} without an action that it belongs to", end.line)
    return {file: body} | parser.defined


class _Parser:
    """Reads pieces one by one; tracks which variables exist and how deep actions nest."""

    def __init__(self, pieces: Iterator[str | Action]) -> None:
        self._pieces = pieces
        self.defined: Templates = {}
        self._scopes: list[set[str]] = [{"$"}]
        self._depth = 0
        self._ranges = 0
        self._controls: dict[str, Callable[[Words], Node | None]] = {
            "if": self._if,
            "with": self._with,
            "range": self._range,
            "break": self._jump,
            "continue": self._jump,
            "template": self._template,
            "define": self._define,
            "block": self._block,
        }

    def body(self) -> tuple[Body, "Words | None"]:
        """The nodes up to `end` or `else`, and that action; or up to the end of the text, and None."""
        nodes: list[Node] = []
        for piece in self._pieces:
            if isinstance(piece, str):
                if piece:
                    nodes.append(Text(piece))
                continue
            words = Words(piece, self._scopes)
            if words.word in ("end", "else"):
                return tuple(nodes), words
            if (node := self._action(words)) is not None:
                nodes.append(node)
        return tuple(nodes), None

    def _action(self, words: Words) -> Node | None:
        if control := self._controls.get(words.word):
            words.next()
            return control(words)
        pipe = words.pipe()
        words.close()
        return Print(pipe)

    def _if(self, words: Words) -> If:
        branches: list[tuple[Pipe, Body]] = []
        line = words.line
        self._open(line)
        while True:
            pipe = words.pipe()
            words.close()
            body, words = self._inner(line)
            branches.append((pipe, body))
            if words.word == "else" and words.second == "if":
                words.next()
                words.next()
                continue
            otherwise = self._otherwise(words, line)
            self._close()
            return If(tuple(branches), otherwise)

    def _with(self, words: Words) -> With:
        self._open(words.line)
        pipe = words.pipe()
        words.close()
        body, end = self._inner(words.line)
        if end.word == "else" and end.second == "with":
            end.next()
            end.next()
            otherwise: Body = (self._with(end),)
        else:
            otherwise = self._otherwise(end, words.line)
        self._close()
        return With(pipe, body, otherwise)

    def _range(self, words: Words) -> Range:
        self._open(words.line)
        pipe = words.pipe(most=2)
        words.close()
        self._ranges += 1
        body, end = self._inner(words.line)
        self._ranges -= 1
        otherwise = self._otherwise(end, words.line)
        self._close()
        return Range(pipe, body, otherwise)

    def _jump(self, words: Words) -> Jump:
        words.close()
        if not self._ranges:
            raise Fault(f"{{{{{words.word}}}}} outside of a range", words.line)
        return Jump("break" if words.word == "break" else "continue")

    def _template(self, words: Words) -> Include:
        name = words.name()
        return Include(words.line, name, words.pipe_if_any())

    def _define(self, words: Words) -> None:
        if self._depth:
            raise Fault("{{define}} stands inside of another action", words.line)
        name = words.name()
        words.close()
        self._named(name, words.line)

    def _block(self, words: Words) -> Include:
        """A template that is defined where it is used."""
        name, pipe = words.name(), words.pipe()
        words.close()
        self._named(name, words.line)
        return Include(words.line, name, pipe)

    def _named(self, name: str, line: int) -> None:
        """Read the body of the template `name`: a body of its own, which sees no variables and ends no ranges."""
        scopes, ranges = self._scopes, self._ranges
        self._scopes, self._ranges = [{"$"}], 0
        self._open(line)
        body, end = self._inner(line)
        if end.word == "else":
            raise Fault("{{else}} without an action that it belongs to", end.line)
        end.next()
        end.close()
        self._close()
        self._scopes, self._ranges = scopes, ranges
        if not self._blank(body):
            if not self._blank(self.defined.get(name, ())):
                raise Fault(f"the template {quoted(name)} is defined twice", line)
            self.defined[name] = body
        self.defined.setdefault(name, body)

    @staticmethod
    def _blank(body: Body) -> bool:
        return all(isinstance(node, Text) and not node.text.strip() for node in body)

    def _open(self, line: int) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Fault(f"actions may nest {MAX_DEPTH} deep", line)
        self._scopes.append(set())

    def _close(self) -> None:
        self._depth -= 1
        self._scopes.pop()

    def _inner(self, line: int) -> tuple[Body, Words]:
        self._scopes.append(set())
        body, end = self.body()
        self._scopes.pop()
        if end is None:
            raise Fault("the action is never ended: write {{end}}", line)
        return body, end

    def _otherwise(self, words: Words, line: int) -> Body:
        """The body of `else` up to its `end`; empty if the action is `end`."""
        words.next()
        words.close()
        if words.word == "end":
            return ()
        body, end = self._inner(line)
        if end.word == "else":
            raise Fault("a second {{else}} for one action", end.line)
        end.next()
        end.close()
        return body
