"""What tests ask of a real server about versions of release bundles, and what they read behind its back."""

from collections.abc import Iterable, Mapping
from typing import Any

import httpx2
import orjson

from app.artifacts import items, properties, repositories
from app.artifacts.items import Stamp
from app.db.tx import Tx, run
from tests.artifacts.site import Site
from tests.buildinfo.promotion.test_kill import BLOBS as MANY_BLOBS
from tests.buildinfo.promotion.test_kill import ITEMS as MANY_ITEMS
from tests.soon import soon_sync

LIFECYCLE = "/lifecycle/api/v2"
VERSIONS = f"{LIFECYCLE}/release_bundle"
RECORDS = f"{VERSIONS}/records"
PROMOTIONS = f"{LIFECYCLE}/promotion/records"
OWN = "/api/bundles"
BUNDLES = "release-bundles-v2"
#: The repositories of `stage`, and their environments.
REPOS = {"dev-local": "DEV", "qa-local": "QA", "prod-local": "PROD"}
UNFINISHED = """
    SELECT status FROM bundles WHERE status IN ('PENDING', 'PROCESSING', 'STARTED', 'DELETING')
    UNION ALL SELECT status FROM bundle_promotions WHERE status IN ('PENDING', 'PROCESSING', 'STARTED', 'DELETING')
    UNION ALL SELECT kind FROM bundle_work
"""
#: Files with the SHA-256 of their bytes.
FILES = """
    SELECT items.path, items.name, blobs.sha256 FROM items
    JOIN artifact_repos ON artifact_repos.id = items.repo_id JOIN blobs ON blobs.id = items.blob_id
    WHERE artifact_repos.key = :repo
"""


def stage(site: Site) -> Site:
    """Give a server its repositories."""
    for key, environment in REPOS.items():
        site.repo(key, environments=(environment,))
    return site


def body(name: str, *paths: str, version: str = "1.0", **more: Any) -> dict[str, Any]:
    """The body that creates a version of files, each `repo/path`."""
    return {
        "release_bundle_name": name,
        "release_bundle_version": version,
        "source_type": "artifacts",
        "source": {"artifacts": [{"path": path} for path in paths]},
        **more,
    }


def put(site: Site, paths: Iterable[str], content: bytes = b"") -> None:
    """Put files, with their paths as their bytes unless others are given."""
    for path in paths:
        assert site.put(path, content or path.encode()).status_code == 201


def put_many(site: Site, repo: str, count: int) -> None:
    """Put many files without bytes behind the server's back."""
    sums = [(f"{at:064x}", f"{at:040x}", f"{at:032x}") for at in range(count)]
    site.write(_many(repo, orjson.dumps(sums).decode()))


def _many(repo: str, entries: str) -> Tx[None]:
    found = yield from repositories.find(repo)
    yield from items.add_folders(found.id, "lib", Stamp("test", 1))
    yield from run(MANY_BLOBS, entries=entries)
    yield from run(MANY_ITEMS, entries=entries, repo_id=found.id, set_id=(yield from properties.set_of({"k": ["v"]})))


def create(
    client: httpx2.Client, name: str, *paths: str, version: str = "1.0", sync: bool = True, **more: Any
) -> httpx2.Response:
    """Create a version of files that are there."""
    params = {"async": str(not sync).lower()}
    return client.post(VERSIONS, params=params, json=body(name, *paths, version=version, **more))


def created(site: Site, name: str, *paths: str, version: str = "1.0") -> None:
    """Put files, and create a version of them."""
    put(site, paths)
    answer = create(site.client, name, *paths, version=version)
    assert answer.status_code == 201, answer.text


def finalize(client: httpx2.Client, name: str, version: str = "1.0", *, sync: bool = True) -> httpx2.Response:
    """Make a draft a signed version."""
    return client.post(f"{VERSIONS}/{name}/{version}/finalize", params={"async": str(not sync).lower()})


def promote(
    client: httpx2.Client,
    name: str,
    environment: str,
    version: str = "1.0",
    *,
    sync: bool = True,
    operation: str = "copy",
    **more: Any,
) -> httpx2.Response:
    """Promote a version."""
    params = {"async": str(not sync).lower(), "operation": operation}
    return client.post(f"{PROMOTIONS}/{name}/{version}", params=params, json={"environment": environment, **more})


def delete(client: httpx2.Client, name: str, version: str = "1.0", *, sync: bool = True) -> httpx2.Response:
    """Delete a version."""
    return client.delete(f"{RECORDS}/{name}/{version}", params={"async": str(not sync).lower()})


def delete_promotion(
    client: httpx2.Client, name: str, created: int, version: str = "1.0", *, sync: bool = True
) -> httpx2.Response:
    """Delete a promotion."""
    return client.delete(f"{PROMOTIONS}/{name}/{version}/{created}", params={"async": str(not sync).lower()})


def records(client: httpx2.Client, name: str, version: str = "1.0") -> list[dict[str, Any]]:
    """The promotions of a version, the oldest first; none of an unknown version."""
    answer = client.get(f"{PROMOTIONS}/{name}/{version}", params={"order_asc": "true"})
    return list(answer.json()["promotions"]) if answer.status_code == 200 else []


def status(client: httpx2.Client, name: str, version: str = "1.0") -> str:
    """The state of a version; empty for an unknown one."""
    answer = client.get(f"{VERSIONS}/statuses/{name}/{version}")
    return str(answer.json()["status"]) if answer.status_code == 200 else ""


def expire(site: Site) -> None:
    """Let the time pass for which a killed server has taken work."""
    site.execute("UPDATE bundle_work SET lease = 0")


def settled(site: Site) -> None:
    """Wait until no work is left."""
    soon_sync(lambda: not site.rows(UNFINISHED), "all work ends", about=site.tail)


def verified(client: httpx2.Client, name: str, version: str = "1.0") -> list[str]:
    """What is wrong with a version."""
    answer = client.get(f"{OWN}/{name}/{version}/verify")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["problems"])


def files(site: Site, repo: str) -> Mapping[str, str]:
    """The files of a repository, with the SHA-256 of their bytes."""
    rows = site.rows(FILES, repo=repo)
    return {(f"{row['path']}/" if row["path"] != "." else "") + row["name"]: row["sha256"] for row in rows}


def quiet(site: Site) -> None:
    """The log of a server tells of no bug, of no deadlock, and of no answer beyond 499."""
    told = site.log.read_text()
    for word in ("deadlock", "Traceback", "internal error", "was never retrieved"):
        assert word not in told, told[-4000:]
