"""The page to build a branch, a tag or a commit, or to promote it."""

import pytest

from tests.builds.farside import file
from tests.ui.deploying import FILE, REPO, built, buttons, fields, promoted, send
from tests.ui.farside import Page, Place
from tests.ui.test_hostile import HOSTILE

PAGE = f"{REPO}/-/new"


async def test_the_default_branch_is_built_without_another_look(place: Place) -> None:
    sha = place.scene.host.add(file(*FILE))
    page = await place.page(PAGE, "writer")

    answers = [await send(place, PAGE, fields(page)) for _ in range(2)]

    made = await place.scene.build(1)
    assert "gantry build create octocat/hello --branch main" in page.text("#plan")
    assert [answer.headers["location"] for answer in answers] == [f"{REPO}/1"] * 2
    assert (made.event, made.after, made.ref, made.trigger) == ("custom", sha, "refs/heads/main", "writer")
    assert await place.scene.counter() == 1


@pytest.mark.parametrize(
    ("query", "ref"),
    [("branch=topic", "refs/heads/topic"), ("tag=v1", "refs/tags/v1"), ("commit=SHA", "refs/heads/main")],
)
async def test_a_branch_a_tag_or_a_commit_is_built_with_parameters(place: Place, query: str, ref: str) -> None:
    await built(place)
    sha = place.scene.host.add(file(*FILE), branch="topic")
    place.scene.host.tags["v1"] = sha

    page = await place.page(f"{PAGE}?{query.replace('SHA', sha[:10])}&WITH=this", "writer")
    answer = await send(place, PAGE, fields(page))

    assert "build from .drone.yml" in page.text("#plan")
    assert answer.headers["location"] == f"{REPO}/2", Page(answer).text("#problems")
    made = await place.scene.build(2)
    assert (made.after, made.ref, made.params) == (sha, ref, {"WITH": "this"})


async def test_a_tag_is_promoted_after_its_plan_was_shown(place: Place) -> None:
    await built(place, 2)
    await promoted(place, 1)
    place.scene.host.tags["v1"] = (await place.scene.build(2)).after

    page = await place.page(f"{PAGE}?tag=v1", "writer")
    blind = Page(await send(place, PAGE, fields(page) | {"target": "production"}))
    answer = await send(place, PAGE, fields(blind))

    assert "was not shown yet" in blind.text("#problems")
    assert "1 commit, 1 file" in blind.text("#plan")
    assert "gantry build promote octocat/hello tag:v1 production" in blind.text("#plan")
    assert "Promote to production" in buttons(blind)
    assert answer.headers["location"] == f"{REPO}/4"
    assert (await place.scene.build(4)).ref == "refs/tags/v1"


async def test_what_changed_in_the_target_meanwhile_brings_the_form_back(place: Place) -> None:
    await built(place, 2)
    sent = fields(await place.page(f"{PAGE}?branch=main&target=production", "writer"))
    await promoted(place, 1)

    answer = await send(place, PAGE, sent)

    assert answer.status_code == 409
    assert "build 3 runs there now" in Page(answer).text("#problems")


@pytest.mark.parametrize(
    ("typed", "status", "told"),
    [
        ({"of-name": ""}, 400, "say which branch"),
        ({"of-name": "gone"}, 404, "branch gone not found"),
        ({"of-kind": "commit", "of-name": "main"}, 404, "not found"),
        ({"name-1": "PATH", "value-1": "x"}, 400, "is reserved"),
        ({"name-1": "A"}, 400, "A has no value"),
        ({"form-key": ""}, 400, "printable characters"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_begins(
    place: Place, typed: dict[str, str], status: int, told: str
) -> None:
    await built(place)
    sent = fields(await place.page(PAGE, "writer"))

    answer = await send(place, PAGE, sent | typed)

    assert answer.status_code == status
    assert told in Page(answer).text("#problems")
    assert await place.scene.counter() == 1


async def test_who_may_not_write_sees_it_closed_and_no_host_is_asked(place: Place) -> None:
    await built(place)
    asked = len(place.scene.host.sources)

    page = await place.page(f"{PAGE}?branch=main")

    assert "This needs the right to write" in page.text("#plan")
    assert len(place.scene.host.sources) == asked
    assert [(await send(place, PAGE, {}, who)).status_code for who in ("reader", "nobody", "")] == [403, 404, 401]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_words_of_anybody_are_text(place: Place, text: str) -> None:
    await built(place)
    typed = {"of-kind": text, "of-name": text, "target": text, "name-1": text, "value-1": text, "form-key": text}

    sent = Page(await send(place, PAGE, typed))
    page = Page(await place.client.get(PAGE, params=typed, headers={"Cookie": f"_session_={place.cookies['writer']}"}))

    assert page.count("main script") == sent.count("main script") == 0
