"""Uploads to a real server: what is stored, what is answered, and what is refused."""

import unicodedata
from urllib.parse import quote

import httpx2
import pytest

from tests.artifacts.site import Site, digests, message

pytestmark = pytest.mark.postgres

ONE, TWO = b"the first bytes", b"other bytes"


def test_a_file_is_put_and_read_again(site: Site) -> None:
    content = b"some bytes" * 1000
    sums = digests(content)

    put = site.put("libs/a/b/app.jar;build.name=app;build.number=7", content, X_Checksum=sums["sha256"])

    assert put.status_code == 201
    assert put.json() == {
        "repo": "libs",
        "path": "/a/b/app.jar",
        "created": put.json()["created"],
        "createdBy": "octocat",
        "downloadUri": f"{site.url}/artifactory/libs/a/b/app.jar",
        "uri": f"{site.url}/artifactory/libs/a/b/app.jar",
        "mimeType": "application/java-archive",
        "size": "10000",
        "checksums": sums,
        "originalChecksums": {"sha256": sums["sha256"]},
    }
    assert put.headers["location"] == f"{site.url}/artifactory/libs/a/b/app.jar"
    assert {name: put.headers[f"x-checksum-{name}"] for name in sums} == sums
    assert site.properties("libs", "a/b/app.jar") == {"build.name": ["app"], "build.number": ["7"]}
    got = site.get("libs/a/b/app.jar")
    assert (got.status_code, got.content) == (200, content)


def test_an_empty_file_is_a_file(site: Site) -> None:
    assert site.put("libs/empty").json()["size"] == "0"

    assert (site.get("libs/empty").status_code, site.get("libs/empty").content) == (200, b"")


def test_a_body_in_chunks_is_stored(site: Site) -> None:
    put = site.ask("PUT", "/artifactory/libs/chunks", content=iter([b"a" * 70_000, b"b" * 70_000]))

    assert put.json()["checksums"] == digests(b"a" * 70_000 + b"b" * 70_000)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "a;b",
            "100%",
            "a#b",
            "a+b",
            "a b",
            "a&b=c",
            "q?x",
            'quo"te',
            "back\\slash",
            "pipe|",
            "line\nend",
            "<b>",
            "a:b",
        ),
        *(unicodedata.normalize(form, "übel") for form in ("NFC", "NFD")),
    ],
)
def test_every_name_is_found_again_under_itself(site: Site, name: str) -> None:
    raw = f"libs/names/{quote(name, safe='')}"

    put = site.put(raw, name.encode())

    assert (put.status_code, put.json()["path"]) == (201, f"/names/{name}")
    assert site.get(raw).content == name.encode()
    assert site.client.get(put.json()["downloadUri"]).content == name.encode()


def test_a_file_is_replaced_with_its_properties_and_keeps_when_it_was_made(site: Site) -> None:
    first = site.put("libs/again.txt;old=1;both=1", ONE).json()

    second = site.put("libs/again.txt;both=2", TWO).json()

    assert (second["created"], second["createdBy"]) == (first["created"], "octocat")
    assert site.get("libs/again.txt").content == TWO
    assert site.properties("libs", "again.txt") == {"both": ["2"]}


@pytest.mark.parametrize("path", ["libs;a=1;b=2/org/x/x.jar", "libs/org;a=1/x/x.jar;b=2", "libs/org/x;b=2;a=1/x.jar"])
def test_parameters_may_stand_in_the_middle(site: Site, path: str) -> None:
    assert site.put(path, ONE).json()["path"] == "/org/x/x.jar"

    assert site.properties("libs", "org/x/x.jar") == {"a": ["1"], "b": ["2"]}


def test_keys_and_values_may_have_spaces_and_what_is_escaped(site: Site) -> None:
    site.put("libs/values;with+space=a+b;url=http:%2F%2Fh.example.test%2F%3Fx=1&y%3D2;prop=a=1;list=a,b,a;none", ONE)

    assert site.properties("libs", "values") == {
        "list": ["a", "b"],
        "none": [""],
        "prop": ["a=1"],
        "url": ["http://h.example.test/?x=1&y=2"],
        "with space": ["a b"],
    }


def test_a_bad_key_among_good_ones_sets_nothing(site: Site) -> None:
    answer = site.put("libs/keys.txt;good=1;b%2Fd=2", ONE)

    assert answer.status_code == 400
    assert "'b/d'" in message(answer)
    assert site.get("libs/keys.txt").status_code == 404


