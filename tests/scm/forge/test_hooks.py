"""Registering webhooks (contract scm-api 5), and what they send when git is pushed to."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from app.scm.forge import Credential, Forbids, Refused
from tests.scm.fakes.forge import signature
from tests.scm.forge.conftest import Side

TARGET = "https://ci.example.com/hook"


def address(hook: dict[str, Any]) -> str:
    return str(hook["url"] if "url" in hook else hook["config"]["url"])


def foreign(side: Side, url: str) -> dict[str, Any]:
    """A hook that was registered before."""
    hook = {"id": side.far.new_id(), "events": ["push"], "active": True, "secret": "old"}
    hook |= {"url": url} if side.name == "gitlab" else {"config": {"url": url, "content_type": "json"}}
    side.project.hooks.append(hook)
    return hook


async def test_a_hook_is_registered_for_what_makes_builds_and_for_comments(side: Side) -> None:
    await side.host.install_hook(side.source, TARGET, "a key")

    (hook,) = side.project.hooks
    assert address(hook) == TARGET
    assert hook.get("secret", hook.get("token")) == "a key"
    events = {
        "github": {"push", "pull_request", "create", "delete", "deployment", "issue_comment"},
        "gitea": {"push", "pull_request", "create", "delete", "issue_comment"},
        "gogs": {"push", "pull_request", "create", "delete", "issue_comment"},
        "gitlab": {"push_events", "tag_push_events", "merge_requests_events", "note_events"},
    }
    chosen = hook.get("events") or [name for name, value in hook.items() if name.endswith("_events") and value]
    assert set(chosen) == events[side.name]


async def test_all_older_hooks_of_ours_are_replaced_on_all_pages_and_no_other(side: Side) -> None:
    kept = [foreign(side, f"https://other.example.com/{number}") for number in range(120)]
    kept.append(foreign(side, "https://ci.example.com/another/path"))
    for query in ("", "?secret=old", "?secret=older"):
        foreign(side, f"{TARGET}{query}")

    await side.host.install_hook(side.source, TARGET, "a key")

    others = [hook for hook in side.project.hooks if hook not in kept]
    assert len(side.project.hooks) == len(kept) + 1
    assert address(others[0]) == TARGET
    assert others[0].get("secret") == "a key" or others[0].get("token") == "a key"


async def test_the_old_hook_stays_when_the_host_refuses_the_new_one(side: Side) -> None:
    old = foreign(side, f"{TARGET}?secret=old")
    side.far.fail("422", "POST .*/hooks")

    with pytest.raises(Refused, match=f"{side.name} answered 422 to POST"):
        await side.host.install_hook(side.source, TARGET, "a key")

    assert side.project.hooks == [old]
    assert len(side.far.calls("POST .*/hooks")) == 1


async def test_hooks_are_removed_and_removed_again(side: Side) -> None:
    other = foreign(side, "https://other.example.com/hook")
    await side.host.install_hook(side.source, TARGET, "a key")
    side.far.fail("404", "DELETE", times=1)

    await side.host.remove_hook(side.source, TARGET)
    await side.host.remove_hook(side.source, TARGET)
    await side.host.remove_hook(side.source, TARGET)

    assert side.project.hooks == [other]


async def test_a_host_that_forbids_hooks_gives_its_reason(side: Side) -> None:
    side.far.add_person("lin")
    side.project.levels["lin"] = 30
    side.shown.credential = Credential("bearer", "lin-token")

    with pytest.raises(Forbids, match=f"{side.name} answered 403 to GET .*/hooks"):
        await side.host.install_hook(side.source, TARGET, "a key")


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """An address, and the webhooks that came there."""
    came: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            came.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", came
    server.shutdown()
    server.server_close()
    thread.join()


async def test_a_push_to_the_repository_is_delivered_and_signed(
    side: Side, receiver: tuple[str, list[tuple[dict[str, str], bytes]]]
) -> None:
    url, came = receiver
    await side.host.install_hook(side.source, url, "a key")

    sha = side.project.push({"a": "1"}, "Say hello")

    headers, body = came[-1]
    assert sha.encode() in body
    assert b"Say hello" in body
    signed = {
        "github": headers.get("x-hub-signature-256", "").removeprefix("sha256="),
        "gitea": headers.get("x-gitea-signature"),
        "gogs": headers.get("x-gogs-signature"),
        "gitlab": headers.get("x-gitlab-token"),
    }
    assert signed[side.name] == ("a key" if side.name == "gitlab" else signature("a key", body))
    assert all(one.status == 200 for one in side.far.deliveries)
