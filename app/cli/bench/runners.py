"""Runners that use the protocol as official runners do, but run no steps, so that only the server is measured."""

import asyncio
import json
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from app.cli.bench import scene
from app.cli.bench.load import HOST, PATIENCE, BenchFailed
from app.cli.bench.server import RUNNERS_SECRET, TOKEN, Server

WANTED = {"kind": "pipeline", "type": "exec", "os": "linux", "arch": "amd64"}
#: The measured log: its lines in a batch, and its batches a second.
BATCH, BATCHES = 50, 20
#: Seconds that the server is given to register a poll or a stream before the measure begins.
PAUSE = 0.03
#: Seconds that the server is given to take in all waiting polls.
SETTLE = 3.0


class Wire:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        self._reader = reader
        self._writer = writer
        self._head = f"Host: {HOST}:{port}\r\nX-Drone-Token: {RUNNERS_SECRET}\r\nAuthorization: Bearer {TOKEN}\r\n"

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()

    def send(self, method: str, path: str, body: Any = None) -> None:
        """Send a request without waiting for its answer."""
        data = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        head = f"{method} {path} HTTP/1.1\r\n{self._head}Content-Length: {len(data)}\r\n\r\n"
        self._writer.write(head.encode() + data)

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        _, length, rest = head.partition(b"\r\ncontent-length:")
        size = int(rest.partition(b"\r\n")[0]) if length else 0
        return int(head[9:12]), await self._reader.readexactly(size)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request; the JSON of a good answer, None for an empty one; BenchFailed for any other."""
        self.send(method, path, body)
        async with asyncio.timeout(PATIENCE):
            status, text = await self.answer()
        if status not in (200, 204):
            raise BenchFailed(f"{method} {path}: {status} {text.decode(errors='replace').strip()}")
        return json.loads(text) if text else None


@asynccontextmanager
async def wired(port: int) -> AsyncIterator[Wire]:
    """A connection while the block runs."""
    reader, writer = await asyncio.open_connection(HOST, port)
    wire = Wire(reader, writer, port)
    try:
        yield wire
    finally:
        wire.close()


async def run_all(server: Server, runners: int, stages: int) -> float:
    """Let `runners` runners run `stages` queued stages; the seconds from the first poll to the last report."""
    left = iter(range(stages))
    began = time.perf_counter()
    await asyncio.gather(*(_work(server.port, left) for _ in range(runners)))
    return time.perf_counter() - began


async def _work(port: int, left: Any) -> None:
    async with wired(port) as wire:
        for _ in left:
            await _cycle(wire, port)


async def _cycle(wire: Wire, port: int) -> None:
    """Run one stage of one step, from poll to last report, with a watch at the same time (contract drone-rpc 14)."""
    handed = await wire.ask("POST", "/rpc/v2/stage", WANTED)
    if handed is None:
        raise BenchFailed("a runner was handed nothing although stages wait")
    path = f"/rpc/v2/stage/{handed['id']}"
    stage = await wire.ask("POST", f"{path}?machine=bench")
    await wire.ask("GET", path)
    async with wired(port) as watching:
        watching.send("POST", f"/rpc/v2/build/{stage['build_id']}/watch")
        now = int(time.time())
        step = {"step_id": stage["id"], "number": 1, "name": "quick", "status": "pending"}
        stage = await wire.ask("PUT", path, stage | {"status": "running", "started": now, "steps": [step]})
        step_path = f"/rpc/v2/step/{stage['steps'][0]['id']}"
        step = await wire.ask("PUT", step_path, stage["steps"][0] | {"status": "running", "started": now})
        lines = [{"pos": 0, "out": "+ echo quick\n", "time": 0}, {"pos": 1, "out": "quick\n", "time": 0}]
        await wire.ask("POST", f"{step_path}/logs/batch", lines)
        await wire.ask("POST", f"{step_path}/logs/upload", lines)
        step = await wire.ask("PUT", step_path, step | {"status": "success", "stopped": now})
        await wire.ask("PUT", path, stage | {"status": "success", "stopped": now, "steps": [step]})


async def hand_over(server: Server, times: int) -> list[float]:
    """Seconds from the request for a promotion until a waiting runner has its stage."""
    took: list[float] = []
    async with wired(server.port) as runner, wired(server.port) as person:
        for number in range(times):
            runner.send("POST", "/rpc/v2/stage", WANTED)
            await asyncio.sleep(PAUSE)
            began = time.perf_counter()
            promoting = asyncio.create_task(
                person.ask("POST", f"{scene.BUILDS}/1/promote?target=quick&VERSION={number}")
            )
            status, text = await runner.answer()
            took.append(time.perf_counter() - began)
            await promoting
            if status != 200:
                raise BenchFailed(f"a waiting runner was answered {status}")
            await runner.ask("POST", f"/rpc/v2/stage/{json.loads(text)['id']}?machine=bench")
    return took


@dataclass(slots=True)
class Followed:
    """Seconds from sending each line of a log until a reader of the log's stream had the line."""

    delays: list[float] = field(default_factory=list)
    missed: int = 0


