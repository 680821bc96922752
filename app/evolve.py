"""Changed copies of frozen dataclasses, for code that spends much of its time on such copies."""

from typing import Any, TypeVar

T = TypeVar("T")


def evolve(value: T, /, **changes: Any) -> T:
    """A copy with some fields changed, as `dataclasses.replace` makes it, in a tenth of the time.

    The class must have no slots, and its `__init__` must do no more than set the fields. TypeError for a name that is
    no field.
    """
    old = value.__dict__
    fields = old | changes
    if len(fields) != len(old):
        raise TypeError(f"{type(value).__name__} has no field {', '.join(sorted(changes.keys() - old.keys()))}")
    copy = object.__new__(type(value))
    object.__setattr__(copy, "__dict__", fields)
    return copy
