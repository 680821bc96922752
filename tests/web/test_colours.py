"""The colours of the pages have enough contrast for people who see less well (WCAG 2.2, level AA), light and dark."""

import re
from collections.abc import Iterator
from importlib import resources

import pytest

STYLE = (resources.files("app.web") / "pages" / "api.css").read_text()
LIGHT, DARK = [
    dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block)) for block in re.findall(r":root \{(.*?)\}", STYLE, re.S)
]
#: The backgrounds that text can stand on.
PAPERS = ("paper", "soft")
#: Least contrasts: of text, and of what shows where a field is, such as its border.
TEXT, SHAPE = 4.5, 3.0


def luminance(colour: str) -> float:
    """The relative luminance of `#rrggbb`, from 0 to 1."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """From 1 to 21."""
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def used(pattern: str) -> set[str]:
    """The names of the colours that rules use for this."""
    return set(re.findall(rf"[{{; ]{pattern}[^;]*var\(--(\w+)\)", STYLE))


def pairs(names: set[str]) -> Iterator[tuple[str, str, str, str]]:
    for mode, colours in (("light", LIGHT), ("dark", DARK)):
        yield from ((mode, name, paper, colours[name]) for name in sorted(names) for paper in PAPERS)


def test_the_contrast_of_black_and_white_is_the_greatest() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_both_modes_have_the_same_colours_and_no_rule_has_another() -> None:
    rules = re.sub(r":root \{.*?\}", "", STYLE, flags=re.S)

    assert set(LIGHT) == set(DARK)
    assert not re.findall(r"#[0-9a-f]{3,8}\b|rgb|hsl", rules)
    assert used("background:") == set(PAPERS)
    assert set(re.findall(r"var\(--(\w+)\)", rules)) == set(LIGHT)


@pytest.mark.parametrize(("mode", "name", "paper", "colour"), [*pairs(used("color:"))])
def test_text_stands_out(mode: str, name: str, paper: str, colour: str) -> None:
    behind = (LIGHT if mode == "light" else DARK)[paper]

    assert contrast(colour, behind) >= TEXT, f"{name} on {paper}, {mode}"


@pytest.mark.parametrize(("mode", "name", "paper", "colour"), [*pairs({"edge", "link"})])
def test_edges_of_fields_and_the_focus_can_be_seen(mode: str, name: str, paper: str, colour: str) -> None:
    behind = (LIGHT if mode == "light" else DARK)[paper]

    assert contrast(colour, behind) >= SHAPE, f"{name} on {paper}, {mode}"
