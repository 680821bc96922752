"""Parameters of a build in a form: rows of a name and a value, some of which the build that is promoted has. Pure.

The fields of row 1 are `name-1` and `value-1`. Each other word without a hyphen is a parameter by itself, so that a
link can fill in the form. No parameter has a hyphen in its name, so no field of a form can be taken for a parameter.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from app.errors import Problem
from app.repos.parameters import shortened

#: Parameters that are typed into a form, and inherited ones that are shown in it, at most.
MOST, SHOWN = 100, 50
#: The word that asks for one more empty row.
ADD = "add-row"
_FIELD = re.compile(r"(?:name|value)-([1-9][0-9]{0,2})")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the form; `source` is the build that an unchanged value comes from, empty for what was typed."""

    at: int
    name: str
    value: str
    #: Whether the build has a parameter of this name.
    is_inherited: bool = False
    source: str = ""

    @property
    def is_long(self) -> bool:
        """Whether the value has several lines."""
        return "\n" in self.value or "\r" in self.value


@dataclass(frozen=True, slots=True)
class Params:
    """The rows of a form, what was given by them, and what is wrong with them."""

    rows: Sequence[Row] = ()
    #: The parameters that are not inherited as they are, by name.
    given: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    #: How many inherited parameters are not shown; they go along unchanged.
    left: int = 0

    @property
    def fields(self) -> frozenset[str]:
        """The names of the fields of the rows."""
        return frozenset(f"{part}-{row.at}" for row in self.rows for part in ("name", "value"))

    def placed(self, problems: Collection[Problem], fields: Collection[str]) -> Sequence[Problem]:
        """Problems of a verb, each at the field that it is about; `fields` are the other fields of the form.

        A problem of no field stands above the form.
        """
        places = {shortened(row.name): f"name-{row.at}" for row in self.rows if row.name}
        places |= {name: name for name in (*fields, *self.fields)}
        return [Problem(places.get(one.field, ""), one.code, one.message) for one in problems]


def read(
    said: Mapping[str, str], inherited: Mapping[str, str], source: str = "", reserved: Collection[str] = ()
) -> Params:
    """The parameters that the words of a query or a form give; `reserved` words are none."""
    typed, blank = _typed(said, reserved)
    problems = [Problem("", "too_many_parameters", _TOO_MANY)] if len(typed) > MOST else []
    names = [name for name, _ in typed[:MOST]]
    shown = [name for at, name in enumerate(inherited) if at < SHOWN or name in names]
    values = {name: value for name, value in reversed(typed[:MOST]) if name in inherited}
    rows: list[Row] = []
    for name in shown:
        old = inherited[name]
        value = values.get(name, old)
        same = _lines(value) == _lines(old)
        rows.append(Row(len(rows) + 1, name, old if same else value, True, source if same else ""))
    seen: set[str] = set()
    for name, value in typed[:MOST]:
        if name in inherited and name not in seen:
            seen.add(name)
            continue
        rows.append(Row(len(rows) + 1, name, value))
    problems += _problems(rows)
    given = {row.name: _lines(row.value) for row in rows if row.name and not row.source}
    rows += [Row(len(rows) + 1 + at, "", "") for at in range(max(blank + (ADD in said), 1))]
    return Params(rows, given, problems, len(inherited) - len(shown))


_TOO_MANY = f"this form takes at most {MOST} parameters: promote with more by the command line"


def _typed(said: Mapping[str, str], reserved: Collection[str]) -> tuple[Sequence[tuple[str, str]], int]:
    """Names and values that are typed, in the order of their rows, and how many rows were left empty."""
    numbers = sorted({int(found[1]) for word in said if (found := _FIELD.fullmatch(word))})
    rows = [(said.get(f"name-{at}", "").strip(), said.get(f"value-{at}", "")) for at in numbers]
    named = [(word, value) for word, value in said.items() if "-" not in word and word not in reserved]
    filled = [row for row in rows if any(row)]
    return [*filled, *named], len(rows) - len(filled)


def _lines(value: str) -> str:
    """A value with the ends of lines that it had before a browser sent it."""
    return value.replace("\r\n", "\n").replace("\r", "\n")


def _problems(rows: Sequence[Row]) -> Sequence[Problem]:
    found, names = [], set()
    for row in rows:
        if row.source:
            names.add(row.name)
        elif not row.name:
            found.append(Problem(f"name-{row.at}", "missing_name", "this value has no name"))
        elif row.name in names:
            text = f"{shortened(row.name)} is given twice: leave one of them out"
            found.append(Problem(f"name-{row.at}", "given_twice", text))
        elif not row.value:
            text = f"{shortened(row.name)} has no value: write one, or take the name away"
            found.append(Problem(f"value-{row.at}", "missing_value", text))
        names.add(row.name)
    return found
