"""How many connections there may be, how long each may take, how much is kept of what they send; with small limits."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from app.errors import Unauthorized
from app.web.connections import Connections, Limits, network
from app.web.route import Endpoint
from app.web.router import Router
from app.web.serving import Server
from tests.soon import soon
from tests.web.network import Connection, listening, only

#: Limits of which none is reached, unless a test makes one small.
WIDE = Limits(connections=100, share=100)
SHORT = 0.3
GET = b"GET /size HTTP/1.1\r\nHost: x\r\n\r\n"
KNOWN = b"GET /known HTTP/1.1\r\nHost: x\r\nAuthorization: yes\r\n\r\n"


async def size(request: Request[Any]) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def known_size(request: Request[Any], _: object) -> PlainTextResponse:
    return await size(request)


async def refuse(request: Request[Any]) -> PlainTextResponse:
    raise Unauthorized


async def large(request: Request[Any]) -> PlainTextResponse:
    return PlainTextResponse(b"x" * 20_000_000)


class Known:
    """Whoever shows anything at all."""

    means, refusals, strangers, words, judges_scope = "Somebody.", (401,), False, (), False

    async def granted(self, request: Request[Any]) -> str:
        if "authorization" not in request.headers:
            raise Unauthorized
        return "somebody"

    def is_known(self, granted: str) -> bool:
        return bool(granted)


KNOWN_ROW = Known()
APP = Router(
    [
        Endpoint("GET", "/size", size),
        Endpoint("POST", "/size", size),
        Endpoint("GET", "/known", known_size, needs=KNOWN_ROW),
        Endpoint("POST", "/known", known_size, needs=KNOWN_ROW),
        Endpoint("POST", "/refused", refuse),
        Endpoint("GET", "/large", large),
    ]
)


def post(path: str, length: int, more: str = "") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{more}Content-Length: {length}\r\n\r\n".encode()


async def test_a_head_must_come_in_time_also_one_that_never_rests() -> None:
    async with listening(APP, replace(WIDE, head=SHORT)) as server:
        silent, busy = await Connection.to(server), await Connection.to(server)
        await silent.send(GET + GET[:10])
        await busy.send(GET[:-2])

        async def trickle() -> None:
            while True:
                await busy.send(b"X: y\r\n")
                await asyncio.sleep(0.01)

        trickling = asyncio.create_task(trickle())
        assert await silent.answer() == (200, b"0")
        assert await silent.refusal() == (408, "timeout")
        assert (await busy.answer())[0] == 408
        trickling.cancel()
        await asyncio.gather(trickling, return_exceptions=True)


@pytest.mark.parametrize("body", [b"", b"b" * 900])
async def test_a_body_must_come_fast_enough(body: bytes) -> None:
    async with listening(APP, replace(WIDE, body=SHORT, rate=3000)) as server:
        connection = await Connection.to(server)
        await connection.send(post("/size", 5000) + body)

        assert await connection.refusal() == (408, "timeout")


async def test_a_body_that_stands_still_after_much_is_refused_and_its_size_given_back() -> None:
    async with listening(APP, replace(WIDE, body=SHORT)) as server:
        connection = await Connection.to(server)
        await connection.send(post("/size", 1_000_001) + b"b" * 1_000_000)
        await soon(lambda: server.connections.held > 900_000)

        assert await connection.refusal() == (408, "timeout")
        assert server.connections.held == 0


async def test_a_slow_body_that_is_fast_enough_is_served() -> None:
    async with listening(APP, replace(WIDE, body=SHORT, head=SHORT, idle=SHORT, rate=1000)) as server:
        connection = await Connection.to(server)
        await connection.send(post("/size", 5000))
        for _ in range(50):
            await connection.send(b"b" * 100)
            await asyncio.sleep(0.02)

        assert await connection.answer() == (200, b"5000")
        assert server.connections.held == 0


async def test_the_rest_of_a_refused_body_may_come_but_not_for_long() -> None:
    async with listening(APP, replace(WIDE, body=SHORT)) as server:
        connection, slow = await Connection.to(server), await Connection.to(server)
        await connection.send(post("/refused", 2_000_000), b"b" * 2_000_000, GET)
        await slow.send(post("/refused", 2_000_000), b"b" * 1_000_000)

        assert ((await connection.answer())[0], (await slow.answer())[0]) == (401, 401)
        assert await connection.answer() == (200, b"0")
        assert server.connections.held == 0
        assert await slow.ended()


async def test_a_connection_without_requests_ends() -> None:
    async with listening(APP, replace(WIDE, idle=SHORT)) as server:
        silent, used = await Connection.to(server), await Connection.to(server)
        await used.send(GET)

        assert await used.answer() == (200, b"0")
        assert await silent.ended()
        assert await used.ended()
        await soon(lambda: not server.connections.connections)


async def test_a_client_that_stops_reading_its_answer_is_dropped_and_a_slow_one_is_not() -> None:
    async with listening(APP, replace(WIDE, idle=SHORT)) as server:
        deaf, slow = await Connection.to(server), await Connection.to(server)
        for connection in (deaf, slow):
            await connection.send(GET.replace(b"size", b"large"))

        read = 0
        while read < 20_000_000:
            read += len(await slow.reader.readexactly(100_000))
            await asyncio.sleep(0.005)

        await soon(lambda: not server.connections.connections)


async def some(scope: Scope, _: Receive, send: Send) -> None:
    """20 kB, of which a request for /broken gets only half."""
    part = {"type": "http.response.body", "body": b"x" * 10_000, "more_body": True}
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"20000")]})
    await send(part)
    if scope["path"] != "/broken":
        await send(part | {"more_body": False})


async def served(server: Server, count: int) -> None:
    """Wait until a server has written so many answers."""
    await soon(lambda: server.connections.total_requests == count)


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", id="closing"),
        pytest.param(b"GET /broken HTTP/1.1\r\nHost: x\r\n\r\n", id="broken off"),
    ],
)
async def test_a_closing_connection_whose_last_answer_is_not_read_is_dropped(last: bytes) -> None:
    async with listening(some, replace(WIDE, idle=SHORT)) as server:
        connection = await Connection.to(server)
        await soon(lambda: server.connections.connections)
        transport = only(server).transport
        count = 0
        while not transport.get_write_buffer_size():
            await connection.send(GET)
            count += 1
            await served(server, count)
        await connection.send(last)
        await soon(transport.is_closing)

        await soon(lambda: not server.connections.connections)


async def test_a_closing_connection_is_dropped_also_when_most_of_its_answer_was_read() -> None:
    async with listening(APP, replace(WIDE, idle=SHORT)) as server:
        connection = await Connection.to(server)
        await soon(lambda: server.connections.connections)
        transport = only(server).transport
        transport.set_write_buffer_limits(high=15_000_000, low=14_000_000)
        await connection.send(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await soon(lambda: server.connections.unread)
        while transport.get_write_buffer_size() > 14_000_000:
            await connection.reader.readexactly(100_000)
        assert transport.get_write_buffer_size()

        await soon(lambda: not server.connections.connections)


async def test_a_closing_connection_whose_answer_is_read_slowly_is_not_dropped() -> None:
    async with listening(APP, replace(WIDE, idle=SHORT)) as server:
        connection = await Connection.to(server)
        await connection.send(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await connection.reader.readuntil(b"\r\n\r\n")
        for _ in range(200):
            await connection.reader.readexactly(100_000)
            await asyncio.sleep(0.005)

        assert await connection.ended()


async def test_after_a_pause_of_the_process_nothing_ends() -> None:
    connections = Connections(replace(WIDE, idle=0))
    connections.sweep()
    connections._swept -= 5
    connections.idle[Gone()] = 0

    connections.sweep()
    assert len(connections.idle) == 1
    connections.sweep()
    assert not connections.idle


class Gone:
    """A connection that ends when it is told."""

    def is_idle(self) -> bool:
        return True

    def drop(self) -> None:
        """Nothing is left."""

    end_idle = end_head = end_window = end_wait = drop


async def test_input_of_strangers_is_bounded_and_that_of_others_is_not() -> None:
    async with listening(APP, replace(WIDE, held=3_500_000)) as server:
        held = [await Connection.to(server) for _ in range(2)]
        for connection in held:
            await connection.send(post("/size", 2_000_000), b"b" * 1_200_000)
        await soon(lambda: server.connections.held >= 2_400_000)

        refused, known = await Connection.to(server), await Connection.to(server)
        await refused.send(post("/size", 2_000_000), b"b" * 1_500_000)
        assert await refused.refusal() == (503, "unavailable")

        for _ in range(2):
            await known.send(post("/known", 5_000_000, "Authorization: yes\r\n"), b"b" * 5_000_000)
            assert await known.answer() == (200, b"5000000")

        await held[0].send(b"b" * 800_000)
        assert await held[0].answer() == (200, b"2000000")
        held[1].close()
        await soon(lambda: server.connections.held == 0)


async def test_one_address_cannot_use_up_all_that_is_kept_but_a_proxy_can() -> None:
    limits = replace(WIDE, held_of_address=1_000_000)
    async with listening(APP, limits) as server:
        connection = await Connection.to(server)
        await connection.send(post("/size", 2_000_000), b"b" * 1_500_000)
        assert await connection.refusal() == (503, "unavailable")
    async with listening(APP, limits, lambda host: host == "127.0.0.1") as server:
        connection = await Connection.to(server)
        await connection.send(post("/size", 2_000_000), b"b" * 2_000_000)
        assert await connection.answer() == (200, b"2000000")


async def test_what_waits_behind_a_request_and_in_a_head_counts() -> None:
    gate = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await PlainTextResponse("0")(scope, receive, send)

    async with listening(slow) as server:
        behind, head = await Connection.to(server), await Connection.to(server)
        await behind.send(GET * 100)
        await head.send(GET[:-2] + b"X: " + b"y" * 10_000)
        await soon(lambda: server.connections.held == 99 * len(GET) + len(GET) + 10_001)
        gate.set()
        for _ in range(100):
            assert await behind.answer() == (200, b"0")
        head.close()
        await soon(lambda: server.connections.held == 0)


async def test_the_oldest_idle_connection_makes_room_and_others_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    async with listening(APP, replace(WIDE, connections=3)) as server:
        first, second, third = [await Connection.to(server) for _ in range(3)]
        await soon(lambda: len(server.connections.idle) == 3)
        await first.send(GET)
        assert await first.answer() == (200, b"0")

        fourth = await Connection.to(server)
        assert await second.ended()
        for connection in (first, third, fourth):
            await connection.send(GET)
            assert await connection.answer() == (200, b"0")
            await connection.send(GET[:10])
        await soon(lambda: len(server.connections.heads) == 3)
        for _ in range(2):
            fifth = await Connection.to(server)
            assert await fifth.refusal() == (503, "unavailable")

        with caplog.at_level(logging.WARNING):
            await soon(lambda: caplog.records)
        told = {"idle_connections_closed": 1}
        assert [told.items() <= vars(record).items() for record in caplog.records] == [True]


async def test_refusals_are_logged_at_most_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    async with listening(APP, replace(WIDE, connections=0, telling=SHORT)) as server:
        with caplog.at_level(logging.WARNING):
            for _ in range(5):
                assert await (await Connection.to(server)).refusal() == (503, "unavailable")
            await soon(lambda: sum(record.__dict__["too_many_connections"] for record in caplog.records) == 5)

    assert len(caplog.records) <= 2


async def test_an_address_has_a_share_for_those_who_have_shown_nothing() -> None:
    async with listening(APP, replace(WIDE, share=2)) as server:
        known = [await Connection.to(server) for _ in range(1)]
        for _ in range(4):
            await known[-1].send(KNOWN)
            assert await known[-1].answer() == (200, b"0")
            known.append(await Connection.to(server))
        strangers = [known.pop(), await Connection.to(server)]
        for connection in strangers:
            await connection.send(GET[:10])
        await soon(lambda: len(server.connections.heads) == 2)

        assert await (await Connection.to(server)).refusal() == (503, "unavailable")
        strangers[0].close()
        await soon(lambda: len(server.connections.connections) == 5)
        for connection in (*known, await Connection.to(server)):
            await connection.send(GET)
            assert await connection.answer() == (200, b"0")


async def test_a_proxy_has_no_share_and_what_one_client_has_shown_counts_for_this_request_alone() -> None:
    async with listening(APP, replace(WIDE, share=1, held=1_000_000), lambda _: True) as server:
        several = [await Connection.to(server) for _ in range(3)]
        for connection in several:
            await connection.send(KNOWN)
            assert await connection.answer() == (200, b"0")
        await several[0].send(post("/size", 2_000_000), b"b" * 1_500_000)
        assert await several[0].refusal() == (503, "unavailable")


@pytest.mark.parametrize("proxy", ["2001:db8:1:2::", "2001:db8:1:2::9"])
def test_a_proxy_is_told_from_the_other_machines_of_its_network_whoever_connects_first(proxy: str) -> None:
    machines = ["2001:db8:1:2::", "2001:db8:1:2::7", proxy]
    for hosts in (machines, machines[::-1]):
        connections = Connections(WIDE, proxy.__eq__)
        for host in hosts:
            one = Gone()
            address = connections.admit(one, host)
            assert address is not None
            assert address.proxy == (host == proxy)
            assert (one in address.strangers) == (host != proxy)


async def test_of_idle_connections_those_of_strangers_go_first() -> None:
    async with listening(APP, replace(WIDE, connections=2)) as server:
        known = await Connection.to(server)
        await known.send(KNOWN)
        assert await known.answer() == (200, b"0")
        stranger = await Connection.to(server)
        await soon(lambda: len(server.connections.idle) == 1)

        await Connection.to(server)
        assert await stranger.ended()
        await known.send(KNOWN)
        assert await known.answer() == (200, b"0")


async def test_nothing_is_left_of_connections_that_have_ended() -> None:
    async with listening(APP) as server:
        several = [await Connection.to(server) for _ in range(5)]
        for connection, part in zip(several, (b"", GET[:10], post("/size", 10), GET, GET * 3), strict=True):
            await connection.send(part)
        await soon(lambda: server.connections.heads and server.connections.bodies)
        for connection in several:
            connection.writer.transport.abort()

        every = server.connections
        await soon(lambda: not every.connections)
        waiting = (every.idle, every.idle_known, every.heads, every.bodies, every.refused, every.unread)
        assert not any(waiting)
        assert (every.held, every._addresses) == (0, {})


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("", ""),
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("no:address", "no:address"),
    ],
)
def test_addresses_of_one_machine_count_together(given: str, name: str) -> None:
    assert network(given) == name
