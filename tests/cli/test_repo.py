import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Gantry, on_a_terminal
from tests.cli.farside import FarSide, answer, recorded

SLUG = "octocat/hello-world"
REPO = f"/api/repos/{SLUG}"


def test_add_sends_what_was_given(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", "/api/repos", answer(recorded("one repository")))

    done = gantry(
        "repo", "add", SLUG, "https://git.example.com/x.git", "--branch=trunk", "--config=ci.yml", "--visibility=public"
    )

    assert far.asked[0].body == {
        "namespace": "octocat",
        "name": "hello-world",
        "git_http_url": "https://git.example.com/x.git",
        "default_branch": "trunk",
        "config_path": "ci.yml",
        "visibility": "public",
    }
    assert done.stdout.startswith("Repository:  octocat/hello-world\n")


def test_add_leaves_what_was_not_given_to_the_server(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", "/api/repos", answer(recorded("one repository")))

    gantry("repo", "add", SLUG, "ssh://git@git.example.com/x.git")

    assert set(far.asked[0].body) == {"namespace", "name", "git_http_url"}


@pytest.mark.parametrize("given", ["my repo.git", "./my repo.git", "sub/../my repo.git"])
def test_plain_path_becomes_the_address_of_the_absolute_path(
    gantry: Gantry, far: FarSide, tmp_path: Path, given: str
) -> None:
    far.on("POST", "/api/repos", answer(recorded("one repository")))

    gantry("repo", "add", SLUG, given)

    assert far.asked[0].body["git_http_url"] == f"file://{tmp_path}/my%20repo.git"


@pytest.mark.parametrize("given", ["file:///srv/x.git", "git@git.example.com:x.git", "https://x/y"])
def test_address_is_left_as_it_is(gantry: Gantry, far: FarSide, given: str) -> None:
    far.on("POST", "/api/repos", answer(recorded("one repository")))

    gantry("repo", "add", SLUG, given)

    assert far.asked[0].body["git_http_url"] == given


def test_ls_shows_a_row_for_each_repository(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", "/api/user/repos", answer(recorded("user repositories")))

    rows = [line.split() for line in gantry("repo", "ls").stdout.splitlines()]

    assert rows[0] == ["octocat/hello-world", "main", "public", "yes", "1"]


def test_info_shows_the_repository(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", REPO, answer(recorded("one repository")))

    assert "Config:      .drone.yml\n" in gantry("repo", "info", SLUG).stdout


RECEIVED = "2026-11-23T05:30:41Z"


def delivery(ref: str, error: str, **more: Any) -> dict[str, Any]:
    """A delivery as the server tells it."""
    known = {"ref": ref, "error": error, "event": "push", "build": 0, "next": 0, "received": 1795411841}
    return known | more


STARTED = delivery("refs/heads/main", "", build=7)
NOTHING = delivery("refs/heads/main", "no pipeline is for push")


@pytest.mark.parametrize(
    ("known", "line"),
    [
        ([NOTHING], f"{RECEIVED}, main: no pipeline is for push"),
        ([delivery("refs/tags/v1", "no pipeline is for tag")], f"{RECEIVED}, refs/tags/v1: no pipeline is for tag"),
        ([STARTED, NOTHING], ""),
        ([delivery("refs/heads/x", "", build=8), NOTHING, STARTED], f"{RECEIVED}, main: no pipeline is for push"),
        ([delivery("refs/heads/main", "the same change as that of delivery y", twin=True), STARTED], ""),
        ([delivery("refs/heads/main", "cannot be read", next=9)], ""),
        ([delivery("refs/heads/main", "", next=9)], ""),
        ([delivery("main", "no pipeline is for promote", event="deployment")], ""),
        ([], ""),
    ],
)
def test_info_tells_of_the_last_push_that_started_nothing(
    gantry: Gantry, far: FarSide, known: list[dict[str, Any]], line: str
) -> None:
    far.on("GET", REPO, answer(recorded("one repository")))
    far.on("GET", f"{REPO}/deliveries", answer(known))

    shown = gantry("repo", "info", SLUG).stdout

    found = [row.partition(":")[2].strip() for row in shown.splitlines() if row.startswith("Started nothing:")]
    assert found == ([line] if line else [])
    assert json.loads(gantry("repo", "info", SLUG, "--json").stdout) == recorded("one repository")


def test_deliveries_tell_what_became_of_each(environment: dict[str, str], gantry: Gantry, far: FarSide) -> None:
    known = [
        delivery("refs/heads/main", "", build=8, outcome="build", id="one", after="5fcb01b9" + "a" * 32),
        delivery("refs/heads/main", "no pipeline is for push", outcome="nothing", id="two\x1b[2J", host="github"),
        delivery("refs/tags/v1", "the host is away", outcome="waiting", id="three"),
    ]
    far.on("GET", f"{REPO}/deliveries", answer(known))

    shown = on_a_terminal(environment | {"COLUMNS": "200"}, "repo", "deliveries", SLUG, "--page", "2", "--limit", "3")

    assert far.asked[-1].query == {"page": "2", "per_page": "3"}
    rows = [row.strip() for row in shown.splitlines()[1:]]
    assert [row.rpartition("ago")[2].strip() for row in rows] == [
        "build 8",
        "started nothing: no pipeline is for push",
        "waits: the host is away",
    ]
    assert rows[1].split()[1:3] == ["github", "push"]
    assert "\x1b[2J" not in shown
    assert json.loads(gantry("repo", "deliveries", SLUG, "--json").stdout) == known


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ({"number": 9, "status": "pending"}, "build 9 pending\n"),
        ({"message": "it is built soon", "id": "x"}, "it is built soon\n"),
    ],
)
def test_a_delivery_is_sent_again_by_its_id(gantry: Gantry, far: FarSide, told: dict[str, Any], shown: str) -> None:
    far.on("POST", f"{REPO}/deliveries/a%2Fb/repeat", answer(told))

    assert gantry("repo", "redeliver", SLUG, "a/b").stdout == shown


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    path = tmp_path / "my repo.git"
    subprocess.run(["git", "init", "--quiet", "--bare", path], check=True)
    return path


@pytest.fixture
def hooked(far: FarSide, bare: Path) -> Path:
    """A registered repository on this machine, and where its hook belongs."""
    far.on("GET", f"{REPO}/hook", answer({"url": "http://ci.example.com/hook", "key": "k" * 32}))
    far.on("GET", REPO, answer(recorded("one repository") | {"git_http_url": bare.as_uri()}))
    return bare / "hooks" / "post-receive"


@pytest.mark.parametrize("portable", [[], ["--portable"]])
def test_hook_is_printed_alone(gantry: Gantry, hooked: Path, portable: list[str]) -> None:
    done = gantry("repo", "hook", SLUG, *portable)

    assert done.stdout.startswith("#!")
    assert subprocess.run(["sh", "-n"], input=done.stdout, text=True).returncode == 0
    assert (done.stderr, done.returncode) == ("", 0)
    assert not hooked.exists()


def test_install_writes_what_is_printed_for_the_owner_only(gantry: Gantry, hooked: Path) -> None:
    printed = gantry("repo", "hook", SLUG).stdout

    done = gantry("repo", "hook", SLUG, "--install")

    assert done.stdout == f"installed: {hooked}\n"
    assert hooked.read_text() == printed
    assert hooked.stat().st_mode & 0o777 == 0o700
    assert [p for p in hooked.parent.iterdir() if p.name.startswith(".")] == []


def test_install_again_says_so(gantry: Gantry, hooked: Path) -> None:
    gantry("repo", "hook", SLUG, "--install")
    hooked.chmod(0o600)

    assert gantry("repo", "hook", SLUG, "--install").stdout == f"already installed: {hooked}\n"
    assert hooked.stat().st_mode & 0o777 == 0o700


def test_another_hook_is_replaced_only_by_force(gantry: Gantry, hooked: Path) -> None:
    hooked.write_text("#!/bin/sh\nexit 0\n")

    refused = gantry("repo", "hook", SLUG, "--install")
    kept = hooked.read_text()
    forced = gantry("repo", "hook", SLUG, "--install", "--force")

    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert kept == "#!/bin/sh\nexit 0\n"
    assert forced.stdout == f"installed: {hooked}\n"


UPDATE = {
    "--visibility=public": {"visibility": "public"},
    "--config=ci.yml": {"config_path": "ci.yml"},
    "--protected": {"protected": True},
    "--no-ignore-forks": {"ignore_forks": False},
    "--ignore-pull-requests": {"ignore_pull_requests": True},
    "--auto-cancel-pull-requests": {"auto_cancel_pull_requests": True},
    "--no-auto-cancel-pushes": {"auto_cancel_pushes": False},
    "--auto-cancel-running": {"auto_cancel_running": True},
    "--parameter=VERSION": {"parameters": ["VERSION"]},
    "--any-parameter": {"parameters": []},
    "--no-deployments": {"deployments": False},
    "--workflow-deployments": {"workflow_deployments": True},
    "--trusted": {"trusted": True},
    "--timeout=45m": {"timeout": 45},
    "--timeout=90": {"timeout": 90},
    "--timeout=1h30m": {"timeout": 90},
    "--timeout=2h": {"timeout": 120},
    "--throttle=0": {"throttle": 0},
    "--build-counter=12": {"counter": 12},
}


@pytest.mark.parametrize("option", UPDATE)
def test_update_sends_only_what_is_given(gantry: Gantry, far: FarSide, option: str) -> None:
    far.on("PATCH", REPO, answer(recorded("one repository")))

    done = gantry("repo", "update", SLUG, option)

    assert far.asked[0].body == UPDATE[option]
    assert "Config:      .drone.yml\n" in done.stdout
    assert "Ignore pull requests:       -\n" in done.stdout


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["--timeout", ""],
        ["--timeout", "soon"],
        ["--timeout", "m"],
        ["--timeout", "-5"],
        ["--visibility", "x"],
        ["--any-parameter", "--parameter", "A"],
    ],
)
def test_an_update_of_nothing_or_to_nonsense_is_refused(gantry: Gantry, far: FarSide, args: list[str]) -> None:
    assert gantry("repo", "update", SLUG, *args).returncode == 2
    assert far.asked == []


