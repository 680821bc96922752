"""The post-receive hook of a plain repository: it tells the server what was pushed.

`script` makes the file to install as `hooks/post-receive`, with mode 0700 because the file holds the key. The local
form of the script runs this module. git waits for the hook, so this module imports little.
"""

import hashlib
import json
import os
import re
import shlex
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from app.errors import Invalid, Problem
from app.scm import hook
from app.scm.git import payload

_SLUG, _URL, _KEY = "GANTRY_HOOK_SLUG", "GANTRY_HOOK_URL", "GANTRY_HOOK_KEY"
_PUSHER = ("GL_USERNAME", "GITEA_PUSHER_NAME", "REMOTE_USER", "USER", "LOGNAME")
_CONNECT_SECONDS = 10
_TOTAL_SECONDS = 60
_LARGEST_ANSWER = 4 * 1024 * 1024
_LONGEST_REASON = 300
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


def report(lines: Iterable[bytes], environ: Mapping[str, str]) -> Iterator[str]:
    """Tell the server about each line `OLD NEW REF`, in order, and yield one line of text about the server's answer.

    Ends when the server cannot be reached.
    """
    url, slug = environ[_URL], environ[_SLUG]
    for line in lines:
        before, after, ref = line.decode(errors="replace").rstrip("\n").split(" ", 2)
        body = _body(before, after, ref, environ)
        try:
            status, answer = _post(url, body, hook.sign(environ[_KEY], body))
        except (OSError, HTTPException) as error:
            reason = _line(str(error) or type(error).__name__)
            yield f"{url} was not told of {ref} and what follows it: {reason}"
            return
        yield _explain(status, _read(answer), ref, slug, url)


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
    }
    return json.dumps(payload).encode()


def _text(value: str) -> str:
    """Text that the server accepts: control characters become spaces, and bytes that are not UTF-8 become U+FFFD."""
    return _CONTROL.sub(" ", os.fsencode(value).decode(errors="replace"))


def _post(url: str, body: bytes, signature: str) -> tuple[int, bytes]:
    where = urlsplit(url)
    connection_type = HTTPSConnection if where.scheme == "https" else HTTPConnection
    connection = connection_type(where.netloc, timeout=_CONNECT_SECONDS)
    headers = {
        "Content-Type": "application/json",
        "X-Gantry-Event": "push",
        "X-Hub-Signature-256": signature,
    }
    try:
        connection.connect()
        connection.sock.settimeout(_TOTAL_SECONDS)
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
        return f"{ref} was accepted, its build starts soon"
    if status not in {200, 204}:
        why = why or f"the server answered {status}"
    return f"{ref} started no build{why and ': '}{why}"


def _line(text: object) -> str:
    return _CONTROL.sub(" ", str(text))[:_LONGEST_REASON].strip()


def _too_late(*_: object) -> None:
    raise TimeoutError(f"no answer within {_TOTAL_SECONDS} s")


def main() -> None:
    """Run as a post-receive hook; ends after `_TOTAL_SECONDS` at most."""
    signal.signal(signal.SIGALRM, _too_late)
    signal.alarm(_TOTAL_SECONDS)
    for line in report(sys.stdin.buffer, os.environ):
        sys.stdout.write(f"gantry: {line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
