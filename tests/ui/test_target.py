"""The page of a target: what runs there, what is under way, its history, and who may promote."""

import gzip
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from app.builds import flow, lists, store, targets
from app.db.tx import each
from app.ui import addresses, errors, routes
from tests.accounts import farside
from tests.builds.farside import NOW, OCTOCAT, pipeline, pushed
from tests.counting import Counting
from tests.ui.farside import BROWSER, Page, Place, state, words
from tests.ui.test_addresses import ODD, browsed
from tests.ui.test_board import deployed
from tests.ui.test_hostile import HOSTILE
from tests.ui.test_repo import promote
from tests.web.asgi import serving

LIVE = "/octocat/hello/-/targets/live"


async def changed(place: Place) -> None:
    """Two builds, and `live` that has run both."""
    triggers = {"event": ["promote", "rollback"], "target": ["test", "live", "next"]}
    for _ in range(2):
        await place.scene.push(pipeline(), pipeline("deploy", trigger=triggers))
    await place.set("builds WHERE number > 0", status="success", finished=place.scene.clock())
    await promote(place, 1, "live", "success")
    place.scene.clock.time += 60
    await promote(place, 2, "live", "success")


async def test_what_runs_and_what_ran_before_stand_side_by_side(place: Place) -> None:
    await changed(place)

    page = await place.page(LIVE, "writer")

    now, before = page.doc.query(".cards > .card")
    old, new = [(await place.scene.build(number)).after[:8] for number in (1, 2)]
    assert words(now).startswith(f"Runs now {new} ")
    assert "build 4 · just now · octocat" in words(now)
    assert words(before).startswith(f"Ran before {old} ")
    assert "build 3 · 1 min ago · octocat" in words(before)
    links = page.links("main a")
    assert "/octocat/hello/-/compare/3...4" in links
    assert "/octocat/hello/4/-/rollback?target=live" in links
    assert "/octocat/hello/2/-/promote?target=live" in links
    commands = page.text(".command code")
    assert "gantry promote octocat/hello 2 live gantry rollback octocat/hello 3 live" in commands
    assert page.count("section#target[data-live='repo:octocat/hello']") == 1


async def test_the_history_has_failures_and_rollbacks_marked(place: Place) -> None:
    await changed(place)
    await promote(place, 2, "live", "failure")
    old = await place.scene.build(3)
    rolled = await flow.promote(
        place.scene.ports, place.repo, old, event="rollback", target="live", by=replace(OCTOCAT, via="slack"), params={}
    )
    done = {"status": "success", "started": NOW, "finished": NOW + 130}
    await place.set(f"builds WHERE id = {rolled.id}", **done)

    rows = [words(node) for node in (await place.page(LIVE)).doc.query("tbody tr")]

    assert [row.split(" build")[0] for row in rows] == [
        "rolled back 6 rollback to",
        "failed 5 promotion of",
        "success 4 promotion of",
        "success 3 promotion of",
    ]
    assert "octocat via slack 2 min 10 s" in rows[0]


async def test_what_runs_comes_before_what_waits_and_says_why(place: Place) -> None:
    await changed(place)
    await promote(place, 1, "live")
    await promote(place, 2, "live")
    running, waiting = await place.scene.build(6), await place.scene.build(5)
    await place.set(f"builds WHERE id = {running.id}", status="running")
    place.why[waiting.stages[0].id] = "no runner has the label gpu"

    page = await place.page(LIVE)

    first, second = (words(node) for node in page.doc.query(".lane > li"))
    assert first.startswith("running 6 ")
    assert second.startswith("queued 5 ")
    assert second.endswith("no runner has the label gpu")


async def test_a_long_lane_says_that_there_is_more(place: Place) -> None:
    await changed(place)
    for _ in range(22):
        await promote(place, 1, "live")

    page = await place.page(LIVE)

    assert page.count(".lane > li") == 20
    assert "More wait: these are the first 20." in page.text()


@pytest.mark.parametrize(
    ("who", "told", "offered"),
    [
        ("reader", "Whoever may write in the repository can promote a build.", False),
        ("writer", "Nothing was promoted here yet.", True),
        ("root", "Nothing was promoted here yet.", True),
    ],
)
async def test_a_target_that_was_never_promoted_to_says_so(place: Place, who: str, told: str, offered: bool) -> None:
    await deployed(place)

    page = await place.page("/octocat/hello/-/targets/next", who)

    assert told in page.text()
    assert "no promotion to this target has succeeded yet" in page.text()
    assert ("/octocat/hello/3/-/promote?target=next" in page.links("main a")) == offered
    assert page.count("button[disabled]") == (not offered)


async def test_a_failed_target_runs_nothing_and_has_a_history(place: Place) -> None:
    await place.scene.push(pipeline(trigger={"event": ["push", "promote"]}))
    await promote(place, 1, "odd", "failure")

    page = await place.page("/octocat/hello/-/targets/odd")

    assert "not named by the pipeline file" in page.text()
    assert page.count("tbody tr") == 1


