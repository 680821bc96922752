"""Downloads: headers, conditions, ranges, properties, virtual repositories, and the pages of folders."""

import email.utils
import re

import httpx2
import pytest

from tests.artifacts.site import Site, digests, message

pytestmark = pytest.mark.postgres

TEN = b"0123456789"


@pytest.fixture(scope="module", autouse=True)
def stored(site: Site) -> None:
    site.put("libs/ten.txt;color=red;size=1,2", TEN)
    site.put("libs/empty", b"")


def test_the_headers_tell_what_the_file_is(site: Site) -> None:
    got = site.get("libs/ten.txt")

    sums = digests(TEN)
    assert {name: got.headers[f"x-checksum-{name}"] for name in sums} == sums
    assert got.headers["content-length"] == "10"
    assert got.headers["content-type"] == "text/plain"
    assert got.headers["accept-ranges"] == "bytes"
    assert got.headers["etag"] == f'"{sums["sha1"]}"'
    assert got.headers["x-artifactory-filename"] == "ten.txt"
    assert email.utils.parsedate_to_datetime(got.headers["last-modified"])


def test_head_tells_the_same_without_a_body(site: Site) -> None:
    got, head = site.get("libs/ten.txt"), site.ask("HEAD", "/artifactory/libs/ten.txt")

    assert (head.status_code, head.content) == (200, b"")
    varying = {"x-request-id", "date"}
    assert {n: v for n, v in head.headers.items() if n not in varying} == {
        n: v for n, v in got.headers.items() if n not in varying
    }
    assert site.ask("HEAD", "/artifactory/libs/none").status_code == 404


@pytest.mark.parametrize(
    ("asked", "status", "content", "told"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-30", 206, TEN, "bytes 0-9/10"),
        ("bytes=8-100", 206, b"89", "bytes 8-9/10"),
        ("bytes=9-9", 206, b"9", "bytes 9-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=5-2", 200, TEN, None),
        ("bytes=0-1,3-4", 200, TEN, None),
        ("bytes=-", 200, TEN, None),
        ("bytes=a-b", 200, TEN, None),
        ("lines=0-1", 200, TEN, None),
    ],
)
def test_one_range_is_answered(site: Site, asked: str, status: int, content: bytes, told: str | None) -> None:
    got = site.get("libs/ten.txt", Range=asked)

    assert (got.status_code, got.content, got.headers.get("content-range")) == (status, content, told)
    assert got.headers["content-length"] == str(len(content))


def test_no_range_of_an_empty_file_can_be_answered(site: Site) -> None:
    assert site.get("libs/empty", Range="bytes=0-").status_code == 416
    assert site.get("libs/empty").headers["content-length"] == "0"


def test_a_range_of_another_state_of_the_file_is_the_whole_file(site: Site) -> None:
    now = site.get("libs/ten.txt").headers
    held = [site.get("libs/ten.txt", Range="bytes=1-2", If_Range=now[name]) for name in ("etag", "last-modified")]
    old = site.get("libs/ten.txt", Range="bytes=1-2", If_Range='"another"')

    assert [got.status_code for got in (*held, old)] == [206, 206, 200]


