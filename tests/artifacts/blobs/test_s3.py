"""Blobs in a bucket: a real server that speaks S3, also behind a proxy that breaks some requests."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from app.artifacts.blobs.answer import BlobAnswer
from app.artifacts.blobs.s3 import PART, PIECE, S3Store
from app.artifacts.blobs.store import Lost, Missing, Received, StoreAway
from tests.artifacts.blobs.bodies import blob, coming, content, some, stored, sums
from tests.artifacts.blobs.faulty import Proxy, first, proxying
from tests.artifacts.blobs.test_answer import GET, connected, received
from tests.soon import soon

MB = 1024 * 1024
CREDENTIALS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, int]]:
    """The address of a server that speaks S3."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    yield moto.get_host_and_port()
    moto.stop()


@pytest.fixture
def bucket(server: tuple[str, int], request: pytest.FixtureRequest) -> Iterator[Any]:
    """A client of an empty bucket."""
    client = boto3.client("s3", endpoint_url=f"http://{server[0]}:{server[1]}", **CREDENTIALS)
    client.create_bucket(Bucket="bucket")
    yield client
    for found in keys(client):
        client.delete_object(Bucket="bucket", Key=found)
    client.close()


def keys(client: Any) -> list[str]:
    """The keys of the bucket."""
    return [found["Key"] for found in client.list_objects_v2(Bucket="bucket").get("Contents", [])]


def unfinished(client: Any) -> int:
    """The uploads of the bucket that are neither complete nor aborted."""
    return len(client.list_multipart_uploads(Bucket="bucket").get("Uploads", []))


@pytest.fixture
async def proxy(server: tuple[str, int]) -> AsyncIterator[Proxy]:
    async with proxying(*server) as proxy:
        yield proxy


