"""Walks a template's tree with data and writes text."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from app.convert.errors import BadConversion
from app.convert.fault import Fault
from app.convert.gotemplate.budget import Budget
from app.convert.gotemplate.functions import FUNCTIONS, NO_VALUE
from app.convert.gotemplate.parse import Templates, parse
from app.convert.gotemplate.times import METHODS, Time
from app.convert.gotemplate.tree import (
    Body,
    Call,
    Constant,
    Dot,
    Expression,
    Field,
    If,
    Include,
    Jump,
    Method,
    Node,
    Pipe,
    Print,
    Range,
    Text,
    Variable,
    With,
)
from app.convert.gotemplate.values import Struct, kind, truth, written
from app.pipeline.problems import quoted

#: Characters; parsing a longer template would take long.
MAX_TEMPLATE = 200_000
#: Templates that are in use inside of each other.
MAX_DEPTH = 50
#: Bodies of templates and of actions that are open inside of each other: few enough for Python's stack.
MAX_NESTED = 100
_MAX_NAME = 40


def render(file: str, text: str, data: Mapping[str, Any], now: Time) -> str:
    """The template `text` rendered with `data` as `.`, at the time `now`; `file` is its name. Raises BadConversion.

    Data is None, booleans, numbers of 64 bits, texts, and lists and mappings (with texts as keys) of these.
    As in Go, a key that a mapping lacks is printed as `<no value>`; a field that a Struct lacks is an error.
    """
    run = _Run(now)
    try:
        if len(text) > MAX_TEMPLATE:
            raise Fault(f"it has {len(text)} characters, and at most {MAX_TEMPLATE} are read")
        run.start(parse(file, text), file, data)
    except Fault as fault:
        reason, line = fault.reason, fault.line
    except RecursionError:
        reason, line = "the actions and their values nest too deep", 0
    except (ValueError, OverflowError):
        reason, line = "an action has a value that is out of range", 0
    else:
        return "".join(run.written)
    raise BadConversion("template", file, reason, line=line or run.budget.line)


class _Run:
    """One rendering."""

    def __init__(self, now: Time) -> None:
        self.budget = Budget(now)
        self.written: list[str] = []
        self._templates: Templates = {}
        self._scopes: list[dict[str, Any]] = []
        self._depth = 0
        self._nested = 0

    def start(self, templates: Templates, name: str, data: Mapping[str, Any]) -> None:
        """Write the template of this name."""
        self._templates = templates
        self._template(name, data)

    def _template(self, name: str, dot: Any) -> None:
        if name not in self._templates:
            raise Fault(f"there is no template {quoted(name)}: this file defines none of that name")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Fault(f"templates may use each other {MAX_DEPTH} deep")
        scopes, self._scopes = self._scopes, [{"$": dot}]
        self.body(self._templates[name], dot)
        self._scopes = scopes
        self._depth -= 1

    def _include(self, node: Include, dot: Any) -> None:
        value = None if node.pipe is None else self._pipe(node.pipe, dot)
        self.budget.line = node.line
        self._template(node.name, value)

    def body(self, nodes: Body, dot: Any) -> Jump | None:
        """Write the nodes; a break or continue stops the writing and is returned to the range it belongs to."""
        self._nested += 1
        if self._nested > MAX_NESTED:
            raise Fault(f"actions may nest {MAX_NESTED} deep in the templates that use each other")
        jump: Jump | None = None
        for node in nodes:
            self.budget.step()
            if jump := self._node(node, dot):
                break
        self._nested -= 1
        return jump

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
            case Include():
                self._include(node, dot)
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
        value = self._value(node.pipe, dot)
        if isinstance(value, int):
            self.budget.step(max(0, value))
        items = _items(value)
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
            case Method():
                return self._method(expression, dot)

    def _field(self, value: Any, names: tuple[str, ...]) -> Any:
        for name in names:
            self.budget.step()
            value = _member(value, name)
        return value

    def _method(self, method: Method, dot: Any) -> Any:
        """The only method with an argument is that of a time."""
        *names, name = method.owner.names
        value = self._field(self._evaluate(method.owner.owner, dot), tuple(names))
        arguments = [self._evaluate(argument, dot) for argument in method.arguments]
        self.budget.line = method.line
        if not isinstance(value, Time) or name != "Format":
            raise Fault(f"{kind(value)} has no method {name} with arguments")
        return FUNCTIONS["dateFormat"].call(self.budget, *arguments, value)

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
    if isinstance(value, Time) and name in METHODS:
        return METHODS[name](value)
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
    if isinstance(value, int) and not isinstance(value, bool):
        return [(number, number) for number in range(value)]
    raise Fault(f"range goes over lists and mappings, not {kind(value)}")
