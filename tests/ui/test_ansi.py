"""Colours of terminals become classes, and nothing in a log harms a page."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ui.ansi import LONGEST, Painter, Piece

#: Lines as JSON of text and pieces: those of pages without scripts and, where they differ, those of `ansi.js`.
CASES = json.loads((Path(__file__).parents[2] / "fixtures" / "ansi.json").read_text())
FLOODS = ["\r" * 2**20, "\x1b[31m" * 2**18, "\x1b]" * 2**19, "a\rb" * 2**18, "\x1b[" + "1;" * 2**19]


def painted(text: str) -> list[tuple[str, str]]:
    return [(piece.text, piece.classes) for piece in Painter().line(text)]


@pytest.mark.parametrize(("text", "pieces"), [(text, near) for text, near, *_ in CASES])
def test_a_line_in_pieces(text: str, pieces: list[list[str]]) -> None:
    assert Painter().line(text) == [Piece(*piece) for piece in pieces]


def test_a_line_of_a_thousand_colours_has_few_pieces_and_all_its_text() -> None:
    pieces = Painter().line("".join(f"\x1b[{31 + at % 2}m{at} " for at in range(1000)))

    assert len(pieces) == 400
    assert "".join(piece.text for piece in pieces) == "".join(f"{at} " for at in range(1000))


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
