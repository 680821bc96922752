"""Names, messages and numbers of anybody: no page breaks, shows markup of others, or leaves something out."""

from dataclasses import replace

import pytest

from app.builds import store
from app.db.tx import each
from app.repos import store as repos
from app.ui import addresses
from tests.builds.farside import pipeline, pushed
from tests.ui.farside import Place

HOSTILE = [
    "<script>alert(1)</script>",
    '" onclick="alert(1)" \'',
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe\u2066",
    "x" * 300,
    "😀👩‍👩‍👧 ñ",
    "&amp;&#60;",
    "javascript:alert(1)",
    "]]>-->",
]
PATHS = [
    *("/", "/octocat/hello", "/octocat/hello/1", "/octocat/hello?branch=x&target=x&status=pending&event=push"),
    *("/octocat/hello/1/1/1", "/octocat/hello/1/-/approve", "/octocat/hello/1/-/reject", "/octocat/hello/1/-/cancel"),
    *("/octocat/hello/1/-/again", "/octocat/hello/1/-/promote", "/octocat/hello/1/-/rollback", "/octocat/hello/-/new"),
    *("/-/builds", "/-/approvals", "/-/deployments"),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_names_of_anybody_are_text_on_every_page(place: Place, text: str) -> None:
    words = dict.fromkeys(("title", "message", "ref", "source_branch", "target_branch", "author_login"), text)
    words |= dict.fromkeys(("author_name", "sender", "trigger", "cron", "deploy_to", "link", "action"), text)
    two = pipeline("two", depends_on=["one"])
    await place.ran(await place.scene.push(pipeline("one"), two, **words, params={text: text}), text)
    await place.set("stages WHERE number = 1", name=text, error=text, machine=text, status="running")
    await place.set("latest WHERE 1 = 1", name=text)
    await place.set("repos WHERE id = 1", default_branch=text, link=text, git_http_url=text)

    pages = {path: await place.page(path) for path in (*PATHS, addresses.target(place.repo, text))}

    for page in pages.values():
        assert page.count("body script") == 0
        assert not [link for link in page.links() if not link.startswith(("/", "#", "https:", "http:"))]
    assert text.split()[0] in pages["/octocat/hello/1"].text()
    assert text.split()[0] in pages["/-/deployments"].text()


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_names_of_repositories_are_text_and_lead_to_their_pages(place: Place, text: str) -> None:
    made = await place.scene.ports.db.write(repos.create(replace(place.repo, id=0, name=text)))

    listed = await place.page("/", "root")
    link = next(link for link in listed.links("tbody a") if link != "/octocat/hello")
    page = await place.page(link, "root")

    assert page.text("h1").split() == made.slug.split()


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_words_that_are_typed_come_back_as_text(place: Place, text: str) -> None:
    await place.scene.push()

    for path in ("/octocat/hello", "/-/go"):
        query = {"branch": text, "status": text, "target": text, "commit": text, "tag": text, "q": text}
        answer = await place.client.get(path, params=query, headers={"Accept": "text/html"} | cookie(place))
        assert "<script>alert" not in answer.text


def cookie(place: Place) -> dict[str, str]:
    return {"Cookie": f"_session_={place.cookies['reader']}"}


async def test_a_message_of_a_megabyte_is_whole_in_the_build_and_one_line_in_lists(place: Place) -> None:
    build = pushed(place.repo, "a" * 40)
    huge = replace(build, number=1, title="", message="word " * 200_000)
    await place.scene.ports.db.write(store.create(huge))

    assert len((await place.page("/octocat/hello")).html) < 20_000
    assert len((await place.page("/octocat/hello/1")).html) > 1_000_000


async def test_a_hundred_targets_are_all_there(place: Place) -> None:
    drafts = [
        replace(pushed(place.repo, "a" * 40), number=number, event="promote", deploy_to=f"t{number:03}")
        for number in range(1, 101)
    ]
    await place.scene.ports.db.write(each(store.create(draft) for draft in drafts))

    page = await place.page("/octocat/hello")

    assert page.count(".cards > .card") == 100
    assert page.count("#target option") == 101
    board = await place.page("/")
    assert all(f"t{number:03}" in board.text() for number in range(1, 37))
    assert "64 more" in board.text("td:last-child")
    for path in (
        "/octocat/hello/-/targets/t100",
        "/octocat/hello/7/-/rollback?target=t007",
        "/octocat/hello/7/-/promote",
    ):
        assert len((await place.page(path)).html) < 100_000


async def test_two_hundred_stages_are_all_there(place: Place) -> None:
    names = [f"s{number}" for number in range(200)]
    await place.scene.push(*(pipeline(name, depends_on=names[:at][-3:]) for at, name in enumerate(names)))

    page = await place.page("/octocat/hello/1")

    assert page.count(".tree > li") == 200


async def test_times_of_no_calendar_do_not_break_a_page(place: Place) -> None:
    await place.scene.push()
    for then in (-(2**40), 0, 2**60):
        await place.set("builds WHERE number = 1", created=then, started=then, finished=then)
        assert await place.page("/octocat/hello")
        assert await place.page("/octocat/hello/1")
