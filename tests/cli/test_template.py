import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Gantry
from tests.cli.farside import Answer, FarSide, answer

TEMPLATES = "/api/templates/octocat"
ONE = f"{TEMPLATES}/t.yaml"
TEXT = "kind: pipeline\nname: {{ .input.name }}\n"
TEMPLATE: Any = {"id": 1, "name": "t.yaml", "namespace": "octocat", "data": TEXT}
BOTH = [("octocat", "t.yaml"), ("--namespace", "octocat", "--name", "t.yaml"), ("octocat", "--name", "t.yaml")]


@pytest.fixture(autouse=True)
def templates(far: FarSide) -> None:
    far.on("POST", TEMPLATES, answer(TEMPLATE))
    far.on("GET", TEMPLATES, answer([TEMPLATE]))
    far.on("GET", ONE, answer(TEMPLATE))
    far.on("PATCH", ONE, answer(TEMPLATE))
    far.on("DELETE", ONE, Answer(204))


@pytest.mark.parametrize("where", BOTH)
def test_add_takes_our_form_and_drone_s(gantry: Gantry, far: FarSide, where: tuple[str, ...]) -> None:
    done = gantry("template", "add", *where, "--data", "x")

    assert far.asked[0].body == {"name": "t.yaml", "data": "x"}
    assert done.stdout == "Template t.yaml of octocat is added\n"


def test_the_text_of_a_file_is_taken_as_it_is(gantry: Gantry, far: FarSide, tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_bytes("# é\r\n\n".encode())

    gantry("template", "add", "octocat", "t.yaml", "--data", "@t.yaml")

    assert far.asked[0].body["data"] == "# é\r\n\n"


@pytest.mark.parametrize("data", [[], ["--data", "-"]])
def test_the_text_on_standard_input_is_taken_as_it_is(gantry: Gantry, far: FarSide, data: list[str]) -> None:
    gantry("template", "update", "octocat", "t.yaml", *data, stdin=TEXT)

    assert far.asked[0].body == {"data": TEXT}


def test_a_template_is_moved_with_its_text_or_without(gantry: Gantry, far: FarSide) -> None:
    gantry("template", "update", "octocat", "t.yaml", "--move-to", "acme")
    done = gantry("template", "update", "octocat", "t.yaml", "--move-to", "acme", "--data", "x")

    assert [asked.body for asked in far.asked] == [{"namespace": "acme"}, {"namespace": "acme", "data": "x"}]
    assert done.stdout == "Template t.yaml of octocat is changed\n"


@pytest.mark.parametrize("where", BOTH)
def test_info_is_the_text_and_nothing_else(gantry: Gantry, where: tuple[str, ...]) -> None:
    assert gantry("template", "info", *where).stdout == TEXT
    assert json.loads(gantry("template", "info", *where, "--json").stdout) == TEMPLATE


def test_ls_shows_those_of_a_namespace_or_all(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", "/api/templates", answer([TEMPLATE, TEMPLATE | {"namespace": "acme"}]))

    tables = [gantry("template", "ls", *where).stdout for where in (["octocat"], ["--namespace", "octocat"], [])]

    rows = [["octocat", "t.yaml", "2"], ["acme", "t.yaml", "2"]]
    assert [[line.split() for line in table.splitlines()] for table in tables] == [rows[:1], rows[:1], rows]
    assert json.loads(gantry("template", "ls", "octocat", "--json").stdout) == [TEMPLATE]


@pytest.mark.parametrize("where", BOTH)
def test_rm_removes(gantry: Gantry, far: FarSide, where: tuple[str, ...]) -> None:
    done = gantry("template", "rm", *where)

    assert (done.returncode, done.stdout) == (0, "Template t.yaml is removed\n")
    assert gantry("template", "rm", *where, "--json").stdout == ""


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["add", "octocat"], "NAME is missing"),
        (["rm"], "NAMESPACE is missing"),
        (["info", "octocat", "t.yaml", "--name", "u.yaml"], "NAME is given twice"),
        (["add", "octocat", "t.yaml", "--data", "@missing"], "cannot read missing: "),
        (["add", "octocat", "t.yaml", "--data", "@binary"], "the template is not UTF-8 text: save it as UTF-8"),
        (["add", "octocat", "t.yaml", "--data", "@"], "cannot read "),
    ],
)
def test_wrong_usage_asks_nobody(gantry: Gantry, far: FarSide, tmp_path: Path, args: list[str], said: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")

    done = gantry("template", *args)

    assert (done.returncode, far.asked) == (2, [])
    assert said in done.stderr