@pytest.mark.parametrize("header", ["X-Checksum-Sha1", "X-Checksum-Md5", "X-Checksum-Sha256", "X-Checksum"])
def test_another_checksum_than_that_of_the_bytes_stores_nothing(site: Site, header: str) -> None:
    name = header.rpartition("-")[2].lower() if header != "X-Checksum" else "md5"
    before = site.places()

    answer = site.put("libs/wrong.txt", ONE + header.encode(), **{header: digests(TWO)[name]})

    assert answer.status_code == 409
    assert digests(TWO)[name] in message(answer)
    assert digests(ONE + header.encode())[name] in message(answer)
    assert site.get("libs/wrong.txt").status_code == 404
    assert site.places() == before


@pytest.mark.parametrize(
    ("headers", "word"),
    [
        ({"X-Checksum": "abc"}, "X-Checksum"),
        ({"X-Checksum-Sha1": "g" * 40}, "X-Checksum-Sha1"),
        ({"X-Checksum-Md5": "a" * 40}, "X-Checksum-Md5"),
        ({"X-Checksum": "a" * 64, "X-Checksum-Sha256": "b" * 64}, "X-Checksum"),
    ],
)
def test_a_header_that_is_no_checksum_is_named(site: Site, headers: dict[str, str], word: str) -> None:
    answer = site.put("libs/headers.txt", ONE, **headers)

    assert answer.status_code == 400
    assert message(answer).startswith(f"{word}:")


def test_checksums_may_be_in_capital_letters(site: Site) -> None:
    assert site.put("libs/capitals", ONE, X_Checksum_Sha1=digests(ONE)["sha1"].upper()).status_code == 201


@pytest.mark.parametrize(
    ("name", "sent", "mime"),
    [
        ("a.json", "", "application/json"),
        ("a.json", "application/x-www-form-urlencoded", "application/json"),
        ("a.json", "application/octet-stream", "application/json"),
        ("a.json", "text/x-special; charset=utf-8", "text/x-special"),
        ("a.tar.gz", "", "application/gzip"),
        ("a.in", "", "application/octet-stream"),
        ("json", "", "application/octet-stream"),
        ("a.txt", "nonsense", "text/plain"),
    ],
)
def test_the_media_type_is_the_specific_one(site: Site, name: str, sent: str, mime: str) -> None:
    headers = {"Content-Type": sent} if sent else {}

    assert site.put(f"libs/mime/{name}", ONE, **headers).json()["mimeType"] == mime
    assert site.get(f"libs/mime/{name}").headers["content-type"] == mime


def test_a_folder_is_made_and_may_be_there(site: Site) -> None:
    made = site.put("libs/new/folder/;k=v")
    again = site.put("libs/new/folder/;l=w")

    assert (made.status_code, again.status_code) == (201, 201)
    assert made.json()["path"] == "/new/folder"
    assert site.properties("libs", "new/folder") == {"k": ["v"], "l": ["w"]}
    assert site.put("libs/").status_code == 201
    assert "new/" in site.get("libs/").text


def test_a_folder_with_bytes_is_refused(site: Site) -> None:
    answer = site.put("libs/bytes/", ONE)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "folder_with_bytes")


def test_a_file_where_a_folder_is_and_the_reverse_are_refused(site: Site) -> None:
    site.put("libs/clash/file", ONE)

    answers = [
        site.put("libs/clash", ONE),
        site.put("libs/clash/file/below", ONE),
        site.put("libs/clash/file/far/below", ONE),
        site.put("libs/clash/file/"),
        site.put("libs/clash/file/below/"),
    ]

    assert [answer.status_code for answer in answers] == [409] * 5
    codes = [answer.json()["errors"][0]["code"] for answer in answers]
    assert codes == ["folder_in_the_way", *["file_in_the_way"] * 4]


@pytest.mark.parametrize(("path", "status"), [("libs/a/../b", 400), ("libs/" + "n" * 300, 400), ("libs/a%00b", 400)])
def test_bad_paths_are_refused(site: Site, path: str, status: int) -> None:
    connection_path = f"/artifactory/{path}"

    assert site.ask_plainly("PUT", connection_path, ONE)[0] == status


def test_repositories_that_take_nothing_say_so(site: Site) -> None:
    site.repo("lonely", kind="virtual", members=["libs"])
    site.repo("artifactory-build-info", system="buildinfo", package_type="buildinfo")

    unknown, virtual = site.put("nowhere/a", ONE), site.put("lonely/a", ONE)

    assert (unknown.status_code, message(unknown)) == (404, "there is no artifact repository nowhere")
    assert virtual.status_code == 400
    assert "defaultDeploymentRepo" in message(virtual)
    assert "PUT /artifactory/api/build" in message(site.put("artifactory-build-info/a", ONE))
    assert site.put("api/npm/x", ONE).status_code == 404


