"""No template may hold what the policy of the pages forbids, or put a value into a page as it is."""

import re
from pathlib import Path

import pytest

import app.ui
from app.ui import assets, render

FOLDER = Path(app.ui.__file__).parent / "templates"
TEMPLATES = sorted(FOLDER.rglob("*.html"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_nothing_inline_and_escapes_all(path: Path) -> None:
    text = path.read_text()

    assert not re.findall(r"\|\s*safe\b|autoescape|Markup", text)
    assert not re.findall(r"\sstyle=|\son[a-z]+=|<style|<script(?! src)|javascript:", text)
    assert not re.findall(r"\s[a-z-]+=\{\{", text), "an attribute's value stands in quotes"


def test_a_name_that_is_not_given_is_an_error_and_values_are_escaped() -> None:
    environment = render.environment()

    assert environment.from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"
    with pytest.raises(Exception, match="undefined"):
        environment.from_string("{{ y }}").render()


def test_every_class_of_the_templates_is_in_the_style_sheet() -> None:
    style = assets.asset("gantry.css").text.plain.decode()
    named = {
        one
        for path in TEMPLATES
        for words in re.findall(r'class="([^"{}]*)"', path.read_text())
        for one in words.split()
    }

    assert len(named) > 20
    assert {one for one in named if f".{one}" not in style} == set()
