"""The streams of changes on a real server: what is told, to whom, for how long, and to those who do not keep up."""

import itertools
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import httpx2
import psutil
import pytest
import uvloop

from app.cli.bench.load import Request, drive
from tests.acceptance.conftest import SLUG, Begin
from tests.acceptance.frames import Frames, data, id_of
from tests.acceptance.server import TOKEN, Server
from tests.soon import PATIENCE

BUILDS = f"/api/repos/{SLUG}/builds"
END = "event: error\ndata: eof"
#: Changes of 8 KB each: more than the server keeps and the system's buffers of a connection hold together.
BEHIND = 3000
#: Two stages one after the other, and one that waits for a runner that never comes.
PIPELINE = """
kind: pipeline
type: exec
name: first
clone: {disable: true}
steps: [{name: one, commands: [echo one]}, {name: two, commands: [echo two]}]
trigger: {target: [both]}
---
kind: pipeline
type: exec
name: second
clone: {disable: true}
steps: [{name: one, commands: [echo one]}]
depends_on: [first]
trigger: {target: [both]}
---
kind: pipeline
type: exec
name: nowhere
platform: {os: plan9}
steps: [{name: one, commands: [echo one]}]
trigger: {target: [nowhere]}
---
kind: pipeline
type: exec
name: test
clone: {disable: true}
steps: [{name: one, commands: ["true"]}]
trigger: {event: [push, custom]}
"""


@pytest.fixture(scope="module")
def server(begin: Begin) -> Server:
    server, repository = begin(PIPELINE)
    for visibility in ("public", "private"):
        slug = server.register(repository.url, f"octocat/{visibility}", visibility=visibility)
        server.push(slug, repository.git("rev-parse", "HEAD"))
        server.finished(slug, 1)
    return server


