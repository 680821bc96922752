"""The stages of a build as columns: a stage stands right of all stages that it depends on. Pure."""

from collections.abc import Sequence

from app.builds.model import Stage


def columns(stages: Sequence[Stage]) -> Sequence[Sequence[Stage]]:
    """The stages by the length of their longest chain of dependencies; within a column in the order of the file.

    A dependency that names no stage does not count, and neither does one that would make a circle.
    """
    depths: dict[str, int] = {}
    names = {stage.name for stage in stages}
    waiting = list(stages)
    while waiting:
        ready = [stage for stage in waiting if all(name in depths or name not in names for name in stage.depends_on)]
        for stage in ready or waiting:
            depths[stage.name] = max((depths[name] + 1 for name in stage.depends_on if name in depths), default=0)
        waiting = [stage for stage in waiting if stage not in ready] if ready else []
    found: list[list[Stage]] = [[] for _ in range(max(depths.values(), default=-1) + 1)]
    for stage in stages:
        found[depths[stage.name]].append(stage)
    return [column for column in found if column]
