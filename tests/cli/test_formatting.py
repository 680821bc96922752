"""What is printed where: for people on a terminal, for programs in a pipe, as JSON, in colours."""

import json
from typing import Any

import click
import pytest

from app.cli import main
from app.cli.terminal.program import wants_colours
from tests.cli.conftest import Gantry, on_a_terminal
from tests.cli.farside import FarSide, answer, recorded
from tests.cli.test_help import LEAVES, path

SLUG = "octocat/hello-world"
BUILDS = f"/api/repos/{SLUG}/builds"
#: Commands whose output is no answer of a server, or is JSON already.
WITHOUT_JSON = {"audit export", "bench", "completion", "exec", "help", "runner", "serve", "service"}


@pytest.fixture
def build(far: FarSide) -> Any:
    found = recorded("builds")[0] | {"message": "A long message " * 20}
    far.on("GET", BUILDS, answer([found]))
    return found


def test_a_table_fits_the_terminal_and_has_a_header(environment: dict[str, str], build: Any) -> None:
    lines = on_a_terminal(environment | {"COLUMNS": "100", "NO_COLOR": "1"}, "builds", SLUG).splitlines()

    assert lines[0].split()[:3] == ["NUMBER", "STATUS", "EVENT"]
    assert build["after"][:8] in lines[1]
    assert lines[1].endswith("…")
    assert [len(line) for line in lines if len(line) > 100] == []


def test_a_pipe_gets_whole_cells_between_tabs(gantry: Gantry, build: Any) -> None:
    (row,) = gantry("builds", SLUG).stdout.splitlines()

    cells = row.split("\t")
    assert cells[0] == str(build["number"])
    assert cells[5] == build["after"]
    assert cells[7].endswith("Z")
    assert cells[8] == build["message"].strip()


def test_an_empty_list_is_nothing_for_a_program(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", BUILDS, answer([]))

    assert gantry("builds", SLUG).stdout == ""


@pytest.mark.parametrize("ctx", LEAVES, ids=path)
def test_every_command_that_asks_a_server_can_print_json(ctx: click.Context) -> None:
    options = {name for option in ctx.command.params for name in option.opts}

    wanted = ctx.command_path.removeprefix("gantry ") not in WITHOUT_JSON
    assert ({"--json", "--jq"} <= options) is wanted


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (".[0].event", "push\n"),
        (".[] | .number", "1\n"),
        (".[0] | {number, event}", '{"number":1,"event":"push"}\n'),
        (".[0].nothing", "null\n"),
        ("empty", "\n"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_jq_selects_from_the_answer(gantry: Gantry, build: Any, expression: str, said: str, first: bool) -> None:
    args = ["builds", SLUG]

    done = gantry(*(["--jq", expression, *args] if first else [*args, "--jq", expression]))

    assert (done.returncode, done.stdout) == (0, said)


@pytest.mark.parametrize("expression", [".[", ".[0].event.x"])
def test_an_expression_that_fails_is_told(gantry: Gantry, build: Any, expression: str) -> None:
    done = gantry("builds", SLUG, "--jq", expression)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: --jq {expression}: ")


def test_errors_of_the_server_are_json_with_their_codes(gantry: Gantry, far: FarSide) -> None:
    errors = [{"field": "p", "code": "reserved", "message": "p is reserved"}]
    far.on("GET", BUILDS, answer({"message": "p is reserved", "code": "invalid", "errors": errors}, 400))

    done = gantry("builds", SLUG, "--json")

    assert (done.returncode, done.stdout) == (1, "")
    assert json.loads(done.stderr) == {
        "code": "invalid",
        "message": f"p is reserved (400: GET {BUILDS})",
        "errors": errors,
    }


@pytest.mark.parametrize(
    ("args", "exit_code", "code", "message"),
    [
        (["--json", "promot"], 2, "usage", "No such command 'promot'. Did you mean 'promote'?"),
        (["builds", "a/b", "--json", "--brnch", "x"], 2, "usage", "No such option '--brnch'. Did you mean '--branch'?"),
        (["promote", "a/b", "--json"], 2, "usage", "Missing argument 'BUILD'."),
        (["builds", "a/b", "--json"], 1, "refused", "no answer for GET /api/repos/a/b/builds (404: GET /api/repos/a/b"),
        (["-s", "http://127.0.0.1:1", "builds", "a/b", "--json"], 1, "unreachable", "cannot reach http://127.0.0.1:1"),
    ],
)
def test_other_errors_are_json_with_the_same_exit_code(
    gantry: Gantry, args: list[str], exit_code: int, code: str, message: str
) -> None:
    done = gantry(*args)

    told = json.loads(done.stderr)
    assert (done.returncode, told["code"], told["errors"]) == (exit_code, code, [])
    assert told["message"].startswith(message)


def test_errors_for_people_stay_text(gantry: Gantry) -> None:
    assert gantry("builds", "a/b").stderr.startswith("Error: no answer for")


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, None),
        ({"NO_COLOR": ""}, None),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0"}, None),
        ({"CLICOLOR_FORCE": "1"}, True),
        ({"CLICOLOR_FORCE": "0"}, None),
        ({"CLICOLOR": "0"}, False),
        ({"CLICOLOR": "0", "CLICOLOR_FORCE": "1"}, True),
        ({"CLICOLOR": "1"}, None),
    ],
)
def test_the_variables_of_colours(environment: dict[str, str], wanted: bool | None) -> None:
    assert wants_colours(environment) is wanted


def test_colours_are_on_a_terminal_and_where_they_are_forced(
    gantry: Gantry, environment: dict[str, str], build: Any
) -> None:
    green = f"\x1b[32m{build['status']}\x1b[0m"

    assert green not in gantry("builds", SLUG).stdout
    assert green in gantry("builds", SLUG, env=environment | {"FORCE_COLOR": "1"}).stdout
    assert green in on_a_terminal(environment, "builds", SLUG)
    assert "\x1b" not in on_a_terminal(environment | {"NO_COLOR": "1"}, "builds", SLUG)


def test_the_program_takes_the_options_of_formatting_as_well() -> None:
    assert {"--json", "--jq"} <= {name for option in main.params for name in option.opts}
