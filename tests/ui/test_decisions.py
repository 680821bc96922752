"""Who has approved or declined what waited: told on the page of the build, of its target, and of all deployments."""

from app.builds import approval, flow
from app.moments import Actor
from tests.builds.farside import ADA, OCTOCAT, pipeline
from tests.ui.farside import Place
from tests.ui.hold import FILE, held, recorded

DEPLOYMENTS, TARGET = "/-/deployments", "/octocat/hello/-/targets/prod"
PATHS = (DEPLOYMENTS, TARGET)
ANA = Actor("person", "ana", 7)


async def promoted(place: Place) -> int:
    """The number of a promotion that waits for an approval, in a repository that everybody may read."""
    recorded(place)
    await place.set("repos WHERE id = 1", visibility="public")
    build = await place.scene.push(FILE)
    await place.scene.run(build.stages[0])
    await held(place)
    made = await flow.promote(
        place.scene.ports, place.repo, await place.scene.build(1), target="prod", by=OCTOCAT, params={}
    )
    return made.number


async def test_a_build_tells_who_approved_it_also_to_whom_it_names_nobody(place: Place) -> None:
    number = await promoted(place)
    await approval.approve(place.scene.ports, place.repo, number, ANA)
    place.scene.clock.time += 180

    heads = {who: (await place.page(f"/octocat/hello/{number}", who)).text("#head") for who in ("", "nobody", "reader")}

    assert "An administrator approved it 3 min ago." in heads[""]
    assert "An administrator approved it 3 min ago." in heads["nobody"]
    assert "ana approved it 3 min ago." in heads["reader"]


async def test_each_decision_about_a_part_of_a_build_tells_the_part(place: Place) -> None:
    recorded(place)
    await held(place, pipeline("a"), pipeline("b"), pipeline("c"))
    await approval.approve(place.scene.ports, place.repo, 1, ANA, 2)
    place.scene.clock.time += 60
    await approval.decline(place.scene.ports, place.repo, 1, ADA, 1, reason="it is Friday")

    page = await place.page("/octocat/hello/1")

    assert "ana approved b 1 min ago." in page.text("#head > p")
    assert "ada declined a just now: it is Friday" in page.text("#head .bad")
    assert "Not begun: c." in page.text("#approval")


async def test_lists_of_promotions_tell_who_decided_and_when(place: Place) -> None:
    number = await promoted(place)
    await approval.approve(place.scene.ports, place.repo, number, ANA)
    place.scene.clock.time += 120

    for path in PATHS:
        assert "octocat, approved by ana 2 min ago" in (await place.page(path)).text("tbody")


async def test_lists_name_nobody_to_whom_was_granted_nothing(place: Place) -> None:
    number = await promoted(place)
    await approval.decline(place.scene.ports, place.repo, number, ANA, reason="not\nbefore Monday")

    rows = {
        who: [(await place.page(path, who)).text("tbody") for path in PATHS] for who in ("nobody", "reader", "root")
    }

    for text in rows["nobody"]:
        assert "declined by an administrator just now: not" in text
        assert "ana" not in text
    named = rows["reader"] + rows["root"]
    assert all("declined by ana just now: not" in text for text in named)
    assert not any("Monday" in text for text in named)


async def test_a_decision_is_found_after_the_repository_got_another_name(place: Place) -> None:
    number = await promoted(place)
    await approval.approve(place.scene.ports, place.repo, number, ANA)
    await place.set("repos WHERE id = 1", name="renamed")

    assert "ana approved it" in (await place.page(f"/octocat/renamed/{number}")).text("#head")
    assert "approved by ana" in (await place.page(DEPLOYMENTS)).text("tbody")


async def test_decisions_about_one_stage_after_another_stand_once_in_a_list(place: Place) -> None:
    recorded(place)
    build = await place.scene.push(pipeline("a", trigger={}), pipeline("b", trigger={}))
    await held(place, pipeline("a", trigger={}), pipeline("b", trigger={}))
    made = await flow.promote(place.scene.ports, place.repo, build, target="prod", by=OCTOCAT, params={})
    for stage in made.stages:
        await approval.approve(place.scene.ports, place.repo, made.number, ANA, stage.number)

    assert (await place.page(DEPLOYMENTS)).text("tbody").count("approved by ana") == 1


async def test_the_export_tells_the_last_decision(place: Place) -> None:
    number = await promoted(place)
    await approval.decline(place.scene.ports, place.repo, number, ANA, reason="=not now")
    now = place.scene.clock()

    (row,) = (await place.get(f"{DEPLOYMENTS}/export")).json()
    table = (await place.get(f"{DEPLOYMENTS}/export?format=csv")).text

    told = {"decision": "declined", "decided_by": "ana", "decided": now, "reason": "=not now"}
    assert row.items() >= told.items()
    assert "'=not now" in table
