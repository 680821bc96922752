import json
from pathlib import Path
from typing import Any

import pytest

from app.pipeline.document import BadPipeline, parse
from app.pipeline.event import Event
from app.pipeline.steps import PlannedStep, Policy, compile_steps

FIXTURES = Path(__file__).parents[2] / "fixtures" / "drone"
RECORDED = json.loads((FIXTURES / "steps.json").read_text())["cases"]
PROMOTE = Event(
    "promote", "octocat/hello-world", "main", "refs/heads/main", target="production", instance="drone.example.com"
)
POLICIES = {0: Policy.ON_SUCCESS, 1: Policy.ON_FAILURE, 2: Policy.ALWAYS, 3: Policy.NEVER}

#: Where the reference compiles what can never run; we refuse it (contract drone-env 8.2).
REFUSED = {
    "step depends on one that is unknown": "Linter: invalid or unknown step dependency (.drone.yml:7: ",
    "step cycle": "Linter: dependency cycle detected in steps (.drone.yml:7: ",
    "step without a name": "Linter: invalid or missing step name (.drone.yml:7: ",
}


def compiled(text: str, event: Event = PROMOTE) -> tuple[PlannedStep, ...]:
    (pipeline,) = parse(text).pipelines
    return compile_steps(pipeline, event)


def waits(text: str) -> dict[str, tuple[str, ...]]:
    return {step.name: step.depends_on for step in compiled(text)}


@pytest.mark.parametrize("case", [case for case in RECORDED if case["name"] not in REFUSED], ids=lambda c: c["name"])
def test_steps_compile_as_recorded(case: dict[str, Any]) -> None:
    assert [
        (step.name, step.policy, list(step.depends_on), step.detach, step.ignore_failure)
        for step in compiled(case["yaml"])
    ] == [
        (
            recorded["name"],
            POLICIES[recorded.get("run_policy", 0)],
            recorded.get("depends_on", []),
            recorded.get("detach", False),
            recorded.get("ignore_err", False),
        )
        for recorded in case["steps"]
    ]


@pytest.mark.parametrize("name", REFUSED)
def test_steps_that_could_never_run_are_refused(name: str) -> None:
    (case,) = (case for case in RECORDED if case["name"] == name)
    with pytest.raises(BadPipeline) as caught:
        parse(case["yaml"])
    assert str(caught.value).startswith(REFUSED[name])


HEAD = "kind: pipeline\ntype: exec\n"


def test_without_dependencies_steps_form_a_queue_behind_clone() -> None:
    text = HEAD + "steps:\n- name: a\n- name: b\n- name: c\n"

    assert waits(text) == {"clone": (), "a": ("clone",), "b": ("a",), "c": ("b",)}


def test_the_clone_step_always_runs_and_has_no_step_behind_it() -> None:
    clone, step = compiled(HEAD + "steps:\n- name: a\n  when: {status: failure}\n")

    assert clone == PlannedStep("clone", Policy.ALWAYS, (), detach=False, ignore_failure=False, step=None)
    assert step.step is not None
    assert step.step.name == "a"
    assert step.policy is Policy.ON_FAILURE


def test_one_dependency_turns_the_queue_into_a_graph() -> None:
    text = HEAD + "steps:\n- name: a\n- name: b\n- name: c\n  depends_on: [a, clone, a]\n"

    assert waits(text) == {"clone": (), "a": ("clone",), "b": ("clone",), "c": ("a", "clone")}


def test_without_cloning_a_dependency_on_clone_is_dropped() -> None:
    text = (
        HEAD
        + "clone: {disable: true}\nsteps:\n- name: a\n  depends_on: [clone]\n- name: b\n- name: c\n  depends_on: [a]\n"
    )

    assert waits(text) == {"a": (), "b": (), "c": ("a",)}


def test_without_cloning_a_step_called_clone_is_one_like_any_other() -> None:
    text = HEAD + "clone: {disable: true}\nsteps:\n- name: clone\n- name: a\n  depends_on: [clone]\n- name: b\n"

    assert waits(text) == {"clone": (), "a": ("clone",), "b": ()}


def test_a_pipeline_without_steps_only_clones() -> None:
    assert waits(HEAD) == {"clone": ()}
    assert waits(HEAD + "clone: {disable: true}\n") == {}


@pytest.mark.parametrize(
    ("when", "policy"),
    [
        ("{instance: other.example.com}", Policy.NEVER),
        ("{repo: octocat/*}", Policy.ON_SUCCESS),
        ("{paths: [docs/*]}", Policy.ON_SUCCESS),
        ("{status: changed}", Policy.ON_SUCCESS),
        ("{status: {exclude: success}}", Policy.ON_FAILURE),
        ("{status: '*'}", Policy.ALWAYS),
    ],
)
def test_conditions_become_a_policy(when: str, policy: Policy) -> None:
    assert compiled(HEAD + f"steps:\n- name: a\n  when: {when}\n")[1].policy is policy
