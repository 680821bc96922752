"""A browser logs in with an account at a host, and nobody gets an account by it who should not (contract scm-api 7)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from app.accounts import api, auth, proofs, session, store
from app.accounts.hosted import login as hosted_login
from app.accounts.hosted import store as hosted
from app.accounts.hosted.model import TOKEN, HostAccount
from app.accounts.hosted.people import Rules
from app.accounts.hosted.started import COOKIE, LIFETIME
from app.accounts.model import User
from app.db.connect import Database
from app.db.tx import Tx, many, run
from app.errors import Unavailable, Unreadable
from app.extensions.client import extension as configured
from app.moments import Change, Recorder, Recorders
from app.settings.values import Service
from app.ui.pages import account, sign_in
from app.web.limit import Budgets
from app.web.policy import Policy
from tests.accounts import farside
from tests.accounts.farside import NOW, OWN, SEAL
from tests.accounts.hosted.forge import FakeForge
from tests.extensions.farside import SECRET, Answer, extension
from tests.web.asgi import serving

#: What tells readers of changes: nothing has changed yet.
STILL = SimpleNamespace(newest="")
#: How a browser calls when a host sends it back.
BACK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}


@dataclass
class Place:
    """A server at which people log in with GitHub or Gitea, or at Gogs with a password; and a browser."""

    db: Database
    client: httpx2.AsyncClient
    forge: FakeForge
    gitea: FakeForge
    gogs: FakeForge
    clock: list[int]
    state: dict[str, Any]
    entered: list[int] = field(default_factory=list)

    def set(self, **rules: Any) -> None:
        self.state["logins"] = replace(self.state["logins"], rules=Rules(**rules))

    async def go(self, host: str = "github") -> str:
        """The page of a host to which the browser is sent."""
        answer = await self.client.get(f"/login/{host}")
        assert answer.status_code == 303
        return answer.headers["location"]

    async def log_in(self, login: str, forge: FakeForge | None = None) -> httpx2.Response:
        forge = forge or self.forge
        return await self.back(forge.approve(await self.go(forge.name), login))

    async def back(self, url: str) -> httpx2.Response:
        return await self.client.get(url, headers=BACK)

    async def who(self) -> str:
        answer = await self.client.get("/api/user", headers=OWN)
        return str(answer.json()["login"]) if answer.status_code == 200 else ""

    async def user(self, login: str) -> User:
        return await self.db.read(store.find(login))

    def record(self) -> list[Change]:
        """The changes from now on."""
        changes: list[Change] = []

        def note(change: Change) -> Tx[None]:
            changes.append(change)
            yield from ()

        self.state["recorders"] = Recorders(Recorder(note))
        return changes

    async def linked(self, login: str) -> list[HostAccount]:
        return await self.db.read(hosted.of_user((await self.user(login)).id))


@pytest.fixture
async def place(db: Database) -> AsyncIterator[Place]:
    forge, gitea, gogs = FakeForge("github"), FakeForge("gitea"), FakeForge("gogs")
    forge.add("ann", email="ann@example.com", avatar="https://github.test/ann.png")
    clock, entered = [NOW], list[int]()
    hosts = forge.as_host(), gitea.as_host(), gogs.as_host(oauth=False, passwords=True)
    logins = farside.logins(db, *hosts, now=lambda: clock[0], entered=entered.append)
    state = farside.state(db, admission=None, now=lambda: clock[0], logins=logins, broadcast=STILL)
    routes = [*sign_in.routes, *account.routes, *session.routes, *api.routes]
    async with serving(routes, policy=Policy(budgets=None), **state) as client:
        app: Any = client._transport.app  # type: ignore[attr-defined]
        yield Place(db, client, forge, gitea, gogs, clock, app._app._state, entered)


async def test_a_person_of_a_host_gets_an_account_and_a_session(place: Place) -> None:
    answer = await place.log_in("ann")

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert await place.who() == "ann"
    ann = await place.user("ann")
    assert (ann.email, ann.avatar, ann.admin, ann.last_login) == (
        *("ann@example.com", "https://github.test/ann.png", False),
        NOW,
    )
    assert place.entered == [ann.id]


async def test_the_way_to_the_host_is_a_signed_cookie_and_proves_who_has_begun(place: Place) -> None:
    answer = await place.client.get("/login/github")
    cookie = answer.headers["set-cookie"]

    assert {"HttpOnly", "SameSite=lax", f"Max-Age={LIFETIME}", "Path=/"} <= set(cookie.split("; "))
    assert "code_challenge=" in answer.headers["location"]
    assert "redirect_uri=http%3A%2F%2Fgantry.test%2Flogin" in answer.headers["location"]


async def test_behind_https_both_cookies_travel_by_https_alone(place: Place) -> None:
    place.state["public_url"] = "https://gantry.test"
    begun = await place.client.get("https://gantry.test/login/github")
    done = await place.client.get(place.forge.approve(begun.headers["location"], "ann").replace("http:", "https:"))

    assert "Secure" in begun.headers["set-cookie"]
    assert all("Secure" in cookie for cookie in done.headers.get_list("set-cookie"))


async def test_tokens_are_sealed_and_no_answer_holds_one(place: Place) -> None:
    place.forge.expires = NOW + 3600
    answers = [await place.log_in("ann"), await place.client.get("/login"), await place.client.get("/api/user")]
    (account,) = await place.linked("ann")
    rows = [list(row) for row in await place.db.read(many("SELECT * FROM host_accounts"))]

    assert SEAL.open(account.token, TOKEN) in place.forge.tokens
    for secret in (*place.forge.tokens, *place.forge.refreshes):
        assert secret not in repr(rows)
        assert all(secret not in answer.text for answer in answers)


@pytest.mark.parametrize("change", ["state", "cookie", "none", "late", "early", "other key"])
async def test_only_the_browser_that_has_begun_comes_in(place: Place, change: str) -> None:
    url = place.forge.approve(await place.go(), "ann")
    match change:
        case "state":
            url = url.replace("state=", "state=x")
        case "cookie":
            place.client.cookies.set(COOKIE, place.client.cookies[COOKIE][:-3] + "abc", domain="gantry.test")
        case "none":
            place.client.cookies.clear()
        case "late":
            place.clock[0] += LIFETIME
        case "early":
            place.clock[0] -= 1
        case _:
            place.state["logins"] = replace(place.state["logins"], key=b"another")

    answer = await place.back(url)

    assert (answer.status_code, "was not begun in this browser" in answer.text) == (403, True)
    assert await place.who() == ""
    assert place.forge.calls == []


async def test_a_code_is_good_once(place: Place) -> None:
    url = place.forge.approve(await place.go(), "ann")
    cookie = place.client.cookies[COOKIE]
    await place.back(url)
    await place.client.post("/logout", headers=OWN)

    again = await place.back(url)
    place.client.cookies.set(COOKIE, cookie)
    replayed = await place.back(url)

    assert (again.status_code, replayed.status_code) == (403, 403)
    assert "can be used once" in replayed.text
    assert await place.who() == ""


async def test_a_code_of_somebody_else_is_no_good_without_their_cookie(place: Place) -> None:
    """The verifier of PKCE is in the cookie of the browser that has begun."""
    stolen = httpx2.URL(place.forge.approve(await place.go(), "ann")).params["code"]
    mine = httpx2.URL(place.forge.approve(await place.go(), "ann"))

    answer = await place.back(str(mine.copy_set_param("code", stolen)))

    assert (answer.status_code, await place.who()) == (403, "")


@pytest.mark.parametrize("method", ["HEAD", "POST"])
async def test_no_other_method_uses_a_code_up(place: Place, method: str) -> None:
    url = place.forge.approve(await place.go(), "ann")

    await place.client.request(method, url, headers=BACK)

    assert place.forge.calls == []


async def test_what_a_host_says_is_shown_to_who_has_begun_alone(place: Place) -> None:
    state = httpx2.URL(await place.go()).params["state"]
    said = {"error": "access_denied", "error_description": "<b>call 555</b>\x00 now"}

    stranger = await place.client.get("/login", params=said)
    place.client.cookies.clear()
    state = httpx2.URL(await place.go()).params["state"]
    own = await place.client.get("/login", params=said | {"state": state})

    assert (stranger.status_code, own.status_code) == (403, 403)
    assert "call 555" not in stranger.text
    assert "have refused this server access" in stranger.text
    assert "Github says: access_denied: &lt;b&gt;call 555&lt;/b&gt; now" in own.text
    assert "Max-Age=0" in own.headers["set-cookie"]


@pytest.mark.parametrize("trouble", ["denied", "not admitted", "away"])
async def test_a_refusal_of_a_host_keeps_the_page_that_was_wanted(place: Place, trouble: str) -> None:
    url = (await place.client.get("/login/github", params={"next": "/acme/web/42"})).headers["location"]
    came = place.forge.approve(url, "ann")
    match trouble:
        case "denied":
            state = httpx2.URL(url).params["state"]
            came = f"http://gantry.test/login?error=access_denied&state={state}"
        case "not admitted":
            place.set(only=["acme"])
        case _:
            place.forge.failure = Unavailable("github does not answer")

    page = (await place.back(came)).text

    assert 'role="alert"' in page
    assert page.count('href="/login/github?next=%2Facme%2Fweb%2F42"') == 1
    assert page.count('name="next" value="/acme/web/42"') == 2


async def test_a_log_in_that_comes_back_late_leaves_one_of_another_tab_alone(place: Place) -> None:
    first = place.forge.approve(await place.go(), "ann")
    second = place.forge.approve(await place.go(), "ann")

    late, answer = await place.back(first), await place.back(second)

    assert (late.status_code, answer.status_code, await place.who()) == (403, 303, "ann")


async def test_an_unknown_host_is_not_found(place: Place) -> None:
    for path in ("/login/nope", "/login/gogs", "/login/%2e%2e", "/login/%00"):
        assert (await place.client.get(path)).status_code in (400, 404), path


async def test_an_expected_account_is_found_by_its_login_at_that_host_alone(place: Place) -> None:
    await place.db.write(store.create("Ann", token="t" * 16, now=NOW, admin=True, expected_from="github"))
    place.gitea.add("ann")

    elsewhere = await place.log_in("ann", place.gitea)
    answer = await place.log_in("ann")

    assert (elsewhere.status_code, answer.status_code) == (403, 303)
    assert "the login Ann belongs to another account here" in elsewhere.text
    assert await place.who() == "Ann"
    assert [account.host for account in await place.linked("Ann")] == ["github"]


@pytest.mark.parametrize("admin", [True, False])
async def test_an_account_that_is_not_expected_is_nobody_s_at_a_host(place: Place, admin: bool) -> None:
    await place.db.write(store.create("ann", token="t" * 16, now=NOW, admin=admin))

    answer = await place.log_in("ann")

    assert (answer.status_code, await place.who(), await place.linked("ann")) == (403, "", [])
    assert "log in to it first and connect it with Github then" in answer.text


async def test_who_was_expected_is_expected_no_more_and_the_record_says_so(place: Place) -> None:
    changes = place.record()
    await place.db.write(store.create("ann", token="t" * 16, now=NOW, expected_from="github"))

    await place.log_in("ann")
    expected = (await place.user("ann")).expected_from
    await place.db.write(run("DELETE FROM host_accounts"))
    again = await place.log_in("ann")

    assert (expected, again.status_code) == ("", 403)
    assert [(one.by.name, one.before, one.after) for one in changes if one.verb == "account.update"] == [
        ("ann", {"expected_from": "github"}, {"expected_from": ""})
    ]


async def test_nobody_is_expected_from_one_host_who_has_come_from_another(place: Place) -> None:
    await place.log_in("ann")
    await place.db.write(run("UPDATE users SET expected_from = 'gitea'"))
    place.gogs.add("lin")
    place.gogs.passwords["lin"] = "right"
    place.gitea.add("ann", uid="somebody else")

    await place.client.post("/login/gogs", data={"username": "lin", "password": "right"}, headers=OWN)

    assert (await place.log_in("ann", place.gitea)).status_code == 403
    assert [account.host for account in await place.linked("ann")] == ["github", "gogs"]


async def test_a_login_that_was_given_to_somebody_else_opens_nothing(place: Place) -> None:
    await place.log_in("ann")
    del place.forge.people["ann"]
    place.forge.add("ann", uid="somebody else")

    answer = await place.log_in("ann")

    assert (answer.status_code, "belongs to another account" in answer.text) == (403, True)


async def test_who_is_renamed_at_the_host_keeps_the_account(place: Place) -> None:
    await place.log_in("ann")
    place.forge.add("anna", uid="uid-ann")

    await place.log_in("anna")

    assert await place.who() == "ann"
    assert [account.login for account in await place.linked("ann")] == ["anna"]


@pytest.mark.parametrize("sql", ["active = FALSE", "machine = TRUE"])
@pytest.mark.parametrize("known", [True, False])
async def test_an_account_that_may_not_log_in_does_not(place: Place, sql: str, known: bool) -> None:
    if known:
        await place.log_in("ann")
        await place.client.post("/logout", headers=OWN)
    else:
        await place.db.write(store.create("ann", token="t" * 16, now=NOW, expected_from="github"))
    await place.db.write(run(f"UPDATE users SET {sql} WHERE login = 'ann'"))

    answer = await place.log_in("ann")

    assert (answer.status_code, await place.who()) == (403, "")
    assert "not active" in answer.text or "belongs to" in answer.text or "machine" in answer.text


@pytest.mark.parametrize(
    ("only", "organisations", "status"),
    [
        (["bob"], [], 403),
        (["ANN"], [], 303),
        (["acme"], [], 403),
        (["acme"], ["other", "ACME"], 303),
        ([], [], 303),
    ],
)
async def test_the_filter_names_people_and_organisations(
    place: Place, only: list[str], organisations: list[str], status: int
) -> None:
    place.set(only=only)
    place.forge.organisations_of["ann"] = organisations

    assert (await place.log_in("ann")).status_code == status
    assert bool(await place.db.read(store.find_if_any("ann"))) == (status == 303)


async def test_closed_registration_lets_in_who_is_expected_and_tells_how(place: Place) -> None:
    place.set(closed=True)
    place.forge.add("bob")
    await place.db.write(store.create("ann", token="t" * 16, now=NOW, expected_from="github"))

    assert (await place.log_in("ann")).status_code == 303
    answer = await place.log_in("bob")

    assert (answer.status_code, "has no account here" in answer.text) == (403, True)
    assert "gantry user add bob --host github" in answer.text
    assert await place.db.read(store.find_if_any("bob")) is None


async def test_a_login_that_is_none_here_is_refused(place: Place) -> None:
    place.forge.add("ann/é")

    answer = await place.log_in("ann/é")

    assert (answer.status_code, "cannot be a login here" in answer.text) == (403, True)


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (Unavailable("github cannot be reached"), 503),
        (Unavailable("github answered with something that is no JSON (text/html)", code="host_not_understood"), 503),
        (Unreadable("github refuses the application"), 422),
    ],
)
async def test_a_host_that_fails_is_told_of_and_nothing_is_made(place: Place, failure: Exception, status: int) -> None:
    url = place.forge.approve(await place.go(), "ann")
    place.forge.failure = failure

    answer = await place.back(url)

    assert (answer.status_code, str(failure) in answer.text) == (status, True)
    assert await place.db.read(store.find_if_any("ann")) is None


async def test_a_host_that_does_not_answer_is_not_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosted_login, "PATIENCE", 0.01)
    url = place.forge.approve(await place.go(), "ann")
    place.forge.gate.clear()

    answer = await place.back(url)

    assert (answer.status_code, "did not answer within" in answer.text) == (503, True)


async def test_an_extension_decides_before_there_is_an_account(place: Place) -> None:
    with extension() as far:
        service = Service(f"{far.url}/admission", SECRET)
        place.state["admission"] = configured("admission", session.ADMISSION, service)
        far.answers["/admission"] = Answer({"message": "not you"}, 403)
        refused = await place.log_in("ann")
        none = await place.db.read(store.find_if_any("ann"))
        far.answers["/admission"] = Answer({"login": "ann", "admin": True})
        await place.log_in("ann")

    assert ("not you" in refused.text, none) == (True, None)
    assert (await place.user("ann")).admin
    assert [question["user"]["id"] for question in far.questions("/admission")] == [0, 0]


async def test_a_session_of_a_host_ends_when_the_token_is_rotated(place: Place) -> None:
    await place.log_in("ann")
    await place.db.write(store.set_token((await place.user("ann")).id, "n" * 32, NOW))

    assert await place.who() == ""
    await place.log_in("ann")
    assert await place.who() == "ann"


async def test_an_account_without_a_default_token_gets_one_that_nobody_knows(place: Place) -> None:
    await place.log_in("ann")
    ann = await place.user("ann")
    await place.db.write(proofs.delete_token(ann.id, proofs.DEFAULT))

    assert (await place.log_in("ann")).status_code == 303
    assert [token.name for token in await place.db.read(proofs.list_tokens(ann.id))] == [proofs.DEFAULT]


async def test_a_log_in_mends_a_broken_token_and_synchronises_what_is_old(place: Place) -> None:
    await place.log_in("ann")
    (account,) = await place.linked("ann")
    await place.db.write(hosted.take(account.id, NOW, NOW + 60, NOW + 3600))
    await place.db.write(hosted.end(account.id, 3, NOW))
    later = await place.log_in("ann"), await place.linked("ann")
    await place.db.write(hosted.break_token((await place.linked("ann"))[0], "it is broken", NOW))
    told = (await place.client.get("/api/user", headers=OWN)).json()["hosts"]
    await place.log_in("ann")
    (mended,) = await place.linked("ann")
    place.clock[0] += 8 * 24 * 3600
    await place.db.write(run("UPDATE host_accounts SET due = :due", due=place.clock[0] + 60))
    await place.log_in("ann")

    assert later[1][0].due == NOW + 3600
    assert told == [
        {
            "host": "github",
            "login": "ann",
            "syncing": False,
            "synced": NOW,
            "repositories": 3,
            "problem": "it is broken",
        }
    ]
    assert (mended.broken, mended.due) == ("", NOW)
    assert (await place.linked("ann"))[0].due == place.clock[0]


async def password(place: Place, **form: str) -> httpx2.Response:
    return await place.client.post("/login", data={"host": "gogs", **form}, headers=OWN)


async def test_gogs_checks_a_password_that_is_kept_nowhere(place: Place) -> None:
    place.gogs.add("lin")
    place.gogs.passwords["lin"] = "a secret of lin"

    answer = await password(place, username="lin", password="a secret of lin")
    (account,) = await place.linked("lin")
    rows = [list(row) for row in await place.db.read(many("SELECT * FROM host_accounts"))]
    await password(place, username="lin", password="a secret of lin")

    assert (answer.headers["location"], await place.who()) == ("/", "lin")
    assert (account.kind, SEAL.open(account.token, TOKEN) in place.gogs.tokens) == ("token", True)
    assert "a secret" not in repr(rows)
    assert place.gogs.calls.count("token") == 1


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"username": "lin", "password": "wrong"}, 403),
        ({"username": "lin", "password": ""}, 400),
        ({"username": "nobody", "password": "x"}, 403),
        ({"username": "lin", "password": "right", "host": "github"}, 404),
        ({"username": "lin", "password": "right", "host": "nope"}, 404),
    ],
)
async def test_a_wrong_password_opens_nothing(place: Place, form: dict[str, str], status: int) -> None:
    place.gogs.add("lin")
    place.gogs.passwords["lin"] = "right"

    answer = await password(place, **form)

    assert (answer.status_code, 'role="alert"' in answer.text) == (status, True)
    assert await place.db.read(store.find_if_any("lin")) is None


async def test_a_wrong_password_keeps_the_name_and_the_page_that_was_wanted(place: Place) -> None:
    place.gogs.add("lin")
    place.gogs.passwords["lin"] = "right"

    page = (await password(place, username="lin", password="wrong", next="/acme/web/42")).text

    assert 'value="lin" required' in page
    assert page.count('name="next" value="/acme/web/42"') == 2
    assert "wrong" not in page


async def test_a_page_from_elsewhere_logs_nobody_in_with_a_password(place: Place) -> None:
    place.gogs.add("lin")
    place.gogs.passwords["lin"] = "right"
    form = {"host": "gogs", "username": "lin", "password": "right"}

    answers = [await place.client.post("/login", data=form, headers=head) for head in (BACK, {})]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert place.gogs.calls == []


async def test_log_ins_count_as_strangers_do(db: Database) -> None:
    gogs = FakeForge("gogs")
    logins = farside.logins(db, gogs.as_host(oauth=False, passwords=True))
    state = farside.state(db, admission=None, logins=logins, broadcast=STILL)
    policy = Policy(budgets=Budgets(3, lambda: 0))
    form = {"username": "lin", "password": "guess"}
    async with serving([*sign_in.routes], policy=policy, **state) as client:
        answers = [(await client.post("/login", data=form, headers=OWN)).status_code for _ in range(4)]

    assert answers == [403, 403, 403, 429]


async def test_the_page_has_a_way_for_each_host(place: Place) -> None:
    page = (await place.client.get("/login")).text

    assert ('href="/login/github"' in page, 'href="/login/gitea"' in page, 'href="/login/gogs"' in page) == (
        *(True, True),
        False,
    )
    assert ('name="host" value="gogs"' in page, 'name="access_token"' in page) == (True, True)


async def test_the_page_tells_how_far_the_first_synchronisation_is(place: Place) -> None:
    await place.log_in("ann")
    (account,) = await place.linked("ann")
    await place.db.write(hosted.take(account.id, NOW, NOW + 60, NOW + 3600))
    await place.db.write(hosted.go_on(account.id, 120, NOW + 60))

    told = (await place.client.get("/api/user", headers=OWN)).json()

    assert "synchronised 120 repositories…" in (await place.client.get("/-/account", headers=OWN)).text
    assert (told["syncing"], told["hosts"][0]["repositories"]) == (True, 120)


async def test_a_second_host_is_connected_by_who_is_logged_in(place: Place) -> None:
    place.gitea.add("ann")
    await place.log_in("ann")
    page = (await place.client.get("/-/account", headers=OWN)).text
    asked = await place.client.post("/login/gitea", headers=OWN)
    url = asked.text.partition('class="button" href="')[2].partition('"')[0].replace("&amp;", "&")

    answer = await place.back(place.gitea.approve(url, "ann"))

    assert 'action="/login/gitea"' in page
    assert (answer.status_code, answer.headers["location"]) == (303, "/-/account?done=connected&name=Gitea")
    assert [account.host for account in await place.linked("ann")] == ["gitea", "github"]
    await place.client.post("/logout", headers=OWN)
    await place.log_in("ann", place.gitea)
    assert await place.who() == "ann"


@pytest.mark.parametrize("change", ["nobody", "other person", "their account", "page"])
async def test_a_host_is_connected_with_nobody_else(place: Place, change: str) -> None:
    place.gitea.add("ann")
    place.gitea.add("bob")
    place.forge.add("bob")
    if change == "their account":
        await place.log_in("bob", place.gitea)
    await place.log_in("ann")
    headers = BACK if change == "page" else OWN
    asked = await place.client.post("/login/gitea", headers=headers)
    if change == "page":
        assert asked.status_code == 403
        return
    url = asked.text.partition('class="button" href="')[2].partition('"')[0].replace("&amp;", "&")
    back = place.gitea.approve(url, "bob" if change == "their account" else "ann")
    if change == "nobody":
        del place.client.cookies[auth.COOKIE]
    elif change == "other person":
        cookie = place.client.cookies[COOKIE]
        await place.log_in("bob")
        place.client.cookies.set(COOKIE, cookie)

    answer = await place.back(back)

    assert answer.status_code == 403
    assert [account.host for account in await place.linked("ann")] == ["github"]
    assert (await place.client.post("/login/gitea")).status_code == 403


async def connect_gogs(place: Place, headers: dict[str, str] = OWN, **form: str) -> httpx2.Response:
    return await place.client.post("/login/gogs", data=form, headers=headers)


async def test_a_host_with_passwords_is_connected_by_who_is_logged_in(place: Place) -> None:
    place.gogs.add("lin")
    place.gogs.passwords["lin"] = "right"
    await place.log_in("ann")
    page = (await place.client.get("/-/account", headers=OWN)).text
    asked = await connect_gogs(place)

    wrong = await connect_gogs(place, username="lin", password="wrong")
    answer = await connect_gogs(place, username="lin", password="right")

    assert 'action="/login/gogs"' in page
    assert ("<strong>ann</strong>" in asked.text, 'name="password"' in asked.text) == (True, True)
    # Whoever tries again on this page still connects, and logs in as nobody.
    assert (wrong.status_code, 'role="alert"' in wrong.text, 'action="/login/gogs"' in wrong.text) == (403, True, True)
    assert 'value="lin" required' in wrong.text
    assert answer.status_code == 303
    assert (answer.headers["location"], await place.who()) == ("/-/account?done=connected&name=Gogs", "ann")
    assert [account.host for account in await place.linked("ann")] == ["github", "gogs"]
    await place.client.post("/logout", headers=OWN)
    await password(place, username="lin", password="right")
    assert await place.who() == "ann"


@pytest.mark.parametrize("change", ["nobody", "their account", "page", "no password"])
async def test_a_host_with_passwords_is_connected_with_nobody_else(place: Place, change: str) -> None:
    place.gogs.add("lin")
    place.gogs.passwords["lin"] = "right"
    form = {"username": "lin", "password": "" if change == "no password" else "right"}
    if change == "their account":
        await password(place, **form)
    await place.log_in("ann")
    if change == "nobody":
        await place.client.post("/logout", headers=OWN)

    answer = await connect_gogs(place, BACK if change == "page" else OWN, **form)

    expected = {"nobody": 401, "no password": 400}.get(change, 403)
    assert answer.status_code == expected
    assert [account.host for account in await place.linked("ann")] == ["github"]


async def test_a_host_with_pages_of_its_own_is_never_shown_a_password(place: Place) -> None:
    place.gitea.add("ann")
    await place.log_in("ann")

    answer = await place.client.post("/login/gitea", data={"username": "ann", "password": "x"}, headers=OWN)

    assert (answer.status_code, "Go to Gitea" in answer.text, place.gitea.calls) == (200, True, [])
