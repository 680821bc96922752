"""The measures of files that are put and read: small ones at many connections, and a large one."""

import hashlib
import os
import shutil
import subprocess
import time
from http.client import HTTPConnection
from itertools import count
from pathlib import Path

from app.cli.bench import holdings
from app.cli.bench.load import HOST, PATIENCE, BenchFailed
from app.cli.bench.place import CONNECTIONS, Bench, connections_of
from app.cli.bench.report import Figure
from app.cli.bench.server import TOKEN, Server

#: Small uploads and deployments by checksum a second; how long a large upload may take, in times of its checksums.
UPLOADS_GOAL, DEPLOYS_GOAL, LARGE_GOAL = 700.0, 1_500.0, 1.0
KEY = "bench-files"
#: Bytes of a small file; files of a folder; and small files whose bytes deployments by checksum name.
SMALL, FOLDER, KNOWN = 10_000, 200, 100
_RANDOM = os.urandom(SMALL)
#: Bytes that the client of a large file sends or reads together.
_BLOCK = 1024 * 1024
_SUMS = ("md5sum", "sha1sum", "sha256sum")


def measured(bench: Bench) -> list[Figure]:
    """Small files put with their bytes and without them; a large file up and down, and the memory this takes."""
    with bench.server("files"):
        pass  # the tables are made
    holdings.add_repositories(f"sqlite:///{bench.folder / 'files' / 'gantry.sqlite'}", [KEY])
    with bench.server("files") as server:
        small = _small(bench, server)
    with bench.server("files") as server:
        return [*small, *_large(bench, server)]


def _small(bench: Bench, server: Server) -> list[Figure]:
    where = connections_of(CONNECTIONS)
    bench.say(f"uploads of 10 KB, {where}")
    known = (_path("known", number) for number in range(KNOWN))
    server.load("PUT", known, CONNECTIONS, PATIENCE, content=_bytes)
    uploads = server.load("PUT", (_path("up", at) for at in count()), CONNECTIONS, bench.sizes.seconds, content=_bytes)
    bench.say(f"deployments by checksum, {where}")
    deploys = server.load(
        "PUT", (_path("by-sum", at) for at in count()), CONNECTIONS, bench.sizes.seconds, content=_checksum
    )
    return [
        Figure(f"{what}, {where}", load.per_second, "/s", goal, load.failed, load.detail())
        for what, load, goal in (
            ("uploads of 10 KB", uploads, UPLOADS_GOAL),
            ("deployments by checksum", deploys, DEPLOYS_GOAL),
        )
    ]


def _path(folder: str, number: int) -> str:
    return f"/artifactory/{KEY}/{folder}/{number // FOLDER}/{number}"


def _bytes(path: str) -> tuple[str, bytes]:
    """The bytes of a file: others for each path."""
    return "", path.encode().ljust(100) + _RANDOM[100:]


def _checksum(path: str) -> tuple[str, bytes]:
    """The checksum of bytes that were put before, in place of the bytes."""
    _, body = _bytes(_path("known", int(path.rpartition("/")[2]) % KNOWN))
    return f"X-Checksum-Deploy: true\r\nX-Checksum-Sha256: {hashlib.sha256(body).hexdigest()}\r\n", b""


def _large(bench: Bench, server: Server) -> list[Figure]:
    size, file = bench.sizes.uploaded, bench.folder / "large"
    name = f"{size / 1e6:,g} MB"
    with file.open("wb") as made:
        for at in range(0, size, _BLOCK):
            made.write(os.urandom(min(_BLOCK, size - at)))
    bench.say(f"{name}: checksums, upload, download")
    try:
        sums = sum(_seconds_of(command, file) for command in _SUMS)
        up, down = _transfer(server, "PUT", file), _transfer(server, "GET", file)
    finally:
        file.unlink()
    detail = {"checksums_ms": sums * 1000, "up_ms": up * 1000, "down_ms": down * 1000}
    return [
        Figure(f"upload of {name} / its checksums", up / sums, "x", LARGE_GOAL, detail=detail),
        Figure(f"download of {name} / its checksums", down / sums, "x"),
        Figure(f"memory at most, after {name} up and down", server.peak(), "MiB"),
    ]


def _seconds_of(command: str, file: Path) -> float:
    """How long a program takes that computes one checksum."""
    if shutil.which(command) is None:
        raise BenchFailed(f"{command} is not there: install the package coreutils")
    began = time.perf_counter()
    subprocess.run([command, file], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _transfer(server: Server, method: str, file: Path) -> float:
    """The seconds of an upload or a download of a file, answer included."""
    connection = HTTPConnection(HOST, server.port, timeout=PATIENCE, blocksize=_BLOCK)
    buffer, size = bytearray(_BLOCK), file.stat().st_size
    began = time.perf_counter()
    try:
        with file.open("rb") as body:
            head = {"Authorization": f"Bearer {TOKEN}"}
            if method == "PUT":
                connection.request(method, _path("large", 0), body, {**head, "Content-Length": str(size)})
            else:
                connection.request(method, _path("large", 0), headers=head)
            answer = connection.getresponse()
            came = 0
            while part := answer.readinto(buffer):
                came += part
    except OSError as error:
        raise BenchFailed(f"{method} of {size:,} bytes: {error or type(error).__name__}") from error
    finally:
        connection.close()
    if answer.status not in (200, 201) or (method == "GET" and came != size):
        raise BenchFailed(f"{method} of {size:,} bytes: {answer.status}, {came:,} bytes came")
    return time.perf_counter() - began
