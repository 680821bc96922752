"""The board: what is where, of the repositories that somebody may read, a page of them at a time."""

from dataclasses import replace
from typing import Any

import pytest
from justhtml import Node

from app.builds import targets
from app.builds.behind import Pair
from app.db.tx import Tx
from app.errors import Unavailable
from app.repos import store as repos
from app.repos.model import Visibility, source
from app.ui import errors, routes
from tests.builds.farside import pipeline
from tests.counting import Counting
from tests.ui.farside import BROWSER, Page, Place, attributes, state, words
from tests.ui.test_repo import promote
from tests.web.asgi import serving


async def test_a_repository_without_targets_shows_its_newest_build(place: Place) -> None:
    await place.scene.push()
    await place.scene.push(author_login="ada")

    page = await place.page("/")

    sha = (await place.scene.build(2)).after[:8]
    assert page.text("tbody tr") == f"octocat/hello queued 2 push to main {sha} · just now · ada"
    assert {"/octocat/hello", "/octocat/hello/2"} <= set(page.links())


async def deployed(place: Place) -> str:
    """Three declared targets: one with a success, one with failures and work since, one never promoted to; a commit."""
    triggers = {"event": ["promote"], "target": ["test", "live", "next"]}
    built = await place.scene.push(pipeline(), pipeline("to", trigger=triggers))
    await place.set("builds WHERE number = 1", status="success", finished=place.scene.clock())
    await promote(place, 1, "test", "success")
    await promote(place, 1, "live", "success")
    await promote(place, 1, "live", "failure")
    await promote(place, 1, "live")
    return built.after


async def test_a_row_shows_what_runs_in_each_target_and_what_was_begun_since(place: Place) -> None:
    sha = (await deployed(place))[:8]
    place.scene.clock.time += 300

    page = await place.page("/")

    _, test, live, following = (words(node) for node in page.doc.query("tbody th, tbody td"))
    assert page.text("thead th") == "Repository test live next"
    assert test == f"{sha} build 2 · 5 min ago · octocat"
    assert live == f"{sha} build 3 · 5 min ago · octocat queued 5 failed 4 log"
    assert following == "never promoted"
    assert {"/octocat/hello/-/targets/live", "/octocat/hello/4#log", "/octocat/hello/5"} <= set(page.links("td a"))
    assert page.count("section#board[data-live=repos]") == 1
    assert page.text(".facts") == "1 of 1 repository"


async def test_only_who_may_write_is_offered_actions(place: Place) -> None:
    await deployed(place)

    links = {who: set((await place.page("/", who)).links("td a")) for who in ("reader", "writer", "root")}

    actions = {
        "/octocat/hello/2/-/promote?target=live",
        "/octocat/hello/2/-/rollback?target=test",
        "/octocat/hello/3/-/promote?target=next",
        "/octocat/hello/1/-/promote?target=next",
        "/octocat/hello/-/targets/test#history",
    }
    assert actions <= links["writer"]
    assert actions <= links["root"]
    assert not [link for link in links["reader"] if "/-/promote" in link or "/-/rollback" in link]


async def test_commits_that_a_target_is_behind_lead_to_the_comparison(place: Place) -> None:
    await deployed(place)
    await place.set("builds WHERE number = 3", after_sha="b" * 40)
    pair = Pair(source(place.repo), "b" * 40, (await place.scene.build(2)).after)
    place.behind._known[pair] = (5, 0.0)

    page = await place.page("/")

    assert "5 commits behind test" in page.text("td")
    assert "/octocat/hello/-/compare/3...2" in page.links("td a")


async def test_targets_without_a_column_are_in_a_group_that_opens(place: Place) -> None:
    db = place.scene.ports.db
    await db.write(targets.declare(place.repo.id, [f"t{number:03}" for number in range(100)]))
    other = await db.write(repos.create(replace(place.repo, id=0, name="other")))
    await db.write(targets.declare(other.id, ["own"]))

    page = await place.page("/", "root")

    assert page.text("thead th") == "Repository t000 t001 t002 t003 t004 t005 Other targets"
    hello, other_row = page.doc.query("tbody tr")
    assert words(hello.query("summary")[0]) == "94 other targets"
    assert [len(hello.query(".cards > div")), words(hello.query("details > p")[0])] == [30, "64 more"]
    assert "open" not in attributes(hello.query("details")[0])
    assert "open" in attributes(other_row.query("details")[0])


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("q=HELLO", 1),
        ("q=zzz", 0),
        ("q=%25", 0),
        ("namespace=octocat", 1),
        ("namespace=x", 0),
        ("show=failed", 1),
        ("show=flight", 1),
        ("show=waits", 0),
        ("show=mine", 0),
        ("show=differs&q=hel", 1),
    ],
)
async def test_filters_are_in_the_address_and_stay_in_the_form(place: Place, query: str, count: int) -> None:
    await deployed(place)

    page = await place.page(f"/?{query}")

    assert page.count("tbody tr") == count
    assert ("No repository that you may read is so" in page.text()) == (not count)
    asked = dict(pair.split("=") for pair in query.split("&"))
    assert page.count(f'input[value="{asked.get("q", "").replace("%25", "%")}"]') == 1
    assert (asked.get("show") or "everything") in [attributes(one).get("value") or "everything" for one in chosen(page)]


