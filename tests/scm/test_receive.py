"""Both forms of the post-receive hook, through real pushes to a real server."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from app.errors import Invalid
from app.scm import hook, receive
from app.scm.git import payload
from tests.scm.repository import ENV, Repository
from tests.soon import soon_sync

#: `y` and `%` become percent signs, and the quotes and spaces ask for quoting
KEY = 'it\'s a "key" $HOME `id` y%y \\'
BARE = {"PATH": "/usr/bin:/bin", "GIT_DIR": "."}
ZERO, NEW = "0" * 40, "a" * 40


class Server:
    """Keeps what is posted and answers with what it was told to."""

    def __init__(self, port: int = 0) -> None:
        self.status, self.answer = 200, b'{"id":7,"number":12,"status":"pending"}'
        #: While this is not set, no request is answered.
        self.pause = threading.Event()
        self.pause.set()
        self.posted: list[dict[str, object]] = []
        self.wrong: list[str] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.url = f"http://127.0.0.1:{self.http.server_port}/gantry"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.take(self.path, self.headers.get("X-Gantry-Event"), dict(self.headers), body)
                server.pause.wait(60)
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
    with closing_server() as made:
        yield made


@contextmanager
def closing_server(port: int = 0) -> Iterator[Server]:
    made = Server(port)
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
    deliveries: list[Any] = [told.pop("delivery") for told in server.posted]
    assert len({delivery["id"] for delivery in deliveries}) == 5
    assert all(len(delivery["id"]) == 32 and abs(delivery["time"] - time.time()) < 60 for delivery in deliveries)
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
    change = payload.parse_push(json.dumps(told).encode()).change
    assert change is not None
    assert change.sender == plain
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
        (202, '{"message":"it is built later"}', "refs/heads/main was accepted: it is built later"),
        (401, '{"message":"wrong \\"key\\""}', 'refs/heads/main started no build: wrong "key"'),
        (404, "<html>", "refs/heads/main started no build: the server answered 404"),
        (301, "", "refs/heads/main started no build: the server answered 301"),
        (400, '{"message":5}', None),
        (400, '{"message":"\\u001b[31mred"}', None),
        (400, "\x1b[31m" + "x" * 5000, "refs/heads/main started no build: the server answered 400"),
        (503, '{"message":"the disk is full"}', "URL does not answer: the disk is full; it is asked again for 60 s"),
        (500, "<html>", "URL does not answer: the server answered 500; it is asked again for 60 s"),
        (429, "", "URL does not answer: the server answered 429; it is asked again for 60 s"),
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


def test_the_pusher_learns_what_kept_each_pipeline_out(installed: Hook, server: Server) -> None:
    errors = [
        {"field": name, "code": "excluded", "message": f'pipeline "{name}": trigger.event\n includes tag, not "push"'}
        for name in ("one", "two")
    ]
    only = {"message": errors[0]["message"], "code": "nothing_to_run", "errors": errors[:1]}

    for told in ({"message": "no pipeline is for push", "code": "nothing_to_run", "errors": errors}, only):
        server.status, server.answer = 200, json.dumps(told).encode()
        ran = installed.run(f"{ZERO} {NEW} refs/heads/main\n")
        said = [line.removeprefix("gantry: ") for line in ran.lines]
        assert said == [
            f"refs/heads/main started no build: {str(told['message']).replace(chr(10), ' ')}",
            *(f"  {str(error['message']).replace(chr(10), ' ')}" for error in errors if told is not only),
        ]


def hurry(installed: Hook, *, total: int, wait: int) -> None:
    """Let the hook ask for so many seconds, and the push wait for so many."""
    text = installed.path.read_text()
    short = f"import app.scm.receive as r; r._TOTAL_SECONDS, r._WAIT_SECONDS = {total}, {wait}; r.main()"
    text = text.replace("-m app.scm.receive", f'-c "{short}"')
    installed.path.write_text(text.replace("TOTAL=60", f"TOTAL={total}").replace("WAIT=100", f"WAIT={wait * 10}"))


def test_a_dead_server_holds_no_push_up_and_is_told_when_it_is_back(tmp_path: Path, portable: bool) -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        installed = Hook(tmp_path / "hooks" / "post-receive", f"{url}/gantry", portable=portable)
        began = time.monotonic()
        ran = installed.run("".join(f"{ZERO} {NEW} refs/heads/{name}\n" for name in "abc"))
        assert time.monotonic() - began < 9
    with closing_server(port) as server:
        soon_sync(lambda: len(server.posted) == 3, "all three are told")

    assert (ran.code, len(ran.lines)) == (0, 1)
    assert ran.lines[0].startswith(f"gantry: {url}/gantry does not answer: ")
    assert ran.lines[0].endswith("; it is asked again for 60 s")
    assert [told["ref"] for told in server.posted] == ["refs/heads/a", "refs/heads/b", "refs/heads/c"]


def test_a_server_that_cannot_answer_is_told_again_of_the_same_delivery(installed: Hook, server: Server) -> None:
    server.status = 503
    ran = installed.run(f"{ZERO} {NEW} refs/heads/a\n")
    soon_sync(lambda: len(server.posted) > 1, "a second attempt")
    server.status = 200
    count = len(server.posted)
    soon_sync(lambda: len(server.posted) > count, "an attempt that succeeds")

    assert ran.code == 0
    assert len({str(told) for told in server.posted}) == 1


def test_a_silent_server_holds_no_push_up(tmp_path: Path, portable: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        installed = Hook(tmp_path / "post-receive", url, portable=portable)
        hurry(installed, total=3, wait=1)
        ran = installed.run(f"{ZERO} {NEW} refs/heads/a\n" * 3)
    assert ran.code == 0
    assert ran.lines == [f"gantry: {url} has not answered yet; it is asked for 3 s in all"]


def test_a_server_that_never_answers_is_left_after_a_while(tmp_path: Path, portable: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        installed = Hook(tmp_path / "post-receive", url, portable=portable)
        hurry(installed, total=1, wait=20)
        ran = installed.run(f"{ZERO} {NEW} refs/heads/a\n" * 3)
    assert ran.code == 0
    assert "was not told of refs/heads/a and what follows it" in ran.lines[-1]


def test_a_push_that_is_killed_is_told_all_the_same(installed: Hook, server: Server) -> None:
    server.pause.clear()
    process = subprocess.Popen(
        ["dash", installed.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=BARE,
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(f"{ZERO} {NEW} refs/heads/a\n{ZERO} {NEW} refs/heads/b\n".encode())
    process.stdin.close()
    soon_sync(lambda: server.posted, "the first delivery is under way")
    os.killpg(process.pid, signal.SIGINT)
    os.killpg(process.pid, signal.SIGHUP)
    process.wait(60)
    server.pause.set()

    soon_sync(lambda: len(server.posted) == 2, "the second delivery")
    assert [told["ref"] for told in server.posted] == ["refs/heads/a", "refs/heads/b"]


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
