"""The page of what waits for an approval: whose it is, in which order, and what can be done there."""

from dataclasses import replace

import pytest

from app.accounts import store as accounts
from app.builds import flow
from app.repos import store as repos
from app.repos.model import Permissions
from tests.builds.farside import NOW, OCTOCAT
from tests.ui.farside import Page, Place, attributes
from tests.ui.hold import FILE, held

APPROVALS = "/-/approvals"


async def test_a_stranger_is_asked_to_sign_in(place: Place) -> None:
    page = await place.page(APPROVALS, "", 401)

    assert page.links("main a") == ["/login?next=%2F-%2Fapprovals"]


async def test_nothing_that_waits_is_said(place: Place) -> None:
    page = await place.page(APPROVALS, "keeper")

    assert page.text("#approvals") == "Nothing waits for an approval of yours."
    assert "gantry approvals" in page.text()


async def promoted(place: Place, target: str, **params: str) -> int:
    old = await place.scene.build(1)
    made = await flow.promote(place.scene.ports, place.repo, old, target=target, by=OCTOCAT, params=params)
    return made.number


async def test_a_line_says_what_goes_where_and_can_be_decided_in_place(place: Place) -> None:
    await held(place)
    await promoted(place, "prod")
    place.scene.clock.time += 120

    page = await place.page(APPROVALS, "keeper")

    assert [node.to_text(" ") for node in page.doc.query("tbody th")] == [
        "octocat/hello build 2",
        "octocat/hello build 1",
    ]
    first = page.doc.query("tbody tr")[0].to_text(" ")
    for words in ("to prod", "octocat", "nothing runs there yet", "1 approval missing", "2 min ago"):
        assert words in first
    forms = [attributes(form)["action"] for form in page.doc.query("tbody form")]
    assert forms[:2] == ["/octocat/hello/2/-/approve", "/octocat/hello/2/-/reject"]
    assert "Approvals (2)" in page.text("header nav")


async def test_a_decision_leads_back_and_is_told(place: Place) -> None:
    await held(place)
    form = (await place.page(APPROVALS, "keeper")).doc.query("tbody form")[0]
    (back,) = form.query("[name=back]")

    answer = await place.post(attributes(form)["action"], "keeper", back=attributes(back)["value"])
    page = await place.page(answer.headers["location"], "keeper")

    assert page.text("main [role=status]") == "octocat/hello#1 is approved."
    assert page.text("#approvals") == "Nothing waits for an approval of yours."


async def test_a_rejection_in_place_has_its_reason(place: Place) -> None:
    build = await held(place)
    page = await place.page(APPROVALS, "keeper")
    assert page.count(f"#reason-{build.id}[name=reason]") == 1

    answer = await place.post("/octocat/hello/1/-/reject", "keeper", back=APPROVALS, reason="not today")

    assert "is rejected." in (await place.page(answer.headers["location"], "keeper")).text("main [role=status]")
    assert [stage.error for stage in (await place.scene.build(1)).stages] == ["not today"]


async def test_who_comes_too_late_from_the_list_gets_the_state_of_the_build(place: Place) -> None:
    await held(place)
    await place.post("/octocat/hello/1/-/approve", "root", back=APPROVALS)

    answer = await place.post("/octocat/hello/1/-/approve", "keeper", back=APPROVALS)

    assert answer.status_code == 409
    assert Page(answer).count("main form") == 0


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("done=approved&build=acme/web%2342", "acme/web#42 is approved."),
        ("done=rejected&build=group/sub/web%2342", "group/sub/web#42 is rejected."),
        ("done=deleted&build=acme/web%2342", ""),
        ("done=approved&build=acme/web", ""),
        ("done=approved&build=all%20is%20well/web%2342", ""),
        ("done=approved&build=acme/%E2%80%AEweb%2342", ""),
        ("done=approved", ""),
        ("build=acme/web%2342", ""),
        ("done=approved&build=" + "a/b" * 20_000 + "%231", ""),
    ],
)
async def test_a_notice_is_shown_for_what_can_have_been_done_alone(place: Place, query: str, told: str) -> None:
    assert (await place.page(f"{APPROVALS}?{query}", "keeper")).text("main [role=status]") == told


