"""Tokens of an account: each with a name, good for something, perhaps somewhere only, perhaps for a while only."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from app.accounts import api, proofs
from app.accounts import store as accounts
from app.db.connect import Database
from app.db.tx import many, run
from app.repos import store
from app.repos.api import collaborators, repos, tokens
from app.repos.model import Permissions, Repo
from tests.accounts import farside
from tests.accounts.farside import NOW
from tests.web.asgi import serving

PATH = "/api/user/tokens"


@pytest.fixture
async def client(db: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """Kim, who reads acme/web, writes in acme/api and may do nothing in acme/secret; acme/open is public."""
    root = await db.write(accounts.create("root", token="root-token", now=NOW, admin=True))
    kim = await db.write(accounts.create("kim", token="kim-token", now=NOW))
    for name, visibility in {"web": "private", "api": "private", "secret": "private", "open": "public"}.items():
        made = await db.write(store.create(Repo(0, "acme", name, user_id=root.id, visibility=visibility)))  # type: ignore[arg-type]  # a word of these
        if name in ("web", "api"):
            await db.write(store.grant(made.id, kim.id, Permissions(True, name == "api"), NOW))
    routes = [*tokens.routes, *api.routes, *repos.routes, *collaborators.routes]
    async with serving(routes, **farside.state(db, private_mode=False)) as made_client:
        made_client.headers["Authorization"] = "Bearer kim-token"
        yield made_client


async def make(client: httpx2.AsyncClient, name: str = "ci", scope: str = "read", **more: Any) -> dict[str, Any]:
    answer = await client.post(PATH, json={"name": name, "scope": scope, **more})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def status(client: httpx2.AsyncClient, path: str, token: str, method: str = "GET", **more: Any) -> int:
    return (await client.request(method, path, headers={"Authorization": token}, **more)).status_code


async def test_a_token_is_shown_once_and_kept_as_a_hash(db: Database, client: httpx2.AsyncClient) -> None:
    answer = await client.post(PATH, json={"name": "ci", "scope": "promote", "expires": NOW + 9})
    made = answer.json()
    token = made.pop("token")

    default, listed = sorted((await client.get(PATH)).json(), key=lambda one: one["id"])
    stored = [list(row) for row in await db.read(many("SELECT * FROM tokens"))]

    assert made == {
        "id": made["id"],
        "name": "ci",
        "scope": "promote",
        "repos": [],
        "created": NOW,
        "expires": NOW + 9,
        "last_used": 0,
    }
    assert listed == made
    assert (default["name"], default["scope"], default["expires"]) == ("default", "admin", 0)
    assert token not in repr(stored)
    assert answer.headers["cache-control"] == "no-store"
    assert await status(client, "/api/user", token) == 200


async def test_each_account_has_its_own(client: httpx2.AsyncClient) -> None:
    await make(client)
    root = {"Authorization": "root-token"}

    assert [token["name"] for token in (await client.get(PATH, headers=root)).json()] == ["default"]
    assert (await client.delete(f"{PATH}/ci", headers=root)).status_code == 404
    assert (await client.post(PATH, json={"name": "ci", "scope": "read"}, headers=root)).status_code == 200


@pytest.mark.parametrize("by", ["name", "id"])
async def test_a_token_that_is_removed_is_not_known_at_once(client: httpx2.AsyncClient, by: str) -> None:
    made = await make(client)

    assert (await client.delete(f"{PATH}/{made[by]}")).status_code == 204

    assert await status(client, "/api/user", made["token"]) == 401
    assert (await client.delete(f"{PATH}/{made[by]}")).status_code == 404


@pytest.mark.parametrize("name", ["nothing", "0", "99999", "9" * 30, "%00", "١٢", "..%2f", "-1"])
async def test_what_is_no_token_is_not_found(client: httpx2.AsyncClient, name: str) -> None:
    answer = await client.delete(f"{PATH}/{name}")

    assert answer.status_code == 404 or (name == "%00" and answer.status_code == 400)
    assert "not found" in answer.json()["message"].lower() or "NUL" in answer.json()["message"]


async def test_drones_token_is_one_of_them_and_is_renewed_as_ever(client: httpx2.AsyncClient) -> None:
    other = await make(client, scope="admin")
    fresh = (await client.post("/api/user/token?rotate=true")).json()["token"]

    assert await status(client, PATH, "kim-token") == 401
    assert await status(client, PATH, fresh) == await status(client, PATH, other["token"]) == 200
    assert await status(client, f"{PATH}/default", fresh, "DELETE") == 204
    assert await status(client, PATH, fresh) == 401
    again = (await client.post("/api/user/token?rotate=true", headers={"Authorization": other["token"]})).json()
    assert await status(client, PATH, again["token"]) == 200


async def test_a_name_is_taken_once_also_at_one_moment(client: httpx2.AsyncClient) -> None:
    answers = await asyncio.gather(*(client.post(PATH, json={"name": "ci", "scope": "read"}) for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"token_exists"}
    assert (await client.post(PATH, json={"name": "default", "scope": "read"})).json()["code"] == "token_exists"


async def test_an_account_has_so_many_tokens(client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs, "MOST_TOKENS", 3)
    for name in "ab":
        await make(client, name)

    answer = await client.post(PATH, json={"name": "c", "scope": "read"})

    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_tokens")


async def test_administrators_see_and_remove_the_tokens_of_others(db: Database, client: httpx2.AsyncClient) -> None:
    made, root = await make(client), {"Authorization": "root-token"}
    listed = (await client.get("/api/users/KIM/tokens", headers=root)).json()
    assert [token["name"] for token in listed] == ["ci", "default"]
    assert await status(client, "/api/users/kim/tokens", "kim-token") == 403
    await db.write(run("UPDATE users SET active = FALSE WHERE login = 'kim'"))

    paths = ("/api/users/kim/tokens/ci", "/api/users/kim/tokens/ci", "/api/users/nobody/tokens/ci")
    assert [await status(client, path, "root-token", "DELETE") for path in paths] == [204, 404, 404]
    await db.write(run("UPDATE users SET active = TRUE"))
    assert await status(client, "/api/user", made["token"]) == 401


GOOD = {"name": "ci", "scope": "read"}
BAD: list[tuple[Any, list[str]]] = [
    ({}, ["name", "scope"]),
    (GOOD | {"name": ""}, ["name"]),
    (GOOD | {"name": "a b"}, ["name"]),
    (GOOD | {"name": "a/b"}, ["name"]),
    (GOOD | {"name": "7"}, ["name"]),
    (GOOD | {"name": "x" * 101}, ["name"]),
    (GOOD | {"name": ".."}, ["name"]),
    (GOOD | {"name": 7}, ["name"]),
    (GOOD | {"scope": "write"}, ["scope"]),
    (GOOD | {"scope": ""}, ["scope"]),
    (GOOD | {"scope": ["read"]}, ["scope"]),
    (GOOD | {"scope": "READ"}, ["scope"]),
    (GOOD | {"repos": "acme/web"}, ["repos"]),
    (GOOD | {"repos": ["acme"]}, ["repos"]),
    (GOOD | {"repos": ["acme/web/x"]}, ["repos"]),
    (GOOD | {"repos": ["/"]}, ["repos"]),
    (GOOD | {"repos": ["acme/web"] * 101}, ["repos"]),
    (GOOD | {"repos": ["acme/nothing", "acme/secret"]}, ["repos", "repos"]),
    (GOOD | {"expires": NOW}, ["expires"]),
    (GOOD | {"expires": -1}, ["expires"]),
    (GOOD | {"expires": 2**63}, ["expires"]),
    (GOOD | {"expires": "soon"}, ["expires"]),
    (GOOD | {"expires": True}, ["expires"]),
    ([], [""]),
]


@pytest.mark.parametrize(("body", "fields"), BAD)
async def test_a_bad_token_is_refused_by_field(client: httpx2.AsyncClient, body: Any, fields: list[str]) -> None:
    answer = await client.post(PATH, json=body)

    assert answer.status_code == 400, answer.text
    assert [error["field"].partition(".")[0] for error in answer.json()["errors"]] == fields
    assert [token["name"] for token in (await client.get(PATH)).json()] == ["default"]


async def test_what_may_not_be_read_is_told_of_as_what_is_not_there(client: httpx2.AsyncClient) -> None:
    answers = [await client.post(PATH, json=GOOD | {"repos": [f"acme/{name}"]}) for name in ("secret", "nothing")]

    words = [answer.json()["message"].replace("secret", "x").replace("nothing", "x") for answer in answers]
    assert words == ["repos: acme/x is no repository that you may read"] * 2


async def test_a_token_of_some_repositories_sees_these_alone(client: httpx2.AsyncClient) -> None:
    made = await make(client, scope="admin", repos=["acme/web", "acme/open", "acme/web"])

    found = {name: await status(client, f"/api/repos/acme/{name}", made["token"]) for name in ("web", "open")}
    beyond = [
        await client.get(f"/api/repos/acme/{name}", headers={"Authorization": made["token"]})
        for name in ("api", "secret", "nothing")
    ]

    assert made["repos"] == ["acme/open", "acme/web"]
    assert set(found.values()) == {200}
    assert [answer.status_code for answer in beyond] == [404] * 3
    assert len({answer.text for answer in beyond}) == 1
    assert await status(client, "/api/user", made["token"]) == 200
    assert await status(client, PATH, made["token"]) == 403
    assert await status(client, PATH, made["token"], "POST", json=GOOD | {"name": "more"}) == 403


async def test_a_token_gives_no_right_that_its_account_has_not(db: Database, client: httpx2.AsyncClient) -> None:
    made = await make(client, scope="admin", repos=["acme/web"])

    assert await status(client, "/api/repos/acme/web", made["token"], "PATCH", json={}) == 403
    await db.write(run("DELETE FROM permissions"))
    assert await status(client, "/api/repos/acme/web", made["token"]) == 404


async def test_the_next_repository_of_a_slug_is_not_that_of_the_token(db: Database, client: httpx2.AsyncClient) -> None:
    made = await make(client, repos=["acme/web"])
    await db.write(run("DELETE FROM repos WHERE name = 'web'"))
    kim = await db.read(accounts.find("kim"))
    await db.write(store.create(Repo(0, "acme", "web", user_id=kim.id)))

    assert await status(client, "/api/repos/acme/web", "kim-token") == 200
    assert await status(client, "/api/repos/acme/web", made["token"]) == 404
    assert (await client.get(PATH)).json()[0]["repos"] == ["acme/web"]


@pytest.mark.parametrize("scope", ["read", "promote"])
async def test_a_lesser_token_makes_and_renews_none(client: httpx2.AsyncClient, scope: str) -> None:
    token = (await make(client, scope=scope))["token"]

    asked = [
        ("POST", PATH), ("DELETE", f"{PATH}/ci"), ("POST", "/api/user/token?rotate=true"), ("PATCH", "/api/user"),
    ]  # fmt: skip
    assert {await status(client, path, token, method, json=GOOD) for method, path in asked} == {403}
    assert await status(client, PATH, token) == 200
