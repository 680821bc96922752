"""Approving and rejecting a build that waits: what the box says, who was first, and reasons that mean harm."""

import asyncio

import pytest

from app.accounts import store as accounts
from app.builds import approval, flow
from app.repos import store as repos
from app.repos.model import Permissions
from tests.builds.farside import ADA, NOW, OCTOCAT, pipeline
from tests.ui.farside import Page, Place, attributes
from tests.ui.hold import FILE, held, recorded

BUILD = "/octocat/hello/1"


async def test_the_box_says_who_asked_why_and_whom_to_ask(place: Place) -> None:
    await place.set("repos WHERE id = 1", visibility="public")
    await held(place)

    texts = {who: (await place.page(BUILD, who)).text("#approval") for who in ("", "nobody", "reader", "keeper")}

    for text in texts.values():
        assert "Asked for by ada just now: push to main. Not begun: deploy." in text
        assert "Why: an administrator of the repository must approve it." in text
        assert "One of those who administer octocat/hello must approve; missing: 1." in text
    assert {who for who, text in texts.items() if "They are keeper and octocat." in text} == {"reader", "keeper"}


async def test_many_administrators_are_not_all_named(place: Place) -> None:
    await held(place)
    db = place.scene.ports.db
    for at in range(10):
        made = await db.write(accounts.create(f"a{at}", token=f"a{at}", now=NOW, machine=at == 0))
        await db.write(repos.grant(1, made.id, Permissions(True, True, True), NOW))
    await place.set("users WHERE login = 'a1'", active=False)

    assert "They are a2, a3, a4, a5, a6 and others." in (await place.page(BUILD)).text("#approval")


async def test_the_box_says_what_changes_in_the_target(place: Place) -> None:
    build = await place.scene.push(FILE)
    await place.scene.run(build.stages[0])
    ran = await flow.promote(place.scene.ports, place.repo, build, target="prod", by=OCTOCAT, params={})
    nothing = (await place.page(f"/octocat/hello/{ran.number}")).text("#head")
    await place.scene.run(ran.stages[0])
    await held(place, pipeline("deploy", trigger={}, steps=[{"name": "new", "commands": ["true"]}]))
    await flow.promote(
        place.scene.ports, place.repo, await place.scene.build(3), target="prod", by=OCTOCAT, params={"VERSION": "1"}
    )

    page = await place.page("/octocat/hello/4/-/approve", "keeper")

    assert "since" not in nothing
    assert "In prod it changes: changes since build 2, which runs there now." in page.text(".wait")
    assert "/octocat/hello/-/compare/2...4" in page.links(".wait a")
    assert page.text("main dl").endswith("VERSION 1 given")


@pytest.mark.parametrize(
    ("form", "command", "after"),
    [("approve", "approve", "pending"), ("reject", "decline", "declined")],
)
async def test_a_decision_is_the_same_as_on_the_command_line(place: Place, form: str, command: str, after: str) -> None:
    await held(place, pipeline("a"), pipeline("b"))

    page = await place.page(f"{BUILD}/-/{form}", "keeper")
    answer = await place.post(f"{BUILD}/-/{form}", "keeper")

    assert f"gantry build {command} octocat/hello 1" in page.text()
    assert (answer.status_code, answer.headers["location"]) == (303, BUILD)
    assert await place.scene.statuses(1) == {"": after, "a": after, "b": after}


async def test_the_box_of_the_build_approves_without_scripts(place: Place) -> None:
    await held(place)

    page = await place.page(BUILD, "keeper")

    (form,) = page.doc.query("#approval form")
    assert attributes(form) == {"method": "post", "action": f"{BUILD}/-/approve"}
    assert page.links("#approval a.button") == [f"{BUILD}/-/reject"]


@pytest.mark.parametrize("first", ["approve", "reject"])
@pytest.mark.parametrize("second", ["approve", "reject"])
async def test_the_second_of_two_sees_who_was_first_and_what_is_now(place: Place, first: str, second: str) -> None:
    recorded(place)
    await held(place)
    await place.post(f"{BUILD}/-/{first}", "root", reason="it is Friday")
    place.scene.clock.time += 30

    answer = await place.post(f"{BUILD}/-/{second}", "keeper", reason="mine")

    assert answer.status_code == 409
    page = Page(answer)
    assert "Nothing of build 1 waits for an approval any more. Nothing was done." in page.text("[role=alert]")
    told = {"approve": "root approved it 30 s ago.", "reject": "root declined it 30 s ago: it is Friday"}
    assert told[first] in page.text()
    assert page.count("main form") == 0
    assert page.links("main p a") == [BUILD]
    assert (await place.page(f"{BUILD}/-/{second}", "keeper")).text().count(told[first]) == 1


