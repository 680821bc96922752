"""Values for pipeline files."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Gantry
from tests.cli.farside import FarSide, answer

SLUG = "octocat/hello-world"
SEALED = {"data": "hqlaH/YZXE5FYjRuGEe/G/2K8K1V80TAn6OyUYdKo8WJoQ=="}


@pytest.fixture(autouse=True)
def encrypted(far: FarSide) -> None:
    far.on("POST", f"/api/repos/{SLUG}/encrypt", answer(SEALED))


@pytest.mark.parametrize(("args", "stdin"), [(["s3cret"], ""), (["@value"], ""), (["-"], "s3cret\n"), ([], "s3cret\n")])
def test_a_value_is_encrypted_and_nothing_else_is_printed(
    gantry: Gantry, far: FarSide, tmp_path: Path, args: list[str], stdin: str
) -> None:
    (tmp_path / "value").write_text("s3cret")

    done = gantry("encrypt", SLUG, *args, stdin=stdin)

    assert far.asked[0].body == {"data": "s3cret"}
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{SEALED['data']}\n", "")


def test_json_is_the_servers_answer(gantry: Gantry) -> None:
    assert json.loads(gantry("encrypt", SLUG, "s3cret", "--json").stdout) == SEALED


def test_a_value_that_is_refused_is_not_repeated(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", f"/api/repos/{SLUG}/encrypt", answer({"message": "no"}, 400))

    done = gantry("encrypt", SLUG, "hunter2")

    assert (done.returncode, "hunter2" in done.stderr + done.stdout) == (1, False)


def test_an_empty_value_is_refused(gantry: Gantry, far: FarSide) -> None:
    assert (gantry("encrypt", SLUG, "").returncode, far.asked) == (2, [])
