"""A server that is killed at any moment: each version is whole, or it is not there, and all work ends once."""

import hashlib
import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.bundles.signing.signer import Signer, new_key
from tests.artifacts.site import Site
from tests.bundles.signing import farside
from tests.bundles.transfer import made
from tests.bundles.transfer.scene import import_, trust
from tests.bundles.wrong import asking
from tests.bundles.wrong.asking import BUNDLES, create, delete, delete_promotion, promote, records, settled, stage
from tests.soon import PATIENCE, soon_sync

pytestmark = pytest.mark.postgres

SEED = int(os.environ.get("GANTRY_TEST_SEED", "14"))
ROUNDS = int(os.environ.get("GANTRY_TEST_ROUNDS", "6"))
CLIENTS = 4
#: Files whose promotion takes long enough to be killed in its midst.
COUNT = 20_000
#: Files of `dev-local` that several versions have.
SHARED = ("dev-local/shared/a", "dev-local/shared/deep/b")
#: How often a version was created, imported and finalized.
BEGINNINGS = ([1, 0, 0], [0, 1, 0], [1, 0, 1])
KEY = Signer("by-hand", new_key("ED25519"))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A server that a test may kill."""
    with Site(tmp_path / "server") as site:
        yield stage(site)


@dataclass
class Client:
    """Does one thing with versions after another until the server is killed."""

    site: Site
    names: Iterator[int]
    random: random.Random
    #: Paths in `dev-local`, or the bytes of files by path, that each version has that was asked for.
    asked: dict[str, Mapping[str, str]]
    answers: Counter[str] = field(default_factory=Counter)

    def work(self) -> None:
        """Until the server is killed."""
        headers = {"Authorization": self.site.client.headers["authorization"]}
        client = httpx2.Client(base_url=self.site.url, headers=headers, timeout=PATIENCE)
        with client, suppress(httpx2.TransportError):
            while True:
                self._one_version(client)

    def _one_version(self, client: httpx2.Client) -> None:
        name = f"v{next(self.names)}"
        if self.random.random() < 0.3:
            files = {f"{name}/{at}": os.urandom(10 if at else 200_000) for at in range(4)}
            self.asked[name] = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
            self._told("import", import_(self.site, made.file(KEY, files, name), client), 201)
        else:
            own = f"dev-local/{name}/own"
            self._told("put", client.put(f"/artifactory/{own}", content=own.encode()), 201)
            paths = (own, *SHARED)
            self.asked[name] = {
                path.removeprefix("dev-local/"): hashlib.sha256(path.encode()).hexdigest() for path in paths
            }
            sync, draft = self._either(), self._either()
            self._told("create", create(client, name, *paths, sync=sync, draft=draft), 201 if sync else 200)
            if draft:
                self._told("finalize", asking.finalize(client, name, sync=self._either()), 200)
        if self._ended(client, name) == "COMPLETED":
            self._promotions(client, name)
        if self.random.random() < 0.4:
            sync = self._either()
            self._told("delete", delete(client, name, sync=sync), 204 if sync else 200)

    def _promotions(self, client: httpx2.Client, name: str) -> None:
        for environment in self.random.sample(["QA", "PROD", "QA"], 2):
            sync = self._either()
            answer = promote(client, name, environment, sync=sync, operation=self.random.choice(["copy", "move"]))
            self._told("promote", answer, 201 if sync else 200)
            while any(each["status"] in ("PENDING", "PROCESSING") for each in records(client, name)):
                time.sleep(0.005)
        if self._either():
            gone, sync = self.random.choice(records(client, name))["created_millis"], self._either()
            answer = delete_promotion(client, name, gone, sync=sync)
            self._told("delete promotion", answer, 204 if sync else 200)
            while any(each["status"] == "DELETING" for each in records(client, name)):
                time.sleep(0.005)

    def _ended(self, client: httpx2.Client, name: str) -> str:
        while (found := asking.status(client, name)) == "PROCESSING":
            time.sleep(0.005)
        return found

    def _either(self) -> bool:
        return self.random.random() < 0.5

    def _told(self, what: str, answer: httpx2.Response, status: int) -> None:
        assert answer.status_code == status, f"{what}: {answer.status_code} {answer.text}"
        self.answers[what] += 1


def test_after_any_kill_each_version_is_whole_or_not_there(site: Site) -> None:
    trust(site, "by-hand", KEY.key.public.pem)
    asking.put(site, SHARED)
    draw, names, asked = random.Random(SEED), count(), dict[str, Mapping[str, str]]()
    answers: Counter[str] = Counter()

    for _ in range(ROUNDS):
        clients = [Client(site, names, random.Random(draw.random()), asked, answers) for _ in range(CLIENTS)]
        with ThreadPoolExecutor(CLIENTS) as pool:
            working = [pool.submit(client.work) for client in clients]
            time.sleep(draw.uniform(0.05, 0.6))  # the moment of the kill is what differs
            site.kill()
            for each in working:
                each.result()
        asking.expire(site)
        site.start()
        settled(site)
        _check(site, asked)

    _check_bytes(site, asked)
    asking.quiet(site)


def _check(site: Site, asked: Mapping[str, Mapping[str, str]]) -> None:
    """What the database has of versions, and of the files that promotions have put."""
    audit = site.rows("SELECT subject, verb FROM audit WHERE verb LIKE 'bundle.%'")
    verbs = Counter((row["subject"].split("/")[1], row["verb"]) for row in audit)
    kept, promoted = dict[str, str](), {repo: dict[str, str]() for repo in ("qa-local", "prod-local")}
    for row in site.rows("SELECT name, status, manifest FROM bundles"):
        name, wanted = row["name"], asked[row["name"]]
        if row["status"] == "DRAFT":  # the kill came before the call that finalizes it
            assert _told_of(site, name) == []
            continue
        assert row["status"] == "COMPLETED", (name, row["status"])
        assert asking.verified(site.client, name) == []
        folder = f"{name}/1.0"
        kept |= {f"{folder}/artifacts/generic/{path}": sha256 for path, sha256 in wanted.items()}
        kept[f"{folder}/release-bundle.json.evd"] = row["manifest"]
        told = _told(site, name, verbs)
        for repo in promoted:
            if repo in {repo for targets in told.values() for repo in targets}:
                promoted[repo] |= wanted
    assert asking.files(site, BUNDLES) == kept
    for repo, wanted in promoted.items():
        assert asking.files(site, repo) == wanted
    for path in SHARED:
        assert path.removeprefix("dev-local/") in asking.files(site, "dev-local")


def _told(site: Site, name: str, verbs: Mapping[tuple[str, str], int]) -> Mapping[int, list[str]]:
    """The promotions that the evidence of a version tells of and whose files are there: the repositories of each.

    Each has one record, one statement, and one line in the audit log.
    """
    left: dict[int, list[str]] = {}
    done: dict[int, Mapping[str, Any]] = {}
    statements = _told_of(site, name)
    kinds = Counter(each["kind"] for each in statements)
    for predicate in (farside.payload_of(each["envelope"])["predicate"] for each in statements):
        created = predicate.get("created_millis")
        if predicate["kind"] == "promote":
            if predicate["operation"] == "move":
                gone = [at for at in done if done[at]["environment"] == predicate["source_environment"]]
                left = {at: targets for at, targets in left.items() if at not in gone}
            left[created], done[created] = predicate["target_repository_keys"], predicate
        elif predicate["kind"] == "delete_promotion":
            left.pop(created, None)
            del done[created]
    found = asking.records(site.client, name)
    assert [(each["created_millis"], each["status"]) for each in found] == [(at, "COMPLETED") for at in done]
    for kind in ("promote", "delete_promotion", "import"):
        assert verbs[name, f"bundle.{kind}"] == kinds[kind], (name, verbs, kinds)
    assert [verbs[name, f"bundle.{verb}"] for verb in ("create", "import", "finalize")] in BEGINNINGS
    return left


def _told_of(site: Site, name: str) -> list[dict[str, Any]]:
    """The statements about a version."""
    return list(site.json("GET", f"{asking.OWN}/{name}/1.0/evidence")["evidence"])


def _check_bytes(site: Site, asked: Mapping[str, Mapping[str, str]]) -> None:
    """Every row has its bytes; what a killed server has left without a row is collected, and nothing else."""
    long_ago = time.time() - 3 * 24 * 3600
    for place in site.places():
        os.utime(site.data / "blobs" / place, (long_ago, long_ago))
    assert site.ask("POST", "/artifactory/api/system/storage/gc?grace=0s").status_code == 200
    rows = site.rows("SELECT place, sha256 FROM blobs")
    assert site.places() == {row["place"] for row in rows}
    for row in rows:
        assert hashlib.sha256((site.data / "blobs" / row["place"]).read_bytes()).hexdigest() == row["sha256"]
    _check(site, asked)
    temporary = [path for path in (site.data / "blobs/tmp").rglob("*") if path.is_file() and path.name != "lock"]
    assert temporary == []


def test_an_unfinished_promotion_goes_on_after_the_kill_and_ends_once(site: Site) -> None:
    asking.put_many(site, "dev-local", COUNT)
    query = 'items.find({"repo":"dev-local"})'
    made_ = site.client.post(
        asking.VERSIONS, params={"async": "false"},
        json={"release_bundle_name": "large", "release_bundle_version": "1.0", "source_type": "aql",
              "source": {"aql": query}},
    )  # fmt: skip
    assert made_.status_code == 201, made_.text

    for number, (environment, target) in enumerate((("QA", "qa-local"), ("PROD", "prod-local")), 1):
        answer = promote(site.client, "large", environment, sync=False, operation="move")
        assert answer.status_code == 200, answer.text
        under_way = partial(_is_under_way, site, answer.json()["created_millis"])
        for _ in range(2):
            soon_sync(under_way, "the work was taken")
            site.kill()
            assert [row["kind"] for row in site.rows("SELECT kind FROM bundle_work")] == ["promote"]
            assert asking.files(site, target) == {}
            asking.expire(site)
            site.start()
        settled(site)

        [*_, last] = records(site.client, "large")
        assert (last["environment"], last["status"], last["files"]) == (environment, "COMPLETED", COUNT)
        assert len(asking.files(site, target)) == COUNT
        assert asking.verified(site.client, "large") == []
        assert [each["kind"] for each in _told_of(site, "large")] == ["create", *["promote"] * number]
        assert len(site.rows("SELECT id FROM audit WHERE verb = 'bundle.promote'")) == number
    assert asking.files(site, "qa-local") == {}
    asking.quiet(site)


def _is_under_way(site: Site, created: int) -> bool:
    status = site.json("GET", f"{asking.LIFECYCLE}/promotion/statuses/large/1.0/{created}")
    return bool(status["status"] == "PROCESSING")
