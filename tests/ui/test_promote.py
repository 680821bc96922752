"""The page to promote a build: what it offers, what it says would happen, and what its form does."""

import asyncio

import pytest

from app.builds.switches import turn_on
from app.errors import Unavailable
from tests.builds.farside import pipeline
from tests.ui.deploying import REPO, built, buttons, fields, promoted, send
from tests.ui.farside import Page, Place
from tests.ui.test_hostile import HOSTILE

PAGE = f"{REPO}/2/-/promote"


async def form(place: Place, query: str = "?target=production") -> dict[str, str]:
    return fields(await place.page(PAGE + query, "writer"))


async def test_the_page_shows_targets_and_what_would_happen(place: Place) -> None:
    await built(place, 3)
    await promoted(place, 1)

    page = await place.page(f"{REPO}/2/-/promote?target=production", "writer")

    text, plan = page.text(), page.text("#plan")
    assert "production now build 4" in text
    assert "staging nothing runs there yet" in text
    assert "1 commit, 1 file" in plan
    assert ".drone.yml changed" in plan
    assert "deploy smoke from .drone.yml" in plan
    assert "build 2 is green" in plan
    assert "VERSION 1.1 from build 2" in plan
    assert "gantry build promote octocat/hello 2 production" in plan
    assert buttons(page) == ["+ add", "Promote to production", "Check"]


async def test_what_would_be_undone_is_said(place: Place) -> None:
    await built(place, 3)
    await promoted(place, 3)

    plan = (await place.page(f"{REPO}/1/-/promote?target=production", "writer")).text("#plan")

    assert "older than what runs: 2 commits would be undone" in plan
    assert "Undone there: 2 commits" in plan


async def test_a_form_promotes_and_leads_to_the_new_build(place: Place) -> None:
    await built(place, 2)
    sent = await form(place, "?target=production&VERSION=9&EXTRA=a%20b")

    answer = await send(place, PAGE, sent)

    made = await place.scene.build(3)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{REPO}/3")
    assert (made.event, made.deploy_to, made.parent, made.trigger) == ("promote", "production", 2, "writer")
    assert made.params == {"VERSION": "9", "EXTRA": "a b", "REGION": "eu"}


async def test_a_double_click_is_one_promotion(place: Place) -> None:
    await built(place, 2)
    sent = await form(place)

    answers = await asyncio.gather(*(send(place, PAGE, sent) for _ in range(4)))
    await promoted(place, 1)
    late = await send(place, PAGE, sent)

    assert {answer.headers["location"] for answer in (*answers, late)} == {f"{REPO}/3"}
    assert await place.scene.counter() == 4


async def test_a_form_that_was_used_asks_to_be_sent_again_for_another_promotion(place: Place) -> None:
    await built(place, 2)
    sent = await form(place)
    await send(place, PAGE, sent)

    answer = await send(place, PAGE, sent | {"name-3": "EXTRA", "value-3": "1"})
    again = Page(answer)

    assert answer.status_code == 409
    assert "this form has begun build 3 already" in again.text("#problems")
    assert (await send(place, PAGE, fields(again))).headers["location"] == f"{REPO}/4"


async def test_what_changed_in_the_target_meanwhile_brings_the_form_back(place: Place) -> None:
    await built(place, 2)
    await promoted(place, 1)
    sent = await form(place)
    await promoted(place, 2)

    answer = await send(place, PAGE, sent | {"name-3": "KEPT", "value-3": "typed"})
    page = Page(answer)

    assert answer.status_code == 409
    assert "build 4 runs there now, and no longer build 3" in page.text("#problems")
    assert page.count('input[value="typed"]') == 1
    assert await place.scene.counter() == 4
    assert (await send(place, PAGE, fields(page))).headers["location"] == f"{REPO}/5"


async def test_a_target_whose_plan_was_not_shown_is_shown_first(place: Place) -> None:
    await built(place, 2)
    sent = await form(place)

    answer = await send(place, PAGE, sent | {"target": "staging"})
    page = Page(answer)

    assert answer.status_code == 409
    assert "what would change in staging was not shown yet" in page.text("#problems")
    assert "Promote to staging" in buttons(page)
    assert await place.scene.counter() == 2


