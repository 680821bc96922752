"""The problems of a pipeline file beside its lines."""

import pytest

from app.ui.faults import Fault, Numbered, faults, names_lines

FILE = "one\r\ntwo\nthree\nfour\nfive\n"
ERROR = "Linter: bad (name) (.drone.yml:4: a (b: c) of x)\nand 3 more problems\n\n"


def test_each_problem_is_told_with_its_place_and_the_lines_around() -> None:
    first, second = faults(ERROR, ".drone.yml", FILE)

    assert (first.text, first.place) == ("Linter: bad (name): a (b: c) of x", ".drone.yml:4")
    assert first.lines == [
        *(Numbered(2, "two", False), Numbered(3, "three", False), Numbered(4, "four", True)),
        *(Numbered(5, "five", False), Numbered(6, "", False)),
    ]
    assert second == Fault("and 3 more problems", "", ())


@pytest.mark.parametrize(
    ("error", "path", "text"),
    [(ERROR, "other.yml", FILE), (ERROR, ".drone.yml", ""), ("x (.drone.yml:99: y)", ".drone.yml", FILE)],
)
def test_a_line_that_is_not_there_is_not_shown(error: str, path: str, text: str) -> None:
    assert all(not fault.lines for fault in faults(error, path, text))


@pytest.mark.parametrize(
    ("error", "path", "named"),
    [(ERROR, ".drone.yml", True), (ERROR, "x.yml", False), ("no such branch", ".drone.yml", False), ("", "", False)],
)
def test_whether_an_error_is_about_lines_of_the_file(error: str, path: str, named: bool) -> None:
    assert names_lines(error, path) is named


def test_a_long_line_is_cut() -> None:
    (fault,) = faults("a (f:1: b)", "f", "x" * 100_000)

    assert len(fault.lines[0].text) == 300
