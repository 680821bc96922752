from typing import Any

import pytest

from app.convert import jsonnet
from app.convert.fault import Fault

FILE = "ci/.drone.jsonnet"
FILES = {
    "ci/lib/a.libsonnet": "{\n b: import 'b.libsonnet',\n c: error 'boo', d:: import 'none' }",
    "ci/lib/b.libsonnet": "importstr 'text.txt'",
    "ci/lib/text.txt": "text",
    "ci/bad.libsonnet": "{\n a: }",
    "ci/sum.libsonnet": "importstr 'code.txt' + '!'",
    "ci/code.txt": "import 'x'",
}
VARIABLES = {"build.event": "push", "input.steps": '["a", "b"]'}


def run(text: str) -> Any:
    return jsonnet.evaluate(text, VARIABLES, FILE, imported)


def imported(folder: str | None, name: str) -> tuple[str, str]:
    path = f"{'ci' if folder is None else folder}/{name}"
    if path not in FILES:
        raise Fault(f"there is no {path}")
    return path, FILES[path]


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


def test_files_are_imported_from_the_folder_of_the_one_that_imports() -> None:
    assert run("[(import 'lib/a.libsonnet').b, importstr 'lib/text.txt', importbin @'lib/text.txt']") == [
        "text",
        "text",
        [116, 101, 120, 116],
    ]


def test_an_import_ends_with_its_text() -> None:
    assert run("importstr 'lib/text.txt' + '!'") == "text!"
    assert run("import 'sum.libsonnet' + '!'") == "import 'x'!!"
    assert run("{ a: importstr \"lib/text.txt\" + importstr @'lib/text.txt' }") == {"a": "texttext"}
    assert run(
        "local a = 'import \"x\"'; // import 'y'\n[a, 'importstr' + /* import 'x' */ \"\\\"\", |||\n  import 'x'\n|||]"
    ) == [
        'import "x"',
        'importstr"',
        "import 'x'\n",
    ]


def test_what_is_not_used_is_not_imported() -> None:
    assert run("local none = import 'none'; { a: if true then 1 else import 'none' }") == {"a": 1}


@pytest.mark.parametrize("word", ["import", "importstr", "importbin"])
def test_an_import_that_fails_names_the_line(word: str) -> None:
    assert fault(f"// no import\n{{ a: {word} 'x.json' }}") == ("there is no ci/x.json", 2)
    assert fault("\n(import 'lib/a.libsonnet').d") == ("there is no ci/lib/none", 0)


def test_a_fault_in_an_imported_file_names_that_file_too() -> None:
    assert fault("\n(import 'lib/a.libsonnet').c") == ("boo, in ci/lib/a.libsonnet at line 3", 2)
    reason, line = fault("\n\nimport 'bad.libsonnet'")
    assert (reason.startswith("syntax error: "), line) == (True, 3)
    assert reason.endswith(", in ci/bad.libsonnet at line 2")
