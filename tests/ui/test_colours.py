"""Every text of the pages stands out from its ground, light and dark (WCAG 2.2, level AA)."""

import re

import pytest

from app.ui.assets import asset
from tests.web.test_colours import SHAPE, TEXT, contrast

STYLE = asset("gantry.css").text.plain.decode()
TOKENS = {name: (light, dark) for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", STYLE)}
TONES = ("success", "failed", "running", "waits", "neutral")
LOG = sorted(name for name in TOKENS if name.startswith("log-") and name not in ("log-ground", "log-here"))
#: Texts and the grounds that they stand on.
PAIRS = [
    *((text, ground) for text in ("text", "soft", "link") for ground in ("ground", "raised")),
    *(("text", f"{tone}-ground") for tone in ("neutral",)),
    *((tone, f"{tone}-ground") for tone in TONES),
    *(("ground", "link"), ("link", "neutral-ground"), ("soft", "neutral-ground"), ("link", "log-ground")),
    *((name, "log-ground") for name in LOG),
    *((name, "log-here") for name in (*LOG, "link")),
    *(("log-ground", "log-text"), ("link", "waits-ground")),
]


def whole(colour: str) -> str:
    return colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS, ids=lambda name: name)
def test_a_text_stands_out_from_its_ground(text: str, ground: str, mode: int) -> None:
    assert contrast(whole(TOKENS[text][mode]), whole(TOKENS[ground][mode])) >= TEXT


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["ground", "raised"])
def test_the_edges_of_fields_can_be_seen(ground: str, mode: int) -> None:
    assert contrast(whole(TOKENS["edge"][mode]), whole(TOKENS[ground][mode])) >= SHAPE


def test_no_rule_has_a_colour_of_its_own_and_every_colour_is_used() -> None:
    rules = re.sub(r":root \{.*?\n\}", "", STYLE, count=1, flags=re.S)
    used = set(re.findall(r"var\(--([\w-]+)\)", rules))

    assert not re.findall(r"#[0-9a-f]{3,8}\b(?!.*svg)|rgb\(|hsl\(", rules)
    assert used - {"mono", "ink", "frame"} == set(TOKENS)
    assert len([name for name in LOG if "bright" in name]) == 8


def test_the_sheet_heeds_what_people_have_set() -> None:
    for wanted in ("prefers-reduced-motion", "forced-colors", "@media print", "max-width: 45rem", "pointer: coarse"):
        assert wanted in STYLE
    assert not [word for word in ("url(", "@font-face") if word in STYLE]
