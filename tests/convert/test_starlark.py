from typing import Any

import pytest

from app.convert import starlark
from app.convert.fault import Fault

CONTEXT: dict[str, dict[str, Any]] = {
    "build": {"event": "push", "params": {"x": "1"}},
    "repo": {"slug": "octocat/hello", "private": False},
    "input": {"image": "alpine", "with-dash": [1, {"a": None}]},
}

LINES = "\n" * 1000
NO_X = "Object of type `struct` has no attribute `x`"


def run(text: str) -> Any:
    return starlark.evaluate(text, CONTEXT, 50_000)


def fault(text: str) -> tuple[str, int]:
    with pytest.raises(Fault) as caught:
        run(text)
    return caught.value.reason, caught.value.line


def test_main_makes_the_documents_of_its_context() -> None:
    file = """
def main(ctx):
    if ctx.build.event != "push" or ctx.repo.private:
        return []
    print("seen by nobody")
    return [pipeline(ctx, n) for n in ["a", "b"]]

def pipeline(ctx, name):
    return {"kind": "pipeline", "name": "%s-%s" % (ctx.repo.slug, name), "image": ctx.input.image,
            "x": ctx.build.params["x"], "y": ctx.build.params.get("y"), "n": (1, 2.5, True)}
"""
    document = {"kind": "pipeline", "image": "alpine", "x": "1", "y": None, "n": [1, 2.5, True]}
    assert run(file) == [document | {"name": f"octocat/hello-{name}"} for name in "ab"]


def test_input_may_have_any_names() -> None:
    assert run("def main(ctx): return {'a': getattr(ctx.input, 'with-dash')}") == {"a": [1, {"a": None}]}


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("", "there is no function main(ctx), which returns the documents", 0),
        ("main = 1", "Operation `call()` not supported on type `int`", 0),
        ("def main(ctx):\n  fail('no way')", "fail: no way", 2),
        (f"{LINES[:10]}def main(ctx):\n  fail('no\\nway')", "fail: no\nway", 12),
        (f"{LINES}def main(ctx):\n  fail('no way')", "fail: no way", 1002),
        ("def main(ctx):\n\n  return ctx.x", NO_X, 3),
        ("def main(ctx):\n  return help(ctx)\ndef help(ctx):\n  x = ctx.x\n  return x", NO_X, 4),
        ("x = 1\ndef main(ctx)\n", 'Parse error: unexpected new line here, expected one of "->" or ":"', 2),
        ("load('//x.star', 'y')\n", "`load` is not allowed in this dialect", 1),
        ("def main(ctx):\n  return open('/etc/passwd')", "Variable `open` not found, did you mean `len`?", 2),
        ("def main(ctx): return {'a': 1 << 100000}", "a number is too large, or a text is no Unicode", 0),
    ],
)
def test_faults_name_the_line(text: str, reason: str, line: int) -> None:
    assert fault(text) == (reason, line)


def test_tabs_indent_as_spaces_do() -> None:
    file = (
        "STEPS = [\n\t'one',\n\t'two',\t# the\tlast\n]\n\ndef main(ctx):\n\tmade = []\n\tfor step in STEPS:\n"
        "\t\tmade.append(step)\n  \tmade += [\t'a\tb', \"it's\\\"\t\", r'\\\t']\n"
        '        return made + ["""\n\tx"""\t]\t\n'
    )
    assert run(file) == ["one", "two", "a\tb", "it's\"\t", "\\\t", "\n\tx"]


def test_a_fault_in_a_file_with_tabs_names_its_line() -> None:
    assert fault('def main(ctx):\n\tx = """\n\t"""\n\treturn ctx.x') == (NO_X, 4)
    assert fault("def main(ctx):\n\tif True:\n\treturn 1")[1] == 3


def test_what_is_not_a_value_is_refused() -> None:
    assert "function" in fault("def main(ctx): return {'a': main}")[0]
    assert "Cycle" in fault("def main(ctx):\n  a = []\n  a.append(a)\n  return a")[0]


@pytest.mark.parametrize("work", ["for i in range(N): pass", "x = [i for i in range(N)]"])
def test_steps_have_a_limit(work: str) -> None:
    file = f"def main(ctx):\n  {work}\n  return {{}}"

    assert run(file.replace("N", "49000")) == {}
    assert fault(file.replace("N", "52000")) == ("it takes more than 50000 steps", 2)


def test_steps_before_main_count_too() -> None:
    assert fault("x = [i for i in range(100000)]")[0] == "it takes more than 50000 steps"
    half = "[i for i in range(30000)]"
    assert fault(f"x = {half}\ndef main(ctx):\n  return {half}")[0] == "it takes more than 50000 steps"


def test_calls_have_a_depth() -> None:
    assert fault("def f(n): return f(n)\ndef main(ctx): return f(1)")[0] == "Starlark call stack overflow"
