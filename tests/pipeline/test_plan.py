import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pipeline.document import BadPipeline, parse
from app.pipeline.event import Event
from app.pipeline.plan import Mismatch, plan

FIXTURES = Path(__file__).parents[2] / "fixtures" / "drone"
RECORDED = json.loads((FIXTURES / "triggers.json").read_text())["cases"]
PRODUCTION = Event("promote", "octocat/hello-world", "main", "refs/heads/main", target="production")

#: Where contract drone-yaml decides otherwise: what we start, or how our error begins.
DECIDED: dict[str, list[str] | str] = {
    "branch exclude": [],
    "kind that is unknown": "yaml: unknown kind attribute (.drone.yml:1: ",
    "pipeline and unknown kind": "yaml: unknown kind attribute (.drone.yml:8: ",
    "document separators at both ends": ["a"],
}


def event_of(request: str) -> Event:
    url = urlsplit(request.split()[1])
    verb, query = url.path.rsplit("/", 1)[1], parse_qs(url.query)
    return Event(verb, "octocat/hello-world", "main", "refs/heads/main", target=query["target"][0])


@pytest.mark.parametrize("case", [case for case in RECORDED if case["name"] not in DECIDED], ids=lambda c: c["name"])
def test_a_file_starts_what_was_recorded(case: dict[str, Any]) -> None:
    error = case.get("build", {}).get("error")
    if error:
        with pytest.raises(BadPipeline) as caught:
            parse(case["yaml"])
        assert str(caught.value).startswith(error)
        return

    stages = plan(parse(case["yaml"]), event_of(case["request"])).stages

    assert len(stages) == len(case.get("stages") or [])
    for stage, recorded in zip(stages, case.get("stages") or [], strict=True):
        for key in ("number", "name", "kind", "type", "os", "arch", "on_success", "on_failure"):
            assert getattr(stage, key) == recorded[key]
        for key, missing in {"variant": "", "kernel": "", "limit": 0, "labels": {}}.items():
            assert getattr(stage, key) == recorded.get(key, missing)
        assert list(stage.depends_on) == recorded.get("depends_on", [])
        assert bool(stage.depends_on) == (recorded["status"] == "waiting_on_dependencies")


@pytest.mark.parametrize("name", DECIDED)
def test_a_file_starts_what_was_decided(name: str) -> None:
    (case,) = (case for case in RECORDED if case["name"] == name)
    expected = DECIDED[name]
    if isinstance(expected, str):
        with pytest.raises(BadPipeline) as caught:
            parse(case["yaml"])
        assert str(caught.value).startswith(expected)
    else:
        assert [stage.name for stage in plan(parse(case["yaml"]), event_of(case["request"])).stages] == expected


def file(*pipelines: tuple[str, str, str]) -> str:
    return "---\n".join(
        f"kind: pipeline\ntype: exec\nname: {name}\ndepends_on: [{depends_on}]\ntrigger: {trigger}\n"
        for name, depends_on, trigger in pipelines
    )


def waits(text: str) -> dict[str, tuple[str, ...]]:
    return {stage.name: stage.depends_on for stage in plan(parse(text), PRODUCTION).stages}


SKIPPED = "{target: staging}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (file(("A", "", "{}"), ("B", "A", SKIPPED), ("C", "B", "{}")), {"A": (), "C": ("A",)}),
        (file(("B", "", SKIPPED), ("C", "B", "{}")), {"C": ()}),
        (
            file(("A", "", "{}"), ("B", "A", SKIPPED), ("C", "", "{}"), ("D", "B, C", "{}")),
            {"A": (), "C": (), "D": ("A", "C")},
        ),
        (
            file(("A", "", "{}"), ("B", "A", SKIPPED), ("C", "A", SKIPPED), ("D", "A, B, C, A", "{}")),
            {"A": (), "D": ("A",)},
        ),
        (file(("C", "A", "{}"), ("A", "", "{}")), {"C": ("A",), "A": ()}),
    ],
    ids=["bridges-a-skip", "starts-at-once", "keeps-the-order", "names-each-once", "looks-ahead"],
)
def test_a_skipped_pipeline_hands_its_dependencies_on(text: str, expected: dict[str, tuple[str, ...]]) -> None:
    assert waits(text) == expected


def test_a_lattice_of_skipped_pipelines_is_walked_once() -> None:
    rows = [("a0", "", SKIPPED), ("b0", "root", SKIPPED)]
    rows += [(f"{side}{n}", f"a{n - 1}, b{n - 1}", SKIPPED) for n in range(1, 45) for side in "ab"]

    assert waits(file(("root", "", "{}"), *rows, ("end", "a44, b44", "{}"))) == {"root": (), "end": ("root",)}


def test_stages_are_numbered_in_file_order_without_gaps() -> None:
    stages = plan(parse(file(("A", "", "{}"), ("B", "", SKIPPED), ("C", "", "{}"))), PRODUCTION).stages

    assert [(stage.number, stage.name) for stage in stages] == [(1, "A"), (2, "C")]


def test_every_excluded_pipeline_says_all_that_kept_it_out() -> None:
    text = file(
        ("deploy", "", "{target: [staging, qa], event: {include: promote}}"),
        ("nightly", "", "{cron: nightly, branch: {include: ['*'], exclude: [main, dev]}}"),
    )
    deploy, nightly = plan(parse(text), PRODUCTION).excluded

    assert deploy.pipeline == "deploy"
    assert deploy.mismatches == (Mismatch("target", "production", ("staging", "qa"), ()),)
    assert deploy.sentence() == 'pipeline "deploy": trigger.target includes staging, qa, not "production"'
    assert nightly.sentence() == (
        'pipeline "nightly": trigger.branch excludes main, dev, and it is "main"; '
        "trigger.cron includes nightly, not empty"
    )


def test_a_file_without_pipelines_plans_nothing() -> None:
    empty = plan(parse("kind: secret\nname: x\ndata: eA==\n"), PRODUCTION)

    assert (empty.stages, empty.excluded) == ((), ())


NAMES = [f"p{n}" for n in range(6)]


@given(st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 5))), min_size=6, max_size=6))
def test_a_stage_waits_for_the_nearest_chosen_ancestors(drawn: list[tuple[bool, set[int]]]) -> None:
    parents = {
        name: [NAMES[i] for i in before if i < n]
        for n, (name, (_, before)) in enumerate(zip(NAMES, drawn, strict=True))
    }
    chosen = {name for name, (runs, _) in zip(NAMES, drawn, strict=True) if runs}
    text = file(*((name, ", ".join(parents[name]), "{}" if name in chosen else SKIPPED) for name in NAMES))

    found = waits(text)

    assert set(found) == chosen
    for name, depends_on in found.items():
        assert len(set(depends_on)) == len(depends_on)
        assert set(depends_on) == _nearest(name, parents, chosen)


def _nearest(name: str, parents: dict[str, list[str]], chosen: set[str]) -> set[str]:
    found = set()
    for parent in parents[name]:
        found |= {parent} if parent in chosen else _nearest(parent, parents, chosen)
    return found
