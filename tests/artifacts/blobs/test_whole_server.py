"""A server that is killed while files come, and one whose artifacts are in a bucket."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.acceptance.server import TOKEN, Server
from tests.artifacts.blobs.bodies import files, some
from tests.artifacts.blobs.test_upkeep import VERIFY

pytestmark = pytest.mark.postgres
MB = 1024 * 1024
#: Sent with each request to the bucket.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret-of-the-bucket", "AWS_REGION": "us-east-1"}


def make_repository(server: Server) -> None:
    server.ask("PUT", "/artifactory/api/repositories/libs", json={"rclass": "local"}).raise_for_status()


def test_a_server_that_is_killed_while_files_come_leaves_nothing_half_there(tmp_path: Path) -> None:
    body = some(3 * MB)
    with Server(tmp_path) as server:
        make_repository(server)
        server.ask("PUT", "/artifactory/libs/whole", content=body).raise_for_status()
        uploads = [begun(server, f"libs/cut/{number}", body[: 2 * MB], len(body)) for number in range(3)]
        blobs = server.data / "blobs"
        server.until(lambda: len(list((blobs / "tmp").glob("*/*[!k]"))) == 3, "three uploads are under way")
        server.kill()
        for one in uploads:
            one.close()
        assert len(list(files(blobs))) > 1
        server.start()

        left = [path for path in files(blobs) if path.name != "removing"]
        assert [path.parent.name for path in left] == [left[0].name[:2]]
        assert server.ask("GET", "/artifactory/libs/whole").content == body
        assert server.ask("GET", "/artifactory/libs/cut/0").status_code == 404
        assert server.ask("POST", VERIFY).text.splitlines()[-1] == (
            f'{{"kind":"done","checked":1,"bytes":{3 * MB},"lost":0}}'
        )
        server.ask("PUT", "/artifactory/libs/cut/0", content=body).raise_for_status()


def begun(server: Server, path: str, begin: bytes, size: int) -> socket.socket:
    """A connection on which an upload has begun."""
    connection = socket.create_connection(("127.0.0.1", server.port))
    headers = f"Host: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {size}\r\n\r\n"
    connection.sendall(f"PUT /artifactory/{path} HTTP/1.1\r\n{headers}".encode() + begin)
    return connection


@pytest.fixture
def bucket() -> Iterator[str]:
    """The endpoint of a server with an empty bucket."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="artifacts")
    client.close()
    yield f"http://{host}:{port}"
    moto.stop()


def test_artifacts_in_a_bucket_are_put_and_read(tmp_path: Path, bucket: str) -> None:
    body = some(7 * MB)
    server = Server(tmp_path, blobs="s3://artifacts/gantry")
    server.environment.update(CREDENTIALS, AWS_ENDPOINT_URL=bucket)
    with server:
        make_repository(server)
        assert server.ask("GET", "/readyz").text == "OK"
        for _ in range(2):
            server.ask("PUT", "/artifactory/libs/a/large", content=body).raise_for_status()
        server.ask("PUT", "/artifactory/libs/a/small", content=b"small").raise_for_status()

        assert server.ask("GET", "/artifactory/libs/a/large").content == body
        part = server.ask("GET", "/artifactory/libs/a/large", headers={"Range": "bytes=5-14"})
        assert (part.status_code, part.content) == (206, body[5:15])
        assert server.ask("GET", "/artifactory/libs/a/small").content == b"small"
        assert '"lost":0' in server.ask("POST", VERIFY).text.splitlines()[-1]
        assert not [path for path in files(server.data / "blobs") if path.parent.name != "blobs"]
        assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in server.log.read_text()


def test_a_server_starts_without_its_bucket_and_is_not_ready(tmp_path: Path) -> None:
    server = Server(tmp_path, blobs="s3://artifacts")
    server.environment.update(CREDENTIALS, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    with server:
        make_repository(server)
        assert server.ask("GET", "/readyz").status_code == 503
        refused = server.ask("PUT", "/artifactory/libs/a", content=b"x")
        assert refused.status_code == 503
        assert refused.json()["errors"][0]["code"] == "blobs_away"
        assert server.ask("GET", "/artifactory/libs/a").status_code == 404
        assert "the store of artifacts cannot be reached" in server.log.read_text()
