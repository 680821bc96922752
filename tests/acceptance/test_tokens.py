"""Tokens and sessions on a real server: what the command makes of them, what they open, and how long."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from tests import gantry
from tests.acceptance.conftest import SLUG, Begin
from tests.acceptance.frames import Frames
from tests.acceptance.server import TOKEN, Server
from tests.accounts.farside import OWN
from tests.soon import PATIENCE

PIPELINE = """
kind: pipeline
type: exec
name: default
clone: {disable: true}
steps: [{name: step, commands: [exit 0]}]
"""
BUILDS = f"/api/repos/{SLUG}/builds"
END = "event: error\ndata: eof"


@pytest.fixture(scope="module")
def server(begin: Begin) -> Server:
    server, repository = begin(PIPELINE)
    server.register(repository.url, "octocat/other")
    return server


def command(server: Server, *arguments: str, token: str = TOKEN) -> str:
    """What the command prints."""
    settings = {"GANTRY_SERVER": server.url, "GANTRY_TOKEN": token}
    done = gantry.run(arguments, os.environ | settings, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def made(server: Server, *arguments: str) -> str:
    """A token that the command has made."""
    return command(server, "token", "create", *arguments).strip()


def test_a_token_to_promote_one_repository_does_that_and_nothing_else(server: Server) -> None:
    token = made(server, "bot", "--scope", "promote", "--repo", SLUG, "--expires", "1h")

    command(server, "build", "promote", SLUG, "1", "production", "--follow", token=token)
    with server.visitor({"Authorization": f"Bearer {token}"}) as bot:
        refused = [
            bot.post(f"/api/repos/{SLUG}/secrets", json={"name": "a", "data": "b"}),
            bot.patch(f"/api/repos/{SLUG}", json={"protected": True}),
            bot.get(f"/api/repos/{SLUG}/hook"),
            bot.delete(BUILDS, params={"before": "1"}),
            bot.post(BUILDS),
            bot.get("/api/users"),
            bot.get("/api/stream"),
            bot.post("/login"),
            bot.get("/api/repos/octocat/other"),
            bot.post("/api/repos/octocat/other/builds/1/promote", params={"target": "x"}),
        ]

    assert [answer.status_code for answer in refused] == [*[403] * 7, 303, 404, 404]
    assert refused[7].headers["location"] == "/login?failed=true"


@contextmanager
def listening(client: httpx2.Client) -> Iterator[Frames]:
    """The frames of a stream, after the ping that says that it is live."""
    with client.stream("GET", f"/api/stream/{SLUG}") as answer:
        frames = Frames(answer)
        assert next(frames) == ": ping"
        yield frames


@pytest.mark.parametrize("how", ["token rm", "logout", "session", "expiry"])
def test_a_stream_ends_with_what_opened_it(server: Server, how: str) -> None:
    name, soon = f"for-{how.replace(' ', '-')}", int(time.time()) + 2
    body = {"name": name, "scope": "admin", "expires": soon if how == "expiry" else 0}
    token = server.json("POST", "/api/user/tokens", json=body)["token"]
    headers = {"Authorization": token} if how in ("token rm", "expiry") else OWN
    with server.visitor(headers) as reader:
        if headers is OWN:
            assert reader.post("/login", data={"access_token": token}).status_code == 303
        with listening(reader) as frames:
            END_OF[how](server, reader, name)
            number = server.promote(SLUG, 1)["number"] if how != "expiry" else 0
            told = list(frames)
        assert told[-1] == END
        assert not [frame for frame in told if f'"counter":{number},' in frame]
        assert reader.get("/api/user").status_code == 401


def remove(server: Server, _: httpx2.Client, name: str) -> None:
    command(server, "token", "rm", name, "--yes")


def log_out(server: Server, reader: httpx2.Client, _: str) -> None:
    httpx2.post(f"{server.url}/logout", headers=OWN, cookies=dict(reader.cookies)).raise_for_status()


def end_sessions(server: Server, _: httpx2.Client, __: str) -> None:
    assert server.ask("DELETE", "/api/user/sessions").status_code == 204


def wait(_: Server, __: httpx2.Client, ___: str) -> None:
    """Time passes by itself."""


#: What ends a token or a session.
END_OF = {"token rm": remove, "logout": log_out, "session": end_sessions, "expiry": wait}


def test_what_was_last_used_is_remembered_over_a_restart(server: Server) -> None:
    before = int(time.time())
    with server.visitor(OWN) as browser:
        browser.post("/login", data={"access_token": made(server, "seldom", "--scope", "admin")})
        server.stop()
        server.start()

        tokens = {token["name"]: token for token in server.json("GET", "/api/user/tokens")}
        (session,) = browser.get("/api/user/sessions").json()

    assert tokens["seldom"]["last_used"] >= before
    assert tokens["default"]["last_used"] > 0
    assert session["current"] is True
    rows = [line.split()[:3] for line in command(server, "token", "ls").splitlines()]
    assert ["seldom", "admin", "all"] in rows
    assert session["browser"] in command(server, "whoami", "--sessions")


def test_another_cookie_secret_ends_all_sessions(server: Server) -> None:
    with server.visitor(OWN) as browser:
        browser.post("/login", data={"access_token": TOKEN})
        server.stop()
        server.environment["GANTRY_COOKIE_SECRET"] = "another-secret-of-cookies"
        server.start()

        assert browser.get("/api/user").status_code == 401
        assert server.ask("GET", "/api/user").status_code == 200
