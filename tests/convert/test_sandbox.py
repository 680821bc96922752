"""The worker as a process: what it cannot do, and what becomes of those who try."""

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.convert import sandbox
from app.convert.fault import Fault
from app.convert.imports import Imports
from app.convert.limits import Limits
from app.convert.sandbox import Language
from app.errors import Unavailable

EMPTY: dict[str, Any] = {"build": {}, "repo": {}, "input": {}}
#: Answers with what it was given by its parent.
PROBE = """
import json, os, sys
sys.stdin.readline()
print(json.dumps({"text": json.dumps([dict(os.environ), os.listdir("/proc/self/fd")])}))
"""
TOO_LARGE = "it needs more than 256 MB of memory, or nests too deep"
TOO_LONG = "it takes more than 3 s"


async def starlark(text: str) -> str:
    return await sandbox.evaluate("starlark", textwrap.dedent(text), EMPTY)


async def jsonnet(text: str) -> str:
    return await sandbox.evaluate("jsonnet", text, {})


async def fault(language: Language, text: str) -> str:
    with pytest.raises(Fault) as caught:
        await (starlark(text) if language == "starlark" else jsonnet(text))
    return caught.value.reason


#: Processes that were there before a test: the one that other tests fork commands from.
others: set[psutil.Process] = set()


@pytest.fixture(autouse=True)
def _alone() -> None:
    others.update(psutil.Process().children(recursive=True))


def children() -> list[psutil.Process]:
    """What the test has started and is still there."""
    return [child for child in psutil.Process().children(recursive=True) if child not in others]


async def test_both_languages_answer() -> None:
    assert await starlark("def main(ctx): return {'a': 'ü\U0001f600'}") == '---\n{\n  "a": "ü\U0001f600"\n}\n'
    assert await jsonnet("[{ a: 'ü\U0001f600' }, {}]") == '---\n{\n  "a": "ü\U0001f600"\n}\n---\n{}\n'


async def test_a_fault_comes_back_with_its_line() -> None:
    with pytest.raises(Fault) as caught:
        await starlark("\ndef main(ctx): return fail('no')")

    assert (caught.value.reason, caught.value.line) == ("fail: no", 2)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        pytest.param("starlark", "def main(ctx): return {'a': 'x' * 2000000000}", id="giant-string"),
        pytest.param("starlark", "def main(ctx): return {'a': list(range(100000000))}", id="giant-list"),
        pytest.param(
            "starlark",
            """
            def main(ctx):
                a = "x"
                for i in range(60):
                    a = a + a
                return {"a": a}
            """,
            id="doubled-string",
        ),
        pytest.param("starlark", "(" * 1_000_000, id="open-parentheses"),
        pytest.param("starlark", "x = " + "[" * 100_000 + "]" * 100_000, id="nested-lists"),
        pytest.param("starlark", "x = " + "-" * 500_000 + "1", id="signs"),
        pytest.param("jsonnet", "std.repeat('x', 2000000000)", id="jsonnet-giant-string"),
        pytest.param("jsonnet", "std.foldl(function(a, b) a + a, std.range(0, 60), 'x')", id="jsonnet-doubled-string"),
        pytest.param("jsonnet", "std.foldl(function(a, b) [a, a], std.range(0, 60), 1)", id="jsonnet-doubled-list"),
        pytest.param("jsonnet", "local f(x) = f(x + 1) tailstrict; f(0)", id="jsonnet-endless-recursion"),
        pytest.param("jsonnet", "[" * 50_000 + "]" * 50_000, id="jsonnet-nested-lists"),
    ],
)
async def test_memory_and_depth_have_a_limit(language: Language, text: str) -> None:
    assert await fault(language, text) == TOO_LARGE
    assert children() == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        pytest.param(
            "starlark",
            """
            def main(ctx):
                a = []
                for i in range(60):
                    a = [a, a]
                return {"a": a}
            """,
            id="doubled-list",
        ),
        pytest.param(
            "jsonnet",
            "local f(n) = if n == 0 then 1 else f(n - 1) + f(n - 1); { a: f(60) }",
            id="jsonnet-endless",
        ),
    ],
)
async def test_time_has_a_limit(language: Language, text: str) -> None:
    assert await fault(language, text) == TOO_LONG
    assert children() == []


async def test_steps_and_output_have_a_limit() -> None:
    loop = "def main(ctx):\n  for i in range(1000000000): pass"
    assert await fault("starlark", loop) == "it takes more than 50000 steps"
    assert "at most 8388608 are read" in await fault("starlark", "def main(ctx): return {'a': 'x' * 8388608}")
    assert "at most 8388608 are read" in await fault("jsonnet", "{ a: std.repeat('x', 8388608) }")


async def test_a_file_may_make_megabytes() -> None:
    """Real files of Jsonnet make 1 to 4.5 MB."""
    made = await jsonnet("[{ name: 'p%d' % i, note: std.repeat('x', 1200) } for i in std.range(1, 4000)]")

    assert made.count("---") == 4000
    assert len(made) > 4_800_000


