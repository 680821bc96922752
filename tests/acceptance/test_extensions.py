"""A server with extensions of every kind: what they say is what happens (contract drone-webhooks 6-11)."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.server import Server
from tests.extensions.farside import SECRET, Answer, FarSide, extension
from tests.scm.repository import Repository

SLUG = "octocat/hello-world"
FILE = """
kind: pipeline
type: exec
name: own
clone: {disable: true}
steps:
- name: one
  environment: {KEPT: {from_secret: elsewhere}}
  commands: ['echo "own $KEPT $GIVEN $HIDDEN ${GIVEN}"']
---
kind: secret
name: elsewhere
get: {path: vault/data, name: password}
"""
OTHER = FILE.replace("name: own", "name: other").replace('echo "own', 'echo "other')
KINDS = ("yaml", "convert", "validate", "admission", "secret", "env")
NOTHING = Answer(status=204)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, FarSide, str]]:
    folder = tmp_path_factory.mktemp("extensions")
    repository = Repository(folder / "hello-world")
    sha = repository.commit({".drone.yml": FILE})
    with extension() as far:
        settings = {f"{kind}_endpoint": f"{far.url}/{kind}" for kind in KINDS}
        settings |= {f"{kind}_{'token' if kind in ('secret', 'env') else 'secret'}": SECRET for kind in KINDS}
        with Server(folder / "server", git_roots=str(folder), validate_timeout="2s", **settings) as server:
            server.register(repository.url, SLUG)
            yield server, far, sha


@pytest.fixture
def far(scene: tuple[Server, FarSide, str]) -> FarSide:
    """Nothing to say, but for what a test sets."""
    _, far, _ = scene
    far.answers = {f"/{kind}": NOTHING for kind in KINDS}
    far.asked.clear()
    return far


def pushed(scene: tuple[Server, FarSide, str]) -> Any:
    """The build of a push, once it is over; its answer when there is none."""
    server, _, sha = scene
    answer = server.push(SLUG, sha)
    if answer.status_code != 200 or answer.json() is None:
        return answer
    number = answer.json()["number"]
    return server.finished(SLUG, number)


def test_extensions_that_say_nothing_change_nothing(scene: tuple[Server, FarSide, str], far: FarSide) -> None:
    build = pushed(scene)

    assert (build["status"], build["stages"][0]["name"]) == ("success", "own")
    question = far.questions("/yaml")[0]
    assert (question["build"]["id"], question["build"]["number"], question["build"]["status"]) == (0, 0, "pending")
    assert question["repo"]["slug"] == SLUG
    assert question["token"] == {"access": "", "refresh": ""}
    assert "secret" not in question["repo"]
    assert far.questions("/validate")[0]["config"] == {"data": FILE, "kind": ""}


def test_another_file_is_run_in_place_of_the_repository_s(scene: tuple[Server, FarSide, str], far: FarSide) -> None:
    far.answers["/yaml"] = Answer({"data": OTHER})
    build = pushed(scene)

    assert (build["status"], build["stages"][0]["name"]) == ("success", "other")
    assert scene[0].output(SLUG, build["number"]).count("other") >= 1
    assert len(far.questions("/yaml")) == 1  # what was decided upon is what runs


def test_a_file_is_converted(scene: tuple[Server, FarSide, str], far: FarSide) -> None:
    far.answers["/convert"] = lambda asked: Answer({"data": asked["config"]["data"].replace("name: own", "name: made")})
    build = pushed(scene)

    assert (build["status"], build["stages"][0]["name"]) == ("success", "made")


def test_variables_and_secrets_of_elsewhere_reach_the_steps_and_are_hidden(
    scene: tuple[Server, FarSide, str], far: FarSide
) -> None:
    far.answers["/env"] = Answer(
        [{"name": "GIVEN", "data": "shown"}, {"name": "HIDDEN", "data": "hush1", "mask": True}]
    )
    far.answers["/secret"] = Answer({"data": "hush2"})
    build = pushed(scene)

    log = scene[0].output(SLUG, build["number"])
    assert "own [secret:elsewhere] shown [secret:hidden] shown" in log
    assert "hush" not in log
    question = far.questions("/secret")[0]
    assert (question["path"], question["name"]) == ("vault/data", "password")
    assert question["build"]["number"] == build["number"]
    assert "secret" not in question["repo"]


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        ("/convert", Answer({"message": "no schema"}, 400), "no schema"),
        ("/convert", Answer({"data": 7}), "data"),
        ("/validate", Answer(b"too many steps", 400), "too many steps"),
        ("/env", Answer({"message": "out of order"}, 500), "out of order"),
        ("/env", Answer([{"data": "x"}]), "name and data"),
    ],
)
def test_what_an_extension_refuses_is_an_error_build_that_says_why(
    scene: tuple[Server, FarSide, str], far: FarSide, path: str, answer: Answer, words: str
) -> None:
    far.answers[path] = answer
    build = pushed(scene)

    assert build["status"] == "error"
    assert words in build.get("error", "") + "".join(s.get("error", "") for s in build.get("stages", ()))


@pytest.mark.parametrize("answer", [Answer({"message": "broken"}, 500), Answer({"data": []}), Answer(b"{")])
def test_without_a_configuration_nothing_is_promoted_and_a_push_tells_why(
    scene: tuple[Server, FarSide, str], far: FarSide, answer: Answer
) -> None:
    server, _, _ = scene
    number = pushed(scene)["number"]
    far.answers["/yaml"] = answer

    refused = server.ask("POST", f"/api/repos/{SLUG}/builds/{number}/promote?target=x")
    told = pushed(scene)

    assert refused.status_code == 422
    assert "the configuration extension at 127.0.0.1" in refused.json()["message"]
    assert (told["number"], told["status"]) == (number + 1, "error")
    assert "the configuration extension at 127.0.0.1" in told["error"]


def test_an_extension_that_is_too_slow_is_told_as_unavailable(scene: tuple[Server, FarSide, str], far: FarSide) -> None:
    server, number = scene[0], pushed(scene)["number"]
    far.answers["/validate"] = Answer({}, after=4)

    refused = server.ask("POST", f"/api/repos/{SLUG}/builds/{number}/promote?target=x")

    assert refused.status_code == 503
    assert "the validation extension at 127.0.0.1 cannot be reached: no answer in time" in refused.json()["message"]


def test_a_validation_may_leave_a_build_out_or_have_it_approved(
    scene: tuple[Server, FarSide, str], far: FarSide
) -> None:
    server, _, sha = scene
    far.answers["/validate"] = Answer(status=498)
    assert server.push(SLUG, sha).json()["message"] == "the validation extension leaves this build out"

    far.answers["/validate"] = Answer(status=499)
    number = server.push(SLUG, sha).json()["number"]
    build = server.json("GET", f"/api/repos/{SLUG}/builds/{number}")
    assert [stage["status"] for stage in build["stages"]] == ["blocked"]
    server.ask("POST", f"/api/repos/{SLUG}/builds/{number}/approve/1")
    assert server.finished(SLUG, number)["status"] == "success"


def test_a_login_may_be_refused_and_makes_or_unmakes_an_administrator(
    scene: tuple[Server, FarSide, str], far: FarSide
) -> None:
    server = scene[0]
    token = server.json("POST", "/api/users", json={"login": "ann"})["token"]
    with server.visitor({"Sec-Fetch-Site": "same-origin"}) as browser:
        far.answers["/admission"] = Answer({"message": "not <you>"}, 403)
        refused = browser.post("/login", data={"access_token": token})
        assert refused.status_code == 403
        assert "not &lt;you&gt;" in refused.text
        assert "set-cookie" not in refused.headers

        for admin in (True, False):
            far.answers["/admission"] = Answer({"login": "ann", "admin": admin})
            assert browser.post("/login", data={"access_token": token}).status_code == 303
            assert server.json("GET", "/api/users/ann")["admin"] is admin
        far.answers["/admission"] = NOTHING
        assert browser.post("/login", data={"access_token": token}).status_code == 303

    assert server.json("GET", "/api/users/ann")["last_login"] > 0
    assert far.questions("/admission")[0]["event"] == "login"
    assert far.questions("/admission")[0]["user"]["login"] == "ann"


def test_no_secret_shows_in_the_server_s_log(scene: tuple[Server, FarSide, str]) -> None:
    assert SECRET not in scene[0].log.read_text()
