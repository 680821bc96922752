"""`gantry login` keeps a server's token for its owner alone, and other commands find it."""

import contextlib
import json
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Gantry
from tests.cli.farside import FarSide, answer

SECRET = "a-token-that-nobody-may-see"


@pytest.fixture
def clean(environment: dict[str, str]) -> dict[str, str]:
    """The environment of a user who has set no server and no token."""
    return {k: v for k, v in environment.items() if not k.startswith("GANTRY_")}


@pytest.fixture
def kept(environment: dict[str, str]) -> Path:
    """The file with what is kept."""
    return Path(environment["XDG_CONFIG_HOME"]) / "gantry" / "contexts.json"


@pytest.fixture
def known(far: FarSide) -> FarSide:
    """A server that knows the account."""
    far.on("GET", "/api/user", answer({"login": "octocat"}))
    far.on("GET", "/api/user/repos", answer([]))
    return far


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_login_tries_the_token_and_other_commands_use_it(
    gantry: Gantry, known: FarSide, clean: dict[str, str], kept: Path
) -> None:
    done = gantry("login", f"{known.url}/", "--token-stdin", stdin=f"{SECRET}\n", env=clean)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Logged in to {known.url} as octocat; context {known.url[7:]}, kept in {kept}")
    assert SECRET not in done.stdout
    assert gantry("repo", "ls", env=clean).returncode == 0
    assert [asked.headers["Authorization"] for asked in known.asked] == [f"Bearer {SECRET}"] * 2
    assert (mode(kept), mode(kept.parent)) == (0o600, 0o700)


def test_a_folder_that_others_could_enter_is_closed(
    gantry: Gantry, known: FarSide, clean: dict[str, str], kept: Path
) -> None:
    kept.parent.mkdir(parents=True)
    kept.parent.chmod(0o755)

    assert gantry("login", known.url, "--token-stdin", stdin=SECRET, env=clean).returncode == 0
    assert mode(kept.parent) == 0o700


def test_the_terminal_is_asked_for_the_token_and_does_not_show_it(known: FarSide, clean: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "app", "login", known.url]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=theirs, stdout=pipe, stderr=pipe, env=clean, start_new_session=True
    ) as process:
        assert process.stderr is not None
        prompt = process.stderr.read(len("Token of your account: "))
        os.write(ours, f"{SECRET}\n".encode())
        out, err = process.communicate(timeout=60)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # nothing more can come: the other end is closed
        shown = os.read(ours, 1024)
    os.close(ours)

    assert (process.returncode, prompt) == (0, b"Token of your account: ")
    assert SECRET.encode() not in out + err + shown
    assert known.asked[0].headers["Authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    ("stdin", "args", "complaint"),
    [("", [], "give it on standard input, --token-stdin"), ("\n", ["--token-stdin"], "the token is empty")],
)
def test_without_a_token_nothing_is_asked_of_the_server(
    gantry: Gantry, known: FarSide, clean: dict[str, str], stdin: str, args: list[str], complaint: str
) -> None:
    done = gantry("login", known.url, *args, stdin=stdin, env=clean)

    assert done.returncode == 2
    assert complaint in done.stderr
    assert known.asked == []


def test_a_token_that_the_server_does_not_know_is_not_kept(
    gantry: Gantry, far: FarSide, clean: dict[str, str], kept: Path
) -> None:
    far.on("GET", "/api/user", answer({"message": "Unauthorized"}, 401))

    done = gantry("login", far.url, "--token-stdin", stdin=SECRET, env=clean)

    assert (done.returncode, done.stderr) == (1, f"Error: {far.url} does not know this token; nothing is kept\n")
    assert not kept.exists()


@pytest.mark.parametrize("url", ["ci.example.com", "https://", "https://me:secret@ci.example.com", "ftp://example.com"])
def test_what_is_no_address_is_refused(gantry: Gantry, clean: dict[str, str], url: str) -> None:
    done = gantry("login", url, "--token-stdin", stdin=SECRET, env=clean)

    assert done.returncode == 2
    assert "is no address of a server: write one as in https://ci.example.com" in done.stderr


def test_plain_http_to_another_machine_is_warned_of(gantry: Gantry, clean: dict[str, str]) -> None:
    """The name has no address, so the login fails after the warning."""
    done = gantry("login", "http://ci.invalid", "--token-stdin", stdin=SECRET, env=clean)

    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith("Warning: http://ci.invalid is plain http:")


