"""Errors as pages: the words and the code that programs get, and no word about what somebody may not know."""

import re

import pytest

from app.db.tx import run
from app.errors import Unavailable
from tests.ui.farside import BROWSER, Place

HIDDEN, MISSING = "/octocat/hello", "/octocat/nothing"


def same(text: str) -> str:
    """A page without its address and the id of its request."""
    return re.sub(r"request <code>\w+</code>|octocat(/|%2F)\w+", "", text)


@pytest.mark.parametrize("below", ["", "/1", "/1/1/1", "/-/logs/1/1/1"])
@pytest.mark.parametrize(("who", "status"), [("", 401), ("nobody", 404)])
async def test_a_hidden_repository_is_the_same_page_as_a_missing_one(
    place: Place, who: str, status: int, below: str
) -> None:
    await place.ran(await place.scene.push(), "one")

    hidden = await place.page(HIDDEN + below, who, status)
    missing = await place.page(MISSING + below, who, status)

    assert same(hidden.html) == same(missing.html)
    assert hidden.answer.headers.keys() == missing.answer.headers.keys()


async def test_who_is_not_signed_in_comes_back_after_signing_in(place: Place) -> None:
    page = await place.page("/octocat/hello/1?from=5", "", 401)

    assert page.text("h1") == "Sign in to see this page"
    assert "/login?next=%2Foctocat%2Fhello%2F1%3Ffrom%3D5" in page.links("main a")


async def test_an_error_has_the_words_and_the_code_of_the_api(place: Place) -> None:
    answer = await place.get("/octocat/hello/7", Accept="application/json")
    page = await place.page("/octocat/hello/7", status=404)

    assert answer.json() == {"message": "build 7 not found", "code": "not_found"}
    assert "build 7 not found" in page.text()
    assert page.answer.headers["x-request-id"] in page.text(".facts")
    assert "not_found" in page.text(".facts")
    assert "Your account" in page.text("header")


@pytest.mark.parametrize(
    "path",
    [
        *["/octocat/hello/99999999999999999999", "/octocat", "/-/nothing", "/x%2Fy%2Fz/", "/<script>/x/1", "/-"],
        *["/octocat/hello/-/nothing", "/octocat/hello/-/nothing/x", "/octocat/hello/-/settings/nothing"],
        *["/octocat/hello/-", "/octocat/hello/-/", "/octocat/hello/-/x/promote", "/octocat/hello/-/logs/a/b/c"],
        *["/octocat/hello/1/2", "/octocat/hello/1/x", "/octocat/hello/%D9%A3", "/octocat/hello/1/%C2%B2/1"],
    ],
)
@pytest.mark.parametrize("who", ["reader", "keeper"])
async def test_addresses_of_nothing_are_pages(place: Place, path: str, who: str) -> None:
    page = await place.page(path, who, status=404)

    assert page.text("h1")


async def test_a_name_that_no_database_has_is_a_page(place: Place) -> None:
    answer = await place.get("/%00/x")

    assert answer.status_code in (400, 404)  # one of the databases takes no NUL
    assert "<h1>" in answer.text


async def test_another_method_is_a_page_too(place: Place) -> None:
    answer = await place.client.post("/octocat/hello", headers=BROWSER)

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert "<h1>Method Not Allowed</h1>" in answer.text


async def test_a_database_that_is_away_leaves_a_page_with_a_retry(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: object) -> None:
        raise Unavailable("the database is busy")

    monkeypatch.setattr(place.scene.ports.db, "read", away)
    page = await place.page("/octocat/hello", status=503)

    assert "the database is busy" in page.text()
    assert "/octocat/hello" in page.links("main a")
    assert page.answer.headers["retry-after"]


async def test_a_bug_tells_no_secret(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: object) -> None:
        raise RuntimeError("hush")

    monkeypatch.setattr(place.scene.ports.db, "read", broken)
    page = await place.page("/octocat/hello", status=500)

    assert page.text("h1") == "Something went wrong here"
    assert "hush" not in page.html


async def test_an_account_that_is_not_active_is_told_so(place: Place) -> None:
    await place.scene.ports.db.write(run("UPDATE users SET active = FALSE WHERE login = 'reader'"))

    assert "this account is not active" in (await place.page("/octocat/hello", status=403)).text()
