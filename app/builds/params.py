"""Parameters of a build: which names and values may reach a step's environment. Pure."""

import re
from collections.abc import Mapping

from app.errors import Invalid, Problem

#: Bytes of all names and values together.
LIMIT = 32 * 1024
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = re.compile(
    r"(DRONE|CI)(_.*)?|(PLUGIN|GIT|LD|DYLD)_.*|PATH|HOME|PWD|SHELL|IFS|ENV|BASH_ENV",
)


def merge(inherited: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Inherited parameters with the given ones over them, by name, checked; Invalid names every offender."""
    merged = {**inherited, **given}
    check(merged)
    return dict(sorted(merged.items()))


def check(params: Mapping[str, str]) -> None:
    """Invalid when a name or a value must not reach a step, or all are too much."""
    problems = [problem for name, value in params.items() if (problem := _problem(name, value))]
    size = sum(
        len(name.encode("utf-8", "replace")) + len(value.encode("utf-8", "replace")) for name, value in params.items()
    )
    if size > LIMIT:
        text = f"the parameters have {size} bytes; at most {LIMIT} reach a step's environment"
        problems.append(Problem("params", "parameters_too_large", text))
    if problems:
        raise Invalid.of(problems)


def _problem(name: str, value: str) -> Problem | None:
    shown = ascii(name if len(name) <= 100 else name[:100] + "…")
    if not _NAME.fullmatch(name):
        text = f"parameter {shown} cannot be an environment variable: letters, digits and _ only, no digit first"
        return Problem(name[:100], "parameter_name", text)
    if _RESERVED.fullmatch(name):
        text = f"parameter {shown} is reserved for the server and the shell; choose another name"
        return Problem(name, "parameter_reserved", text)
    if "\0" in value:
        return Problem(name, "parameter_value", f"parameter {shown} holds a NUL, which no environment can")
    return None
