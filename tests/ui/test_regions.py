"""One region of a page by itself."""

import pytest

from tests.builds.farside import pipeline
from tests.ui.farside import Place

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


async def test_a_region_that_is_as_it_was_is_not_sent_again(place: Place) -> None:
    await place.scene.push()
    first = await place.get("/octocat/hello", **{"Gantry-Region": "builds", "Accept-Encoding": "gzip"})

    again = await place.get("/octocat/hello", **{"Gantry-Region": "builds", "If-None-Match": first.headers["etag"]})
    await place.scene.push()
    later = await place.get("/octocat/hello", **{"Gantry-Region": "builds", "If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert later.status_code == 200


@pytest.mark.parametrize("region", ["nothing", "title", "main", "../x"])
async def test_what_is_no_region_is_refused_with_those_that_there_are(place: Place, region: str) -> None:
    answer = await place.get("/octocat/hello", **{"Gantry-Region": region, "Accept": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_region")
    assert "builds, targets" in answer.json()["message"]


async def test_a_region_needs_the_rights_of_its_page(place: Place) -> None:
    assert (await place.get("/octocat/hello", "nobody", **{"Gantry-Region": "builds"})).status_code == 404
