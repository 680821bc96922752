"""Versions that go from one server to another through a file."""

import contextlib
import os
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from app.bundles.signing.signer import Signer, new_key
from app.bundles.transfer import contents, tar
from app.db.tx import Tx, one, run
from tests.acceptance.server import TOKEN
from tests.artifacts.site import ADD_GRANT, ADD_SECTION, ADD_TARGET, Site
from tests.bundles.transfer import made
from tests.bundles.transfer.scene import (
    FILES,
    LIFECYCLE,
    OWN,
    PAIRS,
    create,
    entries,
    export,
    import_,
    public_key,
    trust,
)
from tests.bundles.transfer.scene import tar as tarred
from tests.soon import soon_sync

pytestmark = pytest.mark.postgres

BUNDLES = "release-bundles-v2"


def specification(site: Site, name: str = "shop", version: str = "1.0", project: str = "") -> Any:
    query = f"?project={project}" if project else ""
    return site.json("GET", f"{LIFECYCLE}/release_bundle/records/{name}/{version}{query}")


def exists(site: Site, name: str, version: str = "1.0", project: str = "default") -> bool:
    path = f"{LIFECYCLE}/release_bundle/existence/{name}/{version}?project={project}"
    return bool(site.json("GET", path)["exists"])


def of(key: Signer, files: dict[str, bytes], name: str) -> bytes:
    """The file of a version that no server has made."""
    return made.file(key, files, name=name)


@pytest.fixture(scope="module")
def signer(there: Site) -> Signer:
    """A key that `there` trusts, and that is on no server."""
    key = Signer("by-hand", new_key("ECDSA"))
    trust(there, "by-hand", key.key.public.pem)
    return key


@pytest.fixture
def unchanged(there: Site) -> Iterator[None]:
    """Nothing is stored by the test."""
    before = there.places()
    yield
    # what an import before was still discarding may be gone
    soon_sync(lambda: there.places() <= before, "nothing more is stored")


def test_an_exported_version_is_the_same_on_another_server(here: Site, there: Site) -> None:
    create(here, "same", "1.0")

    answer = import_(there, export(here, "same"))

    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["repository_key"], told["release_bundle_name"], told["release_bundle_version"]) == (
        BUNDLES, "same", "1.0",
    )  # fmt: skip
    had, has = specification(here, "same"), specification(there, "same")
    assert has["artifacts"] == had["artifacts"]
    assert has["source"] == had["source"]
    assert {artifact["source_repository_key"] for artifact in has["artifacts"]} == {"dev"}
    for path, content in FILES.items():
        at = f"same/1.0/artifacts/generic/same/{path}"
        assert there.get(f"{BUNDLES}/{at}").content == content
        assert there.properties(BUNDLES, at) == {"of": [path]}
    status = there.json("GET", f"{LIFECYCLE}/release_bundle/statuses/same/1.0")
    assert status["status"] == "COMPLETED"
    assert there.json("GET", f"{OWN}/same/1.0/verify")["problems"] == []
    [moment] = there.rows("SELECT subject FROM audit WHERE verb = 'bundle.import' AND subject LIKE '%/same/1.0'")
    assert moment["subject"] == f"{BUNDLES}/same/1.0"


def test_the_file_has_its_parts_in_order_and_each_blob_once(here: Site) -> None:
    data = export(here)
    found = entries(data)

    names = list(found)
    assert names[:3] == ["manifest.json", "evidence.json", "keys.json"]
    assert names[3:] == sorted({f"blobs/{artifact['checksum']}" for artifact in specification(here)["artifacts"]})
    assert orjson.loads(found["evidence.json"])[0].encode() == found["manifest.json"]
    [key] = orjson.loads(found["keys.json"])
    assert key["public_key"] == public_key(here)
    assert found["manifest.json"] == here.get(f"{BUNDLES}/shop/1.0/release-bundle.json.evd").content


def test_what_was_imported_tells_so_and_can_be_carried_further(here: Site, there: Site) -> None:
    create(here, "further", "1.0")
    assert import_(there, export(here, "further")).status_code == 201

    trust(here, "of-there", public_key(there))
    again = import_(here, export(there, "further"), project="web")

    assert again.status_code == 201, again.text
    assert again.json()["repository_key"] == f"web-{BUNDLES}"
    told = here.json("GET", f"{OWN}/further/1.0/evidence?project=web")["evidence"]
    assert [statement["kind"] for statement in told] == ["create", "import", "import"]
    assert here.json("GET", f"{OWN}/further/1.0/verify?project=web")["problems"] == []
    assert {key["keyid"] for key in orjson.loads(entries(export(there, "further"))["keys.json"])} == {
        site.json("GET", f"{PAIRS}/default")["keyId"] for site in (here, there)
    }