async def follow(server: Server, seconds: float) -> Followed:
    """Send a thousand lines a second to the log of a step, while a client reads the log's stream."""
    followed = Followed()
    async with wired(server.port) as runner, wired(server.port) as person:
        build = await person.ask("POST", f"{scene.BUILDS}/1/promote?target=quick")
        handed = await runner.ask("POST", "/rpc/v2/stage", WANTED)
        path = f"/rpc/v2/stage/{handed['id']}"
        stage = await runner.ask("POST", f"{path}?machine=bench")
        step = {"step_id": stage["id"], "number": 1, "name": "quick", "status": "pending"}
        stage = await runner.ask("PUT", path, stage | {"status": "running", "started": 1, "steps": [step]})
        step_path = f"/rpc/v2/step/{stage['steps'][0]['id']}"
        await runner.ask("PUT", step_path, stage["steps"][0] | {"status": "running", "started": 1})
        said: dict[int, float] = {}
        reading = asyncio.create_task(
            _read(server.port, f"/api/stream/{scene.SLUG}/{build['number']}/1/1", said, followed)
        )
        await asyncio.sleep(PAUSE)
        total = int(seconds * BATCHES)
        began = time.perf_counter()
        for batch in range(total):
            await asyncio.sleep(began + batch / BATCHES - time.perf_counter())
            first = batch * BATCH
            said |= dict.fromkeys(range(first, first + BATCH), time.perf_counter())
            lines = [
                {"pos": pos, "out": f"line {pos} of a log\n", "time": batch} for pos in range(first, first + BATCH)
            ]
            await runner.ask("POST", f"{step_path}/logs/batch", lines)
        await asyncio.sleep(PAUSE * 10)
        reading.cancel()
        await asyncio.wait([reading])
        followed.missed = total * BATCH - len(followed.delays)
    return followed


async def _read(port: int, path: str, said: dict[int, float], followed: Followed) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
    try:
        while line := await reader.readline():
            if line.startswith(b"data: {"):
                followed.delays.append(time.perf_counter() - said[json.loads(line[6:])["pos"]])
    finally:
        writer.close()


async def idle(server: Server, polls: int) -> float:
    """MiB by which the server's memory grows while `polls` runners wait for a stage."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if polls + 100 > most:
        raise BenchFailed(f"{polls:,} connections are more than this system's {most:,} open files (ulimit -n)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    before = server.resident()
    wires: list[Wire] = []
    try:
        for _ in range(polls):
            reader, writer = await asyncio.open_connection(HOST, server.port, limit=1024)
            wires.append(Wire(reader, writer, server.port))
            wires[-1].send("POST", "/rpc/v2/stage", WANTED)
        await asyncio.sleep(SETTLE)
        return server.resident() - before
    finally:
        for wire in wires:
            wire.close()


def promote_all(server: Server, stages: int) -> None:
    """Queue `stages` stages of one trivial step."""
    paths = (f"{scene.BUILDS}/1/promote?target=quick&VERSION={number}" for number in count())
    load = server.load("POST", (next(paths) for _ in range(stages)), 16, PATIENCE)
    if load.failed or len(load.latencies) != stages:
        raise BenchFailed(f"{stages - len(load.latencies)} of {stages} promotions failed")
