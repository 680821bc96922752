"""A secret is hidden in every form in which programs write it, and at a cost that no secret raises."""

import html
import json
import random
import re
import string
import subprocess
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from app.runners.exec.mask import Mask
from app.runners.exec.needles import LONGEST, Needles

AWKWARD = [
    "p@ss\"w/rd$1 it's+a\\b&<c>~!",
    "tab\there%20 [x]{y};z",
    "é'ü\"/☃ schlüssel",
    "a b",
    "x=1&y=2",
    "--flag=\x01\x1b[0m",
]


def shell(name: str, script: str) -> Callable[[str], str]:
    def write(value: str) -> str:
        environment = {"V": value, "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
        done = subprocess.run([name, "-c", script], env=environment, capture_output=True, check=True)
        return (done.stdout + done.stderr).decode()

    return write


WRITERS: dict[str, Callable[[str], str]] = {
    "json": json.dumps,
    "json as it is": lambda value: json.dumps(value, ensure_ascii=False),
    "json in json": lambda value: json.dumps(json.dumps(value)),
    "json of php": lambda value: json.dumps(value).replace("/", "\\/"),
    "json of go": lambda value: json.dumps(value, ensure_ascii=False).translate(
        {38: "\\u0026", 60: "\\u003c", 62: "\\u003e"}
    ),
    "url": lambda value: f"https://x/?v={quote(value, safe='')}&w=1",
    "url, path": lambda value: f"https://x/{quote(value)}/",
    "url, form": lambda value: f"v={quote_plus(value)}",
    "url, lower case": lambda value: re.sub("%..", lambda found: found[0].lower(), quote(value, safe="")),
    "url, encodeURIComponent": lambda value: quote(value, safe="!'()*~"),
    "html": lambda value: f"<b>{html.escape(value)}</b>",
    "html of go": lambda value: html.escape(value).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
    "yaml": lambda value: "'" + value.replace("'", "''") + "'",
    "base64": lambda value: b64encode(value.encode()).decode(),
    "base64 for urls": lambda value: urlsafe_b64encode(value.encode()).decode(),
    "base64 for urls, within": lambda value: urlsafe_b64encode(f"user:{value}\n".encode()).decode(),
    "printf %q": shell("bash", 'printf "%q" "$V"'),
    "@Q": shell("bash", 'echo "${V@Q}"'),
    "bash -x": shell("bash", 'set -x; : "$V"'),
    "sh -x": shell("sh", 'set -x; : "$V"'),
    "declare": shell("bash", "declare -p V"),
    "export": shell("sh", "export -p"),
}


@pytest.mark.parametrize("value", AWKWARD)
@pytest.mark.parametrize("writer", WRITERS)
def test_a_value_is_hidden_as_programs_write_it(writer: str, value: str) -> None:
    if len(value) < 6 and "base64" in writer:
        pytest.skip("too short to be looked for")
    if not value.isascii() and writer == "printf %q":
        pytest.skip("octal bytes are not looked for")
    written = WRITERS[writer](value)

    shown = Mask(Needles({"key": value})).whole(written)

    assert "[secret:key]" in shown, (written, shown)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_long_value_is_hidden_so_too(writer: str) -> None:
    value = AWKWARD[0] * 60

    shown = Mask(Needles({"key": value})).whole(WRITERS[writer](value))

    assert "[secret:key]" in shown
    assert len(shown) < len(value)


@pytest.mark.parametrize("writer", ["json", "json of go", "url", "printf %q", "html"])
def test_each_line_of_a_value_is_hidden_so_too(writer: str) -> None:
    value = 'first "line" <1>\n  second/line & more\nx\n'

    shown = Mask(Needles({"key": value})).whole(WRITERS[writer]("second/line & more"))

    assert "second" not in shown


def test_text_that_is_not_ascii_moves_no_replacement() -> None:
    assert Mask(Needles({"key": "s3cret"})).feed("ünï ☃ s3cret 𝒳 s3cret\n") == "ünï ☃ [secret:key] 𝒳 [secret:key]\n"


def test_a_value_that_is_not_unicode_is_no_error() -> None:
    assert Mask(Needles({"key": "p\udcffw", "other": "s3cret"})).whole("s3cret") == "[secret:other]"


def test_a_value_longer_than_what_is_held_back_is_hidden_in_parts() -> None:
    value = "".join(random.Random(1).choices(string.ascii_letters, k=3 * LONGEST + 5))
    mask = Mask(Needles({"key": value}))

    shown = "".join(mask.feed(value[at : at + 1000]) for at in range(0, len(value), 1000)) + mask.flush()

    assert set(shown.replace("[secret:key]", "|")) == {"|"}


def nested(count: int) -> dict[str, str]:
    """Each value is the start of the next."""
    return {str(number): "ab" * number for number in range(1, count)}


def lines(count: int) -> dict[str, str]:
    chance = random.Random(2)
    return {"key": "\n".join("".join(chance.choices(string.printable[:94], k=70)) for _ in range(count))}


@pytest.mark.parametrize(
    ("secrets", "line"),
    [
        (lines(2000), "0000001 a line of output with some words\n"),
        (nested(500), "ab" * 20 + "c\n"),
        ({"key": "a" * 60_000 + "b"}, "a" * 40 + "\n"),
        ({str(n): f"export SECRET_NUMBER_{n}={n * 7919}" for n in range(2000)}, "export SECRET_NUMBER_17=1\n"),
    ],
)
def test_the_cost_does_not_grow_with_the_secrets(secrets: dict[str, str], line: str) -> None:
    """What took minutes takes a moment: the bound is wide, for machines that do much else."""
    mask, piece = Mask(Needles(secrets)), line * (32 * 1024 // len(line))

    began = time.process_time()
    for _ in range(8):
        mask.feed(piece)

    assert time.process_time() - began < 4
