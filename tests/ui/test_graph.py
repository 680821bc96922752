"""The stages of a build as columns."""

import time

import pytest

from app.builds.model import Stage
from app.ui.graph import columns


def stages(depends: dict[str, tuple[str, ...]]) -> list[Stage]:
    return [Stage(at, 0, 0, at, name, depends_on=on) for at, (name, on) in enumerate(depends.items(), start=1)]


@pytest.mark.parametrize(
    ("depends", "shown"),
    [
        ({}, []),
        ({"a": ()}, [["a"]]),
        ({"a": (), "b": ()}, [["a", "b"]]),
        ({"a": (), "b": ("a",), "c": ("a", "b")}, [["a"], ["b"], ["c"]]),
        ({"c": ("b",), "b": ("a",), "a": ()}, [["a"], ["b"], ["c"]]),
        ({"a": (), "b": ("a",), "c": (), "d": ("c", "b")}, [["a", "c"], ["b"], ["d"]]),
        ({"a": ("gone",)}, [["a"]]),
        ({"a": ("b",), "b": ("a",)}, [["a"], ["b"]]),
        ({"a": ("a",)}, [["a"]]),
        ({"a": (), "b": ("a", "c"), "c": ("b",)}, [["a"], ["b"], ["c"]]),
    ],
)
def test_a_stage_is_right_of_all_that_it_depends_on(
    depends: dict[str, tuple[str, ...]], shown: list[list[str]]
) -> None:
    assert [[stage.name for stage in column] for column in columns(stages(depends))] == shown


def test_a_chain_of_many_stages_takes_no_time() -> None:
    chain = stages({f"s{at}": (f"s{at - 1}",) if at else () for at in range(1000)})
    began = time.process_time()

    assert len(columns(chain[::-1])) == 1000
    assert time.process_time() - began < 1
