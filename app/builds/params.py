"""The parameters of a build: which names and values may reach the environment of a step. Pure."""

from collections.abc import Collection, Mapping

from app.errors import Invalid, Problem
from app.repos.parameters import problem, shortened

#: Bytes of all names and values together.
LIMIT = 32 * 1024
#: Characters of a target or an action.
WORD_LIMIT = 250


def merge(
    inherited: Mapping[str, str], given: Mapping[str, str], allowed: Collection[str] = (), **words: str
) -> dict[str, str]:
    """Inherited and given parameters, sorted by name and checked; a given parameter wins. Invalid names every problem.

    `allowed` are the only names that parameters may have, if there are any. `words` are other inputs that are only
    checked: a target, an action.
    """
    merged = {**inherited, **given}
    check(merged, allowed, **words)
    return dict(sorted(merged.items()))


def check(params: Mapping[str, str], allowed: Collection[str] = (), **words: str) -> None:
    """Invalid when a name or a value must not reach a step, or all parameters together are too large."""
    problems = [found for name, value in words.items() if (found := _word_problem(name, value))]
    problems += [found for name, value in params.items() if (found := problem(name, allowed) or _nul(name, value))]
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


def _nul(name: str, value: str) -> Problem | None:
    if "\0" in value:
        field = shortened(name)
        return Problem(field, "parameter_value", f"parameter {field!r} holds a NUL, which no environment can")
    return None
