"""Both forms of the post-receive hook, through real pushes to a real server."""

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from app.errors import Invalid
from app.scm import hook, receive
from app.scm.git import payload
from tests.scm.repository import ENV, Repository

#: `y` and `%` become percent signs, and the quotes and spaces ask for quoting
KEY = 'it\'s a "key" $HOME `id` y%y \\'
BARE = {"PATH": "/usr/bin:/bin", "GIT_DIR": "."}
ZERO, NEW = "0" * 40, "a" * 40


class Server:
    """Keeps what is posted and answers with what it was told to."""

    def __init__(self) -> None:
        self.status, self.answer = 200, b'{"id":7,"number":12,"status":"pending"}'
        self.posted: list[dict[str, object]] = []
        self.wrong: list[str] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.http.server_port}/gantry"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.take(self.path, self.headers.get("X-Gantry-Event"), dict(self.headers), body)
                self.send_response(server.status)
                self.send_header("Content-Length", str(len(server.answer)))
                self.end_headers()
                self.wfile.write(server.answer)

            def log_message(self, *args: object) -> None: ...

        return Handler

    def take(self, path: str, event: str | None, headers: dict[str, str], body: bytes) -> None:
        if not hook.verify(KEY, body, headers.get("X-Hub-Signature-256")):
            self.wrong.append("signature")
        if (path, event) != ("/gantry/hook", "push"):
            self.wrong.append(f"{path} {event}")
        if headers.get("Content-Type") != "application/json":
            self.wrong.append(str(headers.get("Content-Type")))
        self.posted.append(json.loads(body))


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.http.shutdown()
    thread.join()
    made.http.server_close()
    assert made.wrong == []


@pytest.fixture(params=["local", "portable"])
def portable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "portable")


class Ran(NamedTuple):
    code: int
    lines: list[str]
    err: str


class Hook:
    """The file as an administrator installs it; run in as bare an environment as git gives."""

    def __init__(self, path: Path, url: str, *, portable: bool) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(receive.script(slug="demo/hello", url=url, key=KEY, portable=portable))
        path.chmod(0o700)

    def run(self, lines: str | bytes, **env: str | bytes) -> Ran:
        """`env` adds to what `env -i` leaves: nothing but a path and GIT_DIR."""
        done = subprocess.run(
            ["dash", self.path],
            input=lines.encode() if isinstance(lines, str) else lines,
            capture_output=True,
            check=False,
            env={**BARE, **env},
            cwd=self.path.parent,
        )
        return Ran(done.returncode, done.stdout.decode().splitlines(), done.stderr.decode())


@pytest.fixture
def installed(tmp_path: Path, server: Server, portable: bool) -> Hook:
    return Hook(tmp_path / "hooks" / "post-receive", server.url, portable=portable)


def test_a_push_tells_the_server_of_every_ref(tmp_path: Path, server: Server, portable: bool) -> None:
    bare = tmp_path / "it's bare.git"
    subprocess.run(["git", "init", "-q", "--bare", bare], env=ENV, check=True)
    subprocess.run(["git", "-C", bare, "config", "receive.advertisePushOptions", "true"], env=ENV, check=True)
    Hook(bare / "hooks" / "post-receive", server.url, portable=portable)
    work = Repository(tmp_path / "work")
    first = work.commit()
    work.git("tag", "v1")
    options = ("-o", "ci.skip", "-o", 'say "hi" \\ ü $(id)')
    pushed = subprocess.run(
        ["git", "-C", work.path, "push", *options, str(bare), "main", "v1", "main:refs/heads/ü'x"],
        env=ENV | {"USER": "ada"},
        capture_output=True,
        check=True,
    )
    second = work.commit()
    work.git("push", "-q", str(bare), "main", ":v1", env={"USER": "", "LOGNAME": "grace"})

    started = f"remote: gantry: build 12 of demo/hello started: {server.url}/demo/hello/12"
    assert [line.rstrip() for line in pushed.stderr.decode().splitlines()].count(started) == 3
    by_ref = {str(told["ref"]): told for told in server.posted[:3]}
    assert set(by_ref) == {"refs/heads/main", "refs/tags/v1", "refs/heads/ü'x"}
    assert by_ref["refs/heads/main"] == {
        "before": ZERO,
        "after": first,
        "ref": "refs/heads/main",
        "repository": {"full_name": "demo/hello"},
        "pusher": {"name": "ada"},
        "push_options": ["ci.skip", 'say "hi" \\ ü $(id)'],
    }
    later = {str(told["ref"]): told for told in server.posted[3:]}
    assert later["refs/heads/main"]["before"] == first
    assert later["refs/heads/main"]["after"] == second
    assert later["refs/heads/main"]["pusher"] == {"name": "grace"}
    assert later["refs/tags/v1"]["after"] == ZERO


