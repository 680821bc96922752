from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.pipeline.graph import cycles

NAMES = st.sampled_from("abcdef")
GRAPHS = st.dictionaries(NAMES, st.lists(NAMES, max_size=3))


def test_a_circle_is_told_in_the_order_of_waiting() -> None:
    assert list(cycles({"a": ["b"], "b": ["c"], "c": ["a"]})) == [("a", "b", "c", "a")]


def test_circles_that_share_no_name_are_all_told() -> None:
    found = list(cycles({"z": ["a"], "a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"], "e": ["f"], "f": []}))

    assert found == [("a", "b", "a"), ("c", "d", "c")]


def test_what_waits_for_something_unknown_is_no_circle() -> None:
    assert list(cycles({"a": ["ghost"], "b": ["a", "ghost"]})) == []


@given(GRAPHS)
def test_circles_are_found_if_and_only_if_there_are_any(graph: dict[str, list[str]]) -> None:
    found = list(cycles(graph))

    for circle in found:
        assert circle[0] == circle[-1]
        assert all(after in graph[before] for before, after in pairwise(circle))
    assert bool(found) == any(_reaches(graph, name, name) for name in graph)


def _reaches(graph: dict[str, list[str]], start: str, end: str) -> bool:
    seen: set[str] = set()
    waiting = list(graph.get(start, ()))
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(graph.get(name, ()))
    return end in seen
