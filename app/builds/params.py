"""The parameters of a build: which names and values may reach the environment of a step. Pure."""

import re
from collections.abc import Mapping

from app.errors import Invalid, Problem

#: Bytes of all names and values together.
LIMIT = 32 * 1024
#: Characters of a target or an action.
WORD_LIMIT = 250
#: Characters of a name that an error repeats.
SHOWN = 100
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = re.compile(
    r"(DRONE|CI)(_.*)?|(PLUGIN|GIT|LD|DYLD)_.*|PATH|HOME|PWD|SHELL|IFS|ENV|BASH_ENV",
)


def merge(inherited: Mapping[str, str], given: Mapping[str, str], **words: str) -> dict[str, str]:
    """Inherited and given parameters, sorted by name and checked; a given parameter wins. Invalid names every problem.

    `words` are other inputs that are only checked: a target, an action.
    """
    merged = {**inherited, **given}
    check(merged, **words)
    return dict(sorted(merged.items()))


def check(params: Mapping[str, str], **words: str) -> None:
    """Invalid when a name or a value must not reach a step, or all parameters together are too large."""
    problems = [problem for name, value in words.items() if (problem := _word_problem(name, value))]
    problems += [problem for name, value in params.items() if (problem := _problem(name, value))]
    size = sum(
        len(name.encode("utf-8", "replace")) + len(value.encode("utf-8", "replace")) for name, value in params.items()
    )
    if size > LIMIT:
        text = f"the parameters have {size} bytes; at most {LIMIT} reach a step's environment"
        problems.append(Problem("params", "parameters_too_large", text))
    if problems:
        raise Invalid.of(problems)


def _word_problem(field: str, value: str) -> Problem | None:
    if "\0" in value:
        return Problem(field, "invalid", f"the {field} holds a NUL, which no environment can")
    if len(value) > WORD_LIMIT:
        return Problem(field, "too_long", f"the {field} has {len(value)} characters; at most {WORD_LIMIT} are kept")
    return None


def _problem(name: str, value: str) -> Problem | None:
    field = name if len(name) <= SHOWN else name[:SHOWN] + "..."
    shown = ascii(field)
    if not _NAME.fullmatch(name):
        text = f"parameter {shown} cannot be an environment variable: letters, digits and _ only, no digit first"
        return Problem(field, "parameter_name", text)
    if _RESERVED.fullmatch(name):
        text = f"parameter {shown} is reserved for the server and the shell; choose another name"
        return Problem(field, "parameter_reserved", text)
    if "\0" in value:
        return Problem(field, "parameter_value", f"parameter {shown} holds a NUL, which no environment can")
    return None
