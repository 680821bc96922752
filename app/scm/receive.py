"""The post-receive hook of a plain repository: it tells the server what was pushed.

`script` makes the file to install as `hooks/post-receive`, with mode 0700 because the file holds the key. The local
form of the script runs this module. git waits for the hook, so this module imports little.

A server that does not answer is asked again for a minute. The push does not wait for that: after some seconds the hook
ends, and a process in the background goes on. Every attempt of a delivery has the same id and time, so that the server
makes one build of them.
"""

import hashlib
import json
import os
import re
import secrets
import select
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from app.errors import Invalid, Problem
from app.scm import hook
from app.scm.git import payload

_SLUG, _URL, _KEY = "GANTRY_HOOK_SLUG", "GANTRY_HOOK_URL", "GANTRY_HOOK_KEY"
_PUSHER = ("GL_USERNAME", "GITEA_PUSHER_NAME", "REMOTE_USER", "USER", "LOGNAME")
_CONNECT_SECONDS = 10
#: Seconds for which the server is asked, and for which the push waits for that.
_TOTAL_SECONDS = 60
_WAIT_SECONDS = 10
#: Seconds between two attempts, at first and at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 8.0
#: Statuses with which a server says that it cannot answer now; 500 and more do, too.
_NOT_NOW = frozenset({408, 425, 429})
_LARGEST_ANSWER = 4 * 1024 * 1024
#: Characters of a reason that are printed, and reasons.
_LONGEST_REASON, _MOST_REASONS = 300, 20
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ADDRESS = re.compile(r"https?://[^\x00-\x20\x7f-\U0010ffff?#]+")
#: Bytes in a block of SHA-256 (RFC 2104 calls it B).
_BLOCK = 64


def script(*, slug: str, url: str, key: str, portable: bool, python: str = sys.executable) -> str:
    """The text of a post-receive hook that tells the server at `url` about `slug`, signed with `key`.

    A portable hook runs on any machine with sh, curl and openssl; the other form runs this installation by its
    absolute path. Invalid when an argument cannot be right.
    """
    url = url.rstrip("/")
    _check(slug, url, key)
    body = _portable(slug, url, key) if portable else _local(slug, url, key, python)
    return f"#!/bin/sh\n# Tells Gantry what was pushed to {slug}. Keep it at mode 0700: it holds a key.\n{body}"


def _check(slug: str, url: str, key: str) -> None:
    rules = (
        (payload.is_slug(slug), "slug", "the slug must be namespace/name"),
        (_is_server(url), "url", "the server's address must be like https://host/path"),
        (key != "", "key", "the repository has no signing key"),
    )
    problems = [Problem(field, "invalid", words) for right, field, words in rules if not right]
    if problems:
        raise Invalid.of(problems)


def _is_server(url: str) -> bool:
    try:
        where = urlsplit(url)
    except ValueError:
        return False
    return bool(_ADDRESS.fullmatch(url) and where.hostname) and "@" not in where.netloc


def _local(slug: str, url: str, key: str, python: str) -> str:
    root = shlex.quote(str(Path(__file__).resolve().parents[2]))
    values = {_SLUG: slug, _URL: url, _KEY: key}
    settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in values.items())
    command = f"{settings} {shlex.quote(python)} -Es -m app.scm.receive"
    return f"CDPATH= cd -- {root} && {command}\nexit 0 # a push that has arrived cannot fail any more\n"


def _portable(slug: str, url: str, key: str) -> str:
    secret = key.encode()
    if len(secret) > _BLOCK:
        secret = hashlib.sha256(secret).digest()
    block = secret.ljust(_BLOCK, b"\0")
    lines = (
        f"slug={shlex.quote(slug)}",
        f"url={shlex.quote(url)}",
        f"inner_pad() {{ printf '{_pad(block, 0x36)}'; }}",
        f"outer_pad() {{ printf '{_pad(block, 0x5C)}'; }}",
    )
    return "\n".join(lines) + "\n" + Path(__file__).with_suffix(".sh").read_text()


def _pad(block: bytes, mask: int) -> str:
    return "".join(f"\\{byte ^ mask:03o}" for byte in block)


def report(lines: Iterable[bytes], environ: Mapping[str, str], put_off: Callable[[str], None]) -> Iterator[str]:
    """Tell the server about each line `OLD NEW REF`, in order, and yield one line of text about the server's answer.

    Ends when the server has not answered for `_TOTAL_SECONDS`. `put_off` is called with the reason when an attempt has
    failed, before the next one.
    """
    url, slug, end = environ[_URL], environ[_SLUG], time.monotonic() + _TOTAL_SECONDS
    for line in lines:
        before, after, ref = line.decode(errors="replace").rstrip("\n").split(" ", 2)
        body = _body(before, after, ref, environ)
        signature, pause = hook.sign(environ[_KEY], body), _FIRST_PAUSE
        answer = _attempt(url, body, signature, end)
        while isinstance(answer, str) and time.monotonic() + pause < end:
            put_off(answer)
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            answer = _attempt(url, body, signature, end)
        if isinstance(answer, str):
            yield f"{url} was not told of {ref} and what follows it: {answer}"
            return
        yield _explain(*answer, ref, slug, url)
        yield from _reasons(*answer)


