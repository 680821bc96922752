"""Calls to endpoints over real HTTP, however rude they are."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
import trustme
from aiohttp.abc import AbstractResolver, ResolveResult

from app.notify.webhooks import addresses, poster
from app.notify.webhooks.model import Request
from app.notify.webhooks.poster import MOST, NotSent, Poster
from tests.notify.webhooks.receiver import Answers, Receiver, drips, endless, receiving, resets, silent, status

ASKED = Request({"content-type": "application/json", "x-test": "1"}, b'{"a":1}')


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


class Names(AbstractResolver):
    """A DNS whose answers change: each name has the addresses of its next answer, and then of its last one."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=0)
            for one in answer.split()
        ]

    async def close(self) -> None:
        pass


@asynccontextmanager
async def posting(**more: object) -> AsyncIterator[Poster]:
    made = Poster(**{"private": True, **more})  # type: ignore[arg-type]
    async with made.running():
        yield made


async def test_a_request_and_its_answer(receiver: Receiver) -> None:
    receiver.answers = status(202, b"taken\0", X_Request_ID="r1", Set_Cookie="s=secret")
    async with posting() as post:
        answer = await post.post(receiver.url + "/a/b?c=d", ASKED)

    assert (answer.status, answer.body, answer.headers["x-request-id"]) == (202, "taken\ufffd", "r1")
    assert "secret" not in str(answer)
    [came] = receiver.came
    assert (came.path, came.body, came.headers["x-test"]) == ("/a/b?c=d", ASKED.body, "1")
    assert came.headers["content-type"] == "application/json"
    assert came.headers["user-agent"] == "Gantry"


async def test_one_connection_serves_many_requests(receiver: Receiver) -> None:
    seen = set()

    def answers(handler: object) -> None:
        seen.add(handler.client_address)  # type: ignore[attr-defined]
        status(200)(handler)  # type: ignore[arg-type]

    receiver.answers = answers
    async with posting() as post:
        for _ in range(5):
            await post.post(receiver.url, ASKED)

    assert len(seen) == 1


@pytest.mark.parametrize("code", [204, 301, 307, 400, 410, 500, 503])
async def test_every_status_is_an_answer(receiver: Receiver, code: int) -> None:
    receiver.answers = status(code, b"")
    async with posting() as post:
        assert (await post.post(receiver.url, ASKED)).status == code


async def test_redirects_are_not_followed(receiver: Receiver) -> None:
    with receiving() as inside:
        receiver.answers = status(307, b"", Location=inside.url)
        async with posting() as post:
            assert (await post.post(receiver.url, ASKED)).headers["location"] == inside.url
        assert inside.came == []


async def test_of_a_gigabyte_only_the_beginning_is_read(receiver: Receiver) -> None:
    receiver.answers = endless
    begun = time.monotonic()
    async with posting() as post:
        answer = await post.post(receiver.url, ASKED)

    assert (answer.status, len(answer.body)) == (200, MOST)
    assert receiver.written < 32 << 20
    assert time.monotonic() - begun < 5


async def test_a_body_that_drips_is_not_waited_for(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poster, "BODY", 0.2)
    receiver.answers = drips
    async with posting() as post:
        answer = await post.post(receiver.url, ASKED)

    assert answer.status == 200
    assert set(answer.body) <= {"x"}


@pytest.mark.parametrize(
    ("answers", "reason"), [(silent, "within 0.3 s"), (resets, "closed before an answer")], ids=["silent", "resets"]
)
async def test_no_answer(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, answers: Answers, reason: str) -> None:
    monkeypatch.setattr(poster, "TIMEOUT", 0.3)
    receiver.answers = answers
    async with posting() as post:
        with pytest.raises(NotSent, match=reason):
            await post.post(receiver.url + "/secret-path", ASKED)


