"""Exports whose client goes away, or reads slowly, or whose version is deleted meanwhile."""

import contextlib
import hashlib
import os
import socket
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import psutil
import pytest

from tests.acceptance.server import TOKEN
from tests.artifacts.site import Site
from tests.bundles.transfer.scene import LIFECYCLE, OWN, create, delete, export
from tests.soon import soon_sync

#: Bytes of a file that no buffer between the server and its client takes.
LARGE = 48 * 1024**2


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("broken-off")) as site:
        site.repo("dev")
        for name in ("large", "slow", "deleted"):
            create(site, name, "1.0", {f"{at}": os.urandom(LARGE // 4) for at in range(4)})
        yield site


@contextlib.contextmanager
def exporting(site: Site, name: str) -> Iterator[socket.socket]:
    """A connection on which an export is coming."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        head = f"GET {OWN}/{name}/1.0/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        yield connection


def server(site: Site) -> psutil.Process:
    assert site.process is not None
    return psutil.Process(site.process.pid)


def opened(site: Site) -> list[str]:
    """The blobs that the server has opened."""
    return [file.path for file in server(site).open_files() if Path(file.path).parent.parent.name == "blobs"]


def rest_of(connection: socket.socket) -> bytes:
    """What comes until the end of the tar."""
    found = bytearray()
    while b"\r\n\r\n" not in found:
        found += connection.recv(1 << 16)
    head, _, begun = bytes(found).partition(b"\r\n\r\n")
    [length] = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    body = bytearray(begun)
    while len(body) < length and (more := connection.recv(1 << 20)):
        body += more
    return bytes(body)


def test_a_client_that_goes_away_leaves_nothing_open_and_nothing_more_is_read(site: Site) -> None:
    before, descriptors = server(site).io_counters().read_chars, server(site).num_fds()
    clients = 6
    for _ in range(clients):
        with exporting(site, "large"):
            pass

    soon_sync(lambda: server(site).num_fds() <= descriptors and not opened(site), "all is closed")
    assert server(site).io_counters().read_chars - before < clients * LARGE / 2
    assert len(export(site, "large")) > LARGE


def test_a_slow_client_costs_no_memory_and_gets_all(site: Site) -> None:
    with exporting(site, "slow") as connection:
        before = server(site).memory_info().rss
        for _ in range(20):
            connection.recv(1024)
        assert server(site).memory_info().rss - before < LARGE / 2
        assert len(export(site, "large")) > LARGE  # others do not wait


def test_a_version_that_is_deleted_during_its_export_comes_whole_or_is_cut_off(site: Site) -> None:
    wanted = site.json("GET", f"{LIFECYCLE}/release_bundle/records/deleted/1.0")["artifacts"]
    with exporting(site, "deleted") as connection:
        delete(site, "deleted")
        for each in wanted:
            assert site.ask("DELETE", f"/artifactory/dev/{each['path']}").status_code == 204
        data = rest_of(connection)

    with tarfile.open(fileobj=BytesIO(data)) as archive:
        blobs = [archive.extractfile(info) for info in archive if info.name.startswith("blobs/")]
        found = {hashlib.sha256(blob.read()).hexdigest() for blob in blobs if blob is not None}
    assert found == {each["checksum"] for each in wanted}
    assert site.ask("GET", f"{OWN}/deleted/1.0/export").status_code == 404