async def test_what_one_may_only_see_stands_below_without_forms(place: Place) -> None:
    await held(place)
    await another(place)

    pages = {who: await place.page(APPROVALS, who) for who in ("reader", "keeper", "root", "nobody")}

    captions = {who: page.text("caption") for who, page in pages.items()}
    mine, others = "What you may approve", "What those may approve who administer"
    assert captions["reader"].startswith(others)
    assert captions["keeper"].startswith(mine)
    assert others in captions["keeper"]
    assert others not in captions["root"]
    assert captions["nobody"] == ""
    rows = {who: [node.to_text(" ") for node in page.doc.query("tbody th")] for who, page in pages.items()}
    assert rows["reader"] == ["octocat/hello build 1"]
    assert rows["keeper"] == ["octocat/hello build 1", "octocat/other build 1"]
    assert rows["root"] == ["octocat/other build 1", "octocat/hello build 1"]
    assert {who: page.count("tbody form") for who, page in pages.items()} == {
        "reader": 0,
        "keeper": 2,
        "root": 4,
        "nobody": 0,
    }


async def another(place: Place) -> None:
    """A second repository, in which keeper may read, with a build that waits."""
    db = place.scene.ports.db
    made = await db.write(repos.create(replace(place.repo, id=0, name="other", uid="", counter=0)))
    sha = place.scene.host.add(FILE)
    keeper = await db.read(accounts.find("keeper"))
    await db.write(repos.grant(made.id, keeper.id, Permissions(True), NOW))
    draft = replace(await place.scene.build(1), id=0, repo_id=made.id, number=0, after=sha, stages=())
    await flow.start(place.scene.ports, made, draft, "build.push", OCTOCAT)


async def test_long_lists_are_paged_and_the_others_follow_the_last_page(place: Place) -> None:
    await held(place)
    for at in range(30):
        await promoted(place, f"t{at}")

    first = await place.page(APPROVALS, "keeper")
    (older,) = first.links("nav.pages a")
    second = await place.page(APPROVALS + older, "keeper")
    (newer,) = second.links("nav.pages a")
    again = await place.page(APPROVALS + newer, "keeper")

    assert (first.count("tbody tr"), second.count("tbody tr")) == (25, 6)
    assert [node.to_text() for node in again.doc.query("tbody th")] == [
        node.to_text() for node in first.doc.query("tbody th")
    ]
    assert "?of=others" in first.links("#approvals a")
    assert "?of=others" not in second.links("#approvals a")


async def test_the_others_are_paged_by_themselves(place: Place) -> None:
    await held(place)
    for at in range(30):
        await promoted(place, f"t{at}")

    first = await place.page(APPROVALS, "reader")
    (older,) = first.links("nav.pages a")
    second = await place.page(APPROVALS + older, "reader")
    (newer,) = second.links("nav.pages a")

    assert "of=others" in older
    assert (first.count("tbody tr"), second.count("tbody tr")) == (25, 6)
    assert (await place.page(APPROVALS + newer, "reader")).count("tbody tr") == 25
    assert (await place.page(f"{APPROVALS}?of=others", "root")).text("#approvals").startswith("Nothing else")


async def test_a_cursor_of_somebody_elses_list_is_refused(place: Place) -> None:
    assert "the cursor must be one of" in (await place.page(f"{APPROVALS}?cursor=x", "keeper", 400)).text()


async def test_a_script_may_ask_for_the_list_alone(place: Place) -> None:
    await held(place)

    answer = await place.get(APPROVALS, "keeper", **{"Gantry-Region": "approvals"})
    same = await place.get(
        APPROVALS, "keeper", **{"Gantry-Region": "approvals", "If-None-Match": answer.headers["etag"]}
    )

    assert answer.text.lstrip().startswith('<section id="approvals"')
    assert same.status_code == 304
