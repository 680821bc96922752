"""Everything by keys; letters can be switched off, and no key acts without its form."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.browse import Browse
from tests.browser.place import CURRENT, FAILED, SHOP, VAULT, WAITS, Place

#: Keeps the names of the keys that the script of a log is told of; it takes all but `e`.
_HEAR = """() => {
  globalThis.heard = [];
  document.addEventListener("gantry:key", (event) => {
    globalThis.heard.push(event.detail);
    if (event.detail !== "e") event.preventDefault();
  });
}"""


def keys(page: Page, *names: str) -> None:
    for name in names:
        page.keyboard.press(name)


def test_a_build_is_reached_from_the_first_page_by_keys_alone(browse: Browse, place: Place) -> None:
    page = browse("reader")
    page.goto("/-/keys")

    keys(page, "g", "b")
    expect(page).to_have_url(f"{place.server.url}/")
    link = page.get_by_role("link", name=SHOP, exact=True)
    keys(page, "k")
    while not link.evaluate("(link) => link === document.activeElement"):
        keys(page, "k")
    keys(page, "j", "k", "Enter")
    expect(page).to_have_url(f"{place.server.url}/{SHOP}")
    page.locator(f"#build-{FAILED} a").focus()
    keys(page, "j", "k", "Enter")

    expect(page).to_have_url(f"{place.server.url}/{SHOP}/{FAILED}")


def test_what_people_go_to_is_suggested_while_they_type(browse: Browse, place: Place) -> None:
    page = browse("reader")
    page.goto("/")
    field, options = page.get_by_role("combobox", name="Go to"), page.locator("#go-list").get_by_role("option")

    keys(page, "/")
    expect(field).to_be_focused()
    page.keyboard.type("acme")
    expect(options).to_have_text([re.compile("acme/")] * 3)
    expect(field).to_have_attribute("aria-expanded", "true")
    keys(page, "ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp", "ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", "go-0")
    keys(page, "Escape")
    expect(options).to_have_count(0)
    expect(field).to_have_value("acme")
    keys(page, "End", "/")
    page.keyboard.type(f"shop#{FAILED}")
    expect(options).to_have_text([re.compile(f"^acme/shop build {FAILED} failed")])
    keys(page, "ArrowDown", "Enter")

    expect(page).to_have_url(f"{place.server.url}/{SHOP}/{FAILED}")


def test_words_that_are_sent_before_a_suggestion_is_chosen_are_looked_up(browse: Browse, place: Place) -> None:
    page = browse("reader")
    page.goto("/")
    keys(page, "/")
    page.keyboard.type(f"shop#{FAILED}")
    keys(page, "Enter")

    expect(page).to_have_url(f"{place.server.url}/{SHOP}/{FAILED}")


def test_the_list_of_keys_opens_and_gives_the_focus_back(browse: Browse) -> None:
    page = browse("reader")
    page.goto(f"/{SHOP}")
    link = page.locator("#builds a").first
    link.focus()

    keys(page, "?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    keys(page, "j", "Escape")

    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(link).to_be_focused()


def test_a_menu_closes_and_gives_the_focus_back(browse: Browse) -> None:
    page = browse("reader")
    page.goto("/")
    summary = page.locator("header summary")
    summary.focus()
    keys(page, "Enter", "Tab")
    expect(page.get_by_role("link", name="Your account")).to_be_focused()

    keys(page, "Escape")

    expect(summary).to_be_focused()
    expect(page.get_by_role("link", name="Your account")).to_be_hidden()


def test_a_menu_that_the_focus_leaves_closes(browse: Browse) -> None:
    page = browse("reader")
    page.goto("/")
    page.locator("header summary").focus()

    keys(page, "Enter", "Tab", "Tab", "Tab")
    expect(page.get_by_role("button", name="Sign out")).to_be_focused()
    keys(page, "Tab")

    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(page.get_by_role("main").locator(":focus")).to_have_count(1)


def test_a_question_closes_and_gives_the_focus_back(browse: Browse) -> None:
    page = browse("keeper")
    page.goto(f"/{SHOP}/-/settings/general")
    summary = page.get_by_text("Disable…")
    summary.focus()
    keys(page, "Enter", "Tab")
    expect(page.get_by_role("button", name="Disable")).to_be_focused()

    keys(page, "Escape")

    expect(summary).to_be_focused()
    expect(page.get_by_role("button", name="Disable")).to_be_hidden()


def test_the_field_to_go_to_gives_the_focus_back(browse: Browse) -> None:
    page = browse("reader")
    page.goto(f"/{SHOP}")
    link = page.locator("#builds a").first
    link.focus()

    keys(page, "/")
    page.keyboard.type("acme")
    expect(page.locator("#go-list").get_by_role("option").first).to_be_visible()
    keys(page, "Escape", "Escape")

    expect(link).to_be_focused()
    expect(page.get_by_role("combobox", name="Go to")).to_have_value("acme")


def test_two_letters_lead_to_the_main_pages(browse: Browse, place: Place) -> None:
    page = browse("reader")
    page.goto("/")

    for key, address in (("u", "/-/builds"), ("a", "/-/approvals"), ("d", "/-/deployments"), ("b", "/")):
        keys(page, "g", key)
        expect(page).to_have_url(f"{place.server.url}{address}")


def test_letters_can_be_switched_off_and_stay_so(browse: Browse) -> None:
    page = browse("reader")
    page.goto(f"/{SHOP}")
    keys(page, "?")
    page.get_by_label("Letters and signs act as keys").uncheck()
    keys(page, "Escape")

    page.goto(f"/{SHOP}")
    keys(page, "j", "/", "?")

    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator(":focus")).to_have_count(0)


def test_letters_are_letters_in_a_field(browse: Browse, place: Place) -> None:
    page = browse("reader")
    page.goto(f"/{SHOP}")
    page.get_by_label("Branch").focus()
    page.keyboard.type("gb/?jp[")

    expect(page.get_by_label("Branch")).to_have_value("gb/?jp[")
    expect(page).to_have_url(f"{place.server.url}/{SHOP}")


def test_a_key_sends_no_form_and_presses_a_link(browse: Browse, place: Place) -> None:
    page = browse("reader")
    page.goto("/logout")
    button = page.get_by_role("main").get_by_role("button", name="Sign out")
    button.evaluate("(button) => { button.dataset.key = 'p'; button.blur(); }")
    page.get_by_role("heading").evaluate("(box) => { box.dataset.key = 'a'; }")
    page.get_by_role("link", name="API").last.evaluate("(link) => { link.dataset.key = 'r'; link.href = '/-/keys'; }")

    keys(page, "p")
    expect(button).to_be_focused()
    keys(page, "a")
    expect(page.get_by_role("heading", name="Sign out")).to_be_focused()
    expect(page).to_have_url(f"{place.server.url}/logout")
    keys(page, "r")

    expect(page).to_have_url(f"{place.server.url}/-/keys")


@pytest.mark.parametrize(("key", "number", "page_after"), [("p", CURRENT, "promote"), ("r", FAILED, "again")])
def test_a_key_opens_the_form_of_a_build(browse: Browse, place: Place, key: str, number: int, page_after: str) -> None:
    page = browse("writer")
    page.goto(f"/{SHOP}/{number}")

    keys(page, key)

    expect(page).to_have_url(f"{place.server.url}/{SHOP}/{number}/-/{page_after}")


def test_a_key_leads_to_the_approval_of_a_build(browse: Browse, place: Place) -> None:
    page = browse("keeper")
    page.goto(f"/{VAULT}/{WAITS}")

    keys(page, "a")

    expect(page).to_have_url(f"{place.server.url}/{VAULT}/{WAITS}#approval")


def test_keys_of_a_log_are_told_to_its_script(browse: Browse) -> None:
    page = browse("reader")
    page.goto(f"/{SHOP}")  # a page without a log, whose script would act
    page.evaluate(_HEAR)

    keys(page, "f", "e", "[", "]", "Home", "End", "Control+f", "x")

    assert page.evaluate("() => globalThis.heard") == ["f", "e", "[", "]", "Home", "End"]


def test_a_command_and_a_commit_are_copied(browse: Browse, place: Place) -> None:
    page = browse("keeper")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/{SHOP}/{FAILED}")
    page.get_by_role("button", name="Copy the commit's whole id").click()
    expect(page.locator("#said")).to_have_text("copied")
    assert page.evaluate("() => navigator.clipboard.readText()") == place.repository.git("rev-parse", "HEAD").strip()

    page.goto("/acme/empty")
    page.get_by_role("button", name="Copy the command").first.click()
    expect(page.locator("#said")).to_have_text("copied")

    assert page.evaluate("() => navigator.clipboard.readText()") == "gantry repo hook acme/empty --install"


@pytest.mark.parametrize("address", ["/", f"/{SHOP}", f"/{SHOP}/{FAILED}"])
def test_without_scripts_nothing_is_offered_that_needs_them(browse: Browse, place: Place, address: str) -> None:
    page = browse("reader", scripts=False)
    page.goto(address)

    for name in ("copy", "Copy the command", "Copy the commit's whole id", "new"):
        expect(page.get_by_role("button", name=name)).to_be_hidden()
    expect(page.get_by_text("live", exact=True)).to_be_hidden()
    page.get_by_role("link", name="Keys").click()

    expect(page).to_have_url(f"{place.server.url}/-/keys")
    expect(page.get_by_text("next and previous in a list")).to_be_visible()
    expect(page.get_by_text("Letters and signs act as keys")).to_be_hidden()
