"""Pages of all repositories: builds, and deployments by day."""

import csv

import pytest

from app.builds import everywhere, flow
from tests.builds.farside import OCTOCAT, pipeline
from tests.ui.farside import Place

BUILDS, DEPLOYMENTS = "/-/builds", "/-/deployments"


async def promote(place: Place, number: int, target: str, status: str, event: flow.Deployment = "promote") -> int:
    old = await place.scene.build(number)
    made = await flow.promote(place.scene.ports, place.repo, old, event=event, target=target, by=OCTOCAT, params={})
    place.scene.clock.time += 10
    now = place.scene.clock()
    await place.set(f"builds WHERE id = {made.id}", status=status, started=now - 5, finished=now)
    place.scene.clock.time += 10
    return made.number


async def test_builds_of_all_readable_repositories_stand_newest_first(place: Place) -> None:
    await place.scene.push(title="one")
    await place.scene.push(title="two")

    page = await place.page(BUILDS)

    assert page.links("tbody th a") == ["/octocat/hello/2", "/octocat/hello/1"]
    assert page.links("tbody td a") == ["/octocat/hello"] * 2
    assert (await place.page(BUILDS, "nobody")).count("tbody tr") == 0
    assert "no build yet" in (await place.page(BUILDS, "nobody")).text()


@pytest.mark.parametrize("path", [BUILDS, DEPLOYMENTS])
async def test_whoever_is_not_signed_in_is_led_to_the_sign_in(place: Place, path: str) -> None:
    page = await place.page(path, "", status=401)

    assert f"/login?next={path.replace('/', '%2F')}" in page.links()


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("status=success", [3, 2]),
        ("status=failure", [4]),
        ("status=blocked", []),
        ("event=push", [1]),
        ("target=staging", [2]),
        ("repo=octocat/hello", [4, 3, 2, 1]),
        ("repo=octocat/other", []),
        ("repo=nonsense", []),
        ("since=2020-01-01", [4, 3, 2, 1]),
        ("since=2999-01-01", []),
        ("mine=true", []),
        ("by=ada", [4, 3, 2, 1]),
        ("by=Ada", [4, 3, 2, 1]),
        ("by=octocat", [4, 3, 2]),
        ("by=octocat&mine=true", []),
        ("status=success&target=production", [3]),
    ],
)
async def test_filters_find_what_they_say_and_stay_in_the_form(place: Place, query: str, numbers: list[int]) -> None:
    await place.scene.push(pipeline(trigger={"event": ["push", "promote"]}), author_login="ada")
    await promote(place, 1, "staging", "success")
    await promote(place, 1, "production", "success")
    await promote(place, 1, "production", "failure")

    page = await place.page(f"{BUILDS}?{query}")

    assert page.links("tbody th a") == [f"/octocat/hello/{number}" for number in numbers]
    assert page.count("main input[checked]") == (1 if "mine" in query else 0)
    assert numbers or "No build here is so." in page.text()


async def test_mine_are_those_that_the_account_began_or_wrote(place: Place) -> None:
    await place.scene.push(author_login="reader")
    await place.scene.push(author_login="ada")

    assert (await place.page(f"{BUILDS}?mine=true")).links("tbody th a") == ["/octocat/hello/1"]


@pytest.mark.parametrize(
    ("query", "told"),
    [("status=hungry", "no build has the status 'hungry'"), ("since=yesterday", "since must be a day as 2026-07-31")],
)
async def test_a_filter_that_is_wrong_keeps_what_was_typed(place: Place, query: str, told: str) -> None:
    for path in (BUILDS, DEPLOYMENTS):
        page = await place.page(f"{path}?{query}", status=400)
        assert told in page.text("[role=alert]")


async def test_a_list_goes_on_where_it_ends(place: Place) -> None:
    for _ in range(60):
        await place.scene.push()

    first = await place.page(f"{BUILDS}?event=push")
    (older,) = first.links(".pages a")
    last = await place.page(older)

    assert (first.count("tbody tr"), last.count("tbody tr")) == (50, 10)
    assert older == "/-/builds?event=push&below=11"
    assert last.links(".pages a") == ["/-/builds?event=push"]