@pytest.mark.parametrize(
    ("verb", "method", "path"),
    [
        ("enable", "POST", REPO),
        ("disable", "DELETE", REPO),
        ("chown", "POST", f"{REPO}/chown"),
        ("repair", "POST", f"{REPO}/repair"),
    ],
)
def test_a_verb_asks_and_shows_the_repository(gantry: Gantry, far: FarSide, verb: str, method: str, path: str) -> None:
    far.on(method, path, answer(recorded("one repository")))

    done = gantry("repo", verb, SLUG)

    assert [(asked.method, asked.path, asked.query) for asked in far.asked] == [(method, path, {})]
    assert done.stdout.startswith(f"Repository:  {SLUG}\n")
    assert json.loads(gantry("repo", verb, SLUG, "--json").stdout) == recorded("one repository")


def test_rm_deletes_when_it_is_meant(gantry: Gantry, far: FarSide) -> None:
    far.on("DELETE", REPO, answer(recorded("one repository")))

    unsure = gantry("repo", "rm", SLUG, stdin="yes\n")
    done = gantry("repo", "rm", SLUG, "--yes")

    assert (unsure.returncode, "Give --yes" in unsure.stderr) == (2, True)
    assert [asked.query for asked in far.asked] == [{"remove": "true"}]
    assert done.stdout == f"Repository {SLUG} is deleted\n"
