"""The page of a repository: its targets, its builds, what started nothing, in each state."""

import asyncio
from urllib.parse import quote

import pytest

from app.builds import flow, lists
from app.builds.deliveries import store as deliveries
from app.builds.deliveries.model import Delivery
from app.db.tx import Tx
from app.scm.hook import Delivery as Told
from app.scm.hook import Push
from app.scm.host import Commit
from app.ui import plan
from tests.builds.farside import HOOK, OCTOCAT, file, pipeline
from tests.ui.deploying import FILE, fields, send
from tests.ui.farside import Place, words

REPO = "/octocat/hello"


async def promote(place: Place, number: int, target: str, status: str = "") -> None:
    made = await flow.promote(
        place.scene.ports, place.repo, await place.scene.build(number), target=target, by=OCTOCAT, params={}
    )
    if status:
        await place.set(f"builds WHERE id = {made.id}", status=status, finished=place.scene.clock())


async def idle(place: Place, name: str, error: str, received: int, ref: str = "refs/heads/main") -> None:
    """A push that started no build."""
    told = Told(id=name * 32, sent=received, change=None)
    change = Push(before="b" * 40, after=name * 40, ref=ref, sender="grace")
    given = Delivery.of(place.repo.id, told, change, HOOK, received, name=name * 32)
    await place.scene.ports.db.write(deliveries.end(given, error))


async def test_a_build_is_a_row_with_what_people_ask_for(place: Place) -> None:
    await place.scene.push(title="", message="Second change: the basket\n\nmore", author_login="", author_name="Ada")
    place.scene.clock.time += 125
    await place.set(
        "builds WHERE number = 1", status="success", started=place.scene.clock() - 100, finished=place.scene.clock()
    )

    page = await place.page(REPO)

    sha = (await place.scene.build(1)).after[:8]
    assert page.text("tbody tr") == (f"success 1 push to main {sha} Second change: the basket Ada 1 min 40 s 2 min ago")
    assert "/octocat/hello/1" in page.links()


async def test_a_target_shows_what_runs_there_and_what_was_begun_since(place: Place) -> None:
    await place.scene.push(pipeline(trigger={"event": ["push", "promote"]}))
    await promote(place, 1, "staging", "success")
    await promote(place, 1, "production", "success")
    await promote(place, 1, "production", "failure")
    await promote(place, 1, "production")

    page = await place.page(REPO)

    staging, production = page.doc.query(".cards > .card")
    sha = (await place.scene.build(1)).after[:8]
    assert words(staging) == f"staging {sha} build 2 · just now · octocat"
    assert words(production) == (f"production {sha} build 3 · just now · octocat queued 5 failed 4 log")


async def test_the_version_of_a_tag_is_its_name(place: Place) -> None:
    await place.scene.push(pipeline(), ref="refs/tags/v1.4.0", event="tag")
    await promote(place, 1, "staging", "success")

    assert "v1.4.0" in (await place.page(REPO)).text(".card")


async def test_a_push_that_started_nothing_is_a_line_for_who_may_write(place: Place) -> None:
    await place.scene.push()
    await idle(place, "a", "no pipeline is for push", place.scene.clock() + 5)
    place.scene.clock.time += 60

    rows = {who: (await place.page(REPO, who)).text("tbody") for who in ("reader", "writer")}

    assert "no pipeline is for push" not in rows["reader"]
    assert rows["writer"].startswith("no build push of main: no pipeline is for push aaaaaaaa grace 55 s ago queued 1")


@pytest.mark.parametrize(
    ("who", "told", "hidden"),
    [
        ("reader", ["There is no build yet.", "Whoever may write"], ["gantry"]),
        ("writer", ["no push was seen", "gantry build create octocat/hello"], ["gantry repo hook"]),
        ("keeper", ["gantry repo hook octocat/hello --install", "gantry build create octocat/hello"], []),
    ],
)
async def test_an_empty_repository_says_what_to_do(place: Place, who: str, told: list[str], hidden: list[str]) -> None:
    text = (await place.page(REPO, who)).text()

    assert all(one in text for one in told)
    assert not any(one in text for one in hidden)
    assert "Filter" not in text


async def test_an_empty_repository_shows_its_pipeline_file_and_is_built_by_a_button(place: Place) -> None:
    place.scene.host.add(file(*FILE))

    page = await place.page(REPO, "writer")
    reader = await place.page(REPO)
    answer = await send(place, f"{REPO}/-/new", fields(page))

    text = page.text("#builds")
    assert ".drone.yml of main has 3 pipelines: build exec, 1 step; for push and custom" in text
    assert "deploy exec, 1 step; for promote and rollback to staging and production" in text
    assert "Targets: staging and production" in text
    assert "pipelines" not in reader.text()
    assert answer.headers["location"] == f"{REPO}/1"
    assert (await place.scene.build(1)).event == "custom"


async def test_an_empty_repository_shows_the_problems_of_its_file(place: Place) -> None:
    place.scene.host.add("kind: pipeline\ntype: exec\nsteps: nonsense\n")

    page = await place.page(REPO, "writer")

    assert "The pipeline file of main cannot be used yet" in page.text("#builds .box")
    assert page.text(".log .here") == "3 steps: nonsense"


