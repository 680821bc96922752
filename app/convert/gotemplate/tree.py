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


Expression = Constant | Dot | Variable | Field | Call


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


Node = Text | Print | If | With | Range | Jump
Body = tuple[Node, ...]
