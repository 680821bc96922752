"""The page to roll a target back: which builds it offers, what would be undone, and what its form does."""

from urllib.parse import urlencode

import pytest

from app.builds import flow
from tests.builds.farside import OCTOCAT
from tests.ui.deploying import REPO, built, buttons, fields, promoted, send
from tests.ui.farside import Page, Place
from tests.ui.test_hostile import HOSTILE


async def history(place: Place, count: int = 3) -> str:
    """So many builds that were promoted to production one after another; the page of the newest promotion."""
    await built(place, count)
    for number in range(1, count + 1):
        await promoted(place, number)
    return f"{REPO}/{2 * count}/-/rollback"


async def test_the_page_offers_what_ran_there_and_chooses_the_one_before(place: Place) -> None:
    path = await history(place, 7)

    page = await place.page(path, "writer")

    sent, plan = fields(page), page.text("#plan")
    assert page.count("#field-build .choice") == 5
    assert (sent["target"], sent["build"]) == ("production", "13")
    assert "older than what runs: 1 commit would be undone" in plan
    assert "VERSION 1.5 from build 13" in plan
    assert "gantry build rollback octocat/hello 13 production" in plan
    assert "Roll production back to 13" in buttons(page)


async def test_a_form_rolls_back_and_leads_to_the_new_build(place: Place) -> None:
    path = await history(place)
    sent = fields(await place.page(path, "writer"))

    answers = [await send(place, path, sent) for _ in range(2)]

    made = await place.scene.build(7)
    assert [answer.headers["location"] for answer in answers] == [f"{REPO}/7"] * 2
    assert (made.event, made.deploy_to, made.parent) == ("rollback", "production", 5)
    assert made.after == (await place.scene.build(2)).after


async def test_after_a_rollback_the_one_before_that_is_chosen(place: Place) -> None:
    path = await history(place)
    old = await place.scene.build(5)
    back = await flow.promote(
        place.scene.ports, place.repo, old, event="rollback", target="production", by=OCTOCAT, params={}
    )
    await place.set(f"builds WHERE id = {back.id}", status="success", finished=place.scene.clock() + 1)

    page = await place.page(path.replace("/6/", "/7/"), "writer")

    assert fields(page)["build"] == "4"
    assert "build 5" not in page.text("#field-build label")


async def test_the_build_of_the_address_is_chosen_where_it_ran_there(place: Place) -> None:
    await history(place)

    page = await place.page(f"{REPO}/4/-/rollback?target=production", "writer")

    assert fields(page)["build"] == "4"


async def test_another_build_is_checked_before_it_is_rolled_back_to(place: Place) -> None:
    path = await history(place)
    sent = fields(await place.page(path, "writer"))

    answer = await send(place, path, sent | {"build": "4"})
    page = Page(answer)

    assert answer.status_code == 409
    assert "was not shown yet" in page.text("#problems")
    assert "VERSION 1.0 from build 4" in page.text("#plan")
    assert (await send(place, path, fields(page))).status_code == 303
    assert (await place.scene.build(7)).parent == 4


async def test_another_target_is_shown_with_the_builds_that_ran_there(place: Place) -> None:
    path = await history(place)
    await promoted(place, 1, "staging")
    await promoted(place, 3, "staging")
    shown = fields(await place.page(path, "writer"))
    chosen = shown | {"target": "staging"}

    region = await place.get(f"{path}?{urlencode(chosen)}", "writer", **{"Gantry-Region": "back"})
    plan = await place.get(f"{path}?{urlencode(chosen)}", "writer", **{"Gantry-Region": "plan"})
    answer = await send(place, path, chosen)

    assert (shown["build"], region.text.count('type="radio"'), plan.text.count("Roll staging back to 7")) == ("5", 1, 1)
    assert 'value="7" checked' in region.text
    assert answer.status_code == 409
    again = fields(Page(answer))
    assert (again["target"], again["build"], again["seen-target"]) == ("staging", "7", "staging")
    assert (await send(place, path, again)).status_code == 303


async def test_a_build_that_a_link_names_with_its_target_is_chosen(place: Place) -> None:
    path = await history(place)

    assert fields(await place.page(f"{path}?target=production&build=1", "writer"))["build"] == "1"


async def test_what_changed_meanwhile_brings_the_form_back(place: Place) -> None:
    path = await history(place)
    sent = fields(await place.page(path, "writer"))
    await promoted(place, 1)

    answer = await send(place, path, sent)

    assert answer.status_code == 409
    assert "build 7 runs there now" in Page(answer).text("#problems")
    assert await place.scene.counter() == 7


async def test_parameters_are_given_beside_those_of_the_old_build(place: Place) -> None:
    path = await history(place)
    page = await place.page(f"{path}?VERSION=hot", "writer")

    await send(place, path, fields(page))

    assert "VERSION hot given" in page.text("#plan")
    assert (await place.scene.build(7)).params == {"VERSION": "hot", "REGION": "eu"}


async def test_a_target_where_nothing_ran_cannot_be_rolled_back(place: Place) -> None:
    await built(place)
    none = await place.page(f"{REPO}/1/-/rollback", "writer")
    await promoted(place, 1)
    first = await place.page(f"{REPO}/2/-/rollback", "writer")
    other = await place.page(f"{REPO}/2/-/rollback?target=staging", "writer")

    assert "there is nothing to roll back" in none.text()
    assert "Nothing else ran in production before." in first.text()
    assert "nothing runs in 'staging'" in other.text("#problems")
    assert not [page for page in (none, first, other) if page.count("button.primary")]


@pytest.mark.parametrize(
    ("typed", "status"),
    [({"build": ""}, 400), ({"build": "999", "seen-source": "999"}, 404), ({"build": "x"}, 400), ({"target": ""}, 400)],
)
async def test_what_is_wrong_is_said_and_nothing_begins(place: Place, typed: dict[str, str], status: int) -> None:
    path = await history(place)
    sent = fields(await place.page(path, "writer"))

    answer = await send(place, path, sent | typed)

    assert answer.status_code == status
    assert Page(answer).text("#problems")
    assert await place.scene.counter() == 6


async def test_who_may_not_write_sees_it_closed(place: Place) -> None:
    path = await history(place)

    assert "This needs the right to write" in (await place.page(path)).text("#plan")
    statuses = [(await send(place, path, {}, who)).status_code for who in ("reader", "nobody", "")]
    assert statuses == [403, 404, 401]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_words_of_anybody_are_text(place: Place, text: str) -> None:
    path = await history(place)
    await place.set("builds WHERE number > 3", title=text, message=text, trigger_by=text)

    page = await place.page(path, "writer")
    sent = Page(await send(place, path, {"target": text, "build": text, "name-1": text, "seen-source": text}))

    assert page.count("main script") == sent.count("main script") == 0
