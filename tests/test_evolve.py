"""Changed copies are what `dataclasses.replace` makes."""

from dataclasses import dataclass, replace

import pytest

from app.evolve import evolve


@dataclass(frozen=True)
class Point:
    x: int
    y: int = 2
    names: tuple[str, ...] = ()


def test_a_copy_differs_in_what_was_changed_and_the_first_stays() -> None:
    first = Point(1)

    assert evolve(first, y=5, names=("a",)) == replace(first, y=5, names=("a",))
    assert first == Point(1, 2, ())
    assert hash(evolve(first)) == hash(first)


def test_a_name_that_is_no_field_is_refused() -> None:
    with pytest.raises(TypeError, match="Point has no field z"):
        evolve(Point(1), z=3)
