"""What a stage is to run, out of its file."""

from dataclasses import replace
from typing import Any

import pytest

from app.builds.model import Build, Stage
from app.errors import AppError
from app.pipeline.document import BadPipeline
from app.repos.model import Repo
from app.runners.exec.plan import plan
from app.runners.manager import Context, System
from tests.runners.exec.farside import pipeline, secrets, step

SEALED = "AAECAwQFBgcICQoLWYrLUap9sd7NqNF43gx+mtEo3LEd6nNlQ6o="


def context(config: str, **build: Any) -> Context:
    made = Build(2, 1, 2, event="promote", target_branch="main", deploy_to="production", after="a" * 40, **build)
    stage = Stage(id=3, repo_id=1, build_id=2, number=1, name="default", type="exec")
    repo = Repo(id=1, namespace="octocat", name="hello", git_http_url="https://git.example.com/a.git")
    return Context(repo, made, stage, config, (), System("http", "h", "1"), "0123456789abcdef0123456789abcdef")


def test_scripts_are_written_for_all_that_may_run() -> None:
    config = pipeline(step("a", "one"), step("b", "two", when={"target": ["staging"]}), clone=True)

    found = plan(context(config), 0)

    assert [planned.name for planned in found.steps] == ["clone", "a", "b"]
    assert sorted(found.scripts) == ["a", "clone"]
    assert found.scripts["a"].endswith("\none\n")


def test_params_are_substituted_before_the_file_is_read() -> None:
    found = plan(context(pipeline(step("a", "echo ${V} $${V} ${DRONE_DEPLOY_TO}")), params={"V": "1.2"}), 0)

    assert "\necho 1.2 ${V} production\n" in found.scripts["a"]


def test_secrets_of_all_steps_are_known_for_masking() -> None:
    config = pipeline(
        step("a", environment={"A": {"from_secret": "Token"}, "L": "x"}),
        step("b", environment={"B": {"from_secret": "sealed"}, "C": {"from_secret": "nope"}}),
    )
    config += f"---\nkind: secret\nname: sealed\ndata: {SEALED}\n"

    found = plan(replace(context(config), secrets=secrets({"token": "s3cret"})), 0)

    assert found.secrets == {"Token": "s3cret", "sealed": "top-secret", "nope": ""}
    first, second = found.steps
    assert (found.literals(first), found.revealed(first)) == ({"L": "x"}, {"A": "s3cret"})
    assert (found.literals(second), found.revealed(second)) == ({}, {"B": "top-secret", "C": ""})


def test_the_clone_step_has_no_variables_of_its_own() -> None:
    found = plan(context(pipeline(clone=True) + "- {name: a}"), 0)

    assert (found.literals(found.steps[0]), found.revealed(found.steps[0])) == ({}, {})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("", "no exec pipeline 'default' at this commit; there is none"),
        ("kind: pipeline\ntype: exec\nname: other\nsteps: []", "there is 'other'"),
        ("kind: pipeline\ntype: exec\nsteps: [{name: a, depends_on: [ghost]}]", "ghost"),
        ("kind: pipeline\ntype: exec\nsteps: [{name: ${V/x}}]", "bad substitution"),
        ("kind: pipeline\nsteps:\n\t- a", "yaml"),
    ],
)
def test_what_cannot_run_is_said(config: str, words: str) -> None:
    with pytest.raises(AppError, match=words):
        plan(context(config), 0)


def test_a_cycle_is_refused() -> None:
    config = pipeline(step("a", depends_on=["b"]), step("b", depends_on=["a"]))

    with pytest.raises(BadPipeline, match="cycle"):
        plan(context(config), 0)


def test_values_in_commands_are_variables_of_their_step_when_they_are_to_be_quoted() -> None:
    config = pipeline(step("a", "echo '${V}'", environment={"E": "${V}"}), step("b", "echo $${V} b"), clone=True)

    found = plan(context(config, params={"V": "$(id): x"}), 0, quote=True)

    _, first, second = found.steps
    assert found.literals(first) == {"E": "$(id): x", "GANTRY_VALUE_1": "$(id): x"}
    assert found.literals(second) == {}
    assert found.scripts["a"].splitlines()[-2:] == [
        "printf '%s\\n' '+ echo '\"'\"'$(id): x'\"'\"''",
        "echo ''\"${GANTRY_VALUE_1}\"''",
    ]
    assert found.scripts["b"].endswith("\necho ${V} b\n")
