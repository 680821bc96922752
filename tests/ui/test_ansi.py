"""Colours of terminals become classes, and nothing in a log harms a page."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ui.ansi import LONGEST, Painter, Piece

Z = [("z", "")]
FLOODS = ["\r" * 2**20, "\x1b[31m" * 2**18, "\x1b]" * 2**19, "a\rb" * 2**18, "\x1b[" + "1;" * 2**19]


def painted(text: str) -> list[tuple[str, str]]:
    return [(piece.text, piece.classes) for piece in Painter().line(text)]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("plain\n", [("plain", "")]),
        ("\x1b[32mok\x1b[0m done\r\n", [("ok", "fg-green"), (" done", "")]),
        ("\x1b[1;31mbad\x1b[22m red", [("bad", "bold fg-red"), (" red", "fg-red")]),
        (
            "\x1b[91;104mx\x1b[39my\x1b[49mz",
            [("x", "fg-bright-red bg-bright-blue"), ("y", "bg-bright-blue"), ("z", "")],
        ),
        ("\x1b[3;4;7;9mx\x1b[23;24;27;29my", [("x", "inverse italic struck underline"), ("y", "")]),
        ("\x1b[mx", [("x", "")]),
        ("\x1b[38;5;9mx\x1b[38;5;196my", [("xy", "fg-bright-red")]),
        ("\x1b[38;2;0;0;255mx", [("x", "fg-bright-blue")]),
        ("\x1b[48:2:0:120:0mx", [("x", "bg-green")]),
        ("\x1b[38;5;240mx", [("x", "fg-white")]),
        ("\x1b[38;5mx\x1b[38my", [("x", "fg-black"), ("y", "")]),
        ("\x1b[2K\x1b[1Gdone\x1b[?25h", [("done", "")]),
        ("\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07", [("link", "")]),
        ("\x1b]0;title\x1b\\x", [("x", "")]),
        ("half \x1b[31", [("half ", "")]),
        ("half \x1b", [("half ", "")]),
        ("half \x1b]8;;http://x", [("half ", "")]),
        ("10%\r20%\r100%\n", [("100%", "")]),
        ("\x1b[31mlong line\rshort", [("shortline", "fg-red")]),
        ("a\x00b\x07c\x7fd\x9be\tf", [("abcde\tf", "")]),
        ("😀 שלום", [("😀 שלום", "")]),
        ("<script>\x1b[31m&", [("<script>", ""), ("&", "fg-red")]),
        ("\x1b[999999999999999999999mx\x1b[;;;;;my", [("xy", "")]),
    ],
)
def test_a_line_in_pieces(text: str, pieces: list[tuple[str, str]]) -> None:
    assert painted(text) == pieces


def test_a_colour_lasts_over_lines_until_it_is_ended() -> None:
    painter = Painter()

    lines = [painter.line(text) for text in ("\x1b[33mone", "two", "\x1b[0mthree")]

    assert lines == [[Piece("one", "fg-yellow")], [Piece("two", "fg-yellow")], [Piece("three", "")]]


def test_a_line_of_a_megabyte_is_cut_and_says_so() -> None:
    (shown, note) = painted("x" * 2**20)

    assert shown == ("x" * LONGEST, "")
    assert note == (" … the raw log has the rest of this line", "faint")


@given(st.text(st.characters() | st.sampled_from("\x1b[]m;0123456789\r\x07\\")))
def test_no_line_breaks_the_painter_or_gets_through_with_a_control_character(text: str) -> None:
    for piece in Painter().line(text):
        assert not [sign for sign in piece.text if (ord(sign) < 32 and sign not in "\t\n") or 127 <= ord(sign) < 160]
        assert all(part.replace("-", "").isalpha() for part in piece.classes.split())


@pytest.mark.parametrize("text", FLOODS)
def test_a_flood_takes_no_time(text: str) -> None:
    began = time.process_time()

    Painter().line(text)

    assert time.process_time() - began < 0.5
