"""A tour of every page with the key Tab, in one window: nothing is left out, nothing holds the focus, all is seen."""

from collections.abc import Collection

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browse import DESK, PHONE, Browse, Device
from tests.browser.pages import PAGES, Shown

#: Pages with what stands elsewhere on a phone, or lies above the rest.
ON_A_PHONE = ("first", "repository", "build, failed", "build, waits", "promote", "settings, access", "deployments")
#: How often a field of several parts, such as one for a date, has the focus at most.
PARTS = 8
#: Numbers what Tab leads to, in the order of the page: of radio buttons, the one that is chosen. Gives their count.
_MARK = """() => {
  const rest = ({ type, name, checked }) =>
    type === "radio" && !checked && document.querySelector(`[type=radio][name="${name}"]:checked`);
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")];
  const isStop = (one) => one.checkVisibility() && one.tabIndex >= 0 && !one.matches(":disabled") && !rest(one);
  const due = all.filter(isStop);
  due.forEach((one, at) => (one.dataset.stop = at));
  due[0].focus();
  return due.length;
}"""
#: The number of what has the focus, and what is wrong with that; no number where nothing has the focus.
_LOOK = """() => {
  const here = document.activeElement, box = here.getBoundingClientRect(), { outlineStyle } = getComputedStyle(here);
  const [x, y] = [Math.max(box.left, 0) + Math.min(box.width, innerWidth) / 2, Math.max(box.top, 0) + 8];
  const top = document.elementFromPoint(x, Math.min(y, box.top + box.height / 2));
  const faults = [];
  if (here === document.body) return [-1, ""];
  if (here.tabIndex > 0) faults.push("has a place of its own in the order");
  if (outlineStyle === "none" && here.type !== "date") faults.push("has no outline"); // a date has parts that have one
  if (!here.contains(top) && !top?.contains(here)) faults.push("is not in sight");
  return [Number(here.dataset.stop ?? -1), faults.map((fault) => `${here.outerHTML.slice(0, 80)} ${fault}`).join()];
}"""


def tour(page: Page) -> list[str]:
    """What is wrong on the way from the top of an open page to its end, by Tab."""
    due, passed, faults = page.evaluate(_MARK), list[int](), list[str]()
    while len(passed) < 2 * due + PARTS:
        stop, fault = page.evaluate(_LOOK)
        if stop < 0 or (passed and stop < passed[-1]):  # the browser's own fields have their turn, or it begins anew
            break
        passed.append(stop)
        faults += [fault] if fault else []
        page.keyboard.press("Tab")
    if [*dict.fromkeys(passed)] != [*range(due)]:
        faults.append(f"Tab leads to {passed} of {due}")
    return faults


@pytest.mark.parametrize(("width", "names"), [(DESK, PAGES), (PHONE, ON_A_PHONE)])
def test_tab_leads_through_every_page(browse: Browse, width: int, names: Collection[str]) -> None:
    page, found = browse(), dict[str, list[str]]()
    Device(page).become(width)
    for name in names:
        if not PAGES[name].again:
            open_as(browse, page, PAGES[name])
            found[name] = tour(page)

    assert {name: faults for name, faults in found.items() if faults} == {}


def open_as(browse: Browse, page: Page, shown: Shown) -> None:
    browse.become(page, shown.login)
    page.goto(shown.address)
    if page.locator("[data-log]").count():
        expect(page.locator("#log .lines li").first).to_be_attached()
