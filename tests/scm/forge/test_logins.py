"""Logging in with OAuth2 (contract scm-api 7)."""

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest

from app.errors import Unauthorized, Unreadable
from app.scm.forge import Credential, Logins
from tests.scm.forge.conftest import Side

REDIRECT = "https://ci.example.com/login"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")

pytestmark = pytest.mark.parametrize("name", ["github", "gitea", "gitlab"])


def host(side: Side) -> Logins:
    assert isinstance(side.host, Logins)
    return side.host


async def consented(side: Side) -> str:
    """The code with which the host sends the person back."""
    side.far.consenting, side.far.callback = "octocat", REDIRECT
    async with httpx.AsyncClient() as browser:
        answer = await browser.get(host(side).authorize_url("a state", CHALLENGE, REDIRECT))
    target = urlsplit(answer.headers["location"])
    told = parse_qs(target.query)
    assert f"{target.scheme}://{target.netloc}{target.path}" == REDIRECT
    assert told["state"] == ["a state"]
    return told["code"][0]


async def test_a_person_who_consents_gets_tokens_that_work(side: Side) -> None:
    granted = await host(side).exchange(await consented(side), VERIFIER, REDIRECT)

    assert (await side.host.person(Credential("bearer", granted.token))).login == "octocat"
    (asked,) = side.far.calls("POST")
    assert asked.form["client_secret"] == "client-secret"
    assert asked.headers["accept"] == "application/json"
    if side.name == "github":
        assert (granted.refresh, granted.expires) == ("", 0)
    else:
        assert granted.refresh
        assert granted.expires > 1_700_000_000
    assert granted.token not in repr(granted)


async def test_the_page_is_asked_for_with_state_challenge_and_what_the_host_wants(side: Side) -> None:
    address = urlsplit(host(side).authorize_url("a state", CHALLENGE, REDIRECT))
    query = {name: value for name, (value,) in parse_qs(address.query).items()}

    assert address.path == side.far.authorize_path
    expected = {
        "response_type": "code",
        "client_id": "gantry",
        "state": "a state",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    assert query == expected | ({"scope": "a b"} if side.name == "github" else {"redirect_uri": REDIRECT})


async def test_the_page_of_the_far_side_lets_a_person_choose(side: Side) -> None:
    side.far.add_person("lin")
    async with httpx.AsyncClient() as browser:
        page = await browser.get(host(side).authorize_url("a state", CHALLENGE, REDIRECT))

    assert "Continue as lin" in page.text


async def test_a_code_works_once_and_for_its_verifier_alone(side: Side) -> None:
    code = await consented(side)
    with pytest.raises(Unauthorized) as caught:
        await host(side).exchange(code, "another", REDIRECT)
    with pytest.raises(Unauthorized):
        await host(side).exchange(code, VERIFIER, REDIRECT)
    with pytest.raises(Unauthorized):
        await host(side).exchange("no code", VERIFIER, REDIRECT)

    assert code not in caught.value.message
    assert side.name in caught.value.message


async def test_a_refresh_token_gives_new_tokens_once(side: Side) -> None:
    side.far.life = 3600
    granted = await host(side).exchange(await consented(side), VERIFIER, REDIRECT)

    again = await host(side).refreshed(granted.refresh)

    assert again.token != granted.token
    assert again.refresh not in {"", granted.refresh}
    assert (await side.host.person(Credential("bearer", again.token))).login == "octocat"
    with pytest.raises(Unauthorized):
        await host(side).refreshed(granted.refresh)


async def test_a_wrong_client_secret_is_not_the_fault_of_the_person(side: Side) -> None:
    code = await consented(side)
    side.far.client_secret = "another"

    with pytest.raises(Unreadable, match="check the client id") as caught:
        await host(side).exchange(code, VERIFIER, REDIRECT)
    with pytest.raises(Unreadable):
        await host(side).refreshed("a refresh token")

    assert "client-secret" not in caught.value.message
