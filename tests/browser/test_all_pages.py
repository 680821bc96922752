"""Every page can be used by everybody (WCAG 2.2, level AA), light and dark, on a desk and on a phone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.browse import DESK, NARROWEST, PHONE, Browse, Device, Scheme
from tests.browser.pages import PAGES, Shown
from tests.browser.place import Place

AXE = Path(__file__).parents[2] / "fixtures" / "axe" / "axe.min.js"
#: Names of axe for the rules of WCAG 2.2, levels A and AA.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_RUN = """
async (tags) => {
  const { violations } = await axe.run(document, { runOnly: tags, resultTypes: ["violations"] });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}
"""
#: Devices by scheme of colours and width; those that are enough for another state of a page come first.
DEVICES: list[tuple[Scheme, int]] = [("light", DESK), ("dark", PHONE), ("light", PHONE), ("dark", DESK)]
_SCROLLS = "() => [document.documentElement.scrollWidth, innerWidth]"


@pytest.fixture(scope="module")
def browser(chromium: Browser, place: Place) -> Iterator[Browse]:
    """As `browse`, for all tests of the module: to open a page takes less time than to open a browser."""
    made = Browse(chromium, place)
    yield made
    made.close()


@pytest.fixture(scope="module")
def device(browser: Browse) -> Device:
    """A device whose pages know axe."""
    page = browser()
    page.context.add_init_script(path=AXE)
    return Device(page)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_keeps_the_rules_of_accessibility_and_never_scrolls_sideways(
    browser: Browse, device: Device, name: str
) -> None:
    shown = PAGES[name]
    open_as(browser, device.page, shown)

    violations: dict[str, list[str]] = {}
    for scheme, width in DEVICES[:2] if shown.again else DEVICES:
        device.become(width, scheme)
        violations[f"{scheme}, {width}"] = device.page.evaluate(_RUN, RULES)
    device.become(NARROWEST)
    needed, there = device.page.evaluate(_SCROLLS)

    assert {where: found for where, found in violations.items() if found} == {}
    assert needed <= there == NARROWEST
    browser.check()


def open_as(browser: Browse, page: Page, shown: Shown) -> None:
    browser.become(page, shown.login)
    page.goto(shown.address)


#: Gives all that people name a name of 300 letters, and tells the widest column of a table, and what overlaps sideways.
_LONG = """
() => {
  for (const name of document.querySelectorAll("bdi")) name.textContent = "x".repeat(300);
  return Math.max(0, ...[...document.querySelectorAll("th, td")].map((cell) => cell.offsetWidth));
}
"""


@pytest.mark.parametrize("name", [name for name, shown in PAGES.items() if not shown.again])
def test_long_names_break(browser: Browse, device: Device, name: str) -> None:
    open_as(browser, device.page, PAGES[name])

    for width in (DESK, NARROWEST):
        device.become(width)
        widest = device.page.evaluate(_LONG)
        needed, there = device.page.evaluate(_SCROLLS)

        assert needed <= there == width
        assert widest <= width
    browser.check()
