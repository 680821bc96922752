"""Finds circles in dependencies."""

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter


def cycles(waits_for: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, ...]]:
    """Circles that share no name, as `a, b, a` where a waits for b; at least one if the graph has circles."""
    stuck = _stuck(waits_for)
    seen: set[str] = set()
    for start in waits_for:
        path: list[str] = []
        name = start
        while name in stuck and name not in seen:
            seen.add(name)
            path.append(name)
            name = next(other for other in waits_for[name] if other in stuck)
        if name in path:
            yield (*path[path.index(name) :], name)


def _stuck(waits_for: Mapping[str, Iterable[str]]) -> set[str]:
    """The names that would wait for ever: the names of circles, and all names that wait for one of these."""
    sorter = TopologicalSorter(waits_for)
    try:
        sorter.prepare()
    except CycleError:
        # The sorter still gives out the names that wait for no circle.
        stuck = set(waits_for)
        while sorter.is_active():
            ready = sorter.get_ready()
            stuck.difference_update(ready)
            sorter.done(*ready)
        return stuck
    return set()
