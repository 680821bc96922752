import asyncio
import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from itertools import repeat
from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import IO, TypeAlias

import psutil
import pytest
from click.testing import CliRunner

from app.cli import main
from app.cli.bench import command, server
from app.cli.bench.load import BenchFailed, Load, Request, drive
from app.cli.bench.place import Sizes
from app.cli.bench.readers import listen
from app.cli.bench.report import Figure, Unit
from app.cli.bench.visitors import Visit, look
from tests import gantry, postgres
from tests.gantry import Process

TINY = Sizes(
    seconds=0.05,
    starts=1,
    dispatches=2,
    promotes=40,
    history=60,
    readers=5,
    repos=3,
    waiting=5,
    stages=20,
    polls=400,
    printed=1_000_000,
    artifacts=20,
    many_artifacts=60,
    items=40,
    published=20,
    uploaded=300_000,
    bundled=40,
    versions=60,
    sent=20,
    told=30,
    fleet=3,
    views=2,
    logged=50,
)
PAGES = [
    *("board", "repository", "build", "long log", "builds", "deployments", "approvals", "target", "compare"),
    "settings",
]
Handler: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the benchmark's own folder appears, with sizes that only show that all of it runs."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(command, "FULL", TINY)
    monkeypatch.delenv("GANTRY_TEST_POSTGRES", raising=False)
    return folder


def launch(command: list[str], *, env: dict[str, str], stdout: IO[bytes], stderr: IO[bytes], **_: object) -> Process:
    """A server for the benchmark that starts soon."""
    return gantry.start(command[command.index("serve") :], env, out=stdout, err=stderr)


