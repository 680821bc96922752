"""Names, messages and numbers of anybody: no page breaks, shows markup of others, or leaves something out."""

from dataclasses import replace

import pytest

from app.builds import store
from app.db.tx import each
from app.repos import store as repos
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
PATHS = ["/", "/octocat/hello", "/octocat/hello/1", "/octocat/hello?branch=x&target=x&status=pending&event=push"]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_names_of_anybody_are_text_on_every_page(place: Place, text: str) -> None:
    words = dict.fromkeys(("title", "message", "ref", "source_branch", "target_branch", "author_login"), text)
    words |= dict.fromkeys(("author_name", "sender", "trigger", "cron", "deploy_to", "link", "action"), text)
    await place.scene.push(pipeline("one"), pipeline("two", depends_on=["one"]), **words, params={text: text})
    await place.set("stages WHERE number = 1", name=text, error=text, machine=text, status="running")
    await place.set("latest WHERE 1 = 1", name=text)
    await place.set("repos WHERE id = 1", default_branch=text, link=text, git_http_url=text)

    pages = [await place.page(path) for path in PATHS]

    for page in pages:
        assert page.count("body script") == 0
        assert not [link for link in page.links() if "javascript" in link]
    assert text.split()[0] in pages[2].text()


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
