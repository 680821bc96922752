"""Uploads and removals at one moment, and a server that is killed: every row has its bytes, all bytes have a row."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.artifacts.site import Site
from tests.soon import PATIENCE

pytestmark = pytest.mark.postgres

TOGETHER = 12
#: Items whose folder is not there.
LOST = """
    SELECT items.path, items.name FROM items
    LEFT JOIN items AS around ON around.repo_id = items.repo_id AND around.folder AND around.depth = items.depth - 1
        AND items.path = CASE WHEN around.depth = 0 THEN '.' WHEN around.path = '.' THEN around.name
            ELSE around.path || '/' || around.name END
    WHERE items.depth > 0 AND around.id IS NULL
"""


def at_once(site: Site, call: Callable[[httpx2.Client, int], int], token: str = "") -> list[int]:
    """The results of a call that several clients make at one moment."""
    gate = threading.Barrier(TOGETHER)

    def one(number: int) -> int:
        headers = {"Authorization": token or site.client.headers["authorization"]}
        with httpx2.Client(base_url=f"{site.url}/artifactory", headers=headers, timeout=PATIENCE) as client:
            gate.wait()
            return call(client, number)

    with ThreadPoolExecutor(TOGETHER) as pool:
        return list(pool.map(one, range(TOGETHER)))


def check(site: Site) -> None:
    """Every row has its bytes, every place has a row, and every item has its folder."""
    rows = site.rows("SELECT place, sha256, size FROM blobs")
    assert {row["place"] for row in rows} == site.places()
    for row in rows:
        content = (site.data / "blobs" / row["place"]).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (row["sha256"], row["size"])
    assert site.rows(LOST) == []


def content(number: int) -> bytes:
    return f"{number} ".encode() * 1000


def test_of_uploads_to_one_path_one_is_there_as_a_whole(site: Site) -> None:
    statuses = at_once(
        site, lambda client, number: client.put("/libs/new/at/once", content=content(number)).status_code
    )

    assert statuses == [201] * TOGETHER
    assert site.get("libs/new/at/once").content in {content(number) for number in range(TOGETHER)}
    check(site)


def test_the_same_bytes_at_one_moment_are_stored_once(site: Site) -> None:
    before = site.places()

    statuses = at_once(site, lambda client, number: client.put(f"/libs/same/{number}", content=b"same").status_code)

    assert statuses == [201] * TOGETHER
    assert len(site.places() - before) == 1
    check(site)


def test_one_upload_is_the_first_where_paths_keep_their_bytes(site: Site) -> None:
    site.repo("fixed", immutable=True)

    statuses = at_once(site, lambda client, number: client.put("/fixed/first", content=content(number)).status_code)

    assert sorted(statuses) == [201, *[409] * (TOGETHER - 1)]
    check(site)


def test_one_upload_is_the_first_for_those_who_may_not_delete(site: Site) -> None:
    token = site.caller("deployer", ("deploy", "libs")).headers["authorization"]

    statuses = at_once(site, lambda client, n: client.put("/libs/once", content=content(n)).status_code, token)

    assert sorted(statuses) == [201, *[403] * (TOGETHER - 1)]
    check(site)


def test_a_folder_is_removed_while_files_are_put_into_it(site: Site) -> None:
    def call(client: httpx2.Client, number: int) -> int:
        statuses = set()
        for turn in range(10):
            if number % 3:
                statuses.add(client.put(f"/libs/busy/{turn}/{number}/a", content=b"x").status_code)
            else:
                statuses.add(client.delete("/libs/busy/").status_code)
        return int(not statuses <= {201, 204, 404})

    assert at_once(site, call) == [0] * TOGETHER
    check(site)


def test_the_last_file_of_a_folder_is_moved_while_others_are_put_there(site: Site) -> None:
    for turn in range(10):
        folder = f"/libs/emptied/{turn}/a/b"
        site.client.put(f"/artifactory{folder}/last", content=b"last")

        def one(client: httpx2.Client, number: int, folder: str = folder) -> int:
            if number == 0:
                return client.post(f"/api/move{folder}/last?to=/libs/emptied/last").status_code
            return client.put(f"{folder}/{number}", content=content(number)).status_code

        statuses = at_once(site, one)

        assert sorted(statuses) == [200] + [201] * (TOGETHER - 1)
        check(site)


def test_properties_that_are_set_at_one_moment_are_all_there(site: Site) -> None:
    site.put("libs/told/at/once", b"bytes")
    calls = {
        "told/at/once": lambda key: ("PUT", f"/api/storage/libs/told/at/once?properties={key}=v"),
        "told/at": lambda key: ("PUT", f"/libs/told/at/;{key}=v"),
    }
    for path, call in calls.items():

        def one(client: httpx2.Client, number: int, call: Callable[[str], tuple[str, str]] = call) -> int:
            return client.request(*call(f"k{number}")).status_code

        assert set(at_once(site, one)) <= {201, 204}
        assert sorted(site.properties("libs", path)) == sorted(f"k{number}" for number in range(TOGETHER))


def test_a_file_is_put_where_a_folder_is_made(site: Site) -> None:
    def call(client: httpx2.Client, number: int) -> int:
        path = "/libs/either" if number % 2 else "/libs/either/below"
        return client.put(path, content=content(number)).status_code

    assert set(at_once(site, call)) <= {201, 409}
    check(site)


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[Site]:
    """A server that a test may kill."""
    with Site(tmp_path / "server") as site:
        site.repo("libs")
        yield site


def test_a_kill_while_files_are_put_leaves_nothing_half_there(broken: Site) -> None:
    big, done, begun = b"y" * 2_000_000, set[str](), threading.Event()

    def upload(number: int) -> None:
        headers = {"Authorization": broken.client.headers["authorization"]}
        with httpx2.Client(base_url=f"{broken.url}/artifactory", headers=headers, timeout=PATIENCE) as client:
            for turn in range(1000):
                path = f"libs/{number}/{turn}"
                body = path.encode() + (big if number % 2 else b"")
                try:
                    if client.put(f"/{path}", content=body).status_code == 201:
                        done.add(path)
                except httpx2.TransportError:
                    return
                if len(done) > 20:
                    begun.set()

    with ThreadPoolExecutor(6) as pool:
        uploads = [pool.submit(upload, number) for number in range(6)]
        assert begun.wait(PATIENCE)
        broken.kill()
        for each in uploads:
            each.result()
    broken.start()

    for path in done:
        assert broken.get(path).content.startswith(path.encode())
    assert [path for path in (broken.data / "blobs" / "tmp").rglob("*") if path.is_file() and path.name != "lock"] == []
    rows = broken.rows("SELECT place, sha256 FROM blobs")
    for row in rows:
        assert hashlib.sha256((broken.data / "blobs" / row["place"]).read_bytes()).hexdigest() == row["sha256"]
    assert broken.rows(LOST) == []


def test_counts_of_downloads_survive_a_stop(broken: Site) -> None:
    broken.put("libs/counted", b"x")
    broken.get("libs/counted")

    assert broken.stop() == 0

    assert broken.rows("SELECT downloads FROM item_stats")[0]["downloads"] == 1
    broken.start()