def test_every_measure_is_in_the_table_and_in_the_file(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "bench.json"
    monkeypatch.setattr(server, "subprocess", SimpleNamespace(**vars(subprocess) | {"Popen": launch}))

    done = CliRunner().invoke(main, ["bench", "--json", str(file)])

    assert done.exit_code == 0, done.output
    saved = json.loads(file.read_text())
    assert saved["sizes"]["history"] == TINY.history
    measures = [figure["measure"] for figure in saved["figures"]]
    assert measures == [
        "promotes, 1 connection",
        "promotes, 16 connections",
        "promotes, 64 connections",
        "promotes, 64 connections, p99",
        "answer to first step, p50",
        "answer to first step, p95",
        "answer to build finished, p50",
        "answer to build finished, p95",
        *(["first step in a sandbox, p50"] if shutil.which("bwrap") else []),
        "builds list (25)",
        "one build",
        "promotes, 16 connections, 60 builds",
        "builds list (25), 60 builds",
        "one build, 60 builds",
        "builds list, by link (25)",
        "builds list, by number (25)",
        "builds list, one event (25)",
        "repositories (2)",
        "user feed (25)",
        "incomplete builds (30)",
        "repositories with latest (4)",
        "collaborators (4)",
        "incomplete stages (30)",
        "queue (30)",
        "queue of 30, p99",
        "builds list, by link, p99",
        "builds list, by number, p99",
        "builds list, one event, p99",
        "repositories, p99",
        "user feed, p99",
        "incomplete builds, p99",
        "memory, idle",
        "memory, after 40 promotes",
        "event to the median of 5 readers",
        "readers dropped",
        "promotes p99, 5 readers / none",
        *(f"page {name}, p95" for name in PAGES),
        "first visit, compressed",
        "largest page, compressed",
        *(f"regions of page {name}, p95" for name in ("board", "repository", "build")),
        "promotion to the median page of 5",
        "promotes p99, 5 open pages / none",
        "promotes, 16 connections, 5 open pages / none",
        "stages of 50 remote runners",
        "promote to waiting runner, p50",
        "promote to waiting runner, p95",
        "log line to reader, median",
        "memory of 400 idle polls",
        "deliveries of pushes, 16 connections",
        "deliveries of pushes, 16 connections, p99",
        "deliveries, a host that answers in 2 s / at once",
        "statuses sent",
        "promotes, 30 entries wait / none",
        "deliveries to 50 webhooks",
        "promotion to first byte of its delivery",
        "100 webhooks, one hangs / none, p95",
        "uploads of 10 KB, 16 connections",
        "deployments by checksum, 16 connections",
        "upload of 0.3 MB / its checksums",
        "download of 0.3 MB / its checksums",
        "memory at most, after 0.3 MB up and down",
        "20 artifacts copied",
        "20 artifacts moved",
        "60 artifacts copied",
        "60 artifacts moved",
        "promotes beside 60 artifacts copied, longest / the copy",
        "20 artifacts copied, 40 other items",
        "20 artifacts moved, 40 other items",
        "60 artifacts copied, 40 other items",
        "60 artifacts moved, 40 other items",
        "search by the begin of a path, p95",
        "search of 20 artifacts of a build, p95",
        "search of their SHA-1, p95",
        "search of the last run, p95",
        "search by the end of a name, p95",
        "publish of 20 artifacts",
        *(f"version of 20 artifacts {did}" for did in ("created", "promoted", "verified")),
        *(f"version of 40 artifacts {did}" for did in ("created", "promoted")),
        "reads beside a version of 40 artifacts, p99 / alone",
        "promotes beside a version of 40 artifacts, longest / the work",
        *(f"{page} page of 60 versions, p95" for page in ("first", "middle", "last")),
        *(f"version of 20 artifacts {did}, 40 other items" for did in ("created", "promoted")),
        "/healthz p99 while a step prints 1 MB with 50 secrets",
        "/healthz p99, a step that prints / none",
        "start to first answer",
    ]
    assert all((figure["reached"] > 0) == (figure["unit"] != "") for figure in saved["figures"])
    assert all(figure["failed"] == 0 for figure in saved["figures"])
    assert all(f"\n{measure}  " in done.stdout for measure in measures)
    assert f"python {sys.version.split()[0]}" in done.stdout
    assert list(temporary.iterdir()) == []


def test_only_what_was_asked_for_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"

    done = CliRunner().invoke(main, ["bench", "--quick", "--seconds", "0.05", "--only", "promote", "--json", str(file)])

    assert done.exit_code == 0, done.output
    saved = json.loads(file.read_text())
    assert {figure["measure"].partition(",")[0] for figure in saved["figures"]} == {"promotes"}
    assert saved["sizes"]["seconds"] == 0.05


@postgres.real
def test_postgres_is_measured_in_a_database_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"

    done = CliRunner().invoke(
        main, ["bench", "--quick", "--only", "postgres", "--postgres", postgres.SERVER, "--json", str(file)]
    )

    assert done.exit_code == 0, done.output
    assert "promotes on PostgreSQL, 64 connections, p99" in done.stdout
    listed = subprocess.run(["psql", postgres.SERVER, "-lqt"], capture_output=True, text=True, check=True).stdout
    assert "gantry_bench" not in listed


def test_postgres_without_a_server_says_how_to_name_one() -> None:
    done = CliRunner().invoke(main, ["bench", "--only", "postgres"])

    assert done.exit_code == 2
    assert "give --postgres, or set GANTRY_TEST_POSTGRES" in done.stderr


def test_a_server_that_cannot_be_reached_is_an_error_without_its_password() -> None:
    url = "postgresql://ada:hush-hush@127.0.0.1:1/postgres"

    done = CliRunner().invoke(main, ["bench", "--only", "postgres", "--postgres", url])

    assert done.exit_code == 1
    assert "createdb" in done.stderr
    assert "hush-hush" not in done.output


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_process_and_no_folder(tmp_path: Path, temporary: Path, how: signal.Signals) -> None:
    command = [sys.executable, "-m", "app", "bench", "--only", "promote", "--seconds", "600"]
    running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    with running.stderr:
        assert running.stderr.readline() == "… promotes, 1 connection\n"
        servers = psutil.Process(running.pid).children()
        assert servers
        running.send_signal(how)

        assert running.wait(60) == 130
    assert not any(server.is_running() for server in servers)
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "bench.json").exists()


async def _load(handler: Handler, paths: Iterator[str], connections: int = 1, per_second: float = inf) -> Load:
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await drive(Request("POST", port, "t0ken"), paths, connections, 600, per_second)


async def test_what_is_not_answered_with_200_is_counted_as_failed() -> None:
    seen = []

    async def every_other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := (await reader.read(65536)).decode():
            seen.append(head.splitlines()[0])
            status = "200 OK" if len(seen) % 2 else "503 Service Unavailable"
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        writer.close()

    load = await _load(every_other, iter(["/a?VERSION=1", "/a?VERSION=2", "/a?VERSION=3"]))

    assert seen == [f"POST /a?VERSION={number} HTTP/1.1" for number in (1, 2, 3)]
    assert (len(load.latencies), load.failed) == (2, 1)


