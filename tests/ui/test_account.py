"""One's own account: tokens that are shown once, browsers, hosts, and how this browser shows pages."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.accounts import proofs, store
from app.accounts.hosted import store as hosted
from app.accounts.hosted.model import HostAccount
from app.accounts.model import Token
from app.db.connect import Database
from app.db.tx import each, run
from app.repos import store as repos
from app.repos.model import Permissions
from app.ui import errors, frame, routes
from tests.accounts import farside
from tests.accounts.farside import OWN
from tests.accounts.hosted.forge import FakeForge
from tests.builds.farside import laid
from tests.counting import Counting
from tests.ui.farside import BROWSER, NOW, Page, attributes, state
from tests.ui.settings import Desk, desk_of
from tests.ui.test_hostile import HOSTILE
from tests.web.asgi import serving

HERE = "/-/account"
NEW = {"name": "bot", "scope": "promote", "repos": "", "expires": "90 days"}


async def tokens(desk: Desk, login: str = "reader") -> dict[str, Token]:
    user = await desk.scene.ports.db.read(store.find(login))
    return {token.name: token for token in await desk.scene.ports.db.read(proofs.list_tokens(user.id))}


async def sessions(desk: Desk, login: str = "reader") -> list[int]:
    user = await desk.scene.ports.db.read(store.find(login))
    return [one.id for one in await desk.scene.ports.db.read(proofs.list_sessions(user.id, NOW))]


async def test_the_page_is_for_accounts_and_says_who_they_are(desk: Desk) -> None:
    assert (await desk.get(HERE, "")).status_code == 401
    reader, root = await desk.page(HERE), await desk.page(HERE, "root")

    assert "reader" in reader.text("dl")
    assert "what repositories grant you" in reader.text("dl")
    assert "administrator of the server" in root.text("dl")
    assert "default" in reader.text("tbody")
    assert "this one" in reader.text("tbody")


async def test_a_token_is_shown_once_by_an_answer_that_nobody_keeps(desk: Desk) -> None:
    answer = await desk.post(f"{HERE}/tokens", "reader", **NEW | {"repos": "octocat/hello"})
    page = Page(answer)
    value = page.text(".command").split()[0]

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert len(value) == 32
    made = (await tokens(desk))["bot"]
    assert (made.scope, list(made.repos.values()), made.expires) == ("promote", ["octocat/hello"], NOW + 90 * 86400)
    listed = await desk.page(HERE)
    assert value not in listed.html
    assert "promote in octocat/hello" in listed.text("tbody")
    assert value not in repr(desk.moments)
    (moment,) = desk.moments
    assert (moment.verb, moment.by.way) == ("token.create", "session")


async def test_answers_with_a_token_are_not_compressed(desk: Desk) -> None:
    headers = BROWSER | OWN | farside.shown(desk.cookies["reader"]) | {"Accept-Encoding": "gzip"}
    shown = await desk.client.post(f"{HERE}/tokens", data=NEW, headers=headers)
    other = await desk.client.get(HERE, headers=headers)

    assert "content-encoding" not in shown.headers
    assert other.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("field", "value"),
    [*[("name", ""), ("name", "a b"), ("scope", "all"), ("expires", "soon")], ("repos", "octocat/gone")],
)
async def test_what_is_wrong_comes_back_beside_its_field(desk: Desk, field: str, value: str) -> None:
    page = await desk.refused(f"{HERE}/tokens", 400, "reader", **NEW | {field: value})

    assert page.count(f"#problem-{field}") == 1
    assert attributes(page.doc.query("#field-name")[0])["value"] == (value if field == "name" else "bot")
    assert set(await tokens(desk)) == {"default"}


async def test_a_page_that_is_sent_again_makes_no_second_token(desk: Desk) -> None:
    await desk.post(f"{HERE}/tokens", "reader", **NEW)

    page = await desk.refused(f"{HERE}/tokens", 409, "reader", **NEW)

    assert "token bot exists already" in page.text("#problems")
    assert page.count("#problem-name") == 1


async def test_a_token_is_revoked(desk: Desk) -> None:
    await desk.post(f"{HERE}/tokens", "reader", **NEW)

    page = await desk.done(f"{HERE}/tokens/revoke", "reader", token="bot")

    assert "The token bot is revoked" in page.text("main [role=status]")
    assert set(await tokens(desk)) == {"default"}
    page = await desk.refused(f"{HERE}/tokens/revoke", 404, "reader", token="bot")
    assert "token bot not found" in page.text("#problems")


async def test_a_rotation_shows_the_new_token_and_signs_all_browsers_out(desk: Desk) -> None:
    answer = await desk.post(f"{HERE}/tokens/rotate", "reader")
    page = Page(answer)
    value = page.text(".command").split()[0]

    assert answer.headers["cache-control"] == "no-store"
    assert "_session_=" in answer.headers["set-cookie"]
    assert await sessions(desk) == []
    assert (await desk.get(HERE)).status_code == 401
    shown = await desk.client.get(HERE, headers=BROWSER | {"Authorization": f"Bearer {value}"})
    assert shown.status_code == 200
    assert desk.verbs == ["account.rotate"]


async def test_browsers_are_signed_out_one_or_all_others(desk: Desk) -> None:
    for _ in range(3):
        await farside.begin(desk.scene.ports.db, "reader", expires=2**33)
    newest, *_, own = await sessions(desk)

    await desk.done(f"{HERE}/sessions/end", "reader", session=str(newest))
    assert len(await sessions(desk)) == 3
    page = await desk.done(f"{HERE}/sessions/others", "reader")

    assert await sessions(desk) == [own]
    assert "All other browsers are signed out." in page.text("main [role=status]")
    assert [(moment.verb, moment.before) for moment in desk.moments] == [
        ("session.delete", {"browser": "a browser"}),
        ("session.delete", {"sessions": 2}),
    ]


@pytest.mark.parametrize(("session", "status"), [("0", 404), ("x", 400), ("9" * 30, 400)])
async def test_a_browser_of_somebody_else_is_not_signed_out(desk: Desk, session: str, status: int) -> None:
    (theirs,) = await sessions(desk, "writer")
    await desk.refused(f"{HERE}/sessions/end", 404, "reader", session=str(theirs))
    await desk.refused(f"{HERE}/sessions/end", status, "reader", session=session)

    assert await sessions(desk, "writer") == [theirs]


async def test_a_theme_and_a_zone_are_kept_by_the_browser_and_shown_everywhere(desk: Desk) -> None:
    await desk.scene.push()
    answer = await desk.post(f"{HERE}/display", "reader", theme="dark", zone="Europe/Berlin")
    kept = [one.partition(";")[0] for one in answer.headers.get_list("set-cookie")]
    cookie = "; ".join([*kept, f"_session_={desk.cookies['reader']}"])

    for path in ("/", "/octocat/hello", "/octocat/hello/1", HERE, "/octocat/gone"):
        page = await desk.client.get(path, headers=BROWSER | {"Cookie": cookie})
        assert '<html lang="en" data-theme="dark" ' in page.text
        assert not re.search(r'title="[^"]* UTC"', page.text)
    region = await desk.client.get("/octocat/hello", headers=BROWSER | {"Cookie": cookie, "Gantry-Region": "builds"})
    assert 'title="2023-11-14 23:13:20 CET"' in region.text
    account = Page(await desk.client.get(HERE, headers=BROWSER | {"Cookie": cookie}))
    assert attributes(account.doc.query("#field-zone")[0])["value"] == "Europe/Berlin"
    assert "data-theme" not in (await desk.page("/")).html

    answer = await desk.post(f"{HERE}/display", "reader", theme="system", zone="")
    assert all("Max-Age=0" in one for one in answer.headers.get_list("set-cookie"))


@pytest.mark.parametrize("zone", ["Mars/Base", "../../etc/passwd", "Europe", "x" * 5000, "", "localtime"])
async def test_a_cookie_that_is_no_zone_and_no_theme_is_utc(desk: Desk, zone: str) -> None:
    await desk.scene.push()
    cookie = f"_session_={desk.cookies['reader']}; zone={zone}; theme=<b>"

    answer = await desk.client.get("/octocat/hello", headers=BROWSER | {"Cookie": cookie})

    assert 'title="2023-11-14 22:13:20 UTC"' in answer.text
    assert "data-theme" not in answer.text


async def test_a_zone_that_is_none_is_refused_with_the_one_that_was_meant(desk: Desk) -> None:
    page = await desk.refused(f"{HERE}/display", 400, "reader", theme="pink", zone="Europe/Berlln")

    assert "did you mean Europe/Berlin?" in page.text("#problem-zone")
    assert page.count("#problem-theme") == 1


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_names_of_anybody_are_text(desk: Desk, text: str) -> None:
    await desk.set("sessions WHERE id > 0", browser=text, address=text)
    await desk.set("users WHERE login = 'reader'", email=text)

    page = await desk.page(f"{HERE}?done=revoked&name=%3Cb%3E")

    assert page.count("main script") == page.count("main [role=status]") == 0


async def test_the_page_asks_for_few_statements_and_leaves_issued_tokens_out(desk: Desk) -> None:
    user = await desk.scene.ports.db.read(store.find("reader"))
    issued = [Token(0, user.id, f"jwt-{number}") for number in range(200)]
    await desk.scene.ports.db.write(each(proofs.add_row(one, one.name) for one in issued))
    counting: Any = Counting(desk.scene.ports.db)
    values = state(desk.scene, {}) | {"db": counting}
    async with serving(routes.routes, page=errors.page, split=routes.split, strict=True, **values) as client:
        answer = await client.get(HERE, headers=BROWSER | farside.shown(desk.cookies["reader"]))

    assert counting.calls == ["read"]
    assert len(counting.statements) <= 7, counting.statements
    assert "jwt-" not in answer.text


async def test_whoever_is_signed_in_is_led_from_the_sign_in_to_the_account(desk: Desk) -> None:
    page = await desk.page("/login")

    assert HERE in page.links("main a")


async def test_synchronising_begins_and_comes_back(desk: Desk) -> None:
    page = await desk.done(f"{HERE}/sync", "root")

    assert "are synchronised now" in page.text("main [role=status]")
    assert desk.synced == ["root"]


@pytest.fixture
async def linked(db: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    """The reader has an account at a host, which has told rights in the repository, and rights that were given here."""
    scene, host = await laid(db, tmp_path), FakeForge().as_host()
    async with desk_of(scene, logins=farside.logins(db, host)) as desk:
        reader = await db.read(store.find("reader"))
        account = HostAccount(0, reader.id, "github", "7", "octo-reader", "bearer", b"", b"")
        await db.write(hosted.link(account))
        await desk.set("repos WHERE id = 1", scm="github", user_id=reader.id)
        await db.write(repos.grant(1, reader.id, Permissions(True), NOW, synced=NOW))
        yield desk


async def at_hosts(desk: Desk) -> list[str]:
    reader = await desk.scene.ports.db.read(store.find("reader"))
    return [one.host for one in await desk.scene.ports.db.read(hosted.of_user(reader.id))]


async def test_an_account_at_a_host_is_disconnected_with_the_rights_that_it_told(linked: Desk) -> None:
    await linked.post(f"{HERE}/tokens", "reader", **NEW | {"scope": "admin"})
    page = await linked.page(HERE)
    assert "reads 1 repository there as you" in page.text("details")
    assert "gantry disconnect github" in page.text()

    page = await linked.done(f"{HERE}/hosts/disconnect", "reader", host="github")

    assert "Your account at github is disconnected" in page.text("[role=status]")
    assert await at_hosts(linked) == []
    assert linked.verbs == ["token.create", "account.disconnect"]
    reader = await linked.scene.ports.db.read(store.find("reader"))
    assert await linked.scene.ports.db.read(repos.permissions(reader.id, 1)) is None


async def test_rights_that_were_given_here_stay(linked: Desk) -> None:
    db, reader = linked.scene.ports.db, await linked.scene.ports.db.read(store.find("reader"))
    await db.write(repos.grant(1, reader.id, Permissions(True, True), NOW))
    await linked.post(f"{HERE}/tokens", "reader", **NEW | {"scope": "admin"})

    await linked.done(f"{HERE}/hosts/disconnect", "reader", host="github")

    assert await db.read(repos.permissions(reader.id, 1)) == Permissions(True, True)


@pytest.mark.parametrize("used", [0, NOW])
async def test_the_only_way_to_sign_in_cannot_be_taken_away(linked: Desk, used: int) -> None:
    """Nobody has seen the default token of an account that a log-in at a host has made."""
    await linked.set("tokens WHERE name = 'default'", used=used)

    answer = await linked.post(f"{HERE}/hosts/disconnect", "reader", host="github")

    assert answer.status_code == (303 if used else 409)
    if not used:
        assert "gantry token create NAME --scope admin" in Page(answer).text("#problems")
        assert await at_hosts(linked) == ["github"]


async def test_a_refused_action_leaves_the_other_forms_as_they_were(linked: Desk) -> None:
    cookie = {"Cookie": f"_session_={linked.cookies['reader']}; {frame.ZONE}=Europe/Berlin; {frame.THEME}=dark"}
    answer = await linked.client.post(
        f"{HERE}/hosts/disconnect", data={"host": "github"}, headers=BROWSER | OWN | cookie
    )
    page = Page(answer)

    chosen = [option.to_text() for option in page.doc.query("option[selected]")]
    assert (answer.status_code, chosen) == (409, ["promote", "90 days", "dark"])
    assert attributes(page.doc.query("#field-zone")[0])["value"] == "Europe/Berlin"


@pytest.mark.parametrize("limits", [{"scope": "promote"}, {"repos": "octocat/hello", "scope": "admin"}])
async def test_a_token_that_cannot_sign_in_is_no_other_way(linked: Desk, limits: dict[str, str]) -> None:
    await linked.post(f"{HERE}/tokens", "reader", **NEW | limits)

    assert (await linked.post(f"{HERE}/hosts/disconnect", "reader", host="github")).status_code == 409


async def test_an_account_is_not_disconnected_while_it_is_synchronised(linked: Desk) -> None:
    await linked.set("tokens WHERE name = 'default'", used=NOW)
    await linked.scene.ports.db.write(run("UPDATE host_accounts SET lease = :until", until=NOW + 60))

    page = await linked.refused(f"{HERE}/hosts/disconnect", 409, "reader", host="github")

    assert "synchronised at this moment" in page.text("#problems")


async def test_a_host_where_the_account_has_none_is_not_found(linked: Desk) -> None:
    assert (await linked.post(f"{HERE}/hosts/disconnect", "reader", host="gitea")).status_code == 404
