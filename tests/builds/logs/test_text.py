"""Logs as plain text: the same however their bytes are cut, with escape sequences or without."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.builds.logs import text as log_text


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def text(data: bytes, size: int = 7) -> str:
    return "".join(log_text.text(pieces(data, size)))


@given(st.lists(st.text()), st.integers(1, 40), st.booleans())
def test_the_text_is_what_was_printed_however_it_is_cut(outs: list[str], size: int, ascii_only: bool) -> None:
    lines = [{"pos": pos, "out": out, "time": 0} for pos, out in enumerate(outs)]

    assert text(json.dumps(lines, ensure_ascii=ascii_only).encode("utf-8", "replace"), size) == "".join(
        out if ascii_only else out.encode("utf-8", "replace").decode() for out in outs
    )


@pytest.mark.parametrize(
    ("log", "printed"),
    [
        (b"", ""),
        (b"null", ""),
        (b"[]", ""),
        (b' [ {"out" : "a"} ,\n {"pos": 1, "out": "b", "more": [1, {"out": "c"}]} ] ', "ab"),
        (b'[{"pos":0},{"out":null},{"out":5},7,"x",{"out":"a"}]', "a"),
        (b'[{"out":"a"},{"out":"b', "a"),
        (b'[{"out":"a"},damaged,{"out":"b"}]', "a"),
        (b'[{"out":"\xff\xfe"}]', "\ufffd\ufffd"),
        (b'[{"out":"\x01\t"}]', "\x01\t"),
        (b'[{"out":"a"},' + b'{"x":' * 5000, "a"),
    ],
)
def test_what_is_no_entry_of_a_log_is_left_out(log: bytes, printed: str) -> None:
    assert text(log) == printed


def test_an_entry_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_text, "LONGEST", 1000)
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        yield b'[{"out":"a"},{"out":"'
        for _ in range(1000):
            read += 1
            yield b"x" * 100

    assert "".join(log_text.text(endless())) == "a"
    assert read < 30


ESCAPES = {
    "colour": "\x1b[1;31m",
    "reset": "\x1b[m",
    "24 bit colour": "\x1b[38;2;10;20;30m",
    "colons": "\x1b[4:3m",
    "private": "\x1b[?25l",
    "intermediate": "\x1b[4 q",
    "erase": "\x1b[2K",
    "move": "\x1b[12;40H",
    "C1": "\x9b31m",
    "title": "\x1b]0;a title\x07",
    "title with ST": "\x1b]2;a title\x1b\\",
    "link": "\x1b]8;id=1;https://example.com/?a=1&b=2\x1b\\",
    "C1 string": "\x9d0;title\x9c",
    "device control": "\x1bP1$r0m\x1b\\",
    "application": "\x1b_payload\x1b\\",
    "charset": "\x1b(B",
    "save": "\x1b7",
    "keypad": "\x1b=",
    "full reset": "\x1bc",
}


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_escape_sequences_are_taken_out_wherever_they_are_cut(name: str, size: int) -> None:
    whole = f"before {ESCAPES[name]}within{ESCAPES[name]}{ESCAPES[name]} after\r\n\ttab ☃"

    cut = (whole[at : at + size] for at in range(0, len(whole), size))

    assert "".join(log_text.without_escapes(cut)) == "before within after\r\n\ttab ☃"


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        ("plain [31m text] (B", "plain [31m text] (B"),
        ("\x1b]never ends\nnext", "never ends\nnext"),
        ("\x1b[31", "31"),
        ("\x1b", "\x1b"),
        ("a\x1b[31\nb", "a31\nb"),
        ("\x1b[31☃m", "31☃m"),
        ("\x1b☃", "\x1b☃"),
    ],
)
def test_what_is_no_whole_sequence_takes_no_text_with_it(printed: str, kept: str) -> None:
    assert "".join(log_text.without_escapes(iter(printed))) == kept


@given(st.text(alphabet="\x1b\x9b\x9d\x07[]()0;m\\ab\n"), st.integers(1, 9))
def test_it_does_not_matter_where_text_is_cut(printed: str, size: int) -> None:
    cut = (printed[at : at + size] for at in range(0, len(printed), size))

    assert "".join(log_text.without_escapes(cut)) == "".join(log_text.without_escapes([printed]))


@pytest.mark.parametrize("part", ["\x1b]", "\x1b[", "\x1b[0;", "\x9d", "\x1b]a\x1b", "\x1b   "])
def test_hostile_text_takes_no_longer(part: str) -> None:
    printed = part * (200_000 // len(part))

    assert len("".join(log_text.without_escapes([printed]))) <= len(printed)
