"""Uploads as bytes on a socket: what may stand in a request line, and what is refused before the bytes are sent."""

import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.acceptance.server import TOKEN
from tests.artifacts.site import Site, digests
from tests.soon import PATIENCE


@contextmanager
def connected(site: Site) -> Iterator[socket.socket]:
    """A connection to the server."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", site.port), timeout=PATIENCE)) as connection:
        yield connection


def head(target: bytes, *headers: str, method: str = "PUT", token: str = TOKEN) -> bytes:
    """The head of a request."""
    lines = ["Host: x", f"Authorization: Bearer {token}", *headers]
    return b"%s %s HTTP/1.1\r\n" % (method.encode(), target) + "\r\n".join(lines).encode() + b"\r\n\r\n"


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """The status of the next answer, and what came with it."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv(65536)
        assert more, got
        got += more
    return int(got.split()[1]), got


def test_raw_characters_of_a_commit_message_are_read(site: Site) -> None:
    message = b';build.name=app;vcs.message=fix+"x"+|+a%2Fb+%3B+%5Chello'
    with connected(site) as connection:
        connection.sendall(head(b"/artifactory/libs/raw/a.jar" + message, "Content-Length: 3") + b"abc")
        assert answer(connection)[0] == 201

    assert site.properties("libs", "raw/a.jar") == {"build.name": ["app"], "vcs.message": ['fix "x" | a/b ; \\hello']}
    assert site.get("libs/raw/a.jar").content == b"abc"


def test_a_raw_number_sign_is_a_character_of_a_message_and_of_a_name(site: Site) -> None:
    with connected(site) as connection:
        target = b"/artifactory/libs/raw/b#1.jar;vcs.message=fix+#12;k=v"
        connection.sendall(head(target, "Content-Length: 3") + b"abc")
        assert answer(connection)[0] == 201

    assert site.properties("libs", "raw/b#1.jar") == {"vcs.message": ["fix #12"], "k": ["v"]}


@pytest.mark.parametrize("name", [b'q"', b"p|", b"b\\", b"s[1]", b"c{1}", b"h^", b"t`", b"l<>"])
def test_raw_characters_of_a_name_are_read(site: Site, name: bytes) -> None:
    with connected(site) as connection:
        connection.sendall(head(b"/artifactory/libs/raw/" + name, "Content-Length: 1") + b"x")
        assert answer(connection)[0] == 201
        connection.sendall(head(b"/artifactory/libs/raw/" + name, method="GET"))
        assert answer(connection)[0] == 200


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        (b"/artifactory/nowhere/a", (), 404),
        (b"/artifactory/release/net/a", (), 409),
        (b"/artifactory/fixed/a", (f"X-Checksum-Sha1: {digests(b'others')['sha1']}",), 409),
        (b"/artifactory/libs/folder", (), 409),
        (b"/artifactory/libs/folder/file/below", (), 409),
        (b"/artifactory/libs/a;b%20=c", (), 400),
        (b"/artifactory/libs/a", ("X-Checksum: short",), 400),
    ],
)
def test_what_is_refused_is_refused_before_the_client_sends_it(
    site: Site, target: bytes, headers: tuple[str, ...], status: int
) -> None:
    _prepare(site)
    with connected(site) as connection:
        connection.sendall(head(target, "Expect: 100-continue", "Content-Length: 1000000", *headers))
        assert answer(connection)[0] == status


def test_who_may_not_is_refused_before_the_client_sends(site: Site) -> None:
    _prepare(site)
    deployer = site.caller("expecting", ("deploy", "libs"))
    token = deployer.headers["authorization"].removeprefix("Bearer ")
    told = f"X-Checksum-Sha1: {digests(b'others')['sha1']}"
    statuses = []
    for target, named in ((b"fixed/b", "none"), (b"libs/folder/file", told), (b"libs/new", "none")):
        with connected(site) as connection:
            extra = named if named != "none" else "X-None: 1"
            expecting = ("Expect: 100-continue", "Content-Length: 1000000")
            connection.sendall(head(b"/artifactory/" + target, *expecting, extra, token=token))
            statuses.append(answer(connection)[0])

    assert statuses == [403, 403, 100]


def _prepare(site: Site) -> None:
    if not site.rows("SELECT id FROM artifact_repos WHERE key = 'fixed'"):
        site.repo("fixed", immutable=True)
        site.repo("release", includes="org/**")
        site.put("fixed/a", b"first")
        site.put("libs/folder/file", b"first")


def test_a_client_that_expects_to_be_asked_is_asked(site: Site) -> None:
    with connected(site) as connection:
        connection.sendall(head(b"/artifactory/libs/asked", "Expect: 100-continue", "Content-Length: 5"))
        assert answer(connection)[0] == 100
        connection.sendall(b"hello")
        assert answer(connection)[0] == 201

    assert site.get("libs/asked").content == b"hello"


@pytest.mark.parametrize("size", [100, 3_000_000])
def test_an_upload_that_is_cut_leaves_nothing(site: Site, size: int) -> None:
    before, files = site.places(), _temporary(site)
    with connected(site) as connection:
        connection.sendall(head(b"/artifactory/libs/cut", f"Content-Length: {size + 1}") + b"x" * size)
        connection.sendall(b"")

    site.until(lambda: site.get("libs/cut").status_code == 404, "the file is not there")
    site.until(lambda: (site.places(), _temporary(site)) == (before, files), "nothing is left of the upload")


def _temporary(site: Site) -> int:
    return sum(path.is_file() for path in (site.data / "blobs" / "tmp").rglob("*"))


def test_a_slow_client_gets_its_file_stored(site: Site) -> None:
    with connected(site) as connection:
        connection.sendall(head(b"/artifactory/libs/slow", "Transfer-Encoding: chunked"))
        for _ in range(20):
            connection.sendall(b"1\r\nx\r\n")
            assert site.get("libs/slow").status_code == 404
        connection.sendall(b"0\r\n\r\n")
        assert answer(connection)[0] == 201

    assert site.get("libs/slow").content == b"x" * 20
