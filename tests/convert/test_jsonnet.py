from pathlib import Path
from typing import Any

import pytest

from app.convert import jsonnet
from app.convert.fault import Fault

VARIABLES = {"build.event": "push", "input.steps": '["a", "b"]'}


def run(text: str) -> Any:
    return jsonnet.evaluate(text, VARIABLES)


def fault(text: str) -> tuple[str, int]:
    with pytest.raises(Fault) as caught:
        run(text)
    return caught.value.reason, caught.value.line


def test_a_file_makes_documents_of_its_variables() -> None:
    file = """
local step(name) = { name: name, commands: ["echo " + std.extVar("build.event")] };
[{ kind: "pipeline", steps: std.map(step, std.parseJson(std.extVar("input.steps"))), weight:: 1 }]
"""
    steps = [{"name": name, "commands": ["echo push"]} for name in "ab"]
    assert run(file) == [{"kind": "pipeline", "steps": steps}]


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("{\n a: error 'boo' }", "boo", 2),
        ("\nstd.extVar('nope')", "external variable is not defined: nope", 2),
        ("{ a: 1e400 }", "a number is too large, or a text is no Unicode", 0),
        ("{ a: '\ud800' }", "a number is too large, or a text is no Unicode", 0),
        (
            "local f(x) = f(x + 1); f(0)",
            "stack overflow, try to reduce recursion, or set --max-stack to bigger value",
            1,
        ),
        ("std.native('x')('y')", "only functions can be called, got null", 0),
    ],
)
def test_faults_name_the_line(text: str, reason: str, line: int) -> None:
    assert fault(text) == (reason, line)


def test_a_syntax_error_says_what_was_found() -> None:
    reason, line = fault("{\n a: }")

    assert reason.startswith("syntax error: expected one of")
    assert line == 2


@pytest.mark.parametrize("word", ["import", "importstr", "importbin"])
def test_no_file_is_imported(word: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('"hush"')

    reason, line = fault(f"// no import\n{{ a: {word} '{tmp_path}/x.json' }}")

    assert reason == "imports are not supported: put everything into one file"
    assert line == 2
