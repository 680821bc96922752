"""Regions of a page by themselves."""

from typing import Any

import pytest

from app.builds.live.broadcast import Broadcast
from app.repos.audience import Who
from app.ui import errors, routes
from app.web.sse import PING
from tests.builds.farside import pipeline
from tests.ui.farside import Page, Place, state
from tests.web.asgi import serving

REGIONS = {
    "/": ["board"],
    "/octocat/hello": ["builds", "targets"],
    "/-/builds": ["builds"],
    "/-/deployments": ["days"],
    "/octocat/hello/-/targets/live": ["target"],
    "/octocat/hello/1": ["graph", "head", "log", "stages"],
}
CASES = [(path, region) for path, regions in REGIONS.items() for region in regions]


@pytest.mark.parametrize(("path", "region"), CASES)
async def test_a_region_is_the_same_text_as_in_its_page(place: Place, path: str, region: str) -> None:
    live = pipeline("live", trigger={"event": ["promote"], "target": ["live"]})
    await place.scene.push(pipeline("a"), pipeline("b", depends_on=["a"]), live)

    page = await place.page(path)
    part = await place.get(path, **{"Gantry-Region": region})

    assert part.status_code == 200
    assert part.text.strip() in page.html
    assert f'id="{region}"' in part.text
    assert all("Gantry-Region" in answer.headers["vary"] for answer in (page.answer, part))


@pytest.mark.parametrize("asked", ["targets, builds", "builds,targets", "builds, targets, builds"])
async def test_several_regions_come_in_one_answer_each_once(place: Place, asked: str) -> None:
    await place.scene.push()
    alone = {
        name: (await place.get("/octocat/hello", **{"Gantry-Region": name})).text for name in ("builds", "targets")
    }

    both = await place.get("/octocat/hello", **{"Gantry-Region": asked})
    again = await place.get("/octocat/hello", **{"Gantry-Region": asked, "If-None-Match": both.headers["etag"]})

    names = dict.fromkeys(asked.replace(" ", "").split(","))
    assert both.text == "".join(alone[name] for name in names)
    assert (again.status_code, again.content) == (304, b"")