@contextmanager
def listening(client: httpx2.Client, path: str = "/api/stream", **headers: str) -> Iterator[Frames]:
    """The frames of a stream, after the ping that says that it is live."""
    with client.stream(
        "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    ) as answer:
        assert answer.status_code == 200, answer.read()
        frames = Frames(answer)
        assert next(frames) == ": ping"
        yield frames


def change(server: Server, slug: str) -> int:
    """Change something in a repository: a build that waits for ever; its number."""
    number: int = server.promote(slug, 1, "nowhere")["number"]
    return number


def state(event: Any) -> tuple[Any, ...]:
    """What a build, its stages and their steps had come to when it was told."""
    stages = event["build"].get("stages", [])
    return (
        event["build"]["status"],
        *((stage["status"], *(step["status"] for step in stage.get("steps", []))) for stage in stages),
    )


def test_a_build_is_told_of_from_its_beginning_to_its_end(server: Server) -> None:
    with listening(server.client, f"/api/stream/{SLUG}") as frames:
        number = server.promote(SLUG, 1, "both")["number"]
        states: list[tuple[Any, ...]] = []
        while not states or states[-1][0] != "success":
            event = frames.event()
            assert event["build"]["number"] == event["counter"] == number
            states.append(state(event))

    assert states[0] == ("pending", ("pending",), ("waiting_on_dependencies",))
    assert states[1:7] == [
        ("running", ("running", "pending", "pending"), ("waiting_on_dependencies",)),
        ("running", ("running", "running", "pending"), ("waiting_on_dependencies",)),
        ("running", ("running", "success", "pending"), ("waiting_on_dependencies",)),
        ("running", ("running", "success", "running"), ("waiting_on_dependencies",)),
        ("running", ("running", "success", "success"), ("waiting_on_dependencies",)),
        ("running", ("success", "success", "success"), ("pending",)),
    ]
    assert states[-1] == ("success", ("success", "success", "success"), ("success", "success"))


def test_what_people_do_to_a_build_is_told(server: Server) -> None:
    with listening(server.client, f"/api/stream/{SLUG}") as frames:
        created = server.json("POST", BUILDS)["number"]
        assert (frames.event()["build"]["number"]) == created
        server.finished(SLUG, created)
        number = change(server, SLUG)
        while (event := frames.event())["build"]["number"] != number:
            pass
        assert state(event) == ("pending", ("pending",))

        seen = []
        for verb in ("approve", "decline"):
            server.execute(f"UPDATE stages SET status = 'blocked' WHERE build_id = {event['build']['id']}")
            assert server.ask("POST", f"{BUILDS}/{number}/{verb}/1").status_code == 204
            seen.append(state(frames.event()))
        assert seen == [("pending", ("pending",)), ("declined", ("declined",))]

        cancelled = change(server, SLUG)
        frames.event()
        server.json("DELETE", f"{BUILDS}/{cancelled}")
        assert state(frames.event()) == ("killed", ("skipped",))
        failed = server.json("POST", f"{BUILDS}/1/rollback", params={"target": "nowhere"})["number"]
        assert frames.event()["build"]["number"] == failed


def test_an_event_is_the_repository_and_the_build_as_they_are_read(server: Server) -> None:
    with listening(server.client) as frames:
        number = change(server, SLUG)
        event = frames.event()

    repo, build = server.json("GET", f"/api/repos/{SLUG}"), server.json("GET", f"{BUILDS}/{number}")
    del repo["permissions"], build["stages"][0]["pending_reason"]
    assert event == repo | {"build": build}


def test_everybody_hears_of_what_they_may_read(server: Server) -> None:
    slugs = ["octocat/private", SLUG, "octocat/public"]
    hears = {"visitor": slugs[2:], "stranger": slugs[2:], "reader": slugs[1:], "octocat": slugs}
    with ExitStack() as stack:
        clients = {login: stack.enter_context(server.account(login)) for login in ("stranger", "reader")}
        clients |= {"visitor": stack.enter_context(server.visitor()), "octocat": server.client}
        server.json("PUT", f"/api/repos/{SLUG}/collaborators/reader", json={"read": True})
        streams = {login: stack.enter_context(listening(client)) for login, client in clients.items()}
        for slug in slugs:
            change(server, slug)

        for login, frames in streams.items():
            assert [frames.event()["slug"] for _ in hears[login]] == hears[login]


def test_rights_are_looked_at_for_every_event(server: Server) -> None:
    with server.account("fickle") as fickle, listening(fickle) as frames:
        rights = f"/api/repos/{SLUG}/collaborators/fickle"
        change(server, SLUG)
        change(server, "octocat/public")
        assert frames.event()["slug"] == "octocat/public"  # what came before it has been judged, too
        server.json("PUT", rights, json={"read": True})
        granted = change(server, SLUG)
        assert frames.event()["build"]["number"] == granted

        with listening(fickle, f"/api/stream/{SLUG}") as single:
            server.ask("DELETE", rights)
            change(server, SLUG)
            assert next(single) == END
            with pytest.raises(StopIteration):
                next(single)

        change(server, "octocat/public")
        assert frames.event()["slug"] == "octocat/public"
        server.json("PUT", rights, json={"read": True})
        again = change(server, SLUG)
        assert frames.event()["build"]["number"] == again


@pytest.mark.parametrize(
    ("login", "sql"),
    [
        ("idle", "UPDATE users SET active = FALSE WHERE login = 'idle'"),
        ("deleted", "DELETE FROM users WHERE login = 'deleted'"),
        ("rotated", ""),
    ],
)
def test_the_streams_of_an_account_end_with_it_and_with_its_token(server: Server, login: str, sql: str) -> None:
    with (
        server.account(login) as client,
        listening(client) as frames,
        listening(client, "/api/stream/octocat/public") as one,
    ):
        if sql:
            server.execute(sql)
        else:
            client.post("/api/user/token?rotate=true").raise_for_status()
        change(server, "octocat/public")

        assert list(frames) == list(one) == [END]


def test_the_stream_of_a_repository_ends_with_it(server: Server) -> None:
    url = server.json("GET", f"/api/repos/{SLUG}")["git_http_url"]
    slug = server.register(url, "octocat/short-lived")
    with listening(server.client, f"/api/stream/{slug}") as frames, listening(server.client) as everything:
        server.execute("DELETE FROM repos WHERE name = 'short-lived'")
        change(server, SLUG)

        assert list(frames) == [END]
        assert everything.event()["slug"] == SLUG


@pytest.mark.parametrize("path", ["/api/stream", f"/api/stream/{SLUG}"])
def test_in_brief_a_frame_only_tells_which_build_has_changed(server: Server, path: str) -> None:
    with listening(server.client, f"{path}?brief=true") as frames:
        number = change(server, SLUG)
        told = frames.event()

    assert told == {SLUG: [number]}


@pytest.mark.parametrize("path", ["/api/stream", f"/api/stream/{SLUG}"])
def test_who_is_not_known_or_not_active_gets_an_ordinary_error(server: Server, path: str) -> None:
    with server.visitor({"Authorization": "Bearer wrong"}) as wrong:
        answer = wrong.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    login = f"inactive{path.count('/')}"
    with server.account(login) as inactive:
        server.execute(f"UPDATE users SET active = FALSE WHERE login = '{login}'")
        assert inactive.get(path).status_code == 403
    assert server.ask("POST", path).status_code == 405


def test_a_browser_reads_the_stream_as_a_page_would(server: Server) -> None:
    """Its address holds the token, as `EventSource` sends no header of its own but where it was."""
    with server.visitor({"Accept": "text/event-stream"}) as browser:
        with listening(browser, f"/api/stream?access_token={TOKEN}") as frames:
            first = change(server, SLUG)
            frame = next(frames)
        missed = change(server, SLUG)
        with listening(browser, f"/api/stream?access_token={TOKEN}", Last_Event_ID=id_of(frame)) as frames:
            again = next(frames)
            raw = frames.raw

    assert re.fullmatch(rb": ping\n\nid: [0-9a-f]{8}-\d+\ndata: \{[^\n]*\}\n\n", raw)
    assert [data(f)["build"]["number"] for f in (frame, again)] == [first, missed]


def test_who_comes_back_gets_what_it_missed_as_far_as_it_may_know(server: Server) -> None:
    with server.account("returning") as returning:
        server.json("PUT", f"/api/repos/{SLUG}/collaborators/returning", json={"read": True})
        with listening(returning) as frames:
            change(server, SLUG)
            seen = next(frames)
        missed = [change(server, slug) for slug in (SLUG, "octocat/public", SLUG)]
        change(server, "octocat/private")

        with listening(returning, Last_Event_ID=id_of(seen)) as frames:
            assert [frames.event()["build"]["number"] for _ in missed] == missed
        with listening(returning, f"/api/stream/{SLUG}", Last_Event_ID=id_of(seen)) as frames:
            assert [frames.event()["build"]["number"] for _ in range(2)] == [missed[0], missed[2]]


@pytest.mark.parametrize("last_id", ["00000000-1", "nonsense", "5", "x" * 4000, "-1", "é"])
def test_an_id_of_elsewhere_is_told_to_be_one(server: Server, last_id: str) -> None:
    with server.client.stream("GET", "/api/stream", headers={b"Last-Event-ID": last_id.encode()}) as answer:
        frames = Frames(answer)
        assert [next(frames), next(frames)] == [": ping", ": events were missed, going on from now"]
        number = change(server, SLUG)
        assert frames.event()["build"]["number"] == number


@pytest.mark.parametrize("path", ["/api/stream", f"/api/stream/{SLUG}", f"/api/stream/{SLUG}/1/1/1"])
def test_the_head_of_a_stream_can_be_asked_for(server: Server, path: str) -> None:
    answer = server.ask("HEAD", path)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")


def _connect(server: Server, path: str) -> socket.socket:
    """A stream that is live, on a socket whose system keeps little for it."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(PATIENCE)
    connection.connect(("127.0.0.1", server.port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {TOKEN}\r\n\r\n".encode())
    received = b""
    while b": ping\n\n" not in received:
        received += connection.recv(4096)
    return connection


def _rest(connection: socket.socket, last: str = "") -> bytes:
    """What still comes, until these words come, or the server closes or cuts the connection."""
    received = bytearray()
    try:
        while piece := connection.recv(1 << 20):
            received += piece
            if last and last.encode() in received[-len(piece) - 10_000 :]:
                break
    except ConnectionResetError:
        pass
    return bytes(received)


def _peers(process: psutil.Process) -> set[int]:
    """The ports of the connections that a server has."""
    return {connection.raddr.port for connection in process.net_connections() if connection.raddr}


def test_who_reads_misses_nothing_however_fast_changes_come(server: Server) -> None:
    paths = (f"{BUILDS}/1/promote?target=nowhere&NOTE={'x' * 8000}&N={n}" for n in range(BEHIND))
    with ThreadPoolExecutor() as threads, closing(_connect(server, "/api/stream")) as connection:
        reading = threads.submit(_rest, connection, "the last")
        load = uvloop.run(drive(Request("POST", server.port, TOKEN), paths, 16, 600))
        server.promote(SLUG, 1, "nowhere", NOTE="the last")

        received = reading.result()

    assert (load.failed, received.count(b'"event":"promote"')) == (0, BEHIND + 1)


def test_who_never_reads_is_cut_off_and_costs_nobody_anything(server: Server) -> None:
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    stuck = [_connect(server, "/api/stream") for _ in range(5)]
    paths = (f"{BUILDS}/1/promote?target=nowhere&NOTE={'x' * 8000}&N={n}" for n in range(BEHIND))
    with closing(_connect(server, "/api/stream")) as gone:
        gone.shutdown(socket.SHUT_RDWR)
    before = process.memory_info().rss

    load = uvloop.run(drive(Request("POST", server.port, TOKEN), paths, 16, 600))

    assert (load.failed, len(load.latencies)) == (0, BEHIND)
    assert process.memory_info().rss - before < 64 * 1024 * 1024
    ports = {connection.getsockname()[1] for connection in stuck}
    server.until(lambda: not ports & _peers(process), "those who do not read are cut off")
    for connection in stuck:
        with closing(connection):
            assert len(_rest(connection)) < 8 * 1024 * 1024
    with listening(server.client) as frames:
        number = change(server, SLUG)
        assert frames.event()["build"]["number"] == number
    assert '"level":"error"' not in server.log.read_text().lower()


def test_when_the_server_stops_every_stream_ends_and_ids_are_not_its_next_ones(server: Server) -> None:
    with listening(server.client) as first, listening(server.client, f"/api/stream/{SLUG}") as second:
        change(server, SLUG)
        seen = next(first)
        stuck = _connect(server, "/api/stream")
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10
        assert list(first) == [END]
        assert list(itertools.islice(second, 1, None)) == [END]
        stuck.close()

    server.start()

    with server.client.stream("GET", "/api/stream", headers={"Last-Event-ID": id_of(seen)}) as answer:
        frames = Frames(answer)
        assert [next(frames), next(frames)] == [": ping", ": events were missed, going on from now"]