@pytest.mark.parametrize(
    ("typed", "field", "told"),
    [
        ({"name-3": "A"}, "value-3", "A has no value"),
        ({"value-3": "1"}, "name-3", "this value has no name"),
        ({"value-1": ""}, "value-1", "VERSION has no value"),
        ({"name-3": "VERSION", "value-3": "2"}, "name-3", "VERSION is given twice"),
        ({"name-3": "not a name", "value-3": "2"}, "name-3", "cannot be an environment variable"),
        ({"name-3": "PATH", "value-3": "2"}, "name-3", "is reserved"),
        ({"name-3": "BIG", "value-3": "x" * 40_000}, "", "at most 32768 reach"),
        ({"target": ""}, "target", "choose a target"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_nothing_begins(
    place: Place, typed: dict[str, str], field: str, told: str
) -> None:
    await built(place, 2)
    sent = {**await form(place), **typed}

    answer = await send(place, PAGE, sent)
    page = Page(answer)

    assert answer.status_code == 400
    assert told in page.text("#problems")
    assert await place.scene.counter() == 2
    if field:
        assert told in page.text(f"#problem-{field}")
        assert f"#field-{field}" in page.links("#problems a")
    for value in typed.values():
        assert value in fields(page).values()


async def test_a_row_more_starts_nothing_and_keeps_what_was_typed(place: Place) -> None:
    await built(place, 2)

    page = await place.page(f"{PAGE}?target=staging&name-1=VERSION&value-1=7&name-9=A&value-9=b&add-row=true", "writer")

    sent = fields(page)
    assert (sent["target"], sent["value-1"], sent["name-3"], sent["value-3"]) == ("staging", "7", "A", "b")
    assert page.count(".params > .fields") == 4
    assert page.text("#hint-value-1") == "instead of the inherited value"
    assert await place.scene.counter() == 2


async def test_values_of_several_lines_come_through_a_browser_unchanged(place: Place) -> None:
    await built(place, 2)
    await place.set("builds WHERE number = 2", params='{"TEXT":"\\none\\ntwo"}')
    sent = await form(place)

    await send(place, PAGE, sent | {"value-1": "\r\none\r\ntwo"})
    await send(place, PAGE, sent | {"value-1": "one\r\nthree", "form-key": "another"})

    assert (await place.scene.build(3)).params == {"TEXT": "\none\ntwo"}
    assert (await place.scene.build(4)).params == {"TEXT": "one\nthree"}


async def test_a_target_that_no_file_names_cannot_be_typed(place: Place) -> None:
    await built(place, 2)

    page = await place.page(f"{PAGE}?target=prodution", "writer")
    answer = await send(place, PAGE, await form(place) | {"target": "prodution", "seen-target": "prodution"})

    assert page.count("#field-other-target") == 0
    assert "has no target 'prodution'" in page.text("#problem-target")
    assert answer.status_code == 422
    assert "pipeline" in Page(answer).text("#problems")


async def test_a_target_is_typed_where_the_file_names_none(place: Place) -> None:
    await place.scene.push(pipeline(trigger={"event": ["push", "promote"]}))
    path = f"{REPO}/1/-/promote"

    checked = await place.page(f"{path}?target=&other-target=qa", "writer")
    answer = await send(place, path, fields(checked))

    assert answer.headers["location"] == f"{REPO}/2"
    assert (await place.scene.build(2)).deploy_to == "qa"


async def test_who_may_not_write_sees_the_form_closed_and_nothing_is_rehearsed(place: Place) -> None:
    await built(place, 2)
    reads = place.scene.host.reads

    page = await place.page(f"{PAGE}?target=production")

    assert "This needs the right to write in octocat/hello" in page.text("#plan")
    assert page.count("#plan button:not([disabled])") == 0
    assert place.scene.host.reads == reads
    assert (await place.get(PAGE, "nobody")).status_code == 404
    assert (await place.get(PAGE, "")).status_code == 401
    statuses = [(await send(place, PAGE, {}, who)).status_code for who in ("reader", "nobody", "")]
    assert statuses == [403, 404, 401]
    assert (await send(place, PAGE, await form(place), **{"Sec-Fetch-Site": "cross-site"})).status_code == 403
    assert await place.scene.counter() == 2


async def test_a_public_repository_asks_strangers_to_sign_in(place: Place) -> None:
    await built(place, 2)
    await place.set("repos WHERE id = 1", visibility="public")

    page = await place.page(PAGE, "")

    assert any(link.startswith("/login?next=") for link in page.links("#plan a"))


async def test_a_build_that_is_not_green_is_told_and_an_approval_too(place: Place) -> None:
    await built(place, 2)
    await place.set("builds WHERE number = 2", status="failure")
    await place.set("repos WHERE id = 1", protected=True, active=False)

    plan = (await place.page(f"{PAGE}?target=production", "writer")).text("#plan")

    assert "build 2 is not green: failed" in plan
    assert "an administrator of the repository must approve it" in plan
    assert "the repository is disabled" in plan
    assert (await send(place, PAGE, await form(place))).status_code == 303
    assert (await place.scene.build(3)).blocked


async def test_a_file_that_is_wrong_is_told_and_would_fail(place: Place) -> None:
    await place.scene.push("kind: pipeline\ntype: exec\nsteps: nonsense")

    page = await place.page(f"{REPO}/1/-/promote?other-target=production", "writer")

    assert "The targets of the pipeline file are not known" in page.text()
    assert "the build would fail at once" in page.text("#plan")


async def test_a_host_that_does_not_answer_is_told(place: Place) -> None:
    await built(place, 2)
    place.scene.ports.configs._files.clear()
    place.scene.host.failure = Unavailable("the host is away")

    page = await place.page(f"{PAGE}?target=production", "writer")
    answer = await send(
        place, PAGE, fields(page) | {"seen-target": "production", "seen-source": "2", "seen-build": "0"}
    )

    assert "not known: the host is away" in page.text()
    assert "This would be refused: the host is away" in page.text("#plan")
    assert (answer.status_code, await place.scene.counter()) == (503, 2)


async def test_a_paused_queue_is_told_and_promotions_still_begin(place: Place) -> None:
    await built(place, 2)
    await place.scene.ports.db.write(turn_on("queue", 1))

    page = await place.page(f"{PAGE}?target=production", "writer")

    assert "The queue is paused" in page.html
    assert (await send(place, PAGE, fields(page))).status_code == 303


async def test_a_build_that_is_gone_is_no_page(place: Place) -> None:
    await built(place, 2)
    sent = await form(place)
    await place.set("builds WHERE number = 2", number=20)

    assert (await send(place, PAGE, sent)).status_code == 404
    assert (await place.get(PAGE, "writer")).status_code == 404


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_words_of_anybody_are_text(place: Place, text: str) -> None:
    await built(place, 2)
    query = {"target": text, text.replace("-", ""): text, "name-1": text, "value-1": text, "seen-build": text}

    answer = await place.client.get(PAGE, params=query, headers={"Cookie": f"_session_={place.cookies['writer']}"})
    page = Page(answer)
    sent = await send(place, PAGE, query)

    assert answer.status_code == 200
    assert page.count("main script") == Page(sent).count("main script") == 0
    assert sent.status_code in (400, 409)
    assert await place.scene.counter() == 2


async def test_very_many_fields_are_a_short_page(place: Place) -> None:
    await built(place, 2)
    many = {f"A{number}": "1" for number in range(19_000)}

    answer = await send(place, PAGE, await form(place) | many)
    too_many = await send(place, PAGE, {f"A{number}": "1" for number in range(20_001)})

    assert (answer.status_code, too_many.status_code) == (400, 400)
    assert "at most 100 parameters" in Page(answer).text("#problems")
    assert len(answer.text) < 100_000
    assert await place.scene.counter() == 2


async def test_very_many_inherited_parameters_go_along(place: Place) -> None:
    await built(place, 2)
    params = ",".join(f'"P{number}":"v"' for number in range(500))
    await place.set("builds WHERE number = 2", params="{" + params + "}")

    page = await place.page(f"{PAGE}?target=production&P499=w", "writer")
    await send(place, PAGE, fields(page))

    made = (await place.scene.build(3)).params
    assert "449 more parameters are inherited" in page.text()
    assert (len(made), made["P499"], made["P498"]) == (500, "w", "v")


async def test_the_plan_is_a_region(place: Place) -> None:
    await built(place, 2)

    answer = await place.get(f"{PAGE}?target=staging", "writer", **{"Gantry-Region": "plan"})

    assert answer.text.lstrip().startswith('<section id="plan"')
    assert "Promote to staging" in answer.text


async def test_the_same_commit_there_is_told(place: Place) -> None:
    await built(place, 2)
    await promoted(place, 2)

    page = await place.page(f"{PAGE}?target=production", "writer")

    assert "this commit is there already" in page.text("#field-target")
    assert "this commit runs in production already, with the same parameters" in page.text("#plan")
    assert "What changes nothing: the same commit" in page.text("#plan").replace("changesnothing", "changes nothing")