@pytest.mark.parametrize(
    "written",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-a: b\r\n" * 10_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"",
    ],
    ids=["ssh", "long header", "many headers", "smuggling", "nothing"],
)
async def test_what_is_no_answer_of_http(written: bytes) -> None:
    async with _raw(written) as url, posting() as post:
        with pytest.raises(NotSent) as failed:
            await post.post(url + "/secret-path", ASKED)

    assert "secret-path" not in failed.value.message
    assert len(failed.value.message) < 500


@asynccontextmanager
async def _raw(written: bytes) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(ASKED.body)
        writer.write(written)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_nobody_listens() -> None:
    with receiving() as gone:
        pass
    async with posting() as post:
        with pytest.raises(NotSent, match="no connection"):
            await post.post(gone.url, ASKED)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0", "127.1", "0x7f000001", "2130706433", "[::ffff:7f00:1]"]
)
async def test_loopback_is_refused_however_it_is_written(receiver: Receiver, host: str) -> None:
    port = receiver.url.rpartition(":")[2]
    async with posting(private=False) as post:
        with pytest.raises(NotSent):
            await post.post(f"http://{host}:{port}/", ASKED)

    assert receiver.came == []


async def test_a_name_that_leads_inside_is_refused_and_the_message_says_the_way_out(receiver: Receiver) -> None:
    port = receiver.url.rpartition(":")[2]
    async with posting(private=False, resolver=Names("127.0.0.1")) as post:
        with pytest.raises(NotSent, match="GANTRY_WEBHOOK_ALLOW_PRIVATE=true"):
            await post.post(f"http://hooks.example.com:{port}/", ASKED)

    assert receiver.came == []


async def test_a_dns_that_changes_its_answer_cannot_lead_inside(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was asked and answered before: the address that is connected to is the one that is judged."""
    judged = []
    known: Callable[..., str] = addresses.fault

    def fault(address: str, *, private: bool) -> str:
        judged.append(address)
        return "" if address == "127.0.0.2" else known(address, private=private)

    monkeypatch.setattr(addresses, "fault", fault)
    names = Names("127.0.0.2", "127.0.0.1")
    port = receiver.url.rpartition(":")[2]
    async with posting(private=False, resolver=names) as post:
        with pytest.raises(NotSent):  # nobody listens at the address that passes
            await post.post(f"http://rebind.example.com:{port}/", ASKED)
        with pytest.raises(NotSent, match="private address"):
            await post.post(f"http://rebind.example.com:{port}/", ASKED)

    assert judged == ["127.0.0.2", "127.0.0.1"]
    assert names.asked == 2
    assert receiver.came == []


async def test_of_several_addresses_those_inside_are_left_out(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = receiver.url.rpartition(":")[2]
    monkeypatch.setattr(poster, "TIMEOUT", 2)
    async with posting(private=False, resolver=Names("127.0.0.1 10.255.255.1 169.254.169.254")) as post:
        with pytest.raises(NotSent):
            await post.post(f"http://many.example.com:{port}/", ASKED)

    assert receiver.came == []


async def test_addresses_of_the_settings_are_trusted(receiver: Receiver) -> None:
    async with posting(private=False, trusted=True) as post:
        assert (await post.post(receiver.url, ASKED)).status == 200


@pytest.mark.parametrize(("name", "taken"), [("hooks.example.com", True), ("other.example.com", False)])
async def test_the_certificate_is_that_of_the_name(monkeypatch: pytest.MonkeyPatch, name: str, taken: bool) -> None:
    authority = trustme.CA()
    theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("hooks.example.com").configure_cert(theirs)
    authority.configure_trust(ours)
    monkeypatch.setattr(poster, "trusted", lambda: ours)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(ASKED.body)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=theirs) as server:
        url = f"https://{name}:{server.sockets[0].getsockname()[1]}/secret-path"
        async with posting(resolver=Names("127.0.0.1")) as post:
            if taken:
                assert (await post.post(url, ASKED)).status == 200
            else:
                with pytest.raises(NotSent, match="certificate"):
                    await post.post(url, ASKED)
