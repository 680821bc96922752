"""Pages on paper: what is read, and nothing that only a screen can do."""

from playwright.sync_api import expect

from tests.browser.browse import Browse
from tests.browser.pages import PAGES
from tests.browser.place import SHOP

#: The width of a sheet (A4) between its margins, and the height, in pixels.
WIDTH, HEIGHT = 703, 1032
#: What is wrong with the page as it is printed.
_FAULTS = """() => {
  const isSeen = (one) => one.checkVisibility();
  const shown = (selector) => [...document.querySelectorAll(selector)].filter(isSeen);
  const isEmpty = (frame) => ![...frame.querySelectorAll(":scope > :not(legend)")].some(isSeen);
  const { scrollWidth } = document.documentElement;
  return [
    ...(scrollWidth > innerWidth ? [`is ${scrollWidth} wide`] : []),
    ...shown("button, .button, .menu, .top, .foot").map((one) => `shows ${one.outerHTML.slice(0, 80)}`),
    ...shown("fieldset").filter(isEmpty).map((one) => `has an empty frame: ${one.textContent}`),
  ];
}"""


def test_a_printed_page_fits_and_has_nothing_to_press_and_no_empty_frame(browse: Browse) -> None:
    page, found = browse(), dict[str, list[str]]()
    page.emulate_media(media="print")
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    for name, shown in PAGES.items():
        if not shown.again:
            browse.become(page, shown.login)
            page.goto(shown.address)
            found[name] = page.evaluate(_FAULTS)

    assert {name: faults for name, faults in found.items() if faults} == {}


def test_printed_lists_are_tables_and_forms_keep_their_values(browse: Browse) -> None:
    page = browse("keeper")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})

    page.goto("/-/builds")
    expect(page.get_by_role("columnheader", name="Repository")).to_be_visible()
    page.goto(f"/{SHOP}/-/new?branch=main")
    expect(page.get_by_label("Name or id")).to_have_value("main")
    expect(page.get_by_label("Name or id")).to_be_visible()
    page.goto(f"/{SHOP}/-/settings/general")
    expect(page.get_by_label("Pipeline file")).to_be_visible()
    expect(page.get_by_text("Disable…")).to_be_hidden()
