"""Many connections, and many requests through one proxy: others are served all the same, and promotions run."""

import contextlib
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.scm.hook import sign
from tests.acceptance.conftest import SLUG, first_build
from tests.acceptance.server import TOKEN, Server
from tests.scm.repository import Repository
from tests.soon import PATIENCE

#: Requests a minute, few enough to be used up in a moment.
RATE = 6
#: Files of the server: fewer than the connections that come.
FILES = 220
PIPELINE = """
kind: pipeline
type: exec
name: default
trigger: {event: {exclude: []}}
steps:
- name: show
  commands:
  - echo "shown to $DRONE_DEPLOY_TO"
"""


class FewFiles(Server):
    """May open few files, and begins with fewer."""

    program = ("sh", "-c", f'ulimit -Sn 100; ulimit -Hn {FILES}; exec "$0" -m app "$@"', sys.executable)


def prepared(server: Server, folder: Path) -> Repository:
    """A repository with its first build."""
    repository = Repository(folder / "hello-world")
    first_build(server, repository, PIPELINE)
    return repository


@contextlib.contextmanager
def silent(server: Server, count: int) -> Iterator[list[socket.socket]]:
    """So many connections that say nothing."""
    with contextlib.ExitStack() as stack:
        address = ("127.0.0.1", server.port)
        yield [stack.enter_context(socket.create_connection(address, timeout=PATIENCE)) for _ in range(count)]


def test_silent_connections_keep_nobody_out_and_no_promotion_from_running(tmp_path: Path) -> None:
    with FewFiles(tmp_path / "server", git_roots=str(tmp_path)) as server:
        prepared(server, tmp_path)
        pid = getattr(server.process, "pid", 0)
        assert re.search(rf"Max open files +{FILES} +{FILES} ", Path(f"/proc/{pid}/limits").read_text())

        with silent(server, FILES + 50):
            promoted = server.promote(SLUG, target="production")
            with server.visitor() as stranger:
                assert stranger.get("/healthz").status_code == 200
            assert server.finished(SLUG, promoted["number"])["status"] == "success"
            assert server.output(SLUG, promoted["number"], 1, 2).endswith("shown to production\n")
            assert len(list(Path(f"/proc/{pid}/fd").iterdir())) < FILES - 50

        said = server.until(lambda: re.findall('"message":"connections were refused or closed".*', server.tail()), "")
        assert len(said) == 1
        assert "Too many open files" not in server.log.read_text()


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Repository]]:
    folder = tmp_path_factory.mktemp("proxy")
    with Server(folder / "server", git_roots=str(folder), trusted_proxies="127.0.0.0/8") as server:
        repository = prepared(server, folder)
        server.stop()
        server.environment["GANTRY_RATE_LIMIT"] = str(RATE)
        server.start()
        yield server, repository


def behind(server: Server, client: str, **headers: str) -> httpx2.Client:
    """A client behind the proxy."""
    return server.visitor({"X-Forwarded-For": f"203.0.113.9, {client}"} | headers)


def statuses(client: httpx2.Client, count: int, path: str = "/version") -> list[int]:
    with client:
        return [client.get(path).status_code for _ in range(count)]


def deliver(server: Server, body: bytes, key: str, client: str) -> int:
    headers = {"X-Gantry-Event": "push", "X-Hub-Signature-256": sign(key, body)}
    with behind(server, client, **headers) as sender:
        return sender.post("/hook", content=body).status_code


def test_strangers_count_by_the_address_that_the_proxy_names_and_lock_nobody_out(
    limited: tuple[Server, Repository], tmp_path: Path
) -> None:
    server, repository = limited
    address = "198.51.100.1"
    key = server.json("GET", f"/api/repos/{SLUG}/hook")["key"]
    sha = repository.commit({"other": "file"}, "Change [ci skip]")
    push: dict[str, Any] = {
        "before": "0" * 40,
        "after": sha,
        "ref": "refs/heads/main",
        "repository": {"full_name": SLUG},
    }
    body = httpx2.Request("POST", server.url, json=push).read()

    assert statuses(behind(server, address), RATE + 1) == [200] * RATE + [429]
    assert statuses(behind(server, address, Authorization="Bearer invented"), 2, "/api/user") == [429] * 2
    assert statuses(behind(server, "198.51.100.2"), 1) == [200]
    assert statuses(behind(server, address, Authorization=f"Bearer {TOKEN}"), RATE - 1, "/api/user") == [200] * (
        RATE - 1
    )
    assert deliver(server, body, "another key", address) == 429
    assert [deliver(server, body, key, address) for _ in range(RATE + 1)] == [200] * RATE + [429]
    assert deliver(server, body, "another key", "198.51.100.3") == 401


def test_a_browser_that_reaches_the_proxy_by_https_gets_a_cookie_for_https_alone(
    limited: tuple[Server, Repository],
) -> None:
    server, _ = limited
    for number, (scheme, secure) in enumerate((("http", False), ("https", True))):
        with behind(server, f"198.51.100.1{number}", **{"X-Forwarded-Proto": scheme}) as browser:
            answer = browser.post("/login", data={"access_token": TOKEN}, headers={"Sec-Fetch-Site": "same-origin"})
        assert ("; secure" in answer.headers["set-cookie"].lower()) is secure
