"""The first page: the repositories that somebody may read, a page of them at a time."""

from dataclasses import replace

from app.db.tx import Tx
from app.repos import store as repos
from app.repos.model import Visibility
from tests.ui.farside import Place


async def test_a_reader_sees_the_repository_and_its_newest_build(place: Place) -> None:
    await place.scene.push()
    await place.scene.push()

    page = await place.page("/")

    assert page.text("tbody tr").startswith("octocat/hello queued 2 push to main")
    assert {"/octocat/hello", "/octocat/hello/2"} <= set(page.links())


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
