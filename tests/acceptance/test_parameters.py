"""What a promotion may be told, and what is refused: every offender at once, and nothing is begun."""

from collections.abc import Iterator
from itertools import islice, product
from string import ascii_letters
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.acceptance.conftest import SLUG, Begin
from tests.acceptance.server import Server

PROMOTE = f"/api/repos/{SLUG}/builds/1/promote"
PIPELINE = """
kind: pipeline
type: exec
name: default
clone: {disable: true}
steps:
- name: count
  commands:
  - env | grep -c ^P_
"""
RESERVED = [
    "DRONE", "DRONE_COMMIT", "DRONE_", "CI", "CI_X", "PLUGIN_TAG", "GIT_DIR", "GIT_SSH_COMMAND", "LD_PRELOAD",
    "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "PATH", "HOME", "PWD", "SHELL", "IFS", "ENV", "BASH_ENV",
    "PERL5OPT", "http_proxy", "PYTHONPATH", "NODE_OPTIONS", "SSL_CERT_FILE", "KUBECONFIG", "DOCKER_HOST",
    "TMPDIR", "PS4",
]  # fmt: skip
TEN_THOUSAND = ["".join(letters) for letters in islice(product(ascii_letters, repeat=3), 10_000)]
MISSHAPEN = ["1A", "A-B", "A B", "A.B", "", "Ä", "A=", "A\nB", "A\0B", "A[0]", "$A", "٣"]


@pytest.fixture(scope="module")
def server(begin: Begin) -> Server:
    return begin(PIPELINE)[0]


@pytest.fixture(autouse=True)
def _nothing_begins(server: Server, request: pytest.FixtureRequest) -> Iterator[None]:
    before = server.json("GET", f"/api/repos/{SLUG}")["counter"]
    yield
    after = server.json("GET", f"/api/repos/{SLUG}")["counter"]
    assert (after > before) == ("begins" in request.node.name)


def _refused(server: Server, params: Any, status: int = 400, path: str = PROMOTE, form: Any = ()) -> Any:
    query = params if isinstance(params, str) else urlencode(params)
    body = urlencode(form).encode()
    kind = "application/x-www-form-urlencoded"
    found, answer = server.ask_plainly("POST", f"{path}?{query}", body, **{"Content-Type": kind})
    assert found == status, answer
    return answer


def test_every_offender_is_named_at_once(server: Server) -> None:
    given = [*RESERVED, *MISSHAPEN, "CIRCLE", "DRONES", "LDAP", "GITHUB", "path", "PLUGIN", "_", "_x1"]

    body = _refused(server, {"target": "production", **dict.fromkeys(given, "x")})

    found = {error["field"]: error["code"] for error in body["errors"]}
    assert found == dict.fromkeys(RESERVED, "parameter_reserved") | dict.fromkeys(MISSHAPEN, "parameter_name")
    for name in [*RESERVED, *MISSHAPEN]:
        assert ascii(name) in body["message"]


def test_values_may_hold_anything_but_a_nul(server: Server) -> None:
    assert [e["field"] for e in _refused(server, {"target": "x", "A": "a\0b", "B": "b"})["errors"]] == ["A"]


@pytest.mark.parametrize("verb", ["promote", "rollback"])
@pytest.mark.parametrize("query", ["", "target=", "Target=production", "target=&target=production", "A=1"])
def test_a_missing_target_is_named(server: Server, verb: str, query: str) -> None:
    body = _refused(server, query, path=f"/api/repos/{SLUG}/builds/1/{verb}")

    assert body["message"] == "Missing target environment"
    assert body["errors"][0]["field"] == "target"


def test_an_empty_target_in_a_form_is_missing_too(server: Server) -> None:
    assert _refused(server, {"target": "production"}, form={"target": ""})["code"] == "missing_target"


@pytest.mark.parametrize("target", ["a\0b", "x" * 251, "é" * 251])
def test_a_target_that_no_environment_can_have_is_refused(server: Server, target: str) -> None:
    assert [e["field"] for e in _refused(server, {"target": target})["errors"]] == ["target"]


@pytest.mark.parametrize("field", ["action", "branch", "commit"])
def test_a_nul_in_what_describes_a_build_is_refused(server: Server, field: str) -> None:
    body = _refused(server, "", path=f"/api/repos/{SLUG}/builds", form={field: "a\0b"})

    assert [e["field"] for e in body["errors"]] == [field]


def test_an_action_is_short(server: Server) -> None:
    assert _refused(server, "", path=f"/api/repos/{SLUG}/builds", form={"action": "x" * 100_000})["code"] == "too_long"


def test_a_nul_in_a_message_is_replaced_and_it_begins(server: Server) -> None:
    build = server.json("POST", f"/api/repos/{SLUG}/builds", data={"message": "a\0b"})

    assert build["message"] == "a\ufffdb"
    assert server.finished(SLUG, build["number"])["status"] == "failure"  # grep counts no parameter


