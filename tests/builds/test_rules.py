"""What follows from how stages ended (contract drone-rpc 8.5, 9.4)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.builds.model import DONE, FAILED, Build, Stage, Status
from app.builds.rules import advance, build_status, has_room, is_startable, is_stoppable, wish

WAITING: Status = "waiting_on_dependencies"


def stage(name: str, status: Status, *depends_on: str, on_success: bool = True, on_failure: bool = False) -> Stage:
    return Stage(0, 1, 1, 0, name, status=status, depends_on=depends_on, on_success=on_success, on_failure=on_failure)


def numbered(*stages: Stage) -> list[Stage]:
    return [replace(stage, id=number, number=number) for number, stage in enumerate(stages, start=1)]


def after(*stages: Stage) -> list[str]:
    return [stage.status for stage in advance(numbered(*stages))]


def test_what_waited_for_a_success_becomes_pending() -> None:
    assert after(stage("a", "success"), stage("b", WAITING, "a")) == ["success", "pending"]


def test_a_stage_waits_for_all_of_its_dependencies() -> None:
    assert after(stage("a", "success"), stage("b", "running"), stage("c", WAITING, "a", "b"))[2] == WAITING
    assert after(stage("a", "success"), stage("b", "success"), stage("c", WAITING, "a", "b"))[2] == "pending"


@pytest.mark.parametrize("status", ["pending", "running", "blocked", WAITING])
def test_what_is_not_over_holds_its_dependants(status: Status) -> None:
    held = stage("a", status, *(["first"] if status == WAITING else []))

    assert after(stage("first", "running"), held, stage("b", WAITING, "a"))[2] == WAITING


@pytest.mark.parametrize("status", sorted(FAILED))
def test_what_waited_for_a_failure_is_skipped(status: Status) -> None:
    assert after(stage("a", status), stage("b", WAITING, "a"))[1] == "skipped"


@pytest.mark.parametrize("status", ["skipped", "declined"])
def test_skipped_and_declined_are_over_and_no_failure(status: Status) -> None:
    assert after(stage("a", status), stage("b", WAITING, "a"))[1] == "pending"


def test_a_whole_chain_is_skipped_at_once() -> None:
    chain = stage("a", "failure"), stage("b", WAITING, "a"), stage("c", WAITING, "b"), stage("d", WAITING, "c")

    assert after(*chain) == ["failure", "skipped", "skipped", "skipped"]


def test_a_dependant_earlier_in_the_file_than_the_skipped_one_is_skipped_too() -> None:
    backwards = stage("d", WAITING, "c"), stage("c", WAITING, "b"), stage("b", WAITING, "a"), stage("a", "failure")

    assert after(*backwards) == ["skipped", "skipped", "skipped", "failure"]


def test_an_unrelated_failure_skips_what_waits_in_vain() -> None:
    assert after(stage("a", "success"), stage("b", WAITING, "a"), stage("other", "failure"))[1] == "skipped"


def test_an_unrelated_failure_leaves_alone_what_still_waits_for_others() -> None:
    assert after(stage("a", "running"), stage("b", WAITING, "a"), stage("other", "failure"))[1] == WAITING


def test_an_unrelated_failure_stops_nothing_that_may_run_already() -> None:
    assert after(stage("a", "pending"), stage("b", "running"), stage("c", "failure")) == [
        "pending",
        "running",
        "failure",
    ]


def test_a_stage_for_failures_runs_after_one() -> None:
    rescue = stage("rescue", WAITING, "a", on_success=False, on_failure=True)

    assert after(stage("a", "failure"), rescue)[1] == "pending"


def test_a_stage_for_failures_only_is_skipped_when_all_went_well() -> None:
    rescue = stage("rescue", WAITING, "a", on_success=False, on_failure=True)

    assert after(stage("a", "success"), rescue)[1] == "skipped"


@pytest.mark.parametrize("status", ["success", "failure", "killed", "error", "skipped"])
def test_a_stage_for_both_runs_either_way(status: Status) -> None:
    report = stage("report", WAITING, "a", on_success=True, on_failure=True)

    assert after(stage("a", status), report)[1] == "pending"


def test_a_stage_for_failures_runs_after_those_that_were_skipped_before_it() -> None:
    rescue = stage("rescue", WAITING, "b", on_success=False, on_failure=True)

    assert after(rescue, stage("b", WAITING, "a"), stage("a", "failure")) == ["pending", "skipped", "failure"]


def test_names_that_match_no_stage_are_ignored() -> None:
    assert after(stage("a", "success"), stage("b", WAITING, "a", "nobody"))[1] == "pending"
    assert after(stage("b", WAITING, "nobody")) == ["pending"]


def test_a_stage_that_waits_for_nothing_is_released() -> None:
    assert after(stage("b", WAITING)) == ["pending"]


@pytest.mark.parametrize("status", ["pending", "running", WAITING, "blocked", "declined"])
def test_a_build_goes_on_while_one_stage_is_open(status: Status) -> None:
    assert build_status(numbered(stage("a", "failure"), stage("b", status))) is None


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        pytest.param(["success", "success"], "success", id="all-well"),
        pytest.param(["success", "skipped"], "success", id="skipped-counts-as-fine"),
        pytest.param(["skipped"], "success", id="only-skipped"),
        pytest.param(["success", "failure", "error"], "failure", id="first-failed-decides"),
        pytest.param(["killed", "failure"], "killed", id="killed-before-failure"),
        pytest.param(["skipped", "error", "killed"], "error", id="error-before-killed"),
        pytest.param([], "success", id="no-stages"),
    ],
)
def test_the_first_stage_that_failed_decides(statuses: list[Status], expected: Status) -> None:
    assert build_status(numbered(*(stage(f"s{n}", status) for n, status in enumerate(statuses)))) == expected


NAMES = "abcdef"


@st.composite
def builds(draw: st.DrawFn) -> list[Stage]:
    """Stages in any file order, each in any state, that wait for others without a circle."""
    names = draw(st.permutations(NAMES[: draw(st.integers(1, len(NAMES)))]))
    made = []
    for name in names:
        earlier = [other for other in names if other < name]
        depends_on = draw(st.lists(st.sampled_from([*earlier, "nobody"]), unique=True, max_size=3))
        status: Status = draw(st.sampled_from([WAITING, WAITING, *get_args(Status)]))
        flags = draw(st.sampled_from([(True, False), (False, True), (True, True)]))
        made.append(stage(name, status, *depends_on, on_success=flags[0], on_failure=flags[1]))
    return numbered(*made)


@given(builds())
def test_only_what_waited_changes_and_only_to_pending_or_skipped(build: list[Stage]) -> None:
    for old, new in zip(build, advance(build), strict=True):
        if new != old:
            assert old.status == WAITING
            assert new.status in ("pending", "skipped")
            assert replace(new, status=old.status) == old


@given(builds())
def test_advancing_twice_is_advancing_once(build: list[Stage]) -> None:
    once = advance(build)

    assert advance(once) == once


@given(builds(), st.data())
def test_the_order_in_the_file_does_not_matter(build: list[Stage], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(build))

    assert _by_name(advance(shuffled)) == _by_name(advance(build))


def _by_name(stages: Sequence[Stage]) -> dict[str, str]:
    return {stage.name: stage.status for stage in stages}


@given(builds())
def test_whoever_still_waits_waits_for_somebody(build: list[Stage]) -> None:
    done = {stage.name: stage.status in DONE for stage in advance(build)}

    for left in advance(build):
        if left.status == WAITING:
            assert not all(done.get(name, True) for name in left.depends_on)


@given(builds(), st.data())
def test_every_build_whose_runners_report_comes_to_an_end(build: list[Stage], data: st.DataObject) -> None:
    stages: Sequence[Stage] = [replace(one, status=WAITING) for one in build]
    for _ in range(len(stages) + 1):
        stages = advance(stages)
        how: Status = data.draw(st.sampled_from(["success", "failure", "error", "killed"]))
        stages = [replace(one, status=how) if one.status == "pending" else one for one in stages]

    failed = [one.status for one in stages if one.status in FAILED]
    assert build_status(stages) == (failed[0] if failed else "success")


@pytest.mark.parametrize(
    ("limit", "throttle", "named", "in_repo", "room"),
    [
        (0, 0, 9, 9, True),
        (2, 0, 1, 9, True),
        (2, 0, 2, 0, False),
        (0, 2, 9, 1, True),
        (0, 2, 0, 2, False),
        (2, 2, 1, 1, True),
        (2, 2, 2, 1, False),
        (2, 2, 1, 2, False),
    ],
)
def test_limits_leave_room_for_so_many(limit: int, throttle: int, named: int, in_repo: int, room: bool) -> None:
    stage = Stage(1, 1, 1, 1, "default", limit=limit, throttle=throttle)

    assert has_room(stage, named, in_repo) is room


def test_a_wish_names_all_that_a_runner_must_have() -> None:
    plain = Stage(1, 1, 1, 1, "default", type="exec")

    assert wish(plain) == "type exec on linux/amd64"
    assert wish(replace(plain, labels={"zone": "eu", "gpu": "1"})) == "type exec on linux/amd64, zone=eu, gpu=1"


def test_a_stage_with_a_fault_fails_when_it_is_started() -> None:
    bad = replace(stage("bad", WAITING, "a"), error="no image")
    undo = stage("undo", WAITING, "bad", on_success=False, on_failure=True)

    assert after(stage("a", "running"), bad, undo) == ["running", WAITING, WAITING]
    assert after(stage("a", "success"), bad, undo, stage("after", WAITING, "bad")) == [
        "success",
        "error",
        "pending",
        "skipped",
    ]


@pytest.mark.parametrize(
    ("build", "statuses", "stoppable", "startable"),
    [
        ("running", ["success", "running"], True, True),
        ("pending", ["blocked"], True, False),
        ("success", ["success", "skipped"], False, True),
        ("declined", ["declined", "running"], True, False),
        ("declined", [], False, False),
        ("killed", ["blocked"], True, False),
        ("error", [], False, True),
    ],
)
def test_what_may_be_cancelled_and_what_may_be_run_once_more(
    build: Status, statuses: list[Status], stoppable: bool, startable: bool
) -> None:
    stages = tuple(stage(str(at), status) for at, status in enumerate(statuses))
    whole = Build(1, 1, 1, status=build, stages=stages)

    assert (is_stoppable(whole), is_startable(whole)) == (stoppable, startable)
