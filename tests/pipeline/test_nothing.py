"""What is said of an event that starts no pipeline: one useful sentence, and beside it a line for each pipeline."""

from dataclasses import replace
from typing import Any

import pytest

from app.errors import NothingToRun
from app.pipeline.document import parse
from app.pipeline.event import Event
from app.pipeline.nothing import nothing_to_run
from app.pipeline.plan import plan
from tests.builds.farside import file, pipeline

PUSH = Event("push", "octocat/hello-world", "topic", "refs/heads/topic")
PROMOTE = replace(PUSH, kind="promote", target="prodution")
#: The file of a team: what is built, and what goes where.
BUILT = pipeline("build", trigger={"event": ["push"]})
DEPLOYED = [pipeline(f"deploy-{n}", trigger={"event": ["promote"], "target": ["production"]}) for n in range(6)]
STAGED = pipeline("stage", trigger={"event": ["promote", "rollback"], "target": ["staging", "demo-*"]})


def said(event: Event, *documents: str) -> NothingToRun:
    config = parse(file(*documents))
    return nothing_to_run(config, event, plan(config, event))


@pytest.mark.parametrize(
    ("event", "documents", "sentence"),
    [
        (PUSH, DEPLOYED, "no pipeline is for push"),
        (replace(PROMOTE, kind="rollback"), [BUILT, *DEPLOYED], "no pipeline is for rollback"),
        (
            PROMOTE,
            [BUILT, *DEPLOYED, STAGED],
            'no pipeline for promote has the target "prodution"; did you mean production? The file has: '
            "production, staging, demo-*",
        ),
        (
            replace(PROMOTE, target="moon"),
            [*DEPLOYED, STAGED],
            'no pipeline for promote has the target "moon". The file has: production, staging, demo-*',
        ),
        (
            replace(PROMOTE, target="demo-"),
            [pipeline("x", trigger={"target": {"include": ["demo-*"], "exclude": ["demo-"]}})],
            'no pipeline for promote has the target "demo-". The file has: demo-*',
        ),
        (
            PUSH,
            [pipeline("one", trigger={"branch": ["main"]}), STAGED],
            'pipeline "one": trigger.branch includes main, not "topic"',
        ),
        (
            PUSH,
            [pipeline("one", trigger={"branch": ["main"]}), pipeline("two", trigger={"branch": ["release"]})],
            'no pipeline for push has the branch "topic"',
        ),
        (
            PUSH,
            [
                pipeline("one", trigger={"branch": ["main"], "repo": ["a/b"]}),
                pipeline("two", trigger={"ref": ["refs/tags/*"]}),
                pipeline("three", trigger={"repo": ["a/b"]}),
            ],
            'pipeline "two": trigger.ref includes refs/tags/*, not "refs/heads/topic"; '
            "2 more pipelines for push do not match",
        ),
        (
            replace(PUSH, branch=""),
            [pipeline(name, trigger={"branch": ["main"]}) for name in "ab"],
            "no pipeline for push has the branch, which is empty",
        ),
        (PUSH, ["kind: secret\nname: key\ndata: x\n"], "the file has no pipelines"),
        (
            replace(PROMOTE, target="moon"),
            [pipeline("x", trigger={"target": [f"t{n}" for n in range(50)]})],
            'no pipeline for promote has the target "moon". The file has: t0, t1, t2, t3, t4, t5, t6, t7 and 42 more',
        ),
    ],
)  # fmt: skip
def test_the_sentence_names_what_the_caller_can_change(event: Event, documents: list[str], sentence: str) -> None:
    assert said(event, *documents).message == sentence


def test_each_pipeline_has_a_line_of_its_own_and_its_conditions_for_programs() -> None:
    error = said(PROMOTE, BUILT, STAGED)

    assert [(one.field, one.code, one.message) for one in error.problems] == [
        ("build", "excluded", 'pipeline "build": trigger.event includes push, not "promote"'),
        ("stage", "excluded", 'pipeline "stage": trigger.target includes staging, demo-*, not "prodution"'),
    ]
    condition: dict[str, Any] = {"condition": "target", "value": "prodution", "include": ("staging", "demo-*")}
    assert error.details["pipelines"][1] == {"pipeline": "stage", "conditions": [condition | {"exclude": ()}]}
    assert error.details["targets"] == ("staging", "demo-*")
    assert error.code == "nothing_to_run"