async def test_requests_come_at_their_pace_over_all_connections() -> None:
    async def at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    load = await _load(at_once, iter(["/"] * 11), connections=3, per_second=50)

    assert len(load.latencies) == 11
    assert 0.19 < load.took < 5


async def test_a_connection_that_breaks_is_one_failure_and_opened_again() -> None:
    connections = []

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.read(65536)
        if len(connections) > 1:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    load = await _load(once, iter(["/"] * 2))

    assert (len(load.latencies), load.failed, len(connections)) == (1, 1, 2)


async def test_a_server_that_is_gone_ends_the_benchmark() -> None:
    with pytest.raises(BenchFailed, match="takes no connections"):
        await drive(Request("GET", 1, ""), repeat("/"), 4, 600)


async def test_readers_tell_when_the_median_of_them_heard_and_who_did_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connections = []
    told = threading.Event()

    async def stream(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n: ping\n\n")
        if len(connections) < 3:
            return
        for number, some in ((1, connections), (2, connections[:2])):
            for one in some:
                one.write(b'data: {"VERSION":"1.%d"}\n\ndata: {"VERS' % number)
                await one.drain()
                one.write(b'ION":"2.0"}\n\n')
        connections[2].close()
        asyncio.get_running_loop().call_later(0.1, told.set)

    class Input:
        @staticmethod
        def read() -> str:
            told.wait(20)
            return ""

    monkeypatch.setattr(sys, "stdin", Input)
    server = await asyncio.start_server(stream, "127.0.0.1", 0)
    async with server:
        heard = await listen(server.sockets[0].getsockname()[1], "/", 3, "t0ken")
        for writer in connections:
            writer.close()

    assert capsys.readouterr().out == "ready\n"
    assert (list(heard.at), heard.dropped, heard.missed) == (["1", "2"], 1, 1)


async def test_open_pages_show_what_they_hear_of_while_the_last_regions_are_renewed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    streams: list[asyncio.StreamWriter] = []
    writers = []
    asks, ended, loop = threading.Event(), asyncio.Event(), asyncio.get_running_loop()

    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        asked = await reader.readuntil(b"\r\n\r\n")
        if b"/api/stream" in asked:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n: ping\n\n")
            streams.append(writer)
            return
        if b"/first" in asked:
            asks.set()
            await ended.wait()
            streams[1].write(b'data: {"a/b":[2]}\n\n')
        writer.write(b'HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Length: 0\r\n\r\n')

    class Input:
        @staticmethod
        def read() -> str:
            loop.call_soon_threadsafe(streams[0].write, b'data: {"a/b":[1]}\n\n')
            asks.wait(20)
            loop.call_soon_threadsafe(ended.set)
            return ""

    monkeypatch.setattr(sys, "stdin", Input)
    server = await asyncio.start_server(page, "127.0.0.1", 0)
    async with server:
        visits = [Visit("session=a", path, ["main"], "a/b", path) for path in ("/first", "/second")]
        seen = await look(server.sockets[0].getsockname()[1], visits)
        for writer in writers:
            writer.close()

    assert {kind: list(numbers) for kind, numbers in seen.at.items()} == {"/first": ["a/b#1"], "/second": ["a/b#2"]}
    assert (seen.renewed, seen.missed, seen.dropped, seen.failed) == (2, 0, 0, 0)


@pytest.mark.parametrize(
    ("reached", "unit", "goal", "failed", "verdict"),
    [
        (400.0, "/s", 400.0, 0, "ok"),
        (399.9, "/s", 400.0, 0, "missed"),
        (120.0, "ms", 120.0, 0, "ok"),
        (120.1, "ms", 120.0, 0, "missed"),
        (1.31, "x", 1.3, 0, "missed"),
        (7.0, "ms", None, 0, ""),
        (0.0, "", 0.0, 0, "ok"),
        (1.0, "", 0.0, 0, "missed"),
        (2000.0, "/s", 400.0, 1, "failed"),
        (None, "/s", 400.0, 0, "failed"),
    ],
)
def test_a_figure_knows_whether_it_reached_its_goal(
    reached: float | None, unit: Unit, goal: float | None, failed: int, verdict: str
) -> None:
    assert Figure("promotes", reached, unit, goal, failed).verdict == verdict