def test_refs_are_told_in_order(installed: Hook, server: Server) -> None:
    refs = [f"refs/heads/{n}" for n in range(5)]
    ran = installed.run("".join(f"{ZERO} {NEW} {ref}\n" for ref in refs))
    assert [told["ref"] for told in server.posted] == refs
    assert (ran.code, len(ran.lines), ran.err) == (0, 5, "")


def test_nothing_is_told_of_nothing(installed: Hook, server: Server) -> None:
    assert installed.run("") == Ran(0, [], "")
    assert server.posted == []


HOSTILE = "a\"b\\c\td\ne\x01f\x7f' $(touch x) `touch x` %s ü \U0001f600 {}"


def test_hostile_names_are_only_text(installed: Hook, server: Server) -> None:
    ref = "refs/heads/\"'$(touch${IFS}x);`id`&|<>{}%s\u00e9"
    ran = installed.run(f"{ZERO} {NEW} {ref}\n", USER=HOSTILE, GIT_PUSH_OPTION_COUNT="1", GIT_PUSH_OPTION_0=HOSTILE)

    plain = "a\"b\\c d e f ' $(touch x) `touch x` %s ü \U0001f600 {}"
    (told,) = server.posted
    assert told["ref"] == ref
    assert told["pusher"] == {"name": plain}
    assert told["push_options"] == [plain]
    assert payload.parse_push(json.dumps(told).encode()).sender == plain
    assert (ran.code, ran.err) == (0, "")
    assert [path.name for path in installed.path.parent.iterdir()] == ["post-receive"]


@pytest.mark.parametrize("count", ["-1", "x", "1;id", "", "1 1"])
def test_a_hostile_count_of_options_is_none(installed: Hook, server: Server, count: str) -> None:
    assert installed.run(f"{ZERO} {NEW} refs/heads/main\n", GIT_PUSH_OPTION_COUNT=count).code == 0
    assert server.posted[0]["push_options"] == []


def test_the_first_name_that_is_set_is_the_pusher(installed: Hook, server: Server) -> None:
    names = ["GL_USERNAME", "GITEA_PUSHER_NAME", "REMOTE_USER", "USER", "LOGNAME"]
    for i in range(len(names) + 1):
        env = dict.fromkeys(names[:i], "") | {name: name.lower() for name in names[i:]}
        installed.run(f"{ZERO} {NEW} refs/heads/main\n", **env)
    assert [told["pusher"] for told in server.posted] == [
        *({"name": name.lower()} for name in names),
        {"name": ""},
    ]


@pytest.mark.parametrize(
    ("status", "answer", "line"),
    [
        (200, '{"id":7,"number":3}', "build 3 of demo/hello started: URL/demo/hello/3"),
        (
            200,
            '{"id": 7, "message": "\\"number\\":9 ,\\"number\\":8", "number": 3}',
            "build 3 of demo/hello started: URL/demo/hello/3",
        ),
        (
            200,
            '{"number":3,"status":"error","error":"yaml: line 2:\\nbad \\"x\\""}',
            'build 3 of demo/hello failed: yaml: line 2: bad "x": URL/demo/hello/3',
        ),
        (200, "null\n", "refs/heads/main started no build"),
        (200, "", "refs/heads/main started no build"),
        (200, '{"message":"ignored"}', "refs/heads/main started no build: ignored"),
        (202, '{"id":"x"}', "refs/heads/main was accepted, its build starts soon"),
        (401, '{"message":"wrong \\"key\\""}', 'refs/heads/main started no build: wrong "key"'),
        (404, "<html>", "refs/heads/main started no build: the server answered 404"),
        (301, "", "refs/heads/main started no build: the server answered 301"),
        (500, '{"message":5}', None),
        (500, '{"message":"\\u001b[31mred"}', None),
        (500, "\x1b[31m" + "x" * 5000, "refs/heads/main started no build: the server answered 500"),
        (200, '{"message":"\x1b[31m\x07"', None),
    ],
)
def test_the_pusher_learns_what_came_of_it(
    installed: Hook, server: Server, status: int, answer: str, line: str | None
) -> None:
    server.status, server.answer = status, answer.encode()
    ran = installed.run(f"{ZERO} {NEW} refs/heads/main\n")
    (told,) = ran.lines
    assert ran.code == 0
    assert told.isprintable()
    if line:
        assert told == "gantry: " + line.replace("URL", server.url)


def test_a_dead_server_fails_no_push_and_is_asked_once(tmp_path: Path, portable: bool) -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        installed = Hook(tmp_path / "post-receive", url, portable=portable)
        ran = installed.run(f"{ZERO} {NEW} refs/heads/a\n" * 50)
    assert ran.code == 0
    assert len(ran.lines) == 1
    assert ran.lines[0].startswith(f"gantry: {url} was not told of refs/heads/a and what follows it: ")


