"""The variables of a step, against the recorded ones and rule by rule."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.builds.model import Build, Stage, Step
from app.repos.model import Repo
from app.runners.exec import environ
from app.runners.manager import Context, System

RECORDED = Path(__file__).parents[3] / "fixtures" / "drone" / "builds.json"
HOST = {"PATH": "/bin", "USER": "ada", "LANG": "C.UTF-8", "HOME": "/root", "AWS_SECRET": "x"}
NOW = 1795411846

#: Names that we set and the recorded runner does not; the reason beside each.
ADDED = {
    "LANG": "of the host, so that programs know the character set",
    "PATH": "of the host; left out of the recording",
    "USER": "of the host; left out of the recording",
    "DRONE_BUILD_DEBUG": "newer runners",
    "DRONE_BUILD_TRIGGER": "newer runners",
    "DRONE_CARD_PATH": "newer runners",
    "DRONE_DEPLOY_ID": "newer runners",
    "DRONE_STAGE_VERSION": "newer runners",
}
#: Names in the recording that its shell has set.
OF_SHELL = {"PWD"}


def recorded(name: str) -> Any:
    exchanges = orjson.loads(RECORDED.read_bytes())["exchanges"]
    return next(exchange["json"] for exchange in exchanges if exchange["name"] == name)


def known(kind: type[Repo | Build | Stage], values: dict[str, Any]) -> dict[str, Any]:
    names = {"source": "source_branch", "target": "target_branch"}
    values = {names.get(key, key): value for key, value in values.items()}
    return {key: value for key, value in values.items() if key in kind.__dataclass_fields__}


def context(**build: Any) -> Context:
    repo = Repo(id=1, namespace="octocat", name="hello", default_branch="main", visibility="public")
    stage = Stage(id=3, repo_id=1, build_id=2, number=1, name="default", type="exec", machine="lab")
    made = Build(id=2, repo_id=1, number=2, **build)
    return Context(repo, made, stage, "", (), System("https", "ci.example.com:8080", "2.25.0"))


def variables(
    of: Context, *, literals: dict[str, str] | None = None, secrets: dict[str, str] | None = None, **stage: Any
) -> dict[str, str]:
    return environ.for_step(
        of,
        replace(of.stage, **stage),
        Step(1, 3, 1, "one"),
        NOW,
        host=HOST,
        root="/srv/drone-x",
        literals=literals or {},
        secrets=secrets or {},
    )


def test_a_promoted_step_sees_what_was_recorded() -> None:
    build = recorded("promoted build at once")
    stage = build.pop("stages")[0]
    repo = recorded("one repository")
    of = Context(
        Repo(**known(Repo, repo)),
        Build(**known(Build, build)),
        Stage(**known(Stage, stage) | {"machine": "lab", "started": NOW, "steps": ()}),
        "",
        (),
        System("http", "drone.example.com", "2.25.0"),
    )

    found = environ.for_step(
        of,
        of.stage,
        Step(3, 2, 3, "release"),
        NOW,
        host=HOST,
        root="/tmp/drone-WORK",
        literals={},
        secrets={"TOKEN": "[secret:token]"},
    )

    lines = (line["out"].removesuffix("\n") for line in recorded("logs of stage 1 step 3")[6:])
    expected = dict(line.split("=", 1) for line in lines if line)
    assert set(found) - set(expected) == set(ADDED)
    assert set(expected) - set(found) == OF_SHELL
    ours = {name: value.removesuffix("\n") for name, value in found.items() if name not in ADDED}
    assert ours == {name: value for name, value in expected.items() if name not in OF_SHELL}


def test_of_the_host_only_three_names_are_passed_on() -> None:
    found = variables(context())

    assert "AWS_SECRET" not in found
    assert {name: found[name] for name in ("PATH", "USER", "LANG", "HOME")} == {
        "PATH": "/bin",
        "USER": "ada",
        "LANG": "C.UTF-8",
        "HOME": "/srv/drone-x/home/drone",
    }


def test_params_are_variables_below_those_of_the_server() -> None:
    found = variables(context(params={"VERSION": "1", "DRONE_REPO": "evil", "HOME": "/x", "CI": "no"}))

    assert found["VERSION"] == "1"
    assert (found["DRONE_REPO"], found["CI"]) == ("octocat/hello", "true")
    assert found["HOME"] == "/srv/drone-x/home/drone"


def test_a_step_may_override_the_repository_but_not_its_build_and_stage() -> None:
    names = ("DRONE_REPO", "CI", "HOME", "GIT_AUTHOR_NAME", "DRONE_BUILD_LINK", "VERSION")
    held = ("DRONE_BUILD_NUMBER", "DRONE_STAGE_NAME", "DRONE_STEP_NAME", "CI_COMMIT_SHA")

    found = variables(context(params={"VERSION": "1"}), literals=dict.fromkeys((*names, *held), "mine"))

    assert {found[name] for name in names} == {"mine"}
    assert "mine" not in {found[name] for name in held}


def test_a_secret_wins_over_everything() -> None:
    found = variables(context(), literals={"A": "literal"}, secrets={"A": "s", "DRONE_BUILD_NUMBER": "t"})

    assert (found["A"], found["DRONE_BUILD_NUMBER"]) == ("s", "t")


def test_only_the_path_of_a_step_is_expanded() -> None:
    found = variables(context(), literals={"PATH": "$HOME/bin:${PATH}:$NOPE", "OTHER": "$HOME"})

    assert (found["PATH"], found["OTHER"]) == ("/srv/drone-x/home/drone/bin:/bin:", "$HOME")


def test_failures_show() -> None:
    steps = (
        Step(1, 3, 1, "one", status="failure"),
        Step(2, 3, 2, "two", status="failure", errignore=True),
        Step(3, 3, 3, "three", status="error", errignore=True),
    )

    found = variables(context(status="running"), steps=steps)

    assert found["DRONE_FAILED_STEPS"] == "one,three"
    assert found["DRONE_STAGE_STATUS"] == found["DRONE_BUILD_STATUS"] == found["CI_BUILD_STATUS"] == "failure"
    assert found["DRONE_FAILED_STAGES"] == ""


def test_a_forgiven_failure_does_not_show() -> None:
    found = variables(context(), steps=(Step(2, 3, 2, "two", status="failure", errignore=True),))

    assert "DRONE_FAILED_STEPS" not in found
    assert (found["DRONE_STAGE_STATUS"], found["CI_BUILD_STATUS"]) == ("success", "pending")


def test_failed_stages_of_the_build_show() -> None:
    other = Stage(9, 1, 2, 1, "test", status="killed")

    found = variables(context(stages=(other, replace(other, name="lint", status="skipped"))))

    assert (found["DRONE_FAILED_STAGES"], found["DRONE_BUILD_STATUS"]) == ("test", "failure")
    assert found["DRONE_STAGE_STATUS"] == "success"


def test_pull_requests_have_number_and_title() -> None:
    found = variables(context(event="pull_request", ref="refs/pull/42/head", title="Fix 7"))

    assert (found["DRONE_PULL_REQUEST"], found["DRONE_PULL_REQUEST_TITLE"]) == ("42", "Fix 7")
    assert "DRONE_PULL_REQUEST" not in variables(context(event="push", ref="refs/pull/42/head"))
    assert variables(context(event="pull_request"))["DRONE_PULL_REQUEST"] == ""


def test_a_promoted_tag_keeps_its_version() -> None:
    found = variables(context(event="promote", ref="refs/tags/v1.2.3"))

    assert (found["DRONE_TAG"], found["DRONE_SEMVER"]) == ("v1.2.3", "1.2.3")


def test_times_that_are_not_yet_are_now() -> None:
    found = variables(context(created=5), started=7)

    assert (found["DRONE_BUILD_STARTED"], found["DRONE_STAGE_STARTED"]) == (str(NOW), "7")
    assert (found["DRONE_STAGE_FINISHED"], found["CI_BUILD_STARTED"]) == (str(NOW), "0")


def test_git_follows_the_clone_settings() -> None:
    of = context()
    settings: dict[str, Any] = {"host": {}, "root": "/r", "literals": {}, "secrets": {}}

    found = environ.for_step(of, of.stage, Step(1, 3, 1, "one"), NOW, trace=True, skip_verify=True, **settings)

    assert (found["GIT_TRACE"], found["GIT_SSL_NO_VERIFY"]) == ("true", "true")
    assert (found["GIT_AUTHOR_NAME"], found["GIT_COMMITTER_EMAIL"]) == ("drone", "noreply@drone")
    assert "PATH" not in found


@pytest.mark.parametrize("name", ["HOME", "PATH", "GIT_AUTHOR_NAME", "DRONE_STEP_NAME", "DRONE_WORKSPACE"])
def test_substitution_knows_no_names_of_the_machine(name: str) -> None:
    assert name not in environ.for_substitution(context(), NOW)


def test_in_substitution_params_win() -> None:
    table = environ.for_substitution(context(params={"DRONE_REPO": "mine", "V": "1"}), NOW)

    assert (table["DRONE_REPO"], table["V"], table["DRONE_STAGE_NAME"]) == ("mine", "1", "default")
    assert table["DRONE_BUILD_LINK"] == "https://ci.example.com:8080/octocat/hello/2"
