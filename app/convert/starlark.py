"""Runs a Starlark file, in the worker's process only: `main(ctx)` returns the documents (contract drone-yaml 14).

Steps and the depth of calls are limited here; the process limits time and memory.
"""

import re
from collections.abc import Mapping
from typing import Any

import starlark

from app.convert.fault import Fault
from app.convert.tabs import expanded

MAX_CALLS = 100
#: The evaluator asks whether to stop after each so many loop passes and calls.
_STEPS_PER_QUESTION = 1000
_FILE = "pipeline"
#: Calls `main` with structs, as the file's own globals have no `struct`. The fields of ctx.input may have any name.
_CALLER = f"""
load("{_FILE}", "main")

def run(fields):
    return main(struct(**{{name: struct(**values) for name, values in fields.items()}}))
"""
_ERROR = re.compile(r"^error: (.*?)(?=\n *--> |\Z)", re.DOTALL | re.MULTILINE)
_NO_MAIN = "Module has no symbol `main`"
_PLACE = re.compile(rf"^ *--> {_FILE}:([0-9]+):", re.MULTILINE)


def evaluate(text: str, context: Mapping[str, Mapping[str, Any]], most: int) -> Any:
    """What `main(ctx)` returns after at most `most` steps; `context` holds the fields of ctx. Raises Fault."""
    steps = _Steps(most)
    options = starlark.EvalOptions(check_cancelled=steps.over, max_callstack_size=MAX_CALLS)
    try:
        return _run(text, context, options)
    except starlark.StarlarkError as error:
        raise _fault(str(error), steps) from None
    except ValueError:  # raised when the value is converted to a value of Python
        raise Fault("a number is too large, or a text is no Unicode") from None


def _run(text: str, context: Mapping[str, Mapping[str, Any]], options: starlark.EvalOptions) -> Any:
    dialect = starlark.Dialect.standard()
    dialect.enable_load = False
    allowed = starlark.Globals.extended_by([starlark.LibraryExtension.Print])
    file = starlark.Module()
    starlark.eval_with(options, file, starlark.parse(_FILE, expanded(text), dialect), allowed)
    frozen = file.freeze()

    caller = starlark.Module()
    structs = starlark.Globals.extended_by([starlark.LibraryExtension.StructType])
    loader = starlark.FileLoader(lambda _name: frozen)
    starlark.eval_with(options, caller, starlark.parse("caller", _CALLER), structs, loader)
    return caller.freeze().call_with(options, "run", context).value


class _Steps:
    """Counts the steps, by the questions of the evaluator."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._used = 0

    @property
    def exceeded(self) -> bool:
        """Whether there were more steps than `most`."""
        return self._used > self.most

    def over(self) -> bool:
        """Count one question; whether there were more steps than `most`."""
        self._used += _STEPS_PER_QUESTION
        return self.exceeded


def _fault(message: str, steps: _Steps) -> Fault:
    place = _PLACE.search(message)
    line = int(place[1]) if place else 0
    if steps.exceeded:
        return Fault(f"it takes more than {steps.most} steps", line)
    error = _ERROR.search(message)
    if place is None and _NO_MAIN in message:
        return Fault("there is no function main(ctx), which returns the documents")
    return Fault(error[1] if error else message, line)