def test_a_file_that_others_can_read_is_refused_with_the_way_out(
    gantry: Gantry, known: FarSide, clean: dict[str, str], kept: Path
) -> None:
    gantry("login", known.url, "--token-stdin", stdin=SECRET, env=clean)
    kept.chmod(0o640)

    done = gantry("repo", "ls", env=clean)

    assert done.returncode == 1
    assert f"others can read {kept}" in done.stderr
    assert f"chmod 600 {kept}" in done.stderr
    assert SECRET not in done.stderr


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"current": "a", "contexts": {"a": 1}}', "\xff"])
def test_a_file_of_another_kind_is_refused(gantry: Gantry, clean: dict[str, str], kept: Path, text: str) -> None:
    kept.parent.mkdir(parents=True)
    kept.write_text(text, encoding="latin-1")
    kept.chmod(0o600)

    done = gantry("repo", "ls", env=clean)

    assert done.returncode == 1
    assert "is not what gantry login writes: remove it, and log in again" in done.stderr


def test_variables_win_over_what_is_kept_and_login_says_so(
    gantry: Gantry, known: FarSide, environment: dict[str, str], clean: dict[str, str]
) -> None:
    said = gantry("login", known.url, "--token-stdin", stdin=SECRET, env=environment).stderr

    assert gantry("repo", "ls", env=clean | {"GANTRY_TOKEN": "of-the-variable"}).returncode == 0
    assert gantry("--context", known.url[7:], "repo", "ls", env=environment).stderr.startswith("Note: ")

    assert "Note: GANTRY_SERVER is set, and wins over what is kept\n" in said
    assert [asked.headers["Authorization"] for asked in known.asked[1:]] == [
        "Bearer of-the-variable",
        f"Bearer {environment['GANTRY_TOKEN']}",
    ]


def test_a_kept_token_is_not_sent_to_another_server(
    gantry: Gantry, known: FarSide, clean: dict[str, str], kept: Path
) -> None:
    gantry("login", known.url, "--token-stdin", stdin=SECRET, env=clean)
    with FarSide() as other:
        done = gantry("repo", "ls", env=clean | {"GANTRY_SERVER": other.url})

        assert done.returncode == 2
        assert f"no token is set for {other.url}: log in with gantry login {other.url}" in done.stderr
        assert other.asked == []
    assert gantry("-s", known.url, "repo", "ls", env=clean).returncode == 0


def test_contexts_are_listed_used_and_forgotten(
    gantry: Gantry, known: FarSide, clean: dict[str, str], kept: Path
) -> None:
    for name in ("staging", "production"):
        gantry("login", known.url, "--name", name, "--token-stdin", stdin=f"of-{name}", env=clean)

    listed = json.loads(gantry("context", "ls", "--json", env=clean).stdout)
    assert listed == [
        {"name": "production", "server": known.url, "current": True},
        {"name": "staging", "server": known.url, "current": False},
    ]
    gantry("context", "use", "staging", env=clean)
    gantry("repo", "ls", env=clean)
    gantry("--context", "production", "repo", "ls", env=clean)
    assert [asked.headers["Authorization"] for asked in known.asked[2:]] == [
        "Bearer of-staging",
        "Bearer of-production",
    ]

    assert gantry("logout", env=clean).returncode == 0
    assert "of-staging" not in kept.read_text()
    assert "no server is set: log in with gantry login URL" in gantry("repo", "ls", env=clean).stderr
    assert gantry("context", "rm", "production", env=clean).returncode == 0
    assert json.loads(kept.read_text()) == {"current": "", "contexts": {}}


@pytest.mark.parametrize(
    "args", [["context", "use", "nowhere"], ["context", "rm", "nowhere"], ["--context", "nowhere", "repo", "ls"]]
)
def test_an_unknown_context_is_told_with_those_that_there_are(
    gantry: Gantry, known: FarSide, clean: dict[str, str], args: list[str]
) -> None:
    gantry("login", known.url, "--name", "staging", "--token-stdin", stdin=SECRET, env=clean)

    done = gantry(*args, env=clean)

    assert (done.returncode, done.stderr) == (1, "Error: no context is called 'nowhere'; there are: staging\n")


def test_logout_without_a_login_is_told(gantry: Gantry, clean: dict[str, str]) -> None:
    done = gantry("logout", env=clean)

    assert (done.returncode, done.stderr) == (1, "Error: no context is in use; name one of: none is kept\n")