def test_parameters_up_to_the_limit_reach_the_step_and_it_begins(server: Server) -> None:
    params = {f"P_{n}": "x" * 1000 for n in range(32)}
    number = server.promote(SLUG, 1, "production", **params)["number"]

    assert server.finished(SLUG, number)["status"] == "success"
    assert server.output(SLUG, number).endswith("32\n")


def test_ten_thousand_parameters_reach_the_step_and_it_begins(server: Server) -> None:
    build = server.promote(SLUG, 1, "production", P_1="", **dict.fromkeys(TEN_THOUSAND, ""))

    assert len(build["params"]) == 10_001
    assert server.finished(SLUG, build["number"])["status"] == "success"


@pytest.mark.parametrize(
    ("params", "size"),
    [
        pytest.param({"A": "x" * (32 * 1024)}, 32 * 1024 + 1, id="one-value"),
        pytest.param({"A": "é" * 5000, "B": "x" * 22_767}, 32_769, id="bytes-not-characters"),
        pytest.param({"P" * 10_000: "x" * 22_769}, 32_769, id="names-too"),
        pytest.param({f"{name}x": "" for name in TEN_THOUSAND}, 40_000, id="ten-thousand"),
    ],
)
def test_more_than_the_limit_is_refused_with_both_numbers(server: Server, params: dict[str, str], size: int) -> None:
    body = _refused(server, {"target": "production", **params})

    assert body["code"] == "parameters_too_large"
    assert f"{size} bytes" in body["message"]
    assert "32768" in body["message"]


def test_inherited_parameters_count_and_it_begins_only_once(server: Server) -> None:
    number = server.promote(SLUG, 1, "production", A="x" * 20_000)["number"]

    body = _refused(server, {"target": "x", "B": "x" * 20_000}, path=f"/api/repos/{SLUG}/builds/{number}/promote")

    assert body["code"] == "parameters_too_large"
    server.finished(SLUG, number)


def test_a_longer_address_is_refused_before_it_is_read(server: Server) -> None:
    body = _refused(server, {"target": "x", **{f"P_{n}": "xyz" for n in range(10_000)}}, 414)

    assert "65535 bytes" in body["message"]


@pytest.mark.parametrize(
    "number", ["x", "1x", "1.0", "1e3", "0x1", "٣", " 1", "1 ", "--1", "9" * 19, "9" * 5000, "-", "1,2", "\0", "1\n"]
)
def test_a_number_that_is_none_is_a_400_that_shows_it(server: Server, number: str) -> None:
    body = _refused(server, {"target": "x"}, path=f"/api/repos/{SLUG}/builds/{quote(number)}/promote")

    assert body["code"] == "not_a_number"
    assert len(body["message"]) < 200


@pytest.mark.parametrize("number", [0, -1, 999, 2**63 - 1, -(2**63) + 1])
def test_a_build_that_is_not_there_is_named(server: Server, number: int) -> None:
    body = _refused(server, {"target": "x"}, 404, path=f"/api/repos/{SLUG}/builds/{number}/promote")

    assert body["message"] == f"build {number} not found"


def test_access_is_checked_before_the_number_and_the_target(server: Server) -> None:
    with server.visitor() as nobody:
        assert nobody.post(f"/api/repos/{SLUG}/builds/x/promote").status_code == 401
    _refused(server, "", 404, path="/api/repos/octocat/nothing/builds/x/promote")


@pytest.fixture
def only(server: Server) -> Iterator[str]:
    """The repository, which allows one parameter for one test."""
    repo = f"/api/repos/{SLUG}"
    server.json("PATCH", repo, json={"parameters": ["VERSION"]})
    yield repo
    server.json("PATCH", repo, json={"parameters": []})


@pytest.mark.parametrize("path", [PROMOTE, PROMOTE.replace("promote", "rollback"), f"/api/repos/{SLUG}/builds/1"])
def test_a_repository_takes_only_the_parameters_that_it_lists(server: Server, only: str, path: str) -> None:
    body = _refused(server, {"VERSION": "1", "REGION": "eu"}, path=path, form={"target": "production"})

    assert [(error["field"], error["code"]) for error in body["errors"]] == [("REGION", "parameter_not_allowed")]


def test_a_listed_parameter_begins_a_build(server: Server, only: str) -> None:
    assert server.json("GET", only)["parameters"] == ["VERSION"]

    assert server.promote(SLUG, 1, VERSION="1")["params"] == {"VERSION": "1"}


def test_where_nothing_is_listed_any_free_name_begins_a_build(server: Server) -> None:
    assert "parameters" not in server.json("GET", f"/api/repos/{SLUG}")
    assert server.promote(SLUG, 1, REGION="eu")["params"] == {"REGION": "eu"}


@pytest.mark.parametrize(
    "names", [["PATH"], ["A B"], ["http_proxy", "OK"], [""], ["X"] * 201, "VERSION", [1], {"A": 1}, [None]]
)
def test_a_list_of_names_that_cannot_be_is_refused(server: Server, names: Any) -> None:
    answer = server.ask("PATCH", f"/api/repos/{SLUG}", json={"parameters": names})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"].startswith("parameters")