def test_a_version_that_is_there_is_not_replaced(here: Site) -> None:
    answer = import_(here, export(here))

    assert (answer.status_code, answer.json()["code"]) == (409, "bundle_exists")
    assert "shop" in answer.json()["message"]


def test_a_server_that_does_not_trust_the_key_takes_nothing(here: Site, tmp_path_factory: Any) -> None:
    with Site(tmp_path_factory.mktemp("stranger")) as stranger:
        refused = import_(stranger, export(here))
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_signature")
        assert "not trusted here" in refused.json()["message"]
        assert stranger.places() == set()

        trust(stranger, "of-here", public_key(here))
        assert import_(stranger, export(here)).status_code == 201
        assert stranger.ask("DELETE", f"{PAIRS}/of-here").is_success
        retired = import_(stranger, export(here), project="web")  # what it has signed is still trusted
        assert retired.status_code == 201, retired.text


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda parts: parts[:-1], "missing_blob"),
        (lambda parts: [*parts, ("blobs/" + "0" * 64, b"x")], "superfluous_entry"),
        (lambda parts: [*parts[:-1], (parts[-1][0], parts[-1][1][::-1])], "wrong_digest"),
        (lambda parts: [*parts, ("../../evil", b"x")], "superfluous_entry"),
        (lambda parts: parts[1:], "bad_bundle_file"),
    ],
    ids=["missing", "superfluous", "changed", "leads out", "no manifest"],
)
def test_a_file_that_was_changed_leaves_nothing(there: Site, signer: Signer, change: Any, code: str) -> None:
    files = {"large": b"0123456789" * 20_000, "small": b"of small"}
    parts = [*made.texts(signer, made.manifest(signer, files, name="changed")), *made.blobs(files)]

    answer = import_(there, made.joined(change(parts)))

    assert answer.status_code == 400, answer.text
    assert [problem["code"] for problem in answer.json()["errors"]] == [code]
    assert not exists(there, "changed")


@pytest.mark.usefixtures("unchanged")
def test_evidence_that_does_not_follow_is_refused(here: Site, there: Site) -> None:
    create(here, "chain", "1.0")
    create(here, "chain", "2.0")
    one, two = (entries(export(here, "chain", version)) for version in ("1.0", "2.0"))
    both = [*orjson.loads(one["evidence.json"]), *orjson.loads(two["evidence.json"])]

    answer = import_(there, tarred(one | {"evidence.json": contents.evidence(both)}))

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_evidence")
    assert not exists(there, "chain")


def test_many_small_files_are_imported(there: Site, signer: Signer) -> None:
    files = {f"dir/{at}.txt": f"{at}".encode() for at in range(300)}

    assert import_(there, of(signer, files, "many")).status_code == 201

    assert len(specification(there, "many")["artifacts"]) == 300
    assert there.get(f"{BUNDLES}/many/1.0/artifacts/generic/dir/7.txt").content == b"7"


def test_bytes_that_are_stored_already_are_not_stored_again(there: Site, signer: Signer) -> None:
    assert import_(there, of(signer, {"a": b"once"}, "stored")).status_code == 201
    before = there.places()

    assert import_(there, of(signer, {"a": b"once", "b": b"new"}, "stored-too")).status_code == 201

    assert len(there.places() - before) == 2  # the new file, and the manifest
    assert there.get(f"{BUNDLES}/stored-too/1.0/artifacts/generic/a").content == b"once"


def test_rights_are_judged_by_the_version(here: Site, there: Site, signer: Signer) -> None:
    reader, maker = there.caller("reader"), there.caller("maker")
    there.write(grant("reader", "read", "rights/1.0/**"))
    there.write(grant("maker", "deploy", "rights/**"))
    data = of(signer, {"a": b"of rights"}, "rights")

    nobody = import_(there, data, there.stranger())
    wrong = import_(there, data, reader)
    other = import_(there, of(signer, {"a": b"of rights"}, "elsewhere"), maker)
    right = import_(there, data, maker)

    assert [answer.status_code for answer in (nobody, wrong, other, right)] == [401, 403, 403, 201]
    path = f"{OWN}/rights/1.0/export"
    assert [client.get(path).status_code for client in (there.stranger(), maker, reader)] == [401, 403, 200]