def _attempt(url: str, body: bytes, signature: str, end: float) -> tuple[int, dict[str, object]] | str:
    """The server's answer to a delivery, at the latest at `end`; else why there is none."""
    try:
        status, data = _post(url, body, signature, end - time.monotonic())
    except (OSError, HTTPException) as error:
        return _line(str(error) or type(error).__name__)
    answer = _read(data)
    if status >= 500 or status in _NOT_NOW:
        return _line(answer.get("message") or f"the server answered {status}")
    return status, answer


def _body(before: str, after: str, ref: str, environ: Mapping[str, str]) -> bytes:
    count = environ.get("GIT_PUSH_OPTION_COUNT", "")
    options = range(int(count) if count.isdecimal() else 0)
    payload = {
        "before": before,
        "after": after,
        "ref": ref,
        "repository": {"full_name": environ[_SLUG]},
        "pusher": {"name": _text(next(filter(None, map(environ.get, _PUSHER)), ""))},
        "push_options": [_text(environ.get(f"GIT_PUSH_OPTION_{i}", "")) for i in options],
        "delivery": {"id": secrets.token_hex(16), "time": int(time.time())},
    }
    return json.dumps(payload).encode()


def _text(value: str) -> str:
    """Text that the server accepts: control characters become spaces, and bytes that are not UTF-8 become U+FFFD."""
    return _CONTROL.sub(" ", os.fsencode(value).decode(errors="replace"))


def _post(url: str, body: bytes, signature: str, seconds: float) -> tuple[int, bytes]:
    where = urlsplit(url)
    connection_type = HTTPSConnection if where.scheme == "https" else HTTPConnection
    connection = connection_type(where.netloc, timeout=max(0.1, min(_CONNECT_SECONDS, seconds)))
    headers = {
        "Content-Type": "application/json",
        "X-Gantry-Event": "push",
        "X-Hub-Signature-256": signature,
    }
    try:
        connection.connect()
        connection.sock.settimeout(max(0.1, seconds))
        connection.request("POST", f"{where.path}/hook", body, headers)
        response = connection.getresponse()
        return response.status, response.read(_LARGEST_ANSWER)
    finally:
        connection.close()


def _read(answer: bytes) -> dict[str, object]:
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _explain(status: int, answer: dict[str, object], ref: str, slug: str, url: str) -> str:
    number, why = answer.get("number"), _line(answer.get("message") or "")
    if status == 200 and number and answer.get("status") == "error":
        return f"build {number} of {slug} failed: {_line(answer.get('error'))}: {url}/{slug}/{number}"
    if status == 200 and number:
        return f"build {number} of {slug} started: {url}/{slug}/{number}"
    if status == 202:
        return f"{ref} was accepted: {why}" if why else f"{ref} was accepted, its build starts soon"
    if status not in {200, 204}:
        why = why or f"the server answered {status}"
    return f"{ref} started no build{why and ': '}{why}"


def _reasons(status: int, answer: dict[str, object]) -> Iterator[str]:
    """Why each pipeline was not started, where nothing was started."""
    errors = answer.get("errors")
    for error in errors[:_MOST_REASONS] if status == 200 and isinstance(errors, list) else ():
        why = error.get("message") if isinstance(error, dict) else ""
        if why and why != answer.get("message"):
            yield f"  {_line(why)}"


def _line(text: object) -> str:
    return _CONTROL.sub(" ", str(text))[:_LONGEST_REASON].strip()


def _relay(source: int, said: TextIO) -> bool:
    """Write the lines that come from a pipe; false when its writer has not ended after `_WAIT_SECONDS`."""
    end = time.monotonic() + _WAIT_SECONDS
    while select.select([source], [], [], max(0.0, end - time.monotonic()))[0]:
        data = os.read(source, 4096)
        if not data:
            return True
        said.write(data.decode(errors="replace"))
        said.flush()
    return False


def _work(lines: Sequence[bytes], said: int) -> None:
    """Report in the background: git must not wait for files that this process holds, nor end it with the push."""
    os.setsid()
    signal.alarm(_TOTAL_SECONDS + _CONNECT_SECONDS)  # a server may answer byte by byte, without an end
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)

    def say(line: str) -> None:
        with suppress(BrokenPipeError):  # the push does not wait any more
            os.write(said, f"gantry: {line}\n".encode(errors="replace"))

    def put_off(why: str) -> None:
        say(f"{os.environ[_URL]} does not answer: {why}; it is asked again for {_TOTAL_SECONDS} s")
        os.dup2(nothing, said)  # the push sees the end of the pipe

    for line in report(lines, os.environ, put_off):
        say(line)


def main() -> None:
    """Run as a post-receive hook; ends after `_WAIT_SECONDS` at most."""
    lines = sys.stdin.buffer.readlines()
    source, said = os.pipe()
    if os.fork() == 0:
        try:
            os.close(source)
            _work(lines, said)
        finally:
            os._exit(0)
    os.close(said)
    if not _relay(source, sys.stdout):
        url = os.environ[_URL]
        sys.stdout.write(f"gantry: {url} has not answered yet; it is asked for {_TOTAL_SECONDS} s in all\n")


if __name__ == "__main__":
    main()
