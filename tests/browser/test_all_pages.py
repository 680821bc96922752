"""Every page can be used by everybody (WCAG 2.2, level AA), light and dark, on a desk and on a phone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.browse import DESK, NARROWEST, PHONE, Browse, Scheme
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
CASES = [(device, name) for device in DEVICES for name in PAGES if not PAGES[name].again or device in DEVICES[:2]]
_SCROLLS = "() => [document.documentElement.scrollWidth, innerWidth]"


@pytest.fixture(scope="module")
def browser(chromium: Browser, place: Place) -> Iterator[Browse]:
    """As `browse`, for all tests of the module: to open a page takes less time than to open a browser."""
    made = Browse(chromium, place)
    yield made
    made.close()


@pytest.fixture(scope="module")
def device(request: pytest.FixtureRequest, browser: Browse) -> Iterator[Page]:
    """A page of a device, which knows axe."""
    scheme, width = request.param
    page = browser(scheme=scheme, width=width)
    page.context.add_init_script(path=AXE)
    yield page
    page.context.close()


@pytest.fixture(scope="module")
def narrow(browser: Browse) -> Iterator[Page]:
    page = browser(width=NARROWEST)
    yield page
    page.context.close()


def open_as(browser: Browse, page: Page, shown: Shown) -> None:
    page.context.clear_cookies()
    for cookie in browser.session(shown.login)["cookies"] if shown.login else ():
        page.context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": browser.place.server.url}])
    page.goto(shown.address)


@pytest.mark.parametrize(
    ("device", "name"),
    CASES,
    indirect=["device"],
    scope="module",
    ids=[f"{scheme}-{width}-{name}" for (scheme, width), name in CASES],
)
def test_a_page_keeps_the_rules_of_accessibility(browser: Browse, device: Page, name: str) -> None:
    open_as(browser, device, PAGES[name])

    violations: list[str] = device.evaluate(_RUN, RULES)

    assert violations == []
    browser.check()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_does_not_scroll_sideways_on_the_narrowest_screen(browser: Browse, narrow: Page, name: str) -> None:
    open_as(browser, narrow, PAGES[name])

    needed, there = narrow.evaluate(_SCROLLS)

    assert needed <= there == NARROWEST
    browser.check()