def test_a_file_that_the_client_has_is_not_sent_again(site: Site) -> None:
    now = site.get("libs/ten.txt").headers
    sha1 = now["etag"].strip('"')
    past = "Sat, 01 Jan 2000 00:00:00 GMT"
    conditions = [
        ({"If-None-Match": now["etag"]}, 304),
        ({"If-None-Match": f'"other", W/"{sha1}"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-None-Match": '"other"', "If-Modified-Since": now["last-modified"]}, 200),
        ({"If-Modified-Since": now["last-modified"]}, 304),
        ({"If-Modified-Since": past}, 200),
        ({"If-Modified-Since": "nonsense"}, 200),
    ]

    got = [site.get("libs/ten.txt", **headers) for headers, _ in conditions]

    assert [answer.status_code for answer in got] == [status for _, status in conditions]
    assert got[0].content == b""
    assert got[0].headers["etag"] == now["etag"]


@pytest.mark.parametrize(
    ("matrix", "status"),
    [
        (";color=red", 200),
        (";color=blue", 404),
        (";other=1", 200),
        (";other+=1", 404),
        (";color+=red", 200),
        (";color%2B=red", 200),
        (";color+=blue", 404),
        (";size=2;color=red", 200),
        (";size=2,3", 404),
    ],
)
def test_parameters_ask_for_properties(site: Site, matrix: str, status: int) -> None:
    got = site.get(f"libs/ten.txt{matrix}")

    assert got.status_code == status
    if status == 404:
        assert "exists" in message(got)
        assert re.search("property (color|other|size)", message(got))


def test_who_may_not_read_the_file_is_not_told_of_its_properties(site: Site) -> None:
    blind = site.caller("blind", ("deploy", "libs"))

    got = blind.get("/artifactory/libs/ten.txt;color=blue")

    assert (got.status_code, "color" in message(got)) == (403, False)


@pytest.mark.parametrize("name", ["sha1", "md5", "sha256"])
def test_the_path_of_a_checksum_answers_it_unless_such_a_file_is_stored(site: Site, name: str) -> None:
    site.put(f"libs/sums/a.{name}.txt", TEN)
    got = site.get(f"libs/sums/a.{name}.txt.{name}")
    assert (got.status_code, got.text) == (200, digests(TEN)[name])
    assert got.headers["content-type"].startswith("text/plain")
    assert site.ask("HEAD", f"/artifactory/libs/sums/a.{name}.txt.{name}").headers["content-length"] == str(
        len(got.text)
    )

    site.put(f"libs/sums/a.{name}.txt.{name}", b"stored")

    assert site.get(f"libs/sums/a.{name}.txt.{name}").text == "stored"
    assert site.get(f"libs/sums/none.{name}").status_code == 404


def test_a_missing_file_is_told_in_the_words_that_clients_know(site: Site) -> None:
    missing, folder = site.get("libs/none"), site.get("libs/sums")

    assert [got.status_code for got in (missing, folder)] == [404, 404]
    assert message(missing).startswith("File not found")
    assert "slash" in message(folder)
    assert "artifact repository" in message(site.get("nowhere/a"))


def test_a_virtual_repository_gives_the_file_of_its_first_member_that_has_it(site: Site) -> None:
    for key in ("first", "second", "third"):
        site.repo(key)
    site.repo("inner", kind="virtual", members=["second"])
    site.repo("outer", kind="virtual", members=["first", "inner", "third"])
    for key, names in {"first": "a", "second": "ab", "third": "abc"}.items():
        for name in names:
            site.put(f"{key}/{name}", f"{name} of {key}".encode())
    some = site.caller("some", ("read", "second third"))

    assert [site.get(f"outer/{name}").text for name in "abc"] == ["a of first", "b of second", "c of third"]
    assert [some.get(f"/artifactory/outer/{name}").text for name in "abc"] == [
        "a of second",
        "b of second",
        "c of third",
    ]
    assert site.get("outer/b.sha1").text == digests(b"b of second")["sha1"]
    assert site.get("outer/d").status_code == 404
    assert site.caller("none").get("/artifactory/outer/a").status_code == 403
    assert "c</a>" in site.get("outer/").text


def test_rights_are_judged_before_anything_is_told(site: Site) -> None:
    site.put("libs/open/file", TEN)
    nobody, some = site.caller("reader0"), site.caller("reader1", ("read", "libs", "open/**"))
    everywhere = site.caller("reader2", ("read", "ANY"))
    paths = ("libs/ten.txt", "libs/none", "nowhere/none", "libs/")

    def statuses(client: httpx2.Client) -> list[int]:
        return [client.get(f"/artifactory/{path}").status_code for path in paths]

    assert statuses(nobody) == [403] * 4
    assert statuses(some) == [403, 403, 403, 200]
    assert statuses(everywhere) == [200, 404, 404, 200]
    assert statuses(site.stranger()) == [401] * 4


def test_what_browsers_get_runs_nothing_and_is_saved_under_its_name(site: Site) -> None:
    site.put("libs/web/a%22b%3B%3C%0A%3E%C3%BC.html", b"<script>")

    got = site.get("libs/web/a%22b%3B%3C%0A%3E%C3%BC.html")

    assert got.headers["content-type"] == "text/html"
    assert got.headers["content-security-policy"] == "sandbox"
    assert got.headers["x-content-type-options"] == "nosniff"
    plain = "attachment; filename=\"a_b;____.html\"; filename*=UTF-8''a%22b%3B%3C%0A%3E%C3%BC.html"
    assert got.headers["content-disposition"] == plain


def test_the_page_of_a_folder_shows_names_that_are_escaped(site: Site) -> None:
    site.put("libs/page/%3Cimg%20src%3Dx%3E", TEN)
    site.put("libs/page/a%3Ab", TEN * 1000)
    site.put("libs/page/z/y/x", TEN)

    got = site.get("libs/page/")

    assert got.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in got.headers["content-security-policy"]
    assert "<img" not in got.text
    rows = re.findall(r'<a href="([^"]*)">([^<]*)</a></td><td>([^<]*)</td>', got.text)
    assert rows == [
        ("../", "../", ""),
        ("./z/", "z/", ""),
        ("./%3Cimg%20src=x%3E", "&lt;img src=x&gt;", "10 B"),
        ("./a:b", "a:b", "9.8 KB"),
    ]
    for href, _, _ in rows:
        assert site.client.get(httpx2.URL(f"{site.url}/artifactory/libs/page/").join(href)).status_code == 200


def test_the_page_of_a_folder_shows_what_the_caller_may_read(site: Site) -> None:
    for path in ("deep/er/down/file", "deep/other/file", "deep/file"):
        site.put(f"libs/{path}", TEN)
    site.put("libs/void/")
    some = site.caller("pager", ("read", "libs", "deep/er/**"))

    def names(path: str) -> list[str]:
        return re.findall(r">([^<]*)</a>", some.get(f"/artifactory/{path}").text)

    assert names("libs/") == ["deep/"]
    assert names("libs/deep/") == ["../", "er/"]
    assert names("libs/deep/er/") == ["../", "down/"]
    assert some.get("/artifactory/libs/deep/other/").status_code == 404
    assert "empty" in site.get("libs/void/").text
    assert site.get("libs/none/").status_code == 404
    assert site.get("libs/ten.txt/").status_code == 404


def test_downloads_are_counted(site: Site) -> None:
    site.put("libs/counted", TEN)
    reader = site.caller("counter", ("read", "libs"))
    for headers in ({}, {}, {"Range": "bytes=0-4"}, {"Range": "bytes=5-9"}):
        reader.get("/artifactory/libs/counted", headers=headers)
    site.ask("HEAD", "/artifactory/libs/counted")

    def stored() -> list[tuple[int, str]]:
        sql = "SELECT downloads, last_by FROM item_stats JOIN items ON items.id = item_id WHERE name = 'counted'"
        return [tuple(row) for row in site.rows(sql)]

    site.until(lambda: stored() == [(3, "counter")], "the downloads are stored")
