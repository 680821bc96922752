"""Secrets out of output, however it is cut."""

import base64
import random
import re

import pytest

from app.runners.exec.mask import Mask
from app.runners.exec.needles import Needles


def masked(secrets: dict[str, str], *pieces: str) -> str:
    mask = Mask(Needles(secrets))
    return "".join(map(mask.feed, pieces)) + mask.flush()


def test_a_value_is_replaced_by_its_name_in_lower_case() -> None:
    assert masked({"ToKen": "s3cret"}, "a s3cret, s3crets\n") == "a [secret:token], [secret:token]s\n"


@pytest.mark.parametrize("size", range(1, 12))
def test_a_value_is_found_across_pieces(size: int) -> None:
    text = "before s3cret after s3s3cret end s3cre"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]

    assert masked({"t": "s3cret"}, *pieces) == "before [secret:t] after s3[secret:t] end s3cre"


def test_only_what_may_become_a_secret_is_held_back() -> None:
    mask = Mask(Needles({"t": "s3cret"}))

    assert mask.feed("password: ") == "password: "
    assert mask.feed("xs3") == "x"
    assert mask.feed("!") == "s3!"
    assert mask.feed("s3cret") == "[secret:t]"
    assert mask.feed("s3c") == ""
    assert mask.flush() == "s3c"
    assert mask.flush() == ""


def test_the_longest_value_wins_even_when_it_comes_in_pieces() -> None:
    secrets = {"short": "abc", "long": "abcdef"}

    assert masked(secrets, "abcdef abc abcd") == "[secret:long] [secret:short] [secret:short]d"
    assert masked(secrets, "abc", "def") == "[secret:long]"
    assert masked(secrets, "abc", "dex") == "[secret:short]dex"
    assert masked(secrets, "abc") == "[secret:short]"


def test_several_lines_are_masked_whole_and_one_by_one() -> None:
    key = "-----BEGIN-----\n  line one  \nx\nline two\n-----END-----\n"

    assert masked({"key": key}, f"<{key}>") == "<[secret:key]>"
    assert masked({"key": key}, "line one;x;line two\n") == "[secret:key];x;[secret:key]\n"


def test_a_value_with_a_line_end_is_found_without_it() -> None:
    assert masked({"t": "s3cret\n"}, "is s3cret.") == "is [secret:t]."


def test_empty_values_hide_nothing() -> None:
    assert masked({"a": "", "b": "\n \n"}, "some text\n") == "some text\n"
    assert masked({}, "some", " text") == "some text"


def test_a_value_may_look_like_a_pattern() -> None:
    assert masked({"t": "a.*(b"}, "aXX(b a.*(b") == "aXX(b [secret:t]"


def test_of_equal_values_the_first_name_is_shown() -> None:
    assert masked({"one": "same", "two": "same"}, "same") == "[secret:one]"


def test_cutting_never_changes_the_result() -> None:
    chance = random.Random(7)
    for _ in range(3000):
        secrets = {str(n): "".join(chance.choices("ab\n", k=chance.randint(1, 12))) for n in range(4)}
        text = "".join(chance.choices("ab\nc", weights=(4, 4, 2, 1), k=60))
        cuts = sorted(chance.sample(range(len(text)), 6))
        pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]

        assert re.sub(r"secret:\d", "secret", masked(secrets, *pieces)) == slowly(secrets, text)


def slowly(secrets: dict[str, str], text: str) -> str:
    """The same, one character after the other over the whole text."""
    needles = {line.strip(): name for name, v in secrets.items() for line in v.splitlines() if len(line.strip()) > 1}
    for name, value in secrets.items():
        needles.setdefault(value, name)
    result, at = "", 0
    while at < len(text):
        found = max((needle for needle in needles if text.startswith(needle, at)), key=len, default="")
        result += "[secret]" if found else text[at]
        at += len(found) or 1
    return result


def test_values_that_repeat_themselves_do_not_stall() -> None:
    piece = "a" * 32768

    assert masked({"t": "a" * 4096 + "b"}, *[piece] * 4) == piece * 4


@pytest.mark.parametrize("before", ["", "x", "xy", "user:"])
@pytest.mark.parametrize("after", ["", "\n", "z"])
def test_a_value_is_hidden_in_base64_too_wherever_it_stands(before: str, after: str) -> None:
    secret = "correct-horse-battery"
    printed = base64.b64encode(f"{before}{secret}{after}".encode()).decode()

    mask = Mask(Needles({"key": secret}))
    shown = mask.feed(f"Authorization: Basic {printed}\n") + mask.flush()

    assert "[secret:key]" in shown
    assert not any(printed[at : at + 12] in shown for at in range(4, len(printed) - 16))


def test_a_long_value_is_hidden_in_the_lines_that_base64_breaks() -> None:
    secret = "".join(chr(33 + number % 90) for number in range(200))
    printed = base64.encodebytes(secret.encode()).decode()
    assert printed.count("\n") > 3

    mask = Mask(Needles({"key": secret}))
    shown = mask.feed(printed) + mask.flush()

    assert set(shown.replace("=", "").split()) == {"[secret:key]"}


def test_the_base64_of_a_short_value_is_not_looked_for() -> None:
    mask = Mask(Needles({"key": "ab"}))

    assert mask.feed("YWI= and YWIx\n") + mask.flush() == "YWI= and YWIx\n"