async def test_a_region_that_is_as_it_was_is_not_sent_again(place: Place) -> None:
    await place.scene.push()
    first = await place.get("/octocat/hello", **{"Gantry-Region": "builds", "Accept-Encoding": "gzip"})

    again = await place.get("/octocat/hello", **{"Gantry-Region": "builds", "If-None-Match": first.headers["etag"]})
    await place.scene.push()
    later = await place.get("/octocat/hello", **{"Gantry-Region": "builds", "If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert later.status_code == 200


async def test_time_alone_makes_no_region_new_and_an_answer_says_whose_it_is(place: Place) -> None:
    await place.scene.push()
    await place.ran(await place.scene.build(1), "test")
    for path, region in (("/octocat/hello", "builds"), ("/octocat/hello/1", "stages")):
        first = await place.get(path, **{"Gantry-Region": region})
        place.scene.clock.time += 100
        later = await place.get(path, **{"Gantry-Region": region})
        again = await place.get(path, **{"Gantry-Region": region, "If-None-Match": first.headers["etag"]})

        assert (first.text != later.text, again.status_code) == (True, 304)
        assert first.headers["gantry-account"] == Page(await place.get(path)).root("data-account") != "0"


async def test_a_page_knows_the_change_after_which_it_was_made(place: Place) -> None:
    known = state(place.scene, place.why)
    live: Broadcast = known["broadcast"]
    rows = [*routes.routes, *routes.described]
    async with (
        serving(rows, page=errors.page, split=routes.split, strict=True, **known) as place.client,
        live.running(),
    ):
        assert (await place.page("/octocat/hello")).root("data-heard") == ""
        reader = await live.join(Who(place.repo.user_id), None, "", lambda: None)
        assert await anext(reader) == PING
        assert (await place.page("/octocat/hello")).root("data-heard") == "abc-0"
        await place.scene.push()
        assert b"id: abc-1\n" in await anext(reader)
        assert (await place.page("/octocat/hello")).root("data-heard") == live.newest != "abc-0"
        assert (await place.page("/logout")).root("data-heard") is None
        await reader.aclose()


async def test_suggestions_are_a_list_even_of_one(place: Place) -> None:
    answer = await place.get("/-/go?q=octocat/hello", **{"Gantry-Region": "found"})

    assert answer.status_code == 200
    assert answer.text.count('class="card"') == 1


@pytest.mark.parametrize("region", ["nothing", "title", "main", "../x", "builds, nothing", "builds,", ","])
async def test_what_is_no_region_is_refused_with_those_that_there_are(place: Place, region: str) -> None:
    answer = await place.get("/octocat/hello", **{"Gantry-Region": region, "Accept": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_region")
    assert "builds, targets" in answer.json()["message"]


@pytest.mark.parametrize("region", ["", " "])
@pytest.mark.parametrize("path", ["/octocat/hello/1", "/-/go?q=octocat/hello"])
async def test_a_header_that_names_no_region_asks_for_the_whole_page(place: Place, path: str, region: str) -> None:
    build = await place.scene.push()
    await place.write_log((await place.ran(build, "one")).steps[0], "a line of the log\n")

    whole, answer = await place.get(path), await place.get(path, **{"Gantry-Region": region})

    assert (answer.status_code, answer.text) == (whole.status_code, whole.text)
    assert answer.headers.get("location") == whole.headers.get("location")


async def test_a_region_needs_the_rights_of_its_page(place: Place) -> None:
    assert (await place.get("/octocat/hello", "nobody", **{"Gantry-Region": "builds"})).status_code == 404


async def test_a_log_that_a_script_shows_is_left_out_of_its_region(place: Place) -> None:
    stage = await place.ran(await place.scene.push(), "one")
    await place.set(f"steps WHERE id = {stage.steps[0].id}", status="running", started=1)
    await place.write_log(stage.steps[0], *(f"line {number}\n" for number in range(1000)))
    asked = {"Gantry-Region": "log"}

    whole = await place.get("/octocat/hello/1", **asked)
    owned = await place.get("/octocat/hello/1", **asked, **{"Gantry-Own": "log-1-1"})
    other = await place.get("/octocat/hello/1", **asked, **{"Gantry-Own": "log-1-2"})
    page = await place.get("/octocat/hello/1", **{"Gantry-Own": "log-1-1"})

    assert 'id="log-1-1"' in owned.text
    assert "running" in owned.text
    assert "line 1" not in owned.text
    assert len(owned.text) < 1000
    assert "line 1" in other.text == whole.text
    assert "line 1" in page.text
    assert [answer.headers["vary"] for answer in (whole, owned)] == [
        "Gantry-Region, Gantry-Own, Accept-Encoding",
        "Gantry-Region, Gantry-Own",
    ]


async def test_only_the_regions_that_need_a_log_read_it(place: Place) -> None:
    build = await place.scene.push()
    stage = await place.ran(build, "one")
    await place.set(f"steps WHERE id = {stage.steps[0].id}", status="failure", exit_code=1)
    await place.set(f"builds WHERE id = {build.id}", status="failure")
    await place.write_log(stage.steps[0], "fine\n", "error: it failed\n")
    read = list[int]()
    logs: Any = place.logs
    opening = logs.open_record

    async def open_record(step_id: int) -> Any:
        read.append(step_id)
        return await opening(step_id)

    logs.open_record = open_record
    head = await place.get("/octocat/hello/1", **{"Gantry-Region": "head"})
    assert "first error at line 2" in head.text
    assert read.pop()
    assert not read
    for asked in ({"Gantry-Region": "stages"}, {"Gantry-Region": "log", "Gantry-Own": "log-1-1"}):
        assert "one" in (await place.get("/octocat/hello/1", **asked)).text
    assert not read
