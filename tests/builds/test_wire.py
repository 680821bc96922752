"""Builds, stages and steps as clients read them: keys, their order, and which are left out."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter

from app.builds import stages
from app.builds.model import Build, Stage, Step
from app.builds.wire import BuildJSON, RepoBuildJSON, build_json, repo_build_json, stage_json, stage_row_json, step_json
from app.db import schema
from app.repos.model import Repo

RECORDED = {
    exchange["name"]: exchange["json"]
    for exchange in json.loads((Path(__file__).parents[2] / "fixtures/drone/lifecycle.json").read_text())["exchanges"]
    if "json" in exchange
}
FULL_STEP = Step(
    1, 2, 3, "s", "error", "e", True, 1, 4, 5, 6, ("a",), image="i", detached=True, schema="https://x/card.json"
)
FULL_STAGE = Stage(
    **{field.name: 1 for field in fields(Stage) if field.name not in ("depends_on", "labels", "steps", "status")},  # type: ignore[arg-type]
    status="error",
    depends_on=("a",),
    labels={"a": "b"},
    steps=(FULL_STEP,),
)
FULL_BUILD = Build(
    **{field.name: 1 for field in fields(Build) if field.name not in ("params", "stages", "status")},  # type: ignore[arg-type]
    status="error",
    params={"a": "b"},
    stages=(FULL_STAGE,),
)


def keys(body: Any) -> list[str]:
    return list(body)


def test_the_keys_stand_in_the_recorded_order() -> None:
    recorded = RECORDED["a build that failed"]
    stage, step = recorded["stages"][0], recorded["stages"][0]["steps"][0]

    assert [key for key in keys(build_json(FULL_BUILD, stages=True)) if key in recorded] == keys(recorded)
    assert [key for key in keys(stage_json(FULL_STAGE)) if key in stage] == keys(stage)
    assert [key for key in keys(step_json(FULL_STEP)) if key in step] == keys(step)


FLAGGED = replace(FULL_STAGE, errignore=True, on_success=False, on_failure=True)


@pytest.mark.parametrize("stage", [FLAGGED, Stage(1, 1, 1, 1, "", kind="", type=""), Stage(1, 2, 3, 4, "a")])
def test_a_stage_of_a_row_is_the_same(stage: Stage) -> None:
    values: Any = {"id": stage.id, **stages.MAPPER.values(replace(stage, steps=())), **stages._NOBODY}
    row: Any = [values[column.name] for column in schema.stages.columns]

    assert orjson.dumps(stage_row_json(row)) == orjson.dumps(stage_json(replace(stage, steps=())))


def test_every_field_is_shown() -> None:
    renamed = {"source_branch": "source", "target_branch": "target"}
    assert set(build_json(FULL_BUILD, stages=True)) == {renamed.get(field.name, field.name) for field in fields(Build)}
    assert set(stage_json(FULL_STAGE)) == {field.name for field in fields(Stage)}
    assert set(step_json(FULL_STEP)) == {field.name for field in fields(Step)} - {"stage_id"} | {"step_id"}


def test_what_is_empty_is_left_out_where_drone_does() -> None:
    build, stage, step = Build(1, 1, 1), Stage(1, 1, 1, 1, "", kind="", type=""), Step(1, 1, 1, "")

    assert set(build_json(FULL_BUILD)) - set(build_json(build)) == {
        *(
            "parent",
            "error",
            "title",
            "params",
            "cron",
            "deploy_to",
            "deploy_id",
            "debug",
            "found_late",
            "blocked",
            "via",
        ),
    }
    assert set(stage_json(FULL_STAGE)) - set(stage_json(stage)) == {
        *("kind", "type", "error", "machine", "variant", "kernel", "limit", "throttle", "depends_on", "labels"),
        "steps",
    }
    assert set(step_json(FULL_STEP)) - set(step_json(step)) == {
        *("error", "errignore", "started", "stopped", "depends_on", "image", "detached", "schema"),
    }


def test_stages_are_shown_where_they_are_asked_for_and_there_are_any() -> None:
    assert "stages" not in build_json(FULL_BUILD)
    assert "stages" not in build_json(replace(FULL_BUILD, stages=()), stages=True)
    assert build_json(FULL_BUILD, stages=True)["stages"] == [stage_json(FULL_STAGE)]


def test_whatever_is_shown_can_be_written() -> None:
    assert orjson.loads(orjson.dumps(build_json(FULL_BUILD, stages=True)))["stages"][0]["depends_on"] == ["a"]


@pytest.mark.parametrize("build", [Build(1, 1, 1), Build(1, 1, 1, stages=(Stage(1, 1, 1, 1, ""),))])
def test_what_is_shown_is_of_its_declared_type(build: Build) -> None:
    repo = Repo(1, "octocat", "hello", throttle=2)

    for kind, body in [
        (BuildJSON, build_json(build, stages=True)),
        (RepoBuildJSON, repo_build_json(repo, build, stages=True)),
        (RepoBuildJSON, repo_build_json(repo, None)),
    ]:
        TypeAdapter(kind).validate_json(orjson.dumps(body), strict=True)
        assert set(body) <= set(kind.__annotations__)


def test_a_build_stands_inside_its_repository_where_drone_puts_it() -> None:
    assert keys(repo_build_json(Repo(1, "octocat", "hello"), Build(1, 1, 1)))[-2:] == ["build", "archived"]
