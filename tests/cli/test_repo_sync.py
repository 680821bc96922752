"""`gantry repo sync` waits as long as hosts take, and says how far the server is."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import gantry as command
from tests.cli.conftest import Gantry
from tests.cli.farside import Answer, FarSide, answer, recorded, text

SLUG = "octocat/hello-world"
REPOS, ACCOUNT = "/api/user/repos", "/api/user"


def account(*counts: int) -> dict[str, Any]:
    """The account while so many repositories of a host were found; without a number, after the end."""
    hosts = [{"host": "github", "login": "octocat", "syncing": True, "repositories": count} for count in counts]
    return {"login": "octocat", "syncing": bool(hosts), "hosts": hosts}


def after(event: threading.Event) -> Callable[[], object]:
    return lambda: event.wait(20)


def test_what_the_server_answers_is_listed(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", REPOS, answer(recorded("user repositories")))

    assert SLUG in gantry("repo", "sync").stdout


def test_a_long_synchronisation_is_told_of(gantry: Gantry, far: FarSide) -> None:
    done = threading.Event()
    whole = answer(recorded("user repositories"))
    far.on("POST", REPOS, Answer(body=[after(done), *whole.body]))
    far.on("GET", ACCOUNT, answer(account(100)), Answer(body=[done.set, *answer(account(200)).body]))

    ended = gantry("repo", "sync")

    assert (ended.returncode, SLUG in ended.stdout) == (0, True)
    assert ended.stderr.splitlines() == [f"github: {count} repositories so far" for count in (100, 200)]


def test_a_proxy_that_is_less_patient_than_the_server_ends_nothing(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", REPOS, text(b"Gateway Timeout", 504))
    far.on("GET", ACCOUNT, answer(account(300)), answer(account(400)), answer(account()))
    far.on("GET", REPOS, answer(recorded("user repositories")))

    ended = gantry("repo", "sync")

    assert (ended.returncode, SLUG in ended.stdout) == (0, True)
    assert "github: 400 repositories so far" in ended.stderr


def test_the_error_of_a_host_is_told(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", REPOS, answer({"message": "github answers 503"}, 503))
    far.on("GET", ACCOUNT, answer(account()))

    ended = gantry("repo", "sync")

    assert ended.returncode == 1
    assert "github answers 503" in ended.stderr


def test_who_stops_waiting_is_told_how_to_look_later(environment: dict[str, str], far: FarSide, tmp_path: Path) -> None:
    done, asked = threading.Event(), threading.Event()
    far.on("POST", REPOS, Answer(body=[after(done)]))
    far.on("GET", ACCOUNT, Answer(body=[*answer(account(7)).body, asked.set]))
    with (tmp_path / "out").open("w+") as out, (tmp_path / "err").open("w+") as err:
        process = command.start(["repo", "sync"], environment, out=out, err=err)
        assert asked.wait(20)
        process.send_signal(signal.SIGINT)
        code = process.wait(20)
        done.set()

    assert code == 130
    assert "The server goes on; gantry whoami shows how far it is" in (tmp_path / "err").read_text()
    assert (tmp_path / "out").read_text() == ""
