"""The hook of a repository: what came in, what became of it, and what is tried again."""

from dataclasses import replace

import pytest

from app.builds.deliveries import store
from app.builds.deliveries.model import Delivery
from app.db.tx import each
from app.scm import hook
from app.scm.hook import Push
from tests.builds.farside import HOOK, file, pipeline
from tests.ui.farside import NOW
from tests.ui.settings import Desk

HERE = "/octocat/hello/-/settings/hooks"


async def came(desk: Desk, *names: str, sha: str = "a" * 40, **fields: object) -> None:
    """Deliveries that are over."""
    push = Push(ref="refs/heads/main", before="b" * 40, after=sha, sender="<grace>")
    told = [Delivery.of(desk.repo.id, hook.Delivery(), push, HOOK, NOW - 60, name=name) for name in names]
    await desk.scene.ports.db.write(
        each(store.end(replace(one, **fields), "no pipeline is for push") for one in told)  # type: ignore[arg-type]
    )


async def test_the_last_deliveries_are_told_ten_a_page(desk: Desk) -> None:
    await came(desk, *(f"d{number:02}" for number in range(14)))

    first = await desk.page(HERE, "keeper")
    second = await desk.page(first.links("a[rel=next]")[0], "keeper")

    assert (first.count("tbody tr"), second.count("tbody tr")) == (10, 4)
    assert "no pipeline is for push" in first.text("tbody")
    assert "<grace>" in first.text("tbody")
    assert "http://gantry.test/hook" in first.text()
    assert "gantry repo hook octocat/hello --install" in first.text()


async def test_a_delivery_is_tried_again_and_leads_to_its_build(desk: Desk) -> None:
    sha = desk.scene.host.add(file(pipeline()))
    await came(desk, "d1", sha=sha)

    page = await desk.done(f"{HERE}/d1/repeat")

    assert "push to main" in page.text()
    assert "delivery.repeat" in desk.verbs
    assert "build 1" in (await desk.page(HERE, "keeper")).text("tbody")
    page = await desk.refused(f"{HERE}/d1/repeat", 409)
    assert "has become build 1" in page.text("#problems")


@pytest.mark.parametrize(("name", "status"), [("gone", 404), ("a%20b", 404)])
async def test_a_delivery_that_nobody_knows_is_told(desk: Desk, name: str, status: int) -> None:
    page = await desk.refused(f"{HERE}/{name}/repeat", status)

    assert "no such delivery" in page.text("#problems")


async def test_what_a_delivery_still_fails_with_is_told(desk: Desk) -> None:
    sha = desk.scene.host.add(file(pipeline(trigger={"branch": "other"})))
    await came(desk, "d1", sha=sha)

    page = await desk.refused(f"{HERE}/d1/repeat", 422)

    assert page.count("#problems") == 1


async def test_a_disabled_repository_says_that_nothing_starts(desk: Desk) -> None:
    await came(desk, "d1")
    await desk.set("repos WHERE id = 1", active=False)

    assert "the repository is disabled" in (await desk.page(HERE, "keeper")).text("dl")
    page = await desk.refused(f"{HERE}/d1/repeat", 409)
    assert "gantry repo enable octocat/hello" in page.text("#problems")


async def test_a_repository_of_a_host_is_repaired_here(desk: Desk) -> None:
    await desk.set("repos WHERE id = 1", scm="github")

    page = await desk.page(HERE, "keeper")

    assert page.count('form[action="/octocat/hello/-/settings/general/repair"]') == 1
    assert "gantry repo repair octocat/hello" in page.text()