def test_a_virtual_repository_stores_in_its_local_one(site: Site) -> None:
    site.repo("all", kind="virtual", members=["libs"], deploy_to="libs")

    put = site.put("all/viav/a1.in", ONE)

    assert (put.status_code, put.json()["repo"]) == (201, "libs")
    assert put.headers["location"] == f"{site.url}/artifactory/libs/viav/a1.in"
    assert site.get("all/viav/a1.in").content == ONE


def test_a_path_that_the_patterns_refuse_is_named(site: Site) -> None:
    site.repo("release", excludes="secret/**,**/*-SNAPSHOT/**", includes="org/**, com/**")

    excluded = site.put("release/org/1.0-SNAPSHOT/a.jar", ONE)
    included = site.put("release/net/a.jar", ONE)
    folder = site.put("release/org/1.0-SNAPSHOT/")

    assert [answer.status_code for answer in (excluded, included, folder)] == [409] * 3
    assert "release" in message(excluded)
    assert "org/1.0-SNAPSHOT/a.jar" in message(excluded)
    assert "**/*-SNAPSHOT/**" in message(excluded)
    assert "org/**, com/**" in message(included)
    assert site.put("release/org/1.0/a.jar", ONE).status_code == 201


def test_an_immutable_repository_keeps_the_first_bytes(site: Site) -> None:
    site.repo("fixed", immutable=True)
    first = site.put("fixed/a;k=1", ONE)

    same, other = site.put("fixed/a;k=2", ONE), site.put("fixed/a", TWO)
    told = site.put("fixed/a", TWO, X_Checksum_Sha1=digests(TWO)["sha1"])

    assert (same.status_code, same.json()) == (200, first.json())
    assert site.properties("fixed", "a") == {"k": ["1"]}
    assert other.status_code == 409
    assert all(text in message(other) for text in ("octocat", digests(ONE)["sha256"], digests(TWO)["sha256"]))
    assert told.status_code == 409
    assert all(text in message(told) for text in (digests(ONE)["sha1"], digests(TWO)["sha1"]))
    assert site.get("fixed/a").content == ONE


def test_the_same_bytes_are_stored_once(site: Site) -> None:
    site.put("libs/once/1", b"stored once")
    before = site.places()

    assert site.put("libs/once/2", b"stored once").status_code == 201

    assert site.places() == before


def put(client: httpx2.Client, path: str, content: bytes, **headers: str) -> httpx2.Response:
    return client.put(f"/artifactory/{path}", content=content, headers=headers)


def test_other_bytes_need_the_right_to_delete_and_the_same_bytes_never_do(site: Site) -> None:
    site.put("libs/mine/a", ONE)
    deployer = site.caller("deployer", ("deploy read", "libs"))

    same, other = put(deployer, "libs/mine/a;k=1", ONE), put(deployer, "libs/mine/a", TWO)

    assert same.status_code == 201
    assert (other.status_code, message(other)) == (403, "Forbidden: the right delete is needed on libs:mine/a")
    assert site.get("libs/mine/a").content == ONE


def test_a_deployer_uploads_with_properties_and_may_not_change_them_of_a_folder(site: Site) -> None:
    deployer = site.caller("plain", ("deploy", "libs"))

    made = put(deployer, "libs/theirs/;k=1", b"")
    uploaded = put(deployer, "libs/theirs/a;k=1", ONE)
    changed = put(deployer, "libs/theirs/;k=2", b"")

    assert [made.status_code, uploaded.status_code, changed.status_code] == [201, 201, 403]
    assert "annotate" in message(changed)
    assert site.properties("libs", "theirs/a") == {"k": ["1"]}


def test_rights_are_judged_before_anything_is_told(site: Site) -> None:
    site.put("libs/private/a", ONE)
    stranger = site.stranger()
    nobody, elsewhere = site.caller("nobody"), site.caller("elsewhere", ("deploy", "libs", "open/**"))

    answers = [
        put(client, path, ONE) for client in (nobody, elsewhere) for path in ("libs/private/a", "libs/no", "no/a")
    ]

    assert [answer.status_code for answer in answers] == [403] * 6
    assert {message(answer).partition(" on ")[0] for answer in answers} == {"Forbidden: the right deploy is needed"}
    unknown = put(stranger, "libs/a", ONE)
    assert (unknown.status_code, unknown.headers["www-authenticate"]) == (401, 'Basic realm="Artifactory Realm"')
    assert put(elsewhere, "libs/open/a", ONE).status_code == 201


def test_a_conflict_names_no_digest_to_who_may_not_read(site: Site) -> None:
    site.repo("fixed2", immutable=True)
    site.put("fixed2/a", ONE)

    answer = put(site.caller("blind", ("deploy", "fixed2")), "fixed2/a", TWO)

    assert answer.status_code == 409
    assert digests(ONE)["sha256"] not in message(answer)