def grant(login: str, action: str, pattern: str) -> Tx[None]:
    target = yield from one(ADD_TARGET, name=f"{login}-bundles")
    assert target is not None
    yield from run(
        ADD_SECTION, target_id=target["id"], section="releaseBundle", repositories=f'["{BUNDLES}"]',
        includes=orjson.dumps([pattern]).decode(), excludes="[]",
    )  # fmt: skip
    yield from run(ADD_GRANT, target_id=target["id"], section="releaseBundle", login=login, actions=f'["{action}"]')


def test_only_a_completed_version_is_exported(here: Site) -> None:
    body = {
        "release_bundle_name": "draft", "release_bundle_version": "1", "draft": True,
        "sources": [{"source_type": "artifacts", "artifacts": [{"path": "dev/shop/large"}]}],
    }  # fmt: skip
    assert here.ask("POST", f"{LIFECYCLE}/release_bundle?async=false", json=body).status_code == 201

    draft = here.ask("GET", f"{OWN}/draft/1/export")
    unknown = here.ask("GET", f"{OWN}/shop/9/export")

    assert (draft.status_code, draft.json()["code"]) == (409, "not_completed")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no_bundle")


def test_an_export_of_damaged_bytes_does_not_look_complete(here: Site) -> None:
    create(here, "damaged", "1.0", {"large": b"soon damaged" * 50_000})
    [place] = here.rows("SELECT place FROM blobs WHERE size = :size", size=12 * 50_000)
    file = here.data / "blobs" / place["place"]
    file.write_bytes(b"x" + file.read_bytes()[1:])

    with pytest.raises(httpx2.TransportError):
        here.ask("GET", f"{OWN}/damaged/1.0/export")

    file.unlink()
    missing = here.ask("GET", f"{OWN}/damaged/1.0/export")
    assert (missing.status_code, missing.json()["code"]) == (500, "lost_blob")


@contextlib.contextmanager
def sending(site: Site, length: int, data: bytes) -> Iterator[socket.socket]:
    """A connection that has announced a body, and has sent its beginning."""
    head = f"POST {OWN}/import HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {length}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
        connection.sendall(head.encode() + data)
        yield connection


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_an_import_that_is_cut_off_leaves_nothing(there: Site, signer: Signer, part: float) -> None:
    data = of(signer, {"large": os.urandom(300_000), "small": b"cut"}, "cut")
    with sending(there, len(data), data[: int(len(data) * part)]) as connection:
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1000):  # until the server has noticed the end
            pass

    assert not exists(there, "cut")
    soon_sync(lambda: not list((there.data / "blobs/tmp").glob("*/[0-9]*")), "no temporary file is left")


@pytest.mark.usefixtures("unchanged")
def test_what_has_no_room_is_refused_before_its_bytes_come(there: Site, signer: Signer) -> None:
    large = made.artifact("large", b"of large", size=50 * 1024**4)
    texts = made.texts(signer, made.envelope(signer, large, bundle=made.named("roomless")))
    data = made.joined(texts)[: -len(tar.END)] + tar.header(contents.blob(large.sha256), large.size)

    with sending(there, 50 * 1024**4 + len(data), data) as connection:
        answer = connection.recv(100_000)

    assert b" 507 " in answer
    assert b"no_room" in answer


def test_a_quota_is_kept(tmp_path: Path) -> None:
    key = Signer("by-hand", new_key("ED25519"))
    with Site(tmp_path, ARTIFACTS_QUOTA="1MB") as site:
        trust(site, "by-hand", key.key.public.pem)
        answer = import_(site, of(key, {"a": b"1" * 600_000, "b": b"2" * 600_000}, "quota"))

        assert (answer.status_code, answer.json()["code"]) == (507, "no_room")
        assert site.places() == set()


def _new_files(folder: Path, before: set[Path]) -> set[Path]:
    return set(folder.rglob("*")) - before


def test_a_server_that_is_killed_amid_an_import_shows_nothing_of_it(tmp_path: Path) -> None:
    key = Signer("by-hand", new_key("ED25519"))
    data = of(key, {"a": os.urandom(300_000), "b": os.urandom(300_000)}, "killed")
    with Site(tmp_path) as site:
        trust(site, "by-hand", key.key.public.pem)
        for part in (0.3, 0.6, 0.98):
            before = set((site.data / "blobs").rglob("*"))
            with sending(site, len(data), data[: int(len(data) * part)]):
                coming = partial(_new_files, site.data / "blobs", before)
                soon_sync(coming, "bytes are coming")
                site.kill()
            site.start()

            assert not exists(site, "killed")
            assert site.rows("SELECT id FROM bundles") == []
            assert site.rows("SELECT id FROM bundle_work") == []
        assert import_(site, data).status_code == 201
        assert exists(site, "killed")
