"""A template as a tree. `a | f x` becomes the call `f x a`; the tree does not show which form was written."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal."""

    line: int
    value: Any


@dataclass(frozen=True, slots=True)
class Dot:
    """`.`, the value of the innermost range or with."""

    line: int


@dataclass(frozen=True, slots=True)
class Variable:
    """`$name`; `$` is the data of the whole template."""

    line: int
    name: str


@dataclass(frozen=True, slots=True)
class Field:
    """`owner.name.name`."""

    line: int
    owner: "Expression"
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    line: int
    function: str
    arguments: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Method:
    """A field that is given arguments: a method of a time."""

    line: int
    owner: Field
    arguments: tuple["Expression", ...]


Expression = Constant | Dot | Variable | Field | Call | Method


@dataclass(frozen=True, slots=True)
class Pipe:
    """The expression of an action, and the variables that get its value."""

    line: int
    value: Expression
    variables: tuple[str, ...] = ()
    #: True for `:=`, false for `=`.
    declares: bool = True


@dataclass(frozen=True, slots=True)
class Text:
    """Text that is copied."""

    text: str


@dataclass(frozen=True, slots=True)
class Print:
    """`{{ pipe }}`; prints nothing when it sets a variable."""

    pipe: Pipe


@dataclass(frozen=True, slots=True)
class If:
    """`if`, its `else if`s and `else`."""

    branches: tuple[tuple[Pipe, "Body"], ...]
    otherwise: "Body"


@dataclass(frozen=True, slots=True)
class With:
    """`with` and `else`."""

    pipe: Pipe
    body: "Body"
    otherwise: "Body"


@dataclass(frozen=True, slots=True)
class Range:
    """`range` and `else`."""

    pipe: Pipe
    body: "Body"
    otherwise: "Body"


@dataclass(frozen=True, slots=True)
class Jump:
    """`break` or `continue`."""

    kind: Literal["break", "continue"]


@dataclass(frozen=True, slots=True)
class Include:
    """`template "name" pipe`, and `block` where it stands; None for no pipe."""

    line: int
    name: str
    pipe: Pipe | None


Node = Text | Print | If | With | Range | Jump | Include
Body = tuple[Node, ...]
