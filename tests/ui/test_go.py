"""*Go to* leads to what the words mean, and lists what they may mean, of what somebody may read."""

from dataclasses import replace
from urllib.parse import quote

import pytest

from app.builds import targets
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


@pytest.mark.parametrize("words", ["staging", "hello staging", "octocat/hello STAG"])
async def test_a_target_that_nothing_was_promoted_to_yet_leads_to_its_page(place: Place, words: str) -> None:
    await place.scene.push()
    await place.scene.ports.db.write(targets.declare(place.repo.id, ["staging"]))

    answer = await place.get(f"/-/go?q={quote(words)}")

    assert (answer.status_code, answer.headers["location"]) == (303, "/octocat/hello/-/targets/staging")
    assert (await place.page(answer.headers["location"])).text("h1") == "staging"


async def test_a_target_of_several_repositories_is_a_list_of_its_pages(place: Place) -> None:
    other = await place.scene.ports.db.write(repos.create(replace(place.repo, id=0, name="other")))
    for repo_id in (place.repo.id, other.id):
        await place.scene.ports.db.write(targets.declare(repo_id, ["staging"]))

    page = await place.page("/-/go?q=staging", "root")

    assert page.links(".card a") == [f"/octocat/{name}/-/targets/staging" for name in ("hello", "other")]
    assert page.text(".card").startswith("octocat/hello target staging")


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