def test_a_silent_server_is_left_after_a_while(tmp_path: Path, portable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        installed = Hook(tmp_path / "post-receive", url, portable=portable)
        text = installed.path.read_text()
        short = "import app.scm.receive as r; r._TOTAL_SECONDS = 1; r.main()"
        text = text.replace("-m app.scm.receive", f"-c {short!r}".replace("'", '"'))
        installed.path.write_text(text.replace("+ 60))", "+ 1))"))
        ran = installed.run(f"{ZERO} {NEW} refs/heads/a\n" * 3)
    assert ran.code == 0
    assert len(ran.lines) == 1
    assert "was not told of refs/heads/a" in ran.lines[0]


def test_the_key_is_in_no_command(tmp_path: Path, server: Server, portable: bool) -> None:
    """Every program of the portable hook, and python of the other, is replaced by one that notes."""
    bin_directory, noted = tmp_path / "bin", tmp_path / "noted"
    bin_directory.mkdir()
    tools = ["openssl", "curl", "awk", "sed", "tr", "cat", "mktemp", "rm", "date", "printf", "python"]
    for name in tools:
        real = "/usr/bin/env -S python3" if name == "python" else name
        script = f'#!/bin/sh\nprintf "%s\\n" "{name} $*" >>{noted}\nPATH=/usr/bin:/bin exec {real} "$@"\n'
        (bin_directory / name).write_text(script)
        (bin_directory / name).chmod(0o755)
    text = receive.script(
        slug="demo/hello",
        url=server.url,
        key=KEY,
        portable=portable,
        python=str(bin_directory / "python"),
    )
    path = tmp_path / "post-receive"
    path.write_text(text)
    subprocess.run(
        ["dash", path],
        input=f"{ZERO} {NEW} refs/heads/a\n".encode(),
        check=True,
        env=BARE | {"PATH": f"{bin_directory}:/usr/bin:/bin"},
    )
    commands = noted.read_text()
    assert ("openssl dgst" in commands) == portable
    assert ("app.scm.receive" in commands) == (not portable)
    assert "printf" not in commands
    assert KEY not in commands
    assert KEY not in text or not portable


def test_nothing_is_left_behind(installed: Hook, server: Server, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    installed.run(f"{ZERO} {NEW} refs/heads/a\n", TMPDIR=str(tmp_path / "tmp"))
    assert list((tmp_path / "tmp").iterdir()) == []
    assert len(server.posted) == 1


def test_a_portable_hook_says_what_is_missing(tmp_path: Path) -> None:
    text = receive.script(slug="demo/hello", url="http://x", key=KEY, portable=True)
    text = text.replace("/usr/local/bin:/usr/bin:/bin", "")
    (tmp_path / "post-receive").write_text(text)
    done = subprocess.run(
        ["/bin/dash", tmp_path / "post-receive"],
        input=b"",
        capture_output=True,
        check=True,
        env={"PATH": str(tmp_path)},
        cwd=tmp_path,
    )
    assert done.stdout == b"gantry: awk is missing here, the server was not told of this push\n"


@pytest.mark.parametrize("key", ["k", "y" * 64, "x" * 65, "é" * 100])
def test_keys_of_any_length_sign_alike(tmp_path: Path, key: str) -> None:
    text = receive.script(slug="demo/hello", url="http://x", key=key, portable=True)
    pads = [line for line in text.splitlines() if "_pad() {" in line]
    sign = text[text.index("sign() {") : text.index("post() {")]
    (tmp_path / "body").write_bytes(b"Hello, World!")
    script = "\n".join([*pads, sign, f"sign {tmp_path}/body"])
    out = subprocess.check_output(["dash", "-c", script], env=BARE, text=True)
    assert out == hook.sign(key, b"Hello, World!")


@pytest.mark.parametrize("name", ["slug", "url", "key"])
@pytest.mark.parametrize("portable", [True, False])
def test_a_script_is_made_of_sound_parts_only(name: str, portable: bool) -> None:
    good = {"slug": "demo/hello", "url": "https://ci.example.com/gantry", "key": KEY}
    bad = {
        "slug": ["", "demo", "a/b/c", "a/b\n"],
        "url": ["", "x", "file:///etc", "http://", "http://a b", "http://u:p@h", "http://h/?q", "http://[x"],
        "key": [""],
    }
    for value in bad[name]:
        with pytest.raises(Invalid) as invalid:
            receive.script(**{**good, name: value}, portable=portable)
        assert [problem.field for problem in invalid.value.problems] == [name]