async def test_of_many_who_decide_at_one_moment_one_does(place: Place) -> None:
    recorded(place)
    await held(place, pipeline("a"), pipeline("b"))

    asked = [place.post(f"{BUILD}/-/{verb}", who) for verb in ("approve", "reject") for who in ("keeper", "root")]
    answers = await asyncio.gather(*asked)

    assert sorted(answer.status_code for answer in answers) == [303, 409, 409, 409]
    statuses = await place.scene.statuses(1)
    assert statuses in ({"": one, "a": one, "b": one} for one in ("pending", "declined"))


async def test_of_a_build_that_is_cancelled_meanwhile_the_page_tells_the_state(place: Place) -> None:
    await held(place)
    await place.post(f"{BUILD}/-/cancel", "writer")

    answer = await place.post(f"{BUILD}/-/approve", "keeper")

    assert answer.status_code == 409
    assert "stopped" in Page(answer).text("main p .mark")


async def test_a_build_that_never_waited_has_nothing_to_decide(place: Place) -> None:
    await place.scene.push()

    page = await place.page(f"{BUILD}/-/approve", "keeper")

    assert "Nothing of this build waits for an approval." in page.text()
    assert page.count("main form") == 0


HOSTILE = "<script>alert(1)</script> \"'` \u202egnp.exe\u202c &amp; 日本 🚀"


async def test_a_reason_is_shown_as_text_and_isolated(place: Place) -> None:
    recorded(place)
    await held(place)

    answer = await place.post(f"{BUILD}/-/reject", "keeper", reason=HOSTILE)
    page = await place.page(BUILD)

    assert answer.status_code == 303
    assert page.text("#stages .why") == f"declined by an administrator of the repository: {HOSTILE}"
    assert any(node.to_text() == HOSTILE for node in page.doc.query(".bad bdi"))
    assert page.count("script:not([src])") == 0


@pytest.mark.parametrize("size", [501, 100_000])
async def test_a_reason_that_is_too_long_comes_back_beside_its_field(place: Place, size: int) -> None:
    await held(place)

    answer = await place.post(f"{BUILD}/-/reject", "keeper", reason="x" * size, back="/-/approvals")

    assert answer.status_code == 400
    page = Page(answer)
    assert page.text("#problem-reason") == (f"the reason has {size:,} bytes; at most 500 are kept: write a shorter one")
    assert page.links("#problems a") == ["#field-reason"]
    (field,) = page.doc.query("#field-reason")
    assert attributes(field)["value"] == "x" * size
    (back,) = page.doc.query("[name=back]")
    assert attributes(back)["value"] == "/-/approvals"
    assert (await place.scene.statuses(1))["deploy"] == "blocked"


async def test_a_reason_of_a_megabyte_is_refused_unread(place: Place) -> None:
    await held(place)

    answer = await place.post(f"{BUILD}/-/reject", "keeper", reason="x" * 1024 * 1024)

    assert answer.status_code == 413
    assert "at most 1048576 are read" in Page(answer).text()


@pytest.mark.parametrize(
    ("back", "follows"),
    [
        ("/-/approvals", "/-/approvals?done=rejected&build=octocat%2Fhello%231"),
        ("/-/approvals?of=others", "/-/approvals?of=others&done=rejected&build=octocat%2Fhello%231"),
        ("", BUILD),
        ("https://evil.example/", BUILD),
        ("//evil.example/", BUILD),
        ("/\\evil.example/", BUILD),
        ("/a\r\nSet-Cookie: b", BUILD),
        ("/日本", "/%E6%97%A5%E6%9C%AC?done=rejected&build=octocat%2Fhello%231"),
    ],
)
async def test_only_a_page_of_this_server_follows(place: Place, back: str, follows: str) -> None:
    await held(place)

    answer = await place.post(f"{BUILD}/-/reject", "keeper", back=back)

    assert (answer.status_code, answer.headers["location"]) == (303, follows)


async def test_a_part_that_is_blocked_beside_a_declined_one_can_still_be_decided(place: Place) -> None:
    await held(place, pipeline("a"), pipeline("b"))
    await approval.decline(place.scene.ports, place.repo, 1, ADA, 1)

    assert "Not begun: b." in (await place.page(BUILD, "keeper")).text("#approval")
    assert (await place.post(f"{BUILD}/-/approve", "keeper")).status_code == 303
    assert await place.scene.statuses(1) == {"": "declined", "a": "declined", "b": "pending"}


async def test_rights_that_were_taken_meanwhile_decide_nothing(place: Place) -> None:
    await held(place)
    keeper = await place.scene.ports.db.read(accounts.find("keeper"))
    await place.scene.ports.db.write(repos.grant(1, keeper.id, Permissions(True, True), NOW))

    answer = await place.post(f"{BUILD}/-/approve", "keeper")

    assert answer.status_code == 403
    assert "admin access to octocat/hello is needed" in Page(answer).text()
    assert (await place.scene.build(1)).blocked
