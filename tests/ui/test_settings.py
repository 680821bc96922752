"""All pages of settings together: who may open them and act on them, hostile names, and what they cost."""

import gzip
from typing import Any

import pytest

from app.main.webhooks import Outgoing
from app.repos import store as repos
from app.ui import errors, routes
from app.ui.pages.settings import access, cron, danger, general, hooks, secrets
from tests.accounts import farside
from tests.counting import Counting
from tests.ui.farside import BROWSER, PEOPLE, state
from tests.ui.settings import Desk
from tests.ui.test_hostile import HOSTILE
from tests.web.asgi import serving

BASE = "/octocat/hello/-/settings"
SUBJECTS = ("general", "access", "secrets", "cron", "hooks", "danger")
ROWS = [row for one in (general, access, secrets, cron, hooks, danger) for row in one.routes]
#: What somebody gets who opens a page of settings, and what who may not act gets.
ANSWERS = {"": 401, "nobody": 404, "reader": 403, "writer": 403, "keeper": 200, "root": 200}


def address(row: Any, slug: str = "octocat/hello") -> str:
    text = str(row.path).replace("{owner}/{name}", slug)
    return text.replace("{secret}", "key").replace("{cron}", "nightly").replace("{delivery}", "d1")


def test_every_person_has_an_answer() -> None:
    assert set(ANSWERS) == {"", *PEOPLE}
    assert len(ROWS) > 20


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.path}")
@pytest.mark.parametrize("who", ["", "nobody", "reader", "writer"])
async def test_only_administrators_of_the_repository_open_and_act(desk: Desk, row: Any, who: str) -> None:
    sent = {"slug": "octocat/hello", "login": "nobody", "right": "admin", "name": "key", "data": "x"}
    before = await desk.now()

    if row.method == "GET":
        answer = await desk.get(address(row), who)
    else:
        answer = await desk.post(address(row), who, **sent)

    assert answer.status_code == ANSWERS[who], answer.text
    assert "<h1>" in answer.text
    assert await desk.now() == before
    assert desk.moments == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.path}")
async def test_a_hidden_repository_is_the_same_as_a_missing_one(desk: Desk, row: Any) -> None:
    for slug in ("octocat/hello", "octocat/other"):
        path = address(row, slug)
        answer = await (desk.get(path, "nobody") if row.method == "GET" else desk.post(path, "nobody"))
        assert answer.status_code == 404


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("who", ["keeper", "root"])
async def test_each_page_leads_to_the_others_and_shows_a_command(desk: Desk, subject: str, who: str) -> None:
    page = await desk.page(f"{BASE}/{subject}", who)

    assert page.links(".subjects a") == [f"{BASE}/{one}" for one in SUBJECTS]
    assert page.text('.subjects [aria-current="page"]') == subject.capitalize()
    assert "gantry " in page.text(".command")


@pytest.mark.parametrize("row", [row for row in ROWS if row.method == "POST"], ids=lambda row: str(row.path))
async def test_a_page_of_another_site_changes_nothing(desk: Desk, row: Any) -> None:
    headers = BROWSER | farside.shown(desk.cookies["keeper"]) | {"Sec-Fetch-Site": "cross-site"}

    answer = await desk.client.post(address(row), data={"slug": "octocat/hello"}, headers=headers)

    assert answer.status_code == 403
    assert desk.moments == []


async def test_a_repository_goes_only_when_its_name_is_typed(desk: Desk) -> None:
    await desk.scene.push()
    for typed in ("", "octocat", "octocat/Hello"):
        page = await desk.refused(f"{BASE}/danger", 400, slug=typed)
        assert page.count("#problem-slug") == 1
    assert "repo.delete" not in desk.verbs

    answer = await desk.post(f"{BASE}/danger", slug="octocat/hello")

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert await desk.scene.ports.db.read(repos.find_if_any("octocat", "hello")) is None
    assert "repo.delete" in desk.verbs
    assert (await desk.post(f"{BASE}/danger", slug="octocat/hello")).status_code == 404


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_names_of_anybody_are_text_on_every_page(desk: Desk, text: str) -> None:
    await desk.post(f"{BASE}/secrets", name="key", data="x")
    await desk.post(f"{BASE}/cron", name="nightly", expr="@daily", branch="main", event="push")
    await desk.set("secrets WHERE id > 0", name=text)
    await desk.set("crons WHERE id > 0", name=text, branch=text, target=text, event="promote")
    await desk.set("users WHERE login = 'reader'", login=text)
    await desk.set("repos WHERE id = 1", default_branch=text, config_path=text, scm=text)

    for subject in SUBJECTS:
        page = await desk.page(f"{BASE}/{subject}", "keeper")
        assert page.count("main script") == 0
    for subject in SUBJECTS:
        fields = dict.fromkeys(("login", "right", "name", "expr", "zone", "branch", "event", "target", "slug"), text)
        answer = await desk.post(f"{BASE}/{subject}", **fields, visibility=text, config_path=text, timeout=text)
        assert answer.status_code in (400, 404, 405), subject
        assert "<script>alert" not in answer.text


async def test_a_form_of_a_megabyte_or_of_many_fields_is_an_answer(desk: Desk) -> None:
    assert (await desk.post(f"{BASE}/secrets", name="x", data="y" * 1_100_000)).status_code == 413
    many = {f"f{number}": "x" for number in range(20_001)}
    assert (await desk.post(f"{BASE}/general", **many)).status_code == 400


@pytest.mark.parametrize("subject", [*SUBJECTS, "secrets/key"])
async def test_a_page_asks_for_few_statements_and_is_small(desk: Desk, subject: str) -> None:
    await desk.post(f"{BASE}/secrets", name="key", data="x")
    counting: Any = Counting(desk.scene.ports.db)
    known = state(desk.scene, {}) | {"db": counting, "outgoing": Outgoing(desk.webhooks)}
    async with serving(routes.routes, page=errors.page, split=routes.split, strict=True, **known) as client:
        answer = await client.get(f"{BASE}/{subject}", headers=BROWSER | farside.shown(desk.cookies["keeper"]))

    assert answer.status_code == 200, answer.text
    assert counting.calls == ["read"]
    assert len(counting.statements) <= 8, counting.statements
    assert len(gzip.compress(answer.content)) < 5 * 1024
