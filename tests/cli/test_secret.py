import json
from pathlib import Path

import pytest

from tests.cli.conftest import Gantry
from tests.cli.farside import Answer, FarSide, answer

SECRETS = "/api/repos/octocat/hello-world/secrets"
SLUG = "octocat/hello-world"


@pytest.fixture(autouse=True)
def secrets(far: FarSide) -> None:
    far.on("POST", SECRETS, answer({"id": 2, "repo_id": 1, "name": "apikey"}))


@pytest.mark.parametrize(
    "where", [(SLUG, "apikey"), ("--repository", SLUG, "--name", "apikey"), (SLUG, "--name", "apikey")]
)
def test_add_takes_our_form_and_drone_s(gantry: Gantry, far: FarSide, where: tuple[str, ...]) -> None:
    done = gantry("secret", "add", *where, "--data", "1234")

    assert far.asked[0].body == {"name": "apikey", "data": "1234"}
    assert done.stdout == "Secret apikey is added to octocat/hello-world\n"


def test_value_of_a_file_is_taken_as_it_is(gantry: Gantry, far: FarSide, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes("clé\r\n-----\n".encode())

    gantry("secret", "add", SLUG, "apikey", "--data", "@key.pem", "--allow-pull-request")

    assert far.asked[0].body == {"name": "apikey", "data": "clé\r\n-----\n", "pull_request": True}


@pytest.mark.parametrize("data", [[], ["--data", "-"]])
@pytest.mark.parametrize(("typed", "value"), [("x\n", "x"), ("x", "x"), ("a\nb\n\n", "a\nb\n")])
def test_value_on_standard_input_loses_one_line_end(
    gantry: Gantry, far: FarSide, data: list[str], typed: str, value: str
) -> None:
    gantry("secret", "add", SLUG, "apikey", *data, stdin=typed)

    assert far.asked[0].body["data"] == value


@pytest.mark.parametrize("args", [["--data", ""], ["--data", "@/dev/null"], []])
def test_empty_value_is_refused(gantry: Gantry, far: FarSide, args: list[str]) -> None:
    done = gantry("secret", "add", SLUG, "apikey", *args, stdin="\n")

    assert (done.returncode, far.asked) == (2, [])
    assert "the secret's value is empty" in done.stderr


def test_file_that_is_missing_is_named(gantry: Gantry) -> None:
    done = gantry("secret", "add", SLUG, "apikey", "--data", "@missing")

    assert done.returncode == 2
    assert "cannot read missing: " in done.stderr


def test_value_that_is_no_text_is_refused_unseen(gantry: Gantry, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"hunter2\xff")

    done = gantry("secret", "add", SLUG, "apikey", "--data", "@key")

    assert done.returncode == 2
    assert "not UTF-8 text: encode it first" in done.stderr
    assert "hunter2" not in done.stderr


def test_refused_value_is_not_repeated(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", SECRETS, answer({"message": "Invalid Secret Name"}, 400))

    done = gantry("secret", "add", SLUG, "bad name", stdin="hunter2")

    assert done.returncode == 1
    assert "Invalid Secret Name" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


def test_ls_shows_names(gantry: Gantry, far: FarSide) -> None:
    uses = [{"pipeline": "deploy", "step": "push"}]
    told = [{"id": 1, "name": "a"}, {"id": 2, "name": "apikey", "pull_request": True, "used_by": uses}]
    far.on("GET", SECRETS, answer([*told, {"id": 3, "name": "old", "used_by": []}]))

    rows = [line.split() for line in gantry("secret", "ls", "--repository", SLUG).stdout.splitlines()]

    assert rows == [["a", "-"], ["apikey", "yes", "deploy", "/", "push"], ["old", "-", "no", "step"]]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--allow-pull-request"], {"pull_request": True}),
        (["--no-allow-pull-request"], {"pull_request": False}),
        (
            ["--allow-push-on-pull-request", "--no-allow-pull-request"],
            {"pull_request": False, "pull_request_push": True},
        ),
    ],
)
@pytest.mark.parametrize(("verb", "method"), [("add", "POST"), ("update", "PATCH")])
def test_flags_are_sent_as_far_as_they_are_said(
    gantry: Gantry, far: FarSide, verb: str, method: str, flags: list[str], said: dict[str, bool]
) -> None:
    far.on("PATCH", f"{SECRETS}/apikey", answer({"id": 2, "repo_id": 1, "name": "apikey"}))

    gantry("secret", verb, SLUG, "apikey", "--data", "x", *flags)

    assert (far.asked[0].method, {**far.asked[0].body, "name": "apikey"}) == (
        method,
        {"name": "apikey", "data": "x", **said},
    )


@pytest.mark.parametrize("where", [(SLUG, "apikey"), ("--repository", SLUG, "--name", "apikey")])
@pytest.mark.parametrize(
    ("args", "stdin", "body"),
    [
        (["--data", "5678"], "", {"data": "5678"}),
        ([], "5678\n", {"data": "5678"}),
        (["--no-allow-pull-request"], "ignored", {"pull_request": False}),
        (["--allow-pull-request", "--data", "-"], "5678", {"data": "5678", "pull_request": True}),
    ],
)
def test_update_changes_the_value_or_who_may_use_it(
    gantry: Gantry, far: FarSide, where: tuple[str, ...], args: list[str], stdin: str, body: dict[str, object]
) -> None:
    far.on("PATCH", f"{SECRETS}/apikey", answer({"id": 2, "repo_id": 1, "name": "apikey"}))

    done = gantry("secret", "update", *where, *args, stdin=stdin)

    assert far.asked[0].body == body
    assert (done.returncode, done.stdout) == (0, "Secret apikey of octocat/hello-world is changed\n")


def test_update_to_an_empty_value_is_refused(gantry: Gantry, far: FarSide) -> None:
    done = gantry("secret", "update", SLUG, "apikey", "--data", "", "--allow-pull-request")

    assert (done.returncode, far.asked) == (2, [])


def test_info_shows_who_may_use_it(gantry: Gantry, far: FarSide) -> None:
    found = {"id": 2, "repo_id": 1, "name": "apikey", "pull_request": True}
    far.on("GET", f"{SECRETS}/apikey", answer(found))

    shown = gantry("secret", "info", "--repository", SLUG, "--name", "apikey")

    assert shown.stdout.split() == ["Name:", "apikey", "Pull", "requests:", "yes"]
    assert json.loads(gantry("secret", "info", SLUG, "apikey", "--json").stdout) == found


@pytest.mark.parametrize("where", [(SLUG, "apikey"), ("--repository", SLUG, "--name", "apikey")])
def test_rm_removes(gantry: Gantry, far: FarSide, where: tuple[str, ...]) -> None:
    far.on("DELETE", f"{SECRETS}/apikey", Answer(204))

    done = gantry("secret", "rm", *where)

    assert (done.returncode, done.stdout) == (0, "Secret apikey is removed from octocat/hello-world\n")


@pytest.mark.parametrize("name", ["..", "."])
def test_name_that_would_change_the_path_is_refused(gantry: Gantry, far: FarSide, name: str) -> None:
    done = gantry("secret", "rm", SLUG, name)

    assert (done.returncode, far.asked) == (1, [])
    assert "cannot be a name" in done.stderr