async def test_of_an_empty_repository_the_host_is_asked_for_who_may_write_alone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "PATIENCE", 0.01)
    asked = asyncio.Event()

    async def never(*_: object) -> Commit:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(place.scene.host, "branch", never)
    await place.page(REPO)
    assert not asked.is_set()

    assert "the host did not send .drone.yml within" in (await place.page(REPO, "writer")).text("#builds")
    asked.clear()
    await place.scene.push()
    await place.page(REPO, "writer")
    assert not asked.is_set()


async def test_a_disabled_repository_says_so(place: Place) -> None:
    await place.set("repos WHERE id = 1", active=False)

    assert "gantry repo enable octocat/hello" in (await place.page(REPO, "keeper")).text()
    assert "An administrator of the repository can enable it" in (await place.page(REPO)).text()


async def test_filters_are_in_the_address_and_stay_in_the_form(place: Place) -> None:
    for branch in ("main", "topic"):
        await place.scene.push(ref=f"refs/heads/{branch}", target_branch=branch)
    await place.set("builds WHERE number = 2", status="success")

    page = await place.page(f"{REPO}?branch=topic&status=success&event=&target=&commit=")
    none = await place.page(f"{REPO}?branch=main&status=success")

    assert page.text("tbody th") == "success 2"
    assert page.count('input[value="topic"]') == 1
    assert page.text("option[selected]") == "success"
    assert "No build of this repository is so." in none.text()


@pytest.mark.parametrize(("by", "numbers"), [("ada", "3 1"), ("octocat", "2"), ("Ada L.", "3"), ("nobody", "")])
async def test_a_person_is_who_began_a_build_or_made_its_commit(place: Place, by: str, numbers: str) -> None:
    await place.scene.push(author_login="ada", author_name="")
    old = await place.scene.build(1)
    await flow.restart(place.scene.ports, place.repo, old, by=OCTOCAT, params={}, debug=False)
    await place.set("builds WHERE number = 2", author_login="bob")
    await place.scene.push(author_login="ada", author_name="Ada L.")

    page = await place.page(f"{REPO}?by={quote(by)}")

    assert page.text("tbody th a") == numbers
    assert page.count(f'input[name="by"][value="{by}"]') == 1
    assert numbers or "No build of this repository is so." in page.text()


async def test_somebodys_builds_are_looked_for_further_back_on_the_next_page(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "HISTORY", 3)
    for number in range(5):
        await place.scene.push(author_login="bob" if number else "ada", author_name="")

    first = await place.page(f"{REPO}?by=ada")
    (older,) = first.links("#builds .pages a")
    second = await place.page(REPO + older)

    assert "Of the 3 builds that were looked at none is so; there are more." in first.text("#builds")
    assert older == "?by=ada&cursor=after:3"
    assert second.text("tbody th a") == "1"
    assert not second.links("#builds .pages a[rel=next]")


@pytest.mark.parametrize(
    ("query", "told"),
    [("status=hungry", "no build has the status 'hungry'"), ("commit=xyz", "commit must be 7 to 64")],
)
async def test_a_filter_that_no_build_has_keeps_what_was_typed(place: Place, query: str, told: str) -> None:
    await place.scene.push()

    page = await place.page(f"{REPO}?{query}", status=400)

    assert told in page.text("[role=alert]")
    typed = query.partition("=")[2]
    assert page.count(f'input[value="{typed}"]') or typed in page.text("option[selected]")


async def test_many_builds_are_pages_that_keep_the_filter(place: Place) -> None:
    for _ in range(30):
        await place.scene.push()

    first = await place.page(f"{REPO}?branch=main")
    (older,) = [link for link in first.links() if link.startswith("?")]
    last = await place.page(REPO + older)
    (newer,) = [link for link in last.links() if link.startswith("?")]

    assert older == "?branch=main&cursor=after:6"
    assert (first.count("tbody tr"), last.count("tbody tr")) == (25, 5)
    assert (await place.page(REPO + newer)).text("tbody") == first.text("tbody")


async def test_idle_pushes_stand_on_the_page_of_their_time_and_on_no_other(place: Place) -> None:
    for number in range(30):
        place.scene.clock.time += 10
        await place.scene.push()
        if number % 10 == 4:
            await idle(place, "abcdef"[number // 10], "nothing", place.scene.clock() + 5)

    first = await place.page(REPO, "writer")
    last = await place.page(f"{REPO}?cursor=after:6", "writer")

    assert [page.text("tbody").count("no build") for page in (first, last)] == [2, 1]


async def test_the_queue_that_is_paused_is_told_on_top(place: Place) -> None:
    await place.scene.ports.db.write(pausing(place.scene.clock() - 720))

    assert "The queue is paused by an administrator: no stage begins. Since 12 min ago." in (
        (await place.page(REPO)).text(".notice")
    )


def pausing(since: int) -> Tx[None]:
    yield "INSERT INTO switches (name, since) VALUES ('queue', :since)", {"since": since}