async def test_settings_may_give_other_limits() -> None:
    loop = "def main(ctx):\n  for i in range(100000): pass\n  return {'a': 'xxxxxxxxxx'}"

    assert "xxx" in await sandbox.evaluate("starlark", loop, EMPTY, Limits(steps=200_000))
    with pytest.raises(Fault, match="it takes more than 60000 steps"):
        await sandbox.evaluate("starlark", loop, EMPTY, Limits(steps=60_000))
    with pytest.raises(Fault, match="it makes 28 bytes, and at most 20 are read"):
        await sandbox.evaluate("starlark", loop, EMPTY, Limits(steps=200_000, size=20))
    with pytest.raises(Fault, match="at most 8388608 are read"):
        await sandbox.evaluate("starlark", "def main(ctx): return {'a': 'x' * 9000000}", EMPTY, Limits(size=10**9))


async def test_the_reason_that_a_file_gives_has_a_limit() -> None:
    assert await fault("starlark", "def main(ctx): fail('x' * 20000000)") == "fail: " + "x" * 994 + "…"
    assert await fault("jsonnet", "error std.repeat('x', 20000000)") == "x" * 1000 + "…"


async def test_imports_are_answered_one_by_one() -> None:
    files = {"a": "(import 'b') + (import 'b') + importstr 'c'", "b": "1", "c": "ü" * 300_000}

    async def read(path: str) -> str:
        await asyncio.sleep(0)
        return files[path]

    made = await sandbox.evaluate("jsonnet", "{ a: import 'a' }", {}, imports=Imports(".drone.jsonnet", 3, read))

    assert made == '---\n{\n  "a": "2' + files["c"] + '"\n}\n'


async def test_a_file_is_asked_for_once_however_often_it_is_used() -> None:
    asked: list[str] = []

    async def read(path: str) -> str:
        asked.append(path)
        return "x" * 1_000_000

    using = (
        "{ a: std.foldl(function(sum, n) sum + std.length(importstr 'x'), std.range(1, 100), 0), b: importstr './x' }"
    )
    made = await sandbox.evaluate("jsonnet", using, {}, imports=Imports("p", 1, read))

    assert made.startswith('---\n{\n  "a": 100000000,\n')
    assert asked == ["x"]


async def test_files_that_import_each_other_are_no_endless_work() -> None:
    async def read(path: str) -> str:
        return "import 'b'" if path == "a" else "import 'a'"

    with pytest.raises(Fault):
        await sandbox.evaluate("jsonnet", "import 'a'", {}, imports=Imports("p", 9, read))
    assert children() == []


async def test_a_repository_that_cannot_be_read_now_ends_the_process() -> None:
    async def read(path: str) -> str:
        raise Unavailable(f"no {path} now")

    with pytest.raises(Unavailable, match="no a now"):
        await sandbox.evaluate("jsonnet", "import 'a'", {}, imports=Imports(".drone.jsonnet", 1, read))
    assert children() == []


async def test_what_a_file_prints_goes_nowhere() -> None:
    printing = "def main(ctx):\n  for i in range(1000): print('x' * 10000)\n  return {}"
    assert await starlark(printing) == "---\n{}\n"

    assert await jsonnet("{ a: [std.trace('x', 1) for i in std.range(0, 1000)][5] }") == '---\n{\n  "a": 1\n}\n'


async def test_others_do_not_wait_for_it_and_nothing_is_left_of_a_cancelled_one() -> None:
    endless = asyncio.create_task(jsonnet("local f(n) = if n == 0 then 1 else f(n - 1) + f(n - 1); { a: f(60) }"))

    assert await jsonnet("{}") == "---\n{}\n"
    assert not endless.done()

    endless.cancel()
    with pytest.raises(asyncio.CancelledError):
        await endless
    assert children() == []


async def test_a_process_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_COMMAND", (sys.executable, "-c", "import time; time.sleep(600)"))
    monkeypatch.setattr(sandbox, "WALL_SECONDS", 0.3)

    with pytest.raises(Unavailable, match=r"jsonnet took longer than 0\.3 s: the machine is busy"):
        await jsonnet("{}")
    assert children() == []


async def test_a_process_that_cannot_start_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_COMMAND", ("/nonexistent/python",))

    with pytest.raises(Unavailable, match="cannot start a process to convert the pipeline file: No such file"):
        await jsonnet("{}")


async def test_a_broken_installation_is_no_fault_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_COMMAND", (sys.executable, "-c", "import no_such_module"))

    with pytest.raises(RuntimeError, match=r"(?s)the jsonnet process ended with 1: .*no_such_module"):
        await jsonnet("{}")


async def test_it_inherits_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GANTRY_SECRET_KEY", "hush")
    monkeypatch.setattr(sandbox, "_COMMAND", (sys.executable, "-c", PROBE))
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), False)
        environment, descriptors = json.loads(await jsonnet("{}"))

    assert "GANTRY_SECRET_KEY" not in environment
    assert not {"PATH", "HOME"} & set(environment)
    assert len(descriptors) == 4  # the three of every process, and the folder it just reads


def test_under_its_limits_a_process_opens_nothing() -> None:
    attempts = """
import os, socket, sys
from app.convert import worker
answers = []
def attempt(name, call):
    try:
        call()
        answers.append(name)
    except OSError:
        pass
worker._limit()
attempt("read", lambda: open("/etc/passwd"))
attempt("write", lambda: open("/tmp/x", "w"))
attempt("socket", lambda: socket.socket())
attempt("pipe", lambda: os.pipe())
try:
    bytearray(300 * 1024 * 1024)
    answers.append("memory")
except MemoryError:
    pass
print(answers)
"""
    done = subprocess.run([sys.executable, "-c", attempts], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_the_server_loads_no_evaluator() -> None:
    look = "import sys, app.convert.convert; print({'starlark', 'rjsonnet'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
