"""A token is shown by itself, as a password or as an API key; a JWT is believed only as this server signed it.

Contract artifactory-storage 1.1.
"""

import base64
import json
from collections.abc import AsyncIterator

import httpx2
import jwt
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.accounts import auth, proofs, store
from app.accounts.jwt import Signer
from app.accounts.model import Token
from app.db.connect import Database
from app.db.tx import Tx
from app.web.route import Endpoint
from tests.accounts import farside
from tests.accounts.farside import NOW
from tests.web.asgi import serving

SIGNER = Signer(b"a key for tokens of 32 bytes....", "gantry")


async def whoami(_: Request[auth.State], caller: auth.Caller) -> Response:
    return PlainTextResponse(caller.user.login)


@pytest.fixture
async def client(db: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """Accounts `ann` and `bob` with tokens `ann-token` and `bob-token`, and a JWT of ann's."""
    for login in ("ann", "bob"):
        await db.write(store.create(login, token=f"{login}-token", now=NOW))
    await db.write(issued(signed()))
    routes = [Endpoint(method, "/who", whoami, needs=auth.ACCOUNT) for method in ("GET", "POST")]
    async with serving(routes, **farside.state(db, signer=SIGNER)) as made:
        yield made


def signed(*, now: int = NOW, expires: int = NOW + 60) -> str:
    return SIGNER.issue("ann", "admin", "1", now=now, expires=expires)


def issued(text: str) -> Tx[Token]:
    user = yield from store.find("ann")
    return (yield from proofs.add_token(Token(0, user.id, "jwt", created=NOW), proofs.hash_token(text)))


def basic(login: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()}


def changed(text: str, **claims: object) -> str:
    head, body, signature = text.split(".")
    found = json.loads(base64.urlsafe_b64decode(body + "=="))
    made = base64.urlsafe_b64encode(json.dumps(found | claims).encode()).decode().rstrip("=")
    return f"{head}.{made}.{signature}"


@pytest.mark.parametrize(
    "headers",
    [
        basic("ann", "ann-token"),
        basic("ANN", "ann-token"),
        basic("ann", signed()),
        {"X-JFrog-Art-Api": "ann-token"},
        {"Authorization": "Bearer ann-token"},
        {"Authorization": f"Bearer {signed()}"},
        {"Authorization": "ann-token", "X-JFrog-Art-Api": "bob-token"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_token_is_shown_in_any_of_the_four_ways(
    client: httpx2.AsyncClient, method: str, headers: dict[str, str]
) -> None:
    answer = await client.request(method, "/who", headers=headers)

    assert (answer.status_code, answer.text) == (200, "ann")


@pytest.mark.parametrize(
    "headers",
    [
        basic("bob", "ann-token"),
        basic("ann", "bob-token"),
        basic("", "ann"),
        basic("ann", ""),
        basic("ann-token", ""),
        {"Authorization": "Basic ann-token"},
        {"Authorization": "Basic =" + "A" * 10},
        {"X-JFrog-Art-Api": "nobody's"},
        {"Authorization": f"Bearer {changed(signed(), sub='gantry/users/bob')}"},
        {"Authorization": f"Bearer {jwt.encode({'sub': 'gantry/users/ann'}, '', 'none')}"},
    ],
)
async def test_what_opens_no_account_is_refused(client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    assert (await client.get("/who", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("signer", "claims"),
    [
        (Signer(b"another key of more than 32 bytes", "gantry"), {}),
        (Signer(SIGNER.key, "another"), {}),
        (SIGNER, {"aud": "another"}),
        (SIGNER, {"exp": NOW}),
        (SIGNER, {"exp": "never"}),
        (SIGNER, {"aud": None}),
    ],
)
async def test_a_row_alone_does_not_make_a_jwt_good(
    client: httpx2.AsyncClient, db: Database, signer: Signer, claims: dict[str, object]
) -> None:
    known = {"iss": signer.issuer, "aud": "gantry", "sub": "gantry/users/ann", "jti": "2", "iat": NOW} | claims
    text = jwt.encode({name: value for name, value in known.items() if value is not None}, signer.key, "HS256")
    user = await db.read(store.find("ann"))
    await db.write(proofs.add_token(Token(0, user.id, "other", created=NOW), proofs.hash_token(text)))

    assert (await client.get("/who", headers={"Authorization": f"Bearer {text}"})).status_code == 401


async def test_a_jwt_whose_row_is_gone_opens_nothing(client: httpx2.AsyncClient, db: Database) -> None:
    user = await db.read(store.find("ann"))
    await db.write(proofs.delete_token(user.id, "jwt"))

    assert (await client.get("/who", headers={"Authorization": f"Bearer {signed()}"})).status_code == 401


async def test_a_password_that_a_browser_remembers_is_refused_to_pages_of_others(client: httpx2.AsyncClient) -> None:
    headers = basic("ann", "ann-token") | {"Sec-Fetch-Site": "cross-site"}

    assert (await client.post("/who", headers=headers)).status_code == 403
    assert (await client.get("/who", headers=basic("ann", "ann-token"))).status_code == 200
