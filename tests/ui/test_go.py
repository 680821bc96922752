"""*Go to* leads to what the words mean, and lists what they may mean, of what somebody may read."""

from dataclasses import replace
from urllib.parse import quote

import pytest

from app.repos import store as repos
from tests.ui.farside import Place


@pytest.mark.parametrize(
    ("words", "leads"),
    [
        *[("octocat/hello", "/octocat/hello"), ("HELLO", "/octocat/hello"), ("octocat/hello#1", "/octocat/hello/1")],
        *[("hello 1", "/octocat/hello/1"), (" hello/1 ", "/octocat/hello/1")],
    ],
)
async def test_words_with_one_meaning_lead_there(place: Place, words: str, leads: str) -> None:
    await place.scene.push()

    answer = await place.get(f"/-/go?q={quote(words)}")

    assert (answer.status_code, answer.headers["location"]) == (303, leads)


async def test_words_with_several_meanings_are_a_list(place: Place) -> None:
    for number in range(20):
        await place.scene.ports.db.write(repos.create(replace(place.repo, id=0, name=f"hello{number}")))

    page = await place.page("/-/go?q=hell", "root")
    exact = await place.get("/-/go?q=octocat/hello", "root")

    assert page.count(".card") == 8
    assert "write more" in page.text()
    assert exact.headers["location"] == "/octocat/hello"


@pytest.mark.parametrize("words", ["", "nothing", "<script>", "\u202e" * 10, "x" * 300])
@pytest.mark.parametrize("who", ["", "nobody", "reader"])
async def test_words_without_a_meaning_say_what_can_be_written(place: Place, words: str, who: str) -> None:
    page = await place.page(f"/-/go?q={quote(words)}", who)

    assert "Nothing that you may read is called so." in page.text()
    assert ("Sign in to find" in page.text()) is (who == "")


async def test_what_somebody_may_not_read_is_not_found(place: Place) -> None:
    assert "hello" not in (await place.page("/-/go?q=hel", "nobody")).text("main p")
