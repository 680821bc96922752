"""What people do, from page to page."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.browse import Browse, sign_in
from tests.browser.place import CURRENT, FAILED, SHOP, STAGED, Place

#: Everything works without scripts, too.
with_and_without = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])


@with_and_without
def test_who_signs_in_comes_to_the_page_that_was_wanted(browse: Browse, place: Place, scripts: bool) -> None:
    page = browse(scripts=scripts)
    page.goto(f"/{SHOP}/{FAILED}")
    page.get_by_role("main").get_by_role("link", name="Sign in").click()
    page.get_by_label("Token").fill(place.tokens["reader"])
    page.get_by_role("button", name="Sign in").click()

    expect(page).to_have_url(f"{place.server.url}/{SHOP}/{FAILED}")
    expect(page.locator("header summary")).to_have_text("reader")


@with_and_without
def test_who_signs_out_sees_nothing_private_any_more(browse: Browse, place: Place, scripts: bool) -> None:
    page = browse(scripts=scripts)
    sign_in(page, place.tokens["writer"])
    page.locator("header summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Signed out")).to_be_visible()

    page.goto(f"/{SHOP}")

    expect(page.get_by_role("main").get_by_role("link", name="Sign in")).to_be_visible()


@with_and_without
def test_a_link_to_a_failed_build_opens_at_the_step_that_failed(browse: Browse, scripts: bool) -> None:
    page = browse("reader", scripts=scripts)

    page.goto(f"/{SHOP}/{FAILED}")

    log = page.locator("#log")
    expect(log.get_by_role("heading")).to_have_text(re.compile(r"smoke\s*/\s*http"))
    expect(log).to_contain_text("error: the basket answers 503")
    expect(page.locator("#stages [aria-current=true]")).to_contain_text("http")
    wrong = log.locator("li.here")
    expect(wrong).to_contain_text("error: the basket answers 503")
    if not scripts:
        page.get_by_role("link", name="first error at line").click()
    expect(wrong).to_be_in_viewport()


def test_a_wrong_token_says_so_and_keeps_the_way_back(browse: Browse, place: Place) -> None:
    page = browse()
    page.goto(f"/login?next=/{SHOP}")
    page.get_by_label("Token").fill("no such token")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("That is no token")

    page.get_by_label("Token").fill(place.tokens["reader"])
    page.get_by_role("button", name="Sign in").click()

    expect(page).to_have_url(f"{place.server.url}/{SHOP}")


def test_a_person_of_the_keyboard_skips_the_frame_and_signs_in(browse: Browse, place: Place) -> None:
    page = browse(calm=True)
    page.goto(f"/{SHOP}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("main").get_by_role("link", name="Sign in")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Token")).to_be_focused()
    page.keyboard.insert_text(place.tokens["reader"])
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text(SHOP)


def test_another_target_shows_at_once_what_it_would_be_rolled_back_to(browse: Browse, place: Place) -> None:
    place.server.finished(SHOP, place.promote("1.3.9", "staging"))
    page = browse("writer")
    page.goto(f"/{SHOP}/{CURRENT}/-/rollback?target=production")
    expect(page.get_by_text("Nothing else ran in production before.")).to_be_visible()

    page.get_by_label("staging").check()

    expect(page.get_by_label(f"build {STAGED}", exact=True)).to_be_checked()
    expect(page.get_by_role("button", name=f"Roll staging back to {STAGED}")).to_be_visible()
    expect(page.get_by_label("staging")).to_be_focused()
