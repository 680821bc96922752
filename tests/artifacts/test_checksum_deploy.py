"""Putting files by their checksums alone."""

import httpx2
import pytest

from app.db.tx import run
from tests.artifacts.site import Site, digests, message

pytestmark = pytest.mark.postgres


def deploy(client: httpx2.Client, path: str, **sums: str) -> httpx2.Response:
    named = {f"X-Checksum-{name.capitalize()}": value for name, value in sums.items() if name != "any"}
    if "any" in sums:
        named["X-Checksum"] = sums["any"]
    return client.put(f"/artifactory/{path}", headers={"X-Checksum-Deploy": "true", **named})


@pytest.mark.parametrize("names", [("sha1", "md5", "sha256"), ("sha1",), ("md5",), ("sha256",), ("sha1", "md5")])
def test_bytes_that_are_stored_are_put_by_their_checksums(site: Site, names: tuple[str, ...]) -> None:
    content = b"known " + "-".join(names).encode()
    sums = digests(content)
    site.put("libs/known/original;k=1", content)

    put = deploy(site.client, "libs/known/copy;k=2", **{name: sums[name] for name in names})

    assert (put.status_code, put.json()["checksums"]) == (201, sums)
    assert put.json()["originalChecksums"] == {name: sums[name] for name in names}
    assert site.get("libs/known/copy").content == content
    assert site.properties("libs", "known/copy") == {"k": ["2"]}


@pytest.mark.parametrize("name", ["sha1", "md5", "sha256"])
def test_the_length_tells_which_checksum_it_is(site: Site, name: str) -> None:
    site.put("libs/any", b"any")

    assert deploy(site.client, "libs/any2", any=digests(b"any")[name]).status_code == 201


def test_unknown_bytes_are_not_found_and_put_afterwards(site: Site) -> None:
    sums = digests(b"never seen")

    answer = deploy(site.client, "libs/unseen", **sums)

    assert (answer.status_code, message(answer)[:25]) == (404, "Checksum values not found")
    assert site.put("libs/unseen", b"never seen", X_Checksum_Deploy="false").status_code == 201


def test_without_a_checksum_it_is_a_bad_request(site: Site) -> None:
    assert deploy(site.client, "libs/none").status_code == 400


def test_checksums_of_different_files_are_a_conflict(site: Site) -> None:
    for content in (b"left", b"right"):
        site.put(f"libs/{content.decode()}", content)

    answers = [
        deploy(site.client, "libs/both", sha1=digests(b"left")["sha1"], md5=digests(b"right")["md5"]),
        deploy(site.client, "libs/both", sha256=digests(b"left")["sha256"], md5=digests(b"right")["md5"]),
        deploy(site.client, "libs/both", sha256=digests(b"left")["sha256"], md5=digests(b"nothing")["md5"]),
    ]

    assert [answer.status_code for answer in answers] == [409, 409, 404]


def test_one_sha1_of_two_files_decides_nothing_and_a_sha256_beside_it_does(site: Site) -> None:
    site.put("libs/twin1", b"twin1")
    site.put("libs/twin2", b"twin2")
    one, two = digests(b"twin1"), digests(b"twin2")
    site.write(run("UPDATE blobs SET sha1 = :sha1 WHERE sha256 = :sha256", sha1=one["sha1"], sha256=two["sha256"]))

    alone = deploy(site.client, "libs/twin", sha1=one["sha1"])
    beside = deploy(site.client, "libs/twin", sha1=one["sha1"], sha256=two["sha256"])

    assert (alone.status_code, alone.json()["errors"][0]["code"]) == (409, "ambiguous_checksum")
    assert (beside.status_code, site.get("libs/twin").content) == (201, b"twin2")


def test_a_digest_is_no_right_to_the_bytes(site: Site) -> None:
    site.repo("hidden")
    content = b"a secret that may be guessed"
    site.put("hidden/secret", content)
    sums = digests(content)
    client = site.caller("guesser", ("deploy read", "libs"), ("read", "hidden", "open/**"))
    site.put("libs/other", b"other")

    refused = [
        deploy(client, "libs/guess", **sums),
        deploy(client, "libs/guess", sha1=sums["sha1"]),
        deploy(client, "libs/guess", md5=sums["md5"], sha1=digests(b"other")["sha1"]),
    ]

    assert [answer.status_code for answer in refused] == [404] * 3
    assert {message(answer) for answer in refused} == {"Checksum values not found: send the bytes themselves"}
    site.put("hidden/open/secret", content)
    assert deploy(client, "libs/guess", **sums).status_code == 201


def test_bytes_that_no_file_has_any_more_are_not_found(site: Site) -> None:
    site.put("libs/gone", b"gone soon")
    assert site.ask("DELETE", "/artifactory/libs/gone").status_code == 204

    assert deploy(site.client, "libs/back", **digests(b"gone soon")).status_code == 404


def test_what_a_put_is_refused_is_refused_by_checksum_too(site: Site) -> None:
    site.repo("fixed", immutable=True, excludes="no/**")
    site.put("fixed/a", b"one")
    site.put("libs/two", b"two")
    sums = digests(b"two")

    answers = [deploy(site.client, f"fixed/{path}", sha256=sums["sha256"]) for path in ("a", "no/a", "a/b")]

    assert [answer.status_code for answer in answers] == [409] * 3
    assert deploy(site.client, "fixed/a", sha256=digests(b"one")["sha256"]).status_code == 200
    assert deploy(site.client, "nowhere/a", **sums).status_code == 404
