"""Finds the codes of errors in the program's text, with the statuses that they are answered with."""

import ast
import importlib
from collections.abc import Iterator, Sequence
from inspect import signature
from pathlib import Path
from types import FunctionType, ModuleType

from app import errors
from app.errors import AppError, Invalid, Problem
from app.web.errors import STATUS
from app.web.parsing import Refused
from tests.source import tree_of

ROOT = Path(errors.__file__).parents[1]
#: What only commands and runners use: what it says is read on a terminal, and never in an answer.
COMMANDS = ("app/cli/", "app/migrate/", "app/main/", "app/runners/exec/", "app/db/foreign.py")
#: Codes that are made of a name, with all the codes that become of them.
MADE = {
    "f'missing_{name}'": ("missing_before", "missing_to"),
    "f'unknown_{name}'": ("unknown_event", "unknown_status"),
    "f'no_{kind}'": ("no_anonymous", "no_group", "no_repo", "no_user"),
}
#: Codes of other errors and problems, which are found where those are made; and the types of pydantic's errors.
PASSED_ON = {"code", "error.code", "each.code", "one.code", "p.code", "detail['type']", "*broken", "nothing.code"}
#: Codes of errors that became a problem of a request: of a pipeline file that is to be signed.
BECAME = {"bad.code": ("bad_pipeline", 400)}

#: Methods that make a problem of a code, and what they take.
METHODS = {
    "wrong": ("field", "code", "words"),
    "refuse": ("path", "code", "rule"),
    "_refuse": ("status", "code", "message"),
}

Found = set[tuple[str, int]]


def of_program() -> tuple[Found, set[str]]:
    """All codes with their statuses, and the expressions that no code could be read from."""
    found: Found = {("method_not_allowed", 405), ("bug", 500)}  # of web.errors, which makes codes of words
    unread: set[str] = set()
    for path in sorted((ROOT / "app").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(COMMANDS):
            tree = tree_of(path)
            module = importlib.import_module(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
            for expression, status in [
                *_of_calls(tree, module),
                *_returned(tree),
                *_defaults(tree),
                *_assigned(tree, module),
            ]:
                _read(expression, status, module, found, unread)
            found |= _of_classes(module)
    return found, unread


def _read(expression: ast.expr, status: int, module: ModuleType, found: Found, unread: set[str]) -> None:
    text = ast.unparse(expression)
    if isinstance(expression, ast.IfExp):
        _read(expression.body, status, module, found, unread)
        _read(expression.orelse, status, module, found, unread)
    elif isinstance(expression, ast.Constant):
        found.update({(str(expression.value), status)} if expression.value else ())
    elif isinstance(known := _named(text, module), str):
        found.add((known, status))
    elif text in MADE:
        found.update((code, status) for code in MADE[text])
    elif text in BECAME:
        found.add(BECAME[text])
    elif text not in PASSED_ON:
        unread.add(text)


def _of_classes(module: ModuleType) -> Found:
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, AppError)]
    return {(kind.code, _status(kind)) for kind in kinds if kind.__module__ == module.__name__}


def _status(kind: type[AppError]) -> int:
    return next(STATUS[one] for one in kind.__mro__ if one in STATUS)


def _of_calls(tree: ast.AST, module: ModuleType) -> Iterator[tuple[ast.expr, int]]:
    """The codes that are given to errors, to problems, and to functions that make problems of them."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        called = _named(ast.unparse(call.func), module)
        named = [word.value for word in call.keywords if word.arg == "code"]
        if called is Problem and len(call.args) > 1:
            yield call.args[1], 422 if module.__name__ == "app.pipeline.nothing" else _status(Invalid)
        elif isinstance(called, type) and issubclass(called, AppError):
            yield from ((code, _status(called)) for code in named)
        elif (names := _taken(call, called)) and "code" in names:
            given = dict(zip(names, call.args, strict=False)) | {word.arg or "": word.value for word in call.keywords}
            status = given.get("status", ast.Constant(_status(Invalid)))
            if "code" in given and isinstance(status, ast.Constant) and isinstance(status.value, int):
                yield given["code"], status.value


def _taken(call: ast.Call, called: object) -> Sequence[str]:
    """The names of what a function or a method takes; empty where the function is not known."""
    if isinstance(called, FunctionType) or called is Refused:
        return list(signature(called).parameters)
    known = isinstance(call.func, ast.Attribute) and called is None
    names = METHODS.get(ast.unparse(call.func).rpartition(".")[2], ()) if known else ()
    literal = all(isinstance(given, ast.Constant) for given in call.args[names.index("code") :][:1]) if names else False
    return names if literal else ()


def _named(text: str, module: ModuleType) -> object:
    """What a dotted name means in a module; None when it is no name there."""
    found: object = module
    for name in text.split("."):
        found = getattr(found, name, None)
    return found


def _returned(tree: ast.AST) -> Iterator[tuple[ast.expr, int]]:
    """The codes of functions that return a code and its message, or None."""
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        if function.returns and ast.unparse(function.returns) == "tuple[str, str] | None":
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                    yield node.value.elts[0], _status(Invalid)


def _assigned(tree: ast.AST, module: ModuleType) -> Iterator[tuple[ast.expr, int]]:
    """The codes that a variable `code` has when it is given to an error."""
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
        values = [
            node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "code"
        ]
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            called = _named(ast.unparse(call.func), module)
            if isinstance(called, type) and issubclass(called, AppError):
                given = [word for word in call.keywords if word.arg == "code" and ast.unparse(word.value) == "code"]
                yield from ((value, _status(called)) for _ in given for value in values)


def _defaults(tree: ast.AST) -> Iterator[tuple[ast.expr, int]]:
    """The codes that functions have when they are given none."""
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        taken, values = function.args.args, function.args.defaults
        for argument, value in zip(taken[len(taken) - len(values) :], values, strict=True):
            if argument.arg == "code":
                yield value, _status(Invalid)