@pytest.mark.parametrize("who", ["reader", "root", "nobody", ""])
async def test_there_is_no_page_of_what_is_no_target(place: Place, who: str) -> None:
    await deployed(place)
    known, status = who in ("reader", "root"), 401 if not who else 404

    page = await place.page("/octocat/hello/-/targets/nowhere", who, status=status)
    hidden = await place.page(LIVE, who, status=200 if known else status)

    assert ("has no target" in page.text()) == known
    assert "live" not in hidden.text("h1") or known


async def test_a_target_that_was_taken_off_the_list_keeps_its_page(place: Place) -> None:
    await place.scene.push(pipeline(trigger={"event": ["push", "promote"]}))
    await promote(place, 1, "old", "success")
    await place.scene.ports.db.write(lists.forget(place.repo.id, "deployment", "old"))

    assert "Runs now" in (await place.page("/octocat/hello/-/targets/old")).text()


async def test_names_of_those_who_may_promote_are_for_those_who_have_rights_there(place: Place) -> None:
    await changed(place)
    await place.set("repos WHERE id = 1", visibility="public")

    told = {who: (await place.page(LIVE, who)).text("dl") for who in ("reader", "root", "nobody", "")}

    assert "keeper, octocat, writer, and the administrators" in told["reader"]
    assert "keeper, octocat, writer, and the administrators" in told["root"]
    assert all("writer" not in told[who] for who in ("nobody", ""))
    assert "Pipelines default and deploy in build 4" in told["reader"]


async def test_a_long_history_is_pages_that_lead_to_each_other(place: Place) -> None:
    await changed(place)
    for _ in range(30):
        await promote(place, 1, "live", "failure")

    first = await place.page(LIVE)
    (older,) = [link for link in first.links() if link.startswith("?")]
    last = await place.page(LIVE + older)
    (newer,) = [link for link in last.links() if link.startswith("?")]

    assert (first.count("tbody tr"), last.count("tbody tr")) == (25, 7)
    assert (await place.page(LIVE + newer)).text("tbody") == first.text("tbody")
    assert "Pipelines default and deploy in build 34" in last.text("dl")


@pytest.mark.parametrize("name", [*HOSTILE, "a/b", "a b", "ü", "a?b#c", "%2f", "..x", "$(id)"])
async def test_every_name_has_a_page_that_the_board_leads_to(place: Place, name: str) -> None:
    await place.scene.ports.db.write(targets.declare(place.repo.id, ["first", name]))
    await place.scene.ports.db.write(store.create(replace(pushed(place.repo, "a" * 40), number=1, status="success")))

    board = await place.page("/", "writer")
    page = await place.page(addresses.target(place.repo, name), "writer")

    assert addresses.target(place.repo, name) in board.links("td a")
    assert f"/octocat/hello/1/-/promote?target={quote(name, safe='').replace('%20', '+')}" in page.links("main a")
    assert page.text("h1").split() == name.split()
    assert board.count("main script") == page.count("main script") == 0


async def test_the_page_is_small_and_asks_for_few_statements(place: Place) -> None:
    drafts = [
        replace(
            pushed(place.repo, f"{number:040x}"), number=number, event="promote", deploy_to="live", status="success"
        )
        for number in range(1, 61)
    ]
    await place.scene.ports.db.write(each(store.create(draft) for draft in drafts))
    counting: Any = Counting(place.scene.ports.db)
    known = state(place.scene, {}) | {"db": counting}
    async with serving(routes.routes, page=errors.page, split=routes.split, strict=True, **known) as client:
        answer = await client.get(LIVE, headers=BROWSER | farside.shown(place.cookies["writer"]))

    assert Page(answer).count("tbody tr") == 25
    assert counting.calls == ["read"]
    assert len(counting.statements) <= 16, counting.statements
    assert len(gzip.compress(answer.content)) < 6000


@pytest.mark.parametrize("name", ODD)
async def test_a_target_of_any_name_has_its_page_and_its_forms(place: Place, name: str) -> None:
    for _ in range(2):
        await place.scene.push(pipeline(), pipeline("deploy", trigger={"event": ["promote", "rollback"]}))
    await place.set("builds WHERE number > 0", status="success", finished=place.scene.clock())
    for number in (1, 2):
        await promote(place, number, name, "success")

    address = (await place.page("/octocat/hello", "writer")).links("h3 a")[0]
    page = await place.page(address, "writer")

    assert browsed(address) == address
    assert page.text("h1").startswith(" ".join(name.split()))
    assert address in (await place.page("/-/deployments", "writer")).links("th a")
    forms = [link for link in page.links() if "/-/promote" in link or "/-/rollback" in link]
    assert forms
    for link in forms:
        assert [name] in parse_qs(urlsplit(link).query).values()
        assert name in (await place.page(link, "writer")).text("main button")