def chosen(page: Page) -> list[Node]:
    return [one for one in page.doc.query("#show option") if "selected" in attributes(one)]


async def test_a_filter_that_no_board_has_keeps_what_was_typed(place: Place) -> None:
    page = await place.page("/?show=hungry&q=hello", status=400)

    assert "a board cannot show 'hungry'" in page.text("[role=alert]")
    assert page.text("#show option[selected]") == "hungry"
    assert page.count('input[value="hello"]') == 1


async def test_the_pages_of_a_filtered_board_keep_the_filter(place: Place) -> None:
    for number in range(60):
        await place.scene.ports.db.write(repos.create(replace(place.repo, id=0, name=f"r{number:03}")))

    first = await place.page("/?q=/r0&show=", "root")
    (more,) = [link for link in first.links() if link.startswith("?")]

    assert more == "?q=/r0&show=&cursor=after:octocat/r049"
    assert first.text(".facts") == "50 of 60 repositories"
    assert (await place.page(f"/{more}", "root")).text(".facts") == "10 of 60 repositories"


async def test_the_signed_out_see_the_public_board_and_are_offered_to_sign_in(place: Place) -> None:
    await deployed(place)
    await place.set("repos WHERE id = 1", visibility="public")

    page = await place.page("/?show=mine", "")
    board = await place.page("/", "")

    assert page.count("tbody tr") == 0
    assert board.count("tbody td") == 3
    assert "Sign in to see all that you may read" in board.text()
    assert "promoted by me" not in board.text("#show")


async def test_a_database_that_does_not_answer_is_told_with_a_way_to_try_again(place: Place) -> None:
    class Slow(Counting):
        async def read(self, tx: Tx[Any]) -> Any:
            raise Unavailable("the database did not answer; try again")

    slow: Any = Slow(place.scene.ports.db)
    known = state(place.scene, {}) | {"db": slow}
    async with serving(routes.routes, page=errors.page, split=routes.split, strict=True, **known) as client:
        whole = await client.get("/?show=failed", headers=BROWSER)
        part = await client.get("/?show=failed", headers=BROWSER | {"Gantry-Region": "board"})

    page = Page(whole)
    assert (whole.status_code, part.status_code) == (503, 503)
    assert "the database did not answer" in page.text()
    assert "/?show=failed" in page.links("main a")
    assert part.text.startswith('<div class="box bad" role="alert">')
    assert "the database did not answer" in part.text
    assert "<main" not in part.text
    assert 'href="/?show=failed"' in part.text


async def test_who_may_read_nothing_is_told_whom_to_ask(place: Place) -> None:
    texts = {who: (await place.page("/", who)).text() for who in ("nobody", "")}

    assert "An administrator of a repository gives you the right" in texts["nobody"]
    assert "Sign in to see the repositories" in texts[""]
    assert not any("hello" in text for text in texts.values())


async def test_an_administrator_of_a_new_server_is_told_the_commands(place: Place) -> None:
    await place.scene.ports.db.write(place_without_repos())

    page = await place.page("/", "root")

    assert "gantry repo add acme/web" in page.text()
    assert "gantry repo hook acme/web --install" in page.text()


def place_without_repos() -> Tx[None]:
    yield "DELETE FROM permissions", {}
    yield "DELETE FROM repos", {}


async def test_the_signed_out_see_what_is_public_and_others_what_is_internal_too(place: Place) -> None:
    kinds: list[tuple[str, Visibility]] = [("open", "public"), ("inside", "internal")]
    for name, visibility in kinds:
        draft = replace(place.repo, id=0, name=name, visibility=visibility)
        await place.scene.ports.db.write(repos.create(draft))

    seen = {who: (await place.page("/", who)).text("tbody th") for who in ("", "nobody", "reader", "root")}

    assert seen[""] == "octocat/open"
    assert seen["nobody"] == "octocat/inside octocat/open"
    assert seen["reader"] == seen["root"] == "octocat/hello octocat/inside octocat/open"


async def test_many_repositories_are_pages_that_lead_to_each_other(place: Place) -> None:
    for number in range(120):
        await place.scene.ports.db.write(repos.create(replace(place.repo, id=0, name=f"r{number:03}")))

    first = await place.page("/", "root")
    (more,) = [link for link in first.links() if link.startswith("?")]
    second = await place.page(f"/{more}", "root")
    (before, last) = [link for link in second.links() if link.startswith("?")]

    assert first.count("tbody tr") == second.count("tbody tr") == 50
    assert (await place.page(f"/{last}", "root")).count("tbody tr") == 21
    assert (await place.page(f"/{before}", "root")).text("tbody") == first.text("tbody")


async def test_a_cursor_of_nothing_is_an_error_page(place: Place) -> None:
    page = await place.page("/?cursor=sideways", status=400)

    assert "the cursor must be one" in page.text()
    assert "bad_cursor" in page.text()
