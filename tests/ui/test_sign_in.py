"""Signing in leads to the page that somebody wanted to see, and nowhere else."""

from urllib.parse import quote

import pytest

from tests.accounts.farside import OWN
from tests.ui.farside import BROWSER, Place, attributes

FORM = BROWSER | OWN


@pytest.mark.parametrize("wanted", ["/octocat/hello/1?from=5", "/-/go?q=a%20b", "/group/team/web"])
async def test_a_person_comes_to_the_wanted_page(place: Place, wanted: str) -> None:
    page = await place.page(f"/login?next={quote(wanted, safe='')}", "")
    (hidden,) = page.doc.query("input[name=next]")
    fields = {"access_token": "token of reader", "next": attributes(hidden)["value"]}

    answer = await place.client.post("/login", data=fields, headers=FORM)

    assert (answer.status_code, answer.headers["location"]) == (303, wanted)


async def test_a_token_that_is_wrong_leads_back_to_the_form_with_the_wanted_page(place: Place) -> None:
    answer = await place.client.post("/login", data={"access_token": "wrong", "next": "/a/b"}, headers=FORM)
    page = await place.page(answer.headers["location"], "")

    assert "That is no token" in page.text("[role=alert]")
    assert attributes(page.doc.query("input[name=next]")[0])["value"] == "/a/b"


@pytest.mark.parametrize("evil", ["//evil.test", "https://evil.test/", "/\\evil.test", "javascript:alert(1)", "/\n/x"])
async def test_nobody_is_led_to_another_server(place: Place, evil: str) -> None:
    page = await place.page(f"/login?next={quote(evil, safe='')}", "")
    answer = await place.client.post("/login", data={"access_token": "token of reader", "next": evil}, headers=FORM)

    assert page.count("input[name=next]") == 0
    assert "evil" not in page.html
    assert answer.headers["location"] == "/"


async def test_the_form_suits_managers_of_passwords(place: Place) -> None:
    page = await place.page("/login", "")

    (token,) = page.doc.query("#access_token")
    (name,) = page.doc.query("input[autocomplete=username]")
    assert attributes(token)["autocomplete"] == "current-password"
    assert "name" not in attributes(name)
    assert "gantry user rotate LOGIN" in page.text()


async def test_who_is_signed_in_sees_who_and_can_sign_out_without_a_script(place: Place) -> None:
    page = await place.page("/", "reader")
    account, asking = await place.page("/login"), await place.page("/logout")

    assert page.text(".menu summary") == "reader"
    assert [attributes(form)["method"] for form in page.doc.query('form[action="/logout"]')] == ["post"]
    assert "signed in as reader" in account.text()
    assert asking.text("h1") == "Sign out"

    cookie = {"Cookie": f"_session_={place.cookies['reader']}"}
    answer = await place.client.post("/logout", headers=FORM | cookie)

    assert "This browser is signed out." in answer.text
    assert (await place.get("/octocat/hello")).status_code == 401


async def test_a_page_of_another_site_signs_nobody_out(place: Place) -> None:
    cookie = {"Cookie": f"_session_={place.cookies['reader']}"}
    answer = await place.client.post("/logout", headers=BROWSER | cookie | {"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
    assert "<h1>You may not do this</h1>" in answer.text
    assert (await place.get("/octocat/hello")).status_code == 200
