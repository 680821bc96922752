"""What goes wrong at hosts: which error it is, and what its message says (contract scm-api 8)."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from app.errors import AppError, NotFound, Unavailable, Unreadable
from app.scm.forge import Credential, Forbids, Later, Rejected, Status, Statuses, TooMuch
from app.scm.host import passes
from tests.scm.forge.conftest import Served, Side

Act = Callable[[Served, Side], Coroutine[Any, Any, Any]]


async def read(host: Served, side: Side) -> str:
    return await host.read_file(side.source, side.project.resolve("main") or "", ".drone.yml")


async def listed(host: Served, side: Side) -> Any:
    return await host.repositories(Credential("bearer", "octocat-token"))


async def put(host: Served, side: Side) -> None:
    if isinstance(host, Statuses):
        sha = side.project.resolve("main") or ""
        await host.put_status(side.source, Status(sha, "ci/push", "running", "", "https://ci.example.com/1"))
    else:
        await host.install_hook(side.source, "https://ci.example.com/hook", "a key")


ACTS = pytest.mark.parametrize("act", [read, listed, put])


@pytest.fixture(autouse=True)
def pushed(side: Side) -> None:
    side.project.push({".drone.yml": "kind: pipeline\n"})


async def failure(side: Side, act: Act, *, timeout: float = 10, attempts: int = 3) -> AppError:
    with pytest.raises(AppError) as caught:
        await act(side.again(timeout=timeout, attempts=attempts), side)
    error = caught.value
    assert "octocat-token" not in f"{error} {error!r} {error.details}"
    assert error.message.startswith(side.name)
    return error


@ACTS
async def test_a_token_that_is_over_is_rejected_once(side: Side, act: Act) -> None:
    side.far.fail("401")

    error = await failure(side, act)

    assert isinstance(error, Rejected)
    assert not passes(error)
    assert "log in again" in error.message
    assert len(side.far.requests) == 1


@ACTS
async def test_a_missing_right_is_no_limit_of_calls(side: Side, act: Act) -> None:
    side.far.fail("403")

    error = await failure(side, act)

    assert isinstance(error, Forbids)
    assert not passes(error)
    assert len(side.far.requests) == 1


@ACTS
async def test_at_a_limit_of_calls_the_next_call_waits_for_the_host_s_time(side: Side, act: Act) -> None:
    side.far.fail("limit", times=1, seconds=600)

    error = await failure(side, act)

    assert isinstance(error, Later)
    assert passes(error)
    assert 590 < error.seconds <= 601
    assert error.retry_after >= 590
    assert len(side.far.requests) == 1


async def test_no_call_is_made_while_none_is_left_except_with_another_token(side: Side) -> None:
    host = side.again()
    side.far.fail("limit", times=1, seconds=600)
    for _ in range(3):
        with pytest.raises(Later):
            await read(host, side)
    assert len(side.far.requests) == 1

    side.far.add_person("lin")
    side.shown.credential = Credential("bearer", "lin-token")
    assert await read(host, side) == "kind: pipeline\n"


@ACTS
async def test_what_fails_once_at_the_host_is_asked_again(side: Side, act: Act) -> None:
    side.far.fail("500", "GET", times=2)

    await act(side.host, side)


@ACTS
async def test_a_host_that_keeps_failing_is_unavailable(side: Side, act: Act) -> None:
    side.far.fail("500")

    error = await failure(side, act)

    assert isinstance(error, Unavailable)
    assert "answered 500 to" in error.message
    calls = len(side.far.requests)
    assert calls == (1 if side.far.requests[0].method == "POST" else 3)


async def test_a_call_that_makes_a_thing_is_not_sent_twice(side: Side) -> None:
    side.far.fail("500", "POST")
    with pytest.raises(Unavailable):
        await put(side.host, side)

    assert len(side.far.calls("POST")) == 1


@pytest.mark.parametrize("act", [read, listed])
async def test_a_page_of_html_is_no_answer(side: Side, act: Act) -> None:
    side.far.fail("html")

    error = await failure(side, act)

    assert isinstance(error, Unavailable)
    assert "text/html" in error.message
    assert "address of the host" in error.message


async def test_an_endless_answer_ends_at_the_limit(side: Side) -> None:
    side.far.fail("endless")

    assert isinstance(await failure(side, listed), TooMuch)
    with pytest.raises(Unreadable) as caught:
        await read(side.host, side)
    assert caught.value.code == "config_too_large"


@pytest.mark.parametrize("name", ["github", "gitea", "gitlab"])
async def test_a_status_that_is_taken_needs_no_answer(side: Side) -> None:
    side.far.fail("endless", "POST")

    await put(side.host, side)


@ACTS
async def test_a_silent_host_is_given_up_after_a_time(side: Side, act: Act) -> None:
    side.far.fail("silent")
    begun = time.monotonic()

    error = await failure(side, act, timeout=0.2, attempts=2)

    assert isinstance(error, Unavailable)
    assert "within 0.2 s" in error.message
    assert time.monotonic() - begun < 5


async def test_a_slow_host_is_waited_for(side: Side) -> None:
    side.far.fail("slow", seconds=0.3)

    assert await read(side.again(timeout=5), side) == "kind: pipeline\n"


@ACTS
async def test_no_redirect_to_another_host_is_followed(side: Side, act: Act) -> None:
    side.far.fail("away")

    error = await failure(side, act)

    assert isinstance(error, Unreadable)
    assert "redirects" in error.message
    assert len(side.far.requests) == 1


@ACTS
async def test_a_host_that_is_not_there_is_unavailable(side: Side, act: Act) -> None:
    side.far.url = "http://127.0.0.1:9"
    side.source = type(side.source)(1, f"{side.far.url}/octocat/hello-world.git", side.name)

    error = await failure(side, act)

    assert isinstance(error, Unavailable)
    assert "cannot be reached" in error.message


async def test_a_file_that_was_read_needs_the_host_no_more(side: Side) -> None:
    assert await read(side.host, side) == "kind: pipeline\n"
    side.far.fail("500")

    assert await read(side.host, side) == "kind: pipeline\n"


async def test_those_who_want_a_file_at_once_share_one_call(side: Side) -> None:
    side.far.fail("slow", seconds=0.1)

    texts = await asyncio.gather(*(read(side.host, side) for _ in range(20)))

    assert set(texts) == {"kind: pipeline\n"}
    assert len(side.far.calls("contents|files")) == 1


async def test_a_hidden_repository_is_not_told_from_an_absent_one(side: Side) -> None:
    side.far.add_person("stranger")
    side.project.private = True
    side.shown.credential = Credential("bearer", "stranger-token")
    with pytest.raises(NotFound) as hidden:
        await side.host.branch(side.source, "main")
    other = type(side.source)(2, side.source.url.replace("hello-world", "none"), side.name)
    with pytest.raises(NotFound) as absent:
        await side.host.branch(other, "main")

    assert hidden.value.message == absent.value.message
