"""Why an event starts no pipeline: one sentence for people, and every pipeline with its unmet conditions."""

from collections.abc import Sequence

from app.errors import NothingToRun, Problem
from app.names import meant
from app.pipeline import globs
from app.pipeline.event import Event
from app.pipeline.model import Config
from app.pipeline.plan import Exclusion, Plan
from app.pipeline.problems import quoted

#: Targets that a sentence lists.
_LISTED = 8


def nothing_to_run(config: Config, event: Event, planned: Plan) -> NothingToRun:
    """The error of an event that starts no pipeline.

    The message is the one sentence that helps most; each pipeline is a problem; the details are for programs.
    """
    problems = [Problem(one.pipeline, "excluded", one.sentence()) for one in planned.excluded]
    pipelines = [
        {"pipeline": one.pipeline, "conditions": [mismatch._asdict() for mismatch in one.mismatches]}
        for one in planned.excluded
    ]
    sentence = _sentence(config, event, planned.excluded)
    return NothingToRun(sentence, problems=problems, pipelines=pipelines, targets=config.targets)


def _sentence(config: Config, event: Event, excluded: Sequence[Exclusion]) -> str:
    """What the caller can change about the pipelines that come nearest to the event."""
    if not excluded:
        return "the file has no pipelines"
    asked = [one for one in excluded if "event" not in one.conditions]
    if not asked:
        return f"no pipeline is for {event.kind}"
    elsewhere = [one for one in asked if one.conditions == ("target",)]
    if event.target and elsewhere:
        return _no_target(config, event, elsewhere)
    near = min(asked, key=lambda one: len(one.mismatches))
    if len(asked) == 1:
        return near.sentence()
    shared = [one for one in near.mismatches if all(one.condition in other.conditions for other in asked)]
    if not shared:
        return f"{near.sentence()}; {len(asked) - 1} more pipelines for {event.kind} do not match"
    value = f" {quoted(shared[0].value)}" if shared[0].value else ", which is empty"
    return f"no pipeline for {event.kind} has the {shared[0].condition}{value}"


def _no_target(config: Config, event: Event, elsewhere: Sequence[Exclusion]) -> str:
    """The sentence about an event that only its target keeps from starting these pipelines."""
    wanted = [
        name
        for one in elsewhere
        for name in one.mismatches[0].include
        if name != event.target and not globs.is_pattern(name)
    ]
    listed = ", ".join(config.targets[:_LISTED])
    more = f" and {len(config.targets) - _LISTED} more" if len(config.targets) > _LISTED else ""
    has = f"{meant(event.target, wanted)} The file has: {listed}{more}" if listed else ""
    return f"no pipeline for {event.kind} has the target {quoted(event.target)}{has}"
