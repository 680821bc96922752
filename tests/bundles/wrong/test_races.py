"""Calls at one moment, and changes between a call and its work: one wins, the others are told, and nothing is mixed."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2
import pytest

from app.bundles.signing.signer import Signer, new_key
from app.db.tx import Tx, one, run
from tests import postgres
from tests.artifacts.site import ADD_GRANT, ADD_SECTION, ADD_TARGET, Site
from tests.bundles.transfer import made
from tests.bundles.transfer.scene import export, import_, trust
from tests.bundles.wrong import asking
from tests.bundles.wrong.asking import create, created, delete, delete_promotion, promote, records, settled
from tests.soon import PATIENCE

pytestmark = pytest.mark.postgres

PAIRS = "/artifactory/api/security/keypair"
KEY = Signer("by-hand", new_key("ECDSA"))
Call = Callable[[httpx2.Client], httpx2.Response]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("races")) as site:
        trust(asking.stage(site), "by-hand", KEY.key.public.pem)
        yield site


@pytest.fixture
def site(server: Site) -> Iterator[Site]:
    """The server; at the end nothing is under way, every version is right, and the log is quiet."""
    yield server
    settled(server)
    for row in server.rows("SELECT name, version FROM bundles WHERE status = 'COMPLETED'"):
        assert asking.verified(server.client, row["name"], row["version"]) == []
    asking.quiet(server)


def at_once(site: Site, *calls: Call) -> list[httpx2.Response]:
    """The answers to calls that begin at one moment, in their order."""
    gate = threading.Barrier(len(calls))

    def one(call: Call) -> httpx2.Response:
        headers = {"Authorization": site.client.headers["authorization"]}
        with httpx2.Client(base_url=site.url, headers=headers, timeout=PATIENCE) as client:
            client.get("/healthz")
            gate.wait()
            return call(client)

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def creating(name: str, *paths: str, **more: Any) -> Call:
    """A call that creates a version."""
    return lambda client: create(client, name, *paths, **more)


def promoting(name: str, environment: str, **more: Any) -> Call:
    """A call that promotes a version."""
    return lambda client: promote(client, name, environment, **more)


def deleting(name: str, promotion: int = 0, **more: Any) -> Call:
    """A call that deletes a version, or a promotion of it."""
    if promotion:
        return lambda client: delete_promotion(client, name, promotion, **more)
    return lambda client: delete(client, name, **more)


def importing(site: Site, data: bytes) -> Call:
    """A call that imports a version."""
    return lambda client: import_(site, data, client)


def asking_for(method: str, path: str, **options: Any) -> Call:
    """Any other call."""
    return lambda client: client.request(method, path, **options)


def statuses(answers: Sequence[httpx2.Response]) -> list[int]:
    """The statuses, sorted. No answer is beyond 499."""
    assert all(answer.status_code < 500 for answer in answers), [answer.text for answer in answers]
    return sorted(answer.status_code for answer in answers)


@pytest.mark.parametrize("sync", [True, False])
def test_of_promotions_to_one_environment_at_once_one_is_done(site: Site, *, sync: bool) -> None:
    name = f"one-{sync}"
    created(site, name, *(f"dev-local/{name}/{at}" for at in range(30)))

    answers = at_once(site, *[promoting(name, "PROD", sync=sync)] * 6)

    done = Counter(statuses(answers))
    assert done.keys() <= {201 if sync else 200, 409}
    settled(site)
    kept = records(site.client, name)
    assert [each["status"] for each in kept] == ["COMPLETED"] * (6 - done[409])
    assert all("is in progress" in answer.text for answer in answers if answer.status_code == 409)


def test_promotions_to_several_environments_at_once_are_all_done(site: Site) -> None:
    created(site, "several", "dev-local/several/a")

    answers = at_once(site, *(promoting("several", at) for at in ("DEV", "QA", "PROD")))

    assert statuses(answers) == [201, 201, 201]
    assert len({each["created_millis"] for each in records(site.client, "several")}) == 3


@pytest.mark.parametrize("sync", [True, False])
def test_of_two_deletions_at_once_each_is_told_what_it_did(site: Site, *, sync: bool) -> None:
    name, done = f"gone-{sync}", 204 if sync else 200
    created(site, name, f"dev-local/{name}/a")
    made_ = promote(site.client, name, "QA").json()["created_millis"]

    of_promotion = at_once(site, *[deleting(name, made_, sync=sync)] * 4)
    settled(site)
    of_version = at_once(site, *[deleting(name, sync=sync)] * 4)

    for answers in (of_promotion, of_version):
        found = Counter(statuses(answers))
        assert found[done] == 1, found
        assert found.keys() <= {done, 404, 409}
    settled(site)
    assert asking.status(site.client, name) == ""
    assert not [path for path in asking.files(site, "qa-local") if path.startswith(f"{name}/")]


def test_of_creations_of_one_version_at_once_one_is_made(site: Site) -> None:
    asking.put(site, ["dev-local/twice/a", "dev-local/twice/b"])
    paths = ("dev-local/twice/a", "dev-local/twice/b")

    for turn, sync in enumerate((True, False) * 3):
        name = f"twice-{turn}"
        answers = at_once(
            site,
            *[creating(name, *paths, sync=sync)] * 3,
            *[creating(name, *paths[:1], draft=True)] * 2,
        )
        assert statuses(answers)[1:] == [409] * 4


def test_a_creation_and_an_import_of_one_version_at_once(site: Site) -> None:
    """Both use the same bytes and the same name; whoever comes first has made the version."""
    files = {f"both/{at}": f"of both {at}".encode() for at in range(40)}
    for path, content in files.items():
        assert site.put(f"dev-local/{path}", content).status_code == 201
    paths = [f"dev-local/{path}" for path in files]

    for turn in range(8):
        name = f"both-{turn}"
        data = made.file(KEY, files, name)
        answers = at_once(
            site,
            *[creating(name, *paths)] * 2,
            *[importing(site, data)] * 2,
        )
        assert statuses(answers) == [201, 409, 409, 409], [answer.text for answer in answers]


def test_a_failed_version_gives_way_once(site: Site) -> None:
    asking.put(site, ["dev-local/again/a"])
    data = made.file(KEY, {"again/a": b"of import"}, "again")
    for _ in range(6):
        create(site.client, "again", "dev-local/again/a")
        site.execute("UPDATE bundles SET status = 'FAILED' WHERE name = 'again'")
        answers = at_once(
            site,
            *[creating("again", "dev-local/again/a")] * 2,
            importing(site, data),
            *[deleting("again")] * 2,
        )
        statuses(answers)
        settled(site)
        assert asking.status(site.client, "again") in ("COMPLETED", "")
        if asking.status(site.client, "again"):
            assert delete(site.client, "again").status_code == 204


def test_a_deletion_beside_a_promotion_takes_all_or_is_refused(site: Site) -> None:
    for turn in range(8):
        name = f"beside-{turn}"
        created(site, name, f"dev-local/{name}/a", f"dev-local/{name}/b")
        first = promote(site.client, name, "QA").json()["created_millis"]

        answers = at_once(
            site,
            promoting(name, "PROD", operation="move"),
            deleting(name, first),
            deleting(name, sync=bool(turn % 2)),
        )

        assert {answer.status_code for answer in answers} <= {200, 201, 204, 404, 409}
        settled(site)
        left = records(site.client, name)
        environments = {each["environment"] for each in left if each["status"] == "COMPLETED"}
        moved = any(each["operation"] == "move" for each in left)
        for repo, there in (("prod-local", "PROD" in environments), ("qa-local", "QA" in environments and not moved)):
            found = [path for path in asking.files(site, repo) if path.startswith(f"{name}/")]
            assert len(found) == (2 if there else 0), (repo, answers, left)


def test_a_source_that_is_deleted_or_changed_at_that_moment_is_in_the_version_or_is_refused(site: Site) -> None:
    paths = [f"dev-local/racing/{at}" for at in range(20)]
    for turn in range(10):
        asking.put(site, paths)
        name, last = f"racing-{turn}", paths[-1]
        gone = asking_for("DELETE", f"/artifactory/{last}")
        changed = asking_for("PUT", f"/artifactory/{last}", content=b"other")

        answers = at_once(
            site,
            creating(name, *paths),
            creating(f"{name}-too", *paths, sync=False),
            random.Random(turn).choice([gone, changed]),
        )

        for version, answer in ((name, answers[0]), (f"{name}-too", answers[1])):
            assert answer.status_code in (200, 201, 404, 409), answer.text
            settled(site)
            if answer.status_code in (200, 201):
                found = site.json("GET", f"{asking.RECORDS}/{version}/1.0")["artifacts"]
                assert len(found) == 20
                for each in found:  # what is in the version can be read, whatever became of the source
                    at = f"{asking.BUNDLES}/{version}/1.0/artifacts/generic/{each['path']}"
                    assert site.get(at).headers["x-checksum-sha256"] == each["checksum"]
            else:
                assert asking.status(site.client, version) == ""


def test_unused_bytes_are_collected_beside_creations_and_imports(site: Site) -> None:
    """The files are put, bundled and deleted again while everything that nothing uses is removed at once."""
    stop = threading.Event()

    def collecting(client: httpx2.Client) -> httpx2.Response:
        while not stop.is_set():
            answer = client.post("/artifactory/api/system/storage/gc?grace=0s")
            assert answer.status_code in (200, 409), answer.text
        return client.get("/healthz")

    def bundling(client: httpx2.Client, number: int) -> httpx2.Response:
        try:
            for turn in range(8):
                name = f"kept-{number}-{turn}"
                content = f"bytes {turn % 3}".encode()  # the same as those of others, again and again
                answer = client.put(f"/artifactory/dev-local/{name}/a;turn={turn % 3}", content=content)
                assert answer.status_code == 201, answer.text
                assert create(client, name, f"dev-local/{name}/a").status_code == 201
                assert client.delete(f"/artifactory/dev-local/{name}/a").status_code == 204
                data = made.file(KEY, {f"{name}/b": content, f"{name}/c": f"only {name}".encode()}, f"{name}-too")
                answer = import_(site, data, client)
                assert answer.status_code == 201, answer.text
                answer = promote(
                    client, name, "QA", artifact_additional_properties=[{"key": "t", "values": [str(turn % 2)]}]
                )
                assert answer.status_code == 201, answer.text
                if turn % 2:
                    assert delete(client, name).status_code == 204
        finally:
            stop.set()
        return client.get("/healthz")

    at_once(site, collecting, *(partial(bundling, number=number) for number in range(3)))

    for row in site.rows("SELECT place FROM blobs"):
        assert (site.data / "blobs" / row["place"]).is_file()
    for row in site.rows("SELECT name, version FROM bundles WHERE name LIKE 'kept-%'"):
        assert len(export(site, row["name"], row["version"])) > 1000


@dataclass
class Held:
    """Work of a server that no worker takes, from `hold` on until `release`."""

    site: Site

    def hold(self) -> None:
        """From now on."""
        self._execute(HOLD)

    def release(self) -> None:
        """What was held is done now."""
        self._execute(RELEASE)
        settled(self.site)

    def _execute(self, statements: Sequence[Sequence[str]]) -> None:
        for statement in statements[1 if postgres.SERVER else 0]:
            self.site.execute(statement)


@pytest.fixture
def held(site: Site) -> Iterator[Held]:
    """Holds the work of the server."""
    held = Held(site)
    yield held
    held.release()


#: What gives new work a lease that nobody has, and takes it away; for SQLite, and for PostgreSQL.
HOLD = (
    (
        "CREATE TRIGGER held AFTER INSERT ON bundle_work BEGIN "
        "UPDATE bundle_work SET lease = 9000000000000000 WHERE id = NEW.id; END",
    ),
    (
        "CREATE OR REPLACE FUNCTION held() RETURNS TRIGGER LANGUAGE plpgsql AS "
        "'BEGIN NEW.lease := 9000000000000000; RETURN NEW; END'",
        "CREATE TRIGGER held BEFORE INSERT ON bundle_work FOR EACH ROW EXECUTE FUNCTION held()",
    ),
)
RELEASE = (
    ("DROP TRIGGER IF EXISTS held", "UPDATE bundle_work SET lease = 0 WHERE lease = 9000000000000000"),
    ("DROP TRIGGER IF EXISTS held ON bundle_work", "UPDATE bundle_work SET lease = 0 WHERE lease = 9000000000000000"),
)


def add_pair(site: Site, name: str) -> None:
    answer = site.ask("POST", PAIRS, json={"pairName": name, "pairType": "ED25519"})
    assert answer.is_success, answer.text


def test_a_key_that_is_deleted_before_the_work_fails_it_and_a_new_call_can_do_it(site: Site, held: Held) -> None:
    add_pair(site, "short-lived")
    asking.put(site, ["dev-local/keyless/a"])
    headers = {"X-JFrog-Signing-Key-Name": "short-lived"}
    body = asking.body("keyless", "dev-local/keyless/a")
    held.hold()
    assert site.ask("POST", asking.VERSIONS, json=body, headers=headers).status_code == 200
    assert asking.status(site.client, "keyless") == "PROCESSING"

    assert site.ask("DELETE", f"{PAIRS}/short-lived").is_success
    held.release()

    told = site.json("GET", f"{asking.VERSIONS}/statuses/keyless/1.0")
    assert told["status"] == "FAILED"
    assert "the key pair short-lived was deleted" in told["messages"][0]["text"]
    assert promote(site.client, "keyless", "PROD").status_code == 400
    refused = site.ask("POST", asking.VERSIONS, json=body, headers=headers)
    assert (refused.status_code, "short-lived" in refused.text) == (400, True)
    assert create(site.client, "keyless", "dev-local/keyless/a").status_code == 201


def test_a_version_whose_key_is_gone_is_promoted_with_another_key(site: Site) -> None:
    add_pair(site, "of-version")
    asking.put(site, ["dev-local/outlived/a"])
    headers = {"X-JFrog-Signing-Key-Name": "of-version"}
    body, path = asking.body("outlived", "dev-local/outlived/a"), f"{asking.PROMOTIONS}/outlived/1.0?async=false"
    assert site.ask("POST", f"{asking.VERSIONS}?async=false", json=body, headers=headers).status_code == 201
    assert site.ask("DELETE", f"{PAIRS}/of-version").is_success

    refused = promote(site.client, "outlived", "QA")

    assert refused.status_code == 400
    assert "or default, the server's own" in refused.text
    headers = {"X-JFrog-Signing-Key-Name": "default"}
    assert site.ask("POST", path, json={"environment": "QA"}, headers=headers).status_code == 201


def test_a_key_that_is_deleted_before_a_promotion_ends_fails_it(site: Site, held: Held) -> None:
    add_pair(site, "of-promotion")
    created(site, "keyed", "dev-local/keyed/a")
    held.hold()
    path, headers = f"{asking.PROMOTIONS}/keyed/1.0", {"X-JFrog-Signing-Key-Name": "of-promotion"}
    assert site.ask("POST", path, json={"environment": "QA"}, headers=headers).status_code == 200

    assert site.ask("DELETE", f"{PAIRS}/of-promotion").is_success
    held.release()

    [told] = records(site.client, "keyed")
    assert told["status"] == "FAILED"
    assert "the key pair of-promotion was deleted" in told["messages"][0]["text"]
    assert "keyed/a" not in asking.files(site, "qa-local")
    assert promote(site.client, "keyed", "QA").status_code == 201


def caller(site: Site, login: str, *grants: tuple[str, str]) -> httpx2.Client:
    """A client of a new account that may read and promote all bundles, and what `grants` say of repositories."""
    client = site.caller(login, *grants)
    site.write(_all_bundles(login))
    return client


def _all_bundles(login: str) -> Tx[None]:
    target = yield from one(ADD_TARGET, name=f"{login}-bundles")
    assert target is not None
    lists = {"repositories": f'["{asking.BUNDLES}"]', "includes": '["**"]', "excludes": "[]"}
    yield from run(ADD_SECTION, target_id=target["id"], section="releaseBundle", **lists)
    actions = '["read", "promote"]'
    yield from run(ADD_GRANT, target_id=target["id"], section="releaseBundle", login=login, actions=actions)


def test_what_was_allowed_when_it_was_asked_for_is_done(site: Site, held: Held) -> None:
    """Rights and the order of environments are judged by the call: its work changes nothing of that."""
    created(site, "allowed", "dev-local/allowed/a")
    bob = caller(site, "bob", ("read deploy promote", "qa-local"))
    held.hold()
    assert promote(bob, "allowed", "QA", sync=False).status_code == 200

    site.execute("DELETE FROM grants")
    site.ask("POST", "/access/api/v1/environments", json={"name": "QA"})
    ordered = site.ask("PUT", "/api/environments/order", json={"order": ["DEV", "PROD", "QA"]})
    assert ordered.is_success, ordered.text
    held.release()
    try:
        assert [each["status"] for each in records(site.client, "allowed")] == ["COMPLETED"]
        assert promote(bob, "allowed", "PROD").status_code == 403
        skipped = promote(site.client, "allowed", "QA", operation="move")
        assert skipped.status_code == 201  # it was there already
    finally:
        assert site.ask("PUT", "/api/environments/order", json={"order": []}).is_success


def test_a_target_that_is_deleted_or_filled_before_the_work_fails_it(site: Site, held: Held) -> None:
    created(site, "late", "dev-local/late/a")
    site.repo("late-local", environments=("LATE",))
    for change, words in (
        (asking_for("PUT", "/artifactory/late-local/late/a", content=b"other"), "late/a has other bytes there"),
        (asking_for("DELETE", "/artifactory/api/repositories/late-local"), "late-local was deleted meanwhile"),
    ):
        held.hold()
        assert promote(site.client, "late", "LATE", sync=False).status_code == 200
        assert change(site.client).is_success
        held.release()

        told = records(site.client, "late")[-1]
        assert told["status"] == "FAILED"
        assert words in " ".join(message["text"] for message in told["messages"])
        site.ask("DELETE", "/artifactory/late-local/late/a")


def test_what_is_under_way_is_neither_deleted_nor_promoted_anew(site: Site, held: Held) -> None:
    created(site, "under-way", "dev-local/under-way/a")
    held.hold()
    begun = promote(site.client, "under-way", "QA", sync=False).json()["created_millis"]

    for refused in (
        promote(site.client, "under-way", "QA"),
        delete(site.client, "under-way"),
        delete_promotion(site.client, "under-way", begun),
        create(site.client, "under-way", "dev-local/under-way/a"),
    ):
        assert refused.status_code == 409, refused.text
    other = promote(site.client, "under-way", "PROD", sync=False)
    assert other.status_code == 200
    held.release()

    assert [each["status"] for each in records(site.client, "under-way")] == ["COMPLETED"] * 2
    held.hold()
    assert delete(site.client, "under-way", sync=False).status_code == 200
    for refused in (
        promote(site.client, "under-way", "DEV"),
        delete(site.client, "under-way"),
        delete_promotion(site.client, "under-way", begun),
        create(site.client, "under-way", "dev-local/under-way/a"),
    ):
        assert refused.status_code == 409, refused.text
    held.release()
    assert asking.status(site.client, "under-way") == ""