@pytest.mark.parametrize("below", ["x", "-1", "9" * 40, "²"])
async def test_a_place_that_is_none_is_the_beginning(place: Place, below: str) -> None:
    await place.scene.push()

    assert (await place.page(f"{BUILDS}?below={below}")).count("tbody tr") == 1


async def test_a_rare_build_is_looked_for_stretch_by_stretch(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(everywhere.stretch, "__defaults__", (0, 10))
    for _ in range(25):
        await place.scene.push()
    await place.set("builds WHERE number = 3", status="killed")

    first = await place.page(f"{BUILDS}?status=killed")
    second = await place.page(first.links(".pages a[rel=next]")[0])
    third = await place.page(second.links(".pages a[rel=next]")[0])

    assert "there are older ones" in first.text()
    assert [page.count("tbody tr") for page in (first, second, third)] == [0, 0, 1]
    assert "there are older ones" not in third.text()


async def test_a_promotion_shows_what_ran_before_it(place: Place) -> None:
    await place.scene.push(pipeline(trigger={"event": ["tag", "promote", "rollback"]}), ref="refs/tags/v1", event="tag")
    await place.scene.push(pipeline(trigger={"event": ["tag", "promote", "rollback"]}), ref="refs/tags/v2", event="tag")
    await promote(place, 1, "production", "success")
    await promote(place, 2, "production", "failure")
    await promote(place, 2, "production", "success")
    await promote(place, 1, "production", "success", "rollback")

    page = await place.page(DEPLOYMENTS)

    rows = [" ".join(text.split()[1:]) for text in page.text("tbody tr").split("success") if text]
    assert page.text("tbody td.wide") == "↶ rolled back v2 → v1 v1 → v2 v1 → v2 nothing → v1"
    assert "production octocat/hello" in rows[0]
    assert page.count("main h2") == 1


async def test_days_stand_apart(place: Place) -> None:
    await place.scene.push(pipeline(trigger={"event": ["push", "promote"]}))
    await promote(place, 1, "production", "success")
    place.scene.clock.time += 2 * 86400
    await promote(place, 1, "production", "success")

    assert (await place.page(DEPLOYMENTS)).count("main h2") == 2


async def test_a_file_has_what_the_filters_find(place: Place) -> None:
    await place.scene.push(pipeline(trigger={"event": ["push", "promote"]}))
    await promote(place, 1, "=production", "success")
    await promote(place, 1, "staging", "success")

    table = await place.get(f"{DEPLOYMENTS}/export?format=csv&target=%3Dproduction")
    rows = list(csv.DictReader(table.text.splitlines()))
    told = (await place.get(f"{DEPLOYMENTS}/export")).json()

    assert table.headers["content-type"].startswith("text/csv")
    assert [(row["target"], row["build"], row["status"]) for row in rows] == [("'=production", "2", "success")]
    assert [(one["target"], one["parent"], one["before"]) for one in told] == [
        ("staging", 1, ""),
        ("=production", 1, ""),
    ]
    assert told[0]["link"].endswith("/octocat/hello/3")
    assert (await place.get(f"{DEPLOYMENTS}/export?since=x")).status_code == 400


@pytest.mark.parametrize("who", ["nobody", "reader"])
async def test_a_repository_that_may_not_be_read_is_in_no_list(place: Place, who: str) -> None:
    await place.scene.push(pipeline(trigger={"event": ["push", "promote"]}))
    await promote(place, 1, "production", "success")

    seen = {path: (await place.page(path, who)).count("tbody tr") for path in (BUILDS, DEPLOYMENTS)}

    assert seen == ({BUILDS: 2, DEPLOYMENTS: 1} if who == "reader" else {BUILDS: 0, DEPLOYMENTS: 0})
