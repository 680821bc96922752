"""The live state of a stage, rule by rule."""

from dataclasses import replace

import pytest

from app.builds.model import Stage, Status
from app.pipeline.steps import PlannedStep, Policy
from app.runners.exec.stage import Halt, State

STAGE = Stage(id=3, repo_id=1, build_id=2, number=1, name="default", version=2)


def planned(name: str, policy: Policy = Policy.ON_SUCCESS, *, ignore: bool = False) -> PlannedStep:
    return PlannedStep(name, policy, (), detach=False, ignore_failure=ignore, step=None)


def running(*steps: PlannedStep) -> State:
    state = State(STAGE, steps)
    state.begin(5)
    return state


def statuses(stage: Stage) -> dict[str, str]:
    return {step.name: step.status for step in stage.steps}


def test_steps_that_never_run_have_no_number() -> None:
    state = State(STAGE, [planned("a"), planned("b", Policy.NEVER), planned("c")])

    assert [(step.name, step.number, step.id, step.version) for step in state.stage.steps] == [
        ("a", 1, 0, 0),
        ("c", 2, 0, 0),
    ]
    assert state.turn(planned("b", Policy.NEVER)) == "pass"


@pytest.mark.parametrize(
    ("policy", "good", "bad"),
    [
        (Policy.ON_SUCCESS, "run", "skip"),
        (Policy.ON_FAILURE, "skip", "run"),
        (Policy.ALWAYS, "run", "run"),
    ],
)
def test_a_turn_depends_on_what_came_before(policy: Policy, good: str, bad: str) -> None:
    last = planned("last", policy)
    state = running(planned("a"), planned("b", ignore=True), planned("c"), last)
    state.start("a", 6)
    state.finish("a", 0, 7)
    state.finish("b", 1, 7)
    assert state.turn(last) == good

    state.finish("c", 1, 8)
    assert state.turn(last) == bad


@pytest.mark.parametrize(
    ("code", "status", "told"), [(0, "success", 0), (78, "success", 78), (3, "failure", 3), (-9, "failure", -1)]
)
def test_a_code_gives_a_status(code: int, status: Status, told: int) -> None:
    step = running(planned("a")).finish("a", code, 9)

    assert (step.status, step.exit_code, step.stopped) == (status, told, 9)


def test_enough_skips_the_rest_even_what_always_runs() -> None:
    always = planned("c", Policy.ALWAYS)
    state = running(planned("a"), planned("b"), always)
    state.start("a", 6)

    state.finish("a", 78, 7)

    assert state.turn(always) == "pass"
    assert statuses(state.close(9)) == {"a": "success", "b": "skipped", "c": "skipped"}
    assert state.stage.status == "success"


def test_enough_does_not_heal_a_failure() -> None:
    state = running(planned("a"), planned("b"))
    state.finish("a", 1, 7)
    state.finish("b", 78, 7)

    assert state.close(9).status == "failure"


def test_a_step_that_could_not_start_fails_the_stage_whatever_it_ignores() -> None:
    state = running(planned("a", ignore=True))

    step = state.refuse("a", "no such shell", 7)

    stage = state.close(9)
    assert (step.status, step.exit_code, step.error) == ("error", 255, "no such shell")
    assert (stage.status, stage.exit_code, stage.error) == ("error", 255, "no such shell")


@pytest.mark.parametrize(("detach", "end"), [(True, ("success", 0)), (False, ("error", 255))])
def test_of_steps_that_still_run_only_detached_ones_end_well_with_their_stage(
    detach: bool, end: tuple[str, int]
) -> None:
    state = running(replace(planned("a"), detach=detach))
    state.start("a", 6)

    (step,) = state.close(9).steps

    assert (step.status, step.exit_code, step.started, step.stopped) == (*end, 6, 9)


@pytest.mark.parametrize(("started", "code"), [(True, 137), (False, 0)])
def test_a_halt_kills_what_runs_and_skips_the_rest(started: bool, code: int) -> None:
    state = running(planned("a"), planned("b"))
    if started:
        state.start("a", 6)

    stage = state.close(9, Halt.TIMED_OUT, "timed out")

    assert statuses(stage) == {"a": "killed" if started else "skipped", "b": "skipped"}
    assert (stage.status, stage.exit_code, stage.error, stage.stopped) == ("killed", code, "timed out", 9)
    assert stage.steps[0].exit_code == code


def test_a_halt_clears_an_earlier_error() -> None:
    state = running(planned("a"))
    state.refuse("a", "no such shell", 7)

    assert state.close(9, Halt.CANCELLED).error == ""


def test_a_stage_that_never_began_has_its_times() -> None:
    state = State(STAGE)
    state.fail("no file")

    stage = state.close(9)

    assert (stage.status, stage.started, stage.stopped, stage.version) == ("error", 9, 9, 2)