@pytest.fixture
def store(bucket: Any, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    """The store of the bucket, whose variables name the proxy."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name.upper().replace("REGION_NAME", "AWS_REGION"), value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
    made = S3Store("s3://bucket/some/prefix", again=timedelta(seconds=1))
    yield made
    made.close()


@pytest.fixture
def impatient(store: S3Store) -> Iterator[S3Store]:
    """The same store, which repeats requests for a moment only."""
    made = S3Store("s3://bucket/some/prefix", again=timedelta(seconds=0.1))
    yield made
    made.close()


@pytest.mark.parametrize("size", [0, 5, PART - 1, PART, 2 * PART + 17])
async def test_what_was_received_is_read_back(store: S3Store, bucket: Any, size: int) -> None:
    body = some(size)

    found = await store.receive(coming(body), size=size)

    assert (found.size, found.sums) == (size, sums(body))
    assert await content(store, blob(found)) == body
    assert keys(bucket) == [f"some/prefix/{found.place}"]
    assert not unfinished(bucket)


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (7, 7), (PIECE - 1, PIECE + 1), (10, 6 * MB)])
async def test_a_range_is_read(store: S3Store, start: int, stop: int) -> None:
    body = some(6 * MB)
    kept = await stored(store, body)

    assert b"".join([piece async for piece in store.read(kept.place, start, stop)]) == body[start:stop]


async def test_places_are_listed_and_removed(store: S3Store, bucket: Any) -> None:
    bucket.put_object(Bucket="bucket", Key="others/file", Body=b"x")
    found = [await store.receive(coming(b"%d" % number)) for number in range(3)]

    listed = {place: at async for place, at in store.places()}
    assert set(listed) == {one.place for one in found}
    assert min(listed.values()) > 1_700_000_000
    await store.remove(found[0].place)
    await store.remove(found[0].place)
    with store.removing():
        await store.remove(found[1].place)

    assert [place async for place, _ in store.places()] == [found[2].place]
    assert "others/file" in keys(bucket)
    assert store.file(found[2].place) is None


@pytest.mark.parametrize("size", [10, 3 * PART])
async def test_a_body_that_is_cut_off_leaves_nothing(store: S3Store, bucket: Any, size: int) -> None:
    async def cut() -> AsyncIterator[bytes]:
        async for part in coming(some(size)):
            yield part
        raise ConnectionError("the client has gone")

    with pytest.raises(ConnectionError, match="the client has gone"):
        await store.receive(cut())

    assert not keys(bucket)
    assert not unfinished(bucket)


async def test_a_body_whose_request_is_cancelled_leaves_nothing(store: S3Store, bucket: Any, proxy: Proxy) -> None:
    async def waits() -> AsyncIterator[bytes]:
        yield some(3 * PART)
        await asyncio.Event().wait()

    receiving = asyncio.create_task(store.receive(waits()))
    await soon(lambda: proxy.asked("PUT"))
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving

    assert not keys(bucket)
    assert not unfinished(bucket)


@pytest.mark.parametrize("method", ["PUT", "POST", "GET", "DELETE"])
@pytest.mark.parametrize("fault", ["503", "cut"])
async def test_requests_that_fail_are_repeated(
    store: S3Store, bucket: Any, proxy: Proxy, method: str, fault: Any
) -> None:
    body = some(2 * PART)
    proxy.fault = first(2, method, fault)

    kept = await stored(store, body)
    assert await content(store, kept) == body
    await store.remove(kept.place)

    assert not keys(bucket)
    assert proxy.asked(method) > 2


async def test_half_an_answer_is_asked_for_again(store: S3Store, proxy: Proxy) -> None:
    body = some(6 * MB)
    kept = await stored(store, body)
    proxy.fault = first(3, "GET", "half")

    assert await content(store, kept) == body


async def test_half_answers_that_do_not_end_are_no_bytes(store: S3Store, proxy: Proxy) -> None:
    kept = await stored(store, some(6 * MB))
    proxy.fault = first(1000, "GET", "half")

    with pytest.raises(StoreAway):
        await content(store, kept)


@pytest.mark.parametrize("size", [10, 3 * PART])
async def test_a_store_that_is_away_is_unavailable_and_comes_back(
    store: S3Store, impatient: S3Store, bucket: Any, proxy: Proxy, size: int
) -> None:
    kept = await stored(store, b"kept")
    store = impatient
    proxy.fault = first(1000, "", "503")

    for call in (stored(store, some(size)), content(store, kept), store.remove(kept.place), store.check()):
        with pytest.raises(StoreAway, match="does not answer as it should") as error:
            await call
        assert "secret" not in error.value.message
        assert "\n" not in error.value.message
    with pytest.raises(StoreAway):
        [place async for place, _ in store.places()]
    proxy.fault = first(0, "", "503")

    await store.check()
    assert await content(store, kept) == b"kept"
    assert len(keys(bucket)) == 1


async def test_bytes_that_are_missing_are_lost(store: S3Store, bucket: Any) -> None:
    short = await stored(store, some(100))
    bucket.put_object(Bucket="bucket", Key=f"some/prefix/{short.place}", Body=b"x" * 50)
    gone = await stored(store, some(6 * MB))
    await store.remove(gone.place)

    with pytest.raises(Missing):
        await content(store, gone)
    with pytest.raises(Lost, match="end after 50"):
        await content(store, short)
    with pytest.raises(Lost, match="end after 50"):
        [piece async for piece in store.read(short.place, 60, 100)]


async def test_a_download_is_read_hashed_and_broken_off_when_it_is_damaged(store: S3Store, bucket: Any) -> None:
    body = some(6 * MB)
    kept = await stored(store, body)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await BlobAnswer(store, kept, start=0, stop=kept.size, status=200, headers={})(scope, receive, send)

    async with connected(app) as (_, connection):
        await connection.send(GET)
        assert await connection.answer() == (200, body)
        bucket.put_object(Bucket="bucket", Key=f"some/prefix/{kept.place}", Body=body[:-1] + b"?")
        await connection.send(GET)
        head, _, came = (await received(connection)).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200")
    assert len(came) < kept.size
    assert store.counts.damaged == 1


async def test_a_bucket_without_rights_or_answer_is_away(
    bucket: Any, proxy: Proxy, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    nowhere = S3Store("s3://bucket", again=timedelta(seconds=0.2))

    with pytest.raises(StoreAway):
        await nowhere.check()
    with pytest.raises(StoreAway):
        await nowhere.receive(coming(b"x"))

    nowhere.close()


async def test_the_same_bytes_get_a_place_of_their_own_each_time(store: S3Store) -> None:
    found: list[Received] = [await store.receive(coming(b"x")) for _ in range(2)]

    assert found[0].place != found[1].place
