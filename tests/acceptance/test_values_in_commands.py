"""`${VERSION}` in commands: pasted into the shell as Drone does, or quoted when the settings ask for that."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.conftest import SLUG, first_build
from tests.acceptance.server import Server
from tests.scm.repository import Repository

PIPELINE = """\
kind: pipeline
type: exec
name: x
clone: {disable: true}
steps:
- name: ${NAME:-show}
  environment: {COPY: "${VERSION}"}
  commands:
  - |
    printf '[%s]\\n' ${VERSION} "${VERSION}" '${VERSION}' "$VERSION" "$COPY"
"""
EVIL = "1 2; echo ran #"


def shown(server: Server, **params: str) -> tuple[Any, list[str]]:
    build = server.finished(SLUG, server.promote(SLUG, 1, "production", **params)["number"])
    return build, server.output(SLUG, build["number"]).splitlines()


@pytest.fixture(scope="module", params=["false", "true"])
def quotes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, bool]]:
    folder = tmp_path_factory.mktemp("values")
    settings = {"git_roots": str(folder), "quote_substitution": request.param}
    with Server(folder / "server", **settings) as server:
        first_build(server, Repository(folder / "hello-world"), PIPELINE)
        yield server, request.param == "true"


def test_a_value_is_pasted_unless_it_is_to_be_quoted(quotes: tuple[Server, bool]) -> None:
    server, quoted = quotes

    build, lines = shown(server, VERSION=EVIL)

    assert build["status"] == "success"
    assert lines[0] == f'+ printf \'[%s]\\n\' {EVIL} "{EVIL}" \'{EVIL}\' "$VERSION" "$COPY"'
    assert lines[1:] == ([f"[{EVIL}]"] * 5 if quoted else ["[1]", "[2]", "ran"])


def test_a_value_that_would_be_yaml_is_text_when_it_is_to_be_quoted(quotes: tuple[Server, bool]) -> None:
    server, quoted = quotes
    name = "a\n  commands: [echo injected]\n- name: b"

    build, lines = shown(server, NAME=f"x: {{y}} # {name}" if quoted else "plain", VERSION="1.2")

    assert build["status"] == "success"
    assert [step["name"] for step in build["stages"][0]["steps"]] == [f"x: {{y}} # {name}" if quoted else "plain"]
    assert lines[1:] == ["[1.2]"] * 5
