"""Walks a template's tree with data and writes text."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from app.convert.errors import BadConversion
from app.convert.fault import Fault
from app.convert.gotemplate.budget import Budget
from app.convert.gotemplate.functions import FUNCTIONS
from app.convert.gotemplate.parse import parse
from app.convert.gotemplate.tree import (
    Body,
    Call,
    Constant,
    Dot,
    Expression,
    Field,
    If,
    Jump,
    Node,
    Pipe,
    Print,
    Range,
    Text,
    Variable,
    With,
)
from app.convert.gotemplate.values import Struct, kind, truth, written

#: Characters; parsing a longer template would take long.
MAX_TEMPLATE = 200_000
NO_VALUE = "<no value>"
_MAX_NAME = 40


def render(file: str, text: str, data: Mapping[str, Any]) -> str:
    """The template `text` rendered with `data` as `.`; `file` is the template's name in errors. Raises BadConversion.

    Data is None, booleans, numbers of 64 bits, texts, and lists and mappings (with texts as keys) of these.
    As in Go, a key that a mapping lacks is printed as `<no value>`; a field that a Struct lacks is an error.
    """
    run = _Run(data)
    try:
        if len(text) > MAX_TEMPLATE:
            raise Fault(f"it has {len(text)} characters, and at most {MAX_TEMPLATE} are read")
        run.body(parse(text), data)
    except Fault as fault:
        raise BadConversion("template", file, fault.reason, line=fault.line or run.budget.line) from None
    return "".join(run.written)


class _Run:
    """One rendering."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.budget = Budget()
        self.written: list[str] = []
        self._scopes: list[dict[str, Any]] = [{"$": data}]

    def body(self, nodes: Body, dot: Any) -> Jump | None:
        """Write the nodes; a break or continue stops the writing and is returned to the range it belongs to."""
        for node in nodes:
            self.budget.step()
            if jump := self._node(node, dot):
                return jump
        return None

    def _node(self, node: Node, dot: Any) -> Jump | None:
        match node:
            case Text(text):
                self._write([text])
            case Print(pipe):
                self._print(pipe, dot)
            case If():
                return self._if(node, dot)
            case With():
                return self._with(node, dot)
            case Range():
                return self._range(node, dot)
            case Jump():
                return node
        return None

    def _write(self, pieces: list[str] | Iterator[str]) -> None:
        self.written.append(self.budget.join(pieces))

    def _print(self, pipe: Pipe, dot: Any) -> None:
        value = self._pipe(pipe, dot)
        if not pipe.variables:
            self._write([NO_VALUE] if value is None else written(value))

    def _scoped(self, nodes: Body, dot: Any) -> Jump | None:
        self._scopes.append({})
        jump = self.body(nodes, dot)
        self._scopes.pop()
        return jump

    def _if(self, node: If, dot: Any) -> Jump | None:
        self._scopes.append({})
        chosen = next((body for pipe, body in node.branches if truth(self._pipe(pipe, dot))), node.otherwise)
        jump = self._scoped(chosen, dot)
        self._scopes.pop()
        return jump

    def _with(self, node: With, dot: Any) -> Jump | None:
        self._scopes.append({})
        value = self._pipe(node.pipe, dot)
        jump = self._scoped(node.body, value) if truth(value) else self._scoped(node.otherwise, dot)
        self._scopes.pop()
        return jump

    def _range(self, node: Range, dot: Any) -> Jump | None:
        self._scopes.append({})
        items = _items(self._value(node.pipe, dot))
        self.budget.step(len(items))
        jump: Jump | None = None
        if not items:
            jump = self._scoped(node.otherwise, dot)
        for key, value in items:
            self._name(node.pipe, key, value)
            jump = self._scoped(node.body, value)
            if jump and jump.kind == "break":
                break
        self._scopes.pop()
        return None if items else jump

    def _name(self, pipe: Pipe, key: Any, value: Any) -> None:
        """Set the variables of a range: the value, or key and value."""
        for name, item in zip(reversed(pipe.variables), (value, key), strict=False):
            self._set(pipe, name, item)

    def _pipe(self, pipe: Pipe, dot: Any) -> Any:
        value = self._value(pipe, dot)
        for name in pipe.variables:
            self._set(pipe, name, value)
        return value

    def _value(self, pipe: Pipe, dot: Any) -> Any:
        self.budget.line = pipe.line
        return self._evaluate(pipe.value, dot)

    def _set(self, pipe: Pipe, name: str, value: Any) -> None:
        scopes = () if pipe.declares else self._scopes
        scope = next((scope for scope in reversed(scopes) if name in scope), self._scopes[-1])
        scope[name] = value

    def _evaluate(self, expression: Expression, dot: Any) -> Any:
        self.budget.step()
        match expression:
            case Constant(value=value):
                return value
            case Dot():
                return dot
            case Variable(name=name):
                return next(scope[name] for scope in reversed(self._scopes) if name in scope)
            case Field(line, owner, names):
                value = self._evaluate(owner, dot)
                self.budget.line = line
                return self._field(value, names)
            case Call():
                return self._call(expression, dot)

    def _field(self, value: Any, names: tuple[str, ...]) -> Any:
        for name in names:
            self.budget.step()
            value = _member(value, name)
        return value

    def _call(self, call: Call, dot: Any) -> Any:
        if call.function in ("and", "or"):
            return self._and_or(call, dot)
        arguments = [self._evaluate(argument, dot) for argument in call.arguments]
        self.budget.line = call.line
        return FUNCTIONS[call.function].call(self.budget, *arguments)

    def _and_or(self, call: Call, dot: Any) -> Any:
        """The first argument that decides, or the last one; the arguments after it are not evaluated."""
        value = None
        for argument in call.arguments:
            value = self._evaluate(argument, dot)
            if truth(value) is (call.function == "or"):
                break
        return value


def _member(value: Any, name: str) -> Any:
    if isinstance(value, Struct) and name not in value:
        near = difflib.get_close_matches(name[:_MAX_NAME].title(), value, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(value))}"
        raise Fault(f"there is no field {name}; {hint}")
    if isinstance(value, Mapping):
        return value.get(name)
    if value is None:
        return None
    raise Fault(f"{kind(value)} has no field {name}")


def _items(value: Any) -> list[tuple[Any, Any]]:
    """Keys and values in the order in which a range visits them: lists by index, mappings by key."""
    if value is None:
        return []
    if isinstance(value, Mapping) and not isinstance(value, Struct):
        return sorted(value.items())
    if kind(value) == "a list":
        return list(enumerate(value))
    raise Fault(f"range goes over lists and mappings, not {kind(value)}")
