"""Two servers on one PostgreSQL and one store of blobs: work is done once, by either, and outlives the death of one."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import postgres
from tests.artifacts.site import Site
from tests.bundles.wrong import asking
from tests.bundles.wrong.asking import BUNDLES, create, delete, promote, records, settled

COUNT = 20_000
PROMOTED = "SELECT subject FROM audit WHERE verb = 'bundle.promote'"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    folder = tmp_path_factory.mktemp("pair")
    shared = {"secret_key": "one key for both of them", "blobs": str(folder / "blobs")}
    with Site(folder / "one", **shared) as one, Site(folder / "other", **shared, database_url=one.database) as other:
        other.database = one.database
        yield asking.stage(one), other


@postgres.real
def test_work_is_done_once_whichever_server_was_asked(pair: tuple[Site, Site]) -> None:
    names = [f"v{at}" for at in range(12)]
    asking.put(pair[0], [f"dev-local/{name}/a" for name in names])

    def story(at: int) -> None:
        name, sync = names[at], bool(at % 3)
        here, there = (site.client for site in (pair if at % 2 else pair[::-1]))
        answer = create(here, name, f"dev-local/{name}/a", sync=sync)
        assert answer.status_code == (201 if sync else 200), answer.text
        if not sync:
            settled(pair[0])
        for environment, client in (("QA", there), ("PROD", here)):
            answer = promote(client, name, environment, sync=sync)
            assert answer.status_code == (201 if sync else 200), answer.text
        if at % 4 == 3:
            settled(pair[0])
            assert delete(there, name).status_code == 204

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(story, range(len(names))))
    settled(pair[0])

    kept = [name for at, name in enumerate(names) if at % 4 != 3]
    for name in kept:
        for site in pair:
            assert asking.verified(site.client, name) == []
        assert [each["status"] for each in records(pair[1].client, name)] == ["COMPLETED"] * 2
    assert Counter(row["subject"] for row in pair[0].rows(PROMOTED)) == {f"{BUNDLES}/{name}/1.0": 2 for name in names}
    for repo in ("qa-local", "prod-local"):
        assert sorted(asking.files(pair[0], repo)) == sorted(f"{name}/a" for name in kept)
    for site in pair:
        asking.quiet(site)


@postgres.real
def test_the_work_of_a_dead_server_is_done_by_the_other_when_its_lease_is_over(pair: tuple[Site, Site]) -> None:
    one, other = pair
    asking.put_many(one, "dev-local", COUNT)
    made = other.client.post(
        asking.VERSIONS, params={"async": "false"},
        json={"release_bundle_name": "large", "release_bundle_version": "1.0", "source_type": "aql",
              "source": {"aql": 'items.find({"repo":"dev-local","path":"lib"})'}},
    )  # fmt: skip
    assert made.status_code == 201, made.text
    begun = promote(one.client, "large", "PROD", sync=False).json()["created_millis"]
    path = f"{asking.LIFECYCLE}/promotion/statuses/large/1.0/{begun}"
    other.until(lambda: other.json("GET", path)["status"] == "PROCESSING", "the work was taken")

    one.kill()
    try:
        assert promote(other.client, "large", "PROD").status_code == 409
        asking.expire(other)
        settled(other)
    finally:
        one.start()

    assert [each["status"] for each in records(one.client, "large")] == ["COMPLETED"]
    assert asking.verified(other.client, "large") == []
    assert len([path for path in asking.files(one, "prod-local") if path.startswith("lib/")]) == COUNT
    assert [row["subject"] for row in one.rows(PROMOTED)].count(f"{BUNDLES}/large/1.0") == 1
