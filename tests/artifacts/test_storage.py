"""What is told of files and folders over HTTP, and how their properties are changed."""

import json
from typing import Any

import httpx2
import pytest

from tests.artifacts.site import Site, digests, message

pytestmark = pytest.mark.postgres

API = "/artifactory/api/storage"
BYTES = b"the bytes"


def told(site: Site, path: str, query: str = "") -> Any:
    """The JSON of an answer about an item, which must be 200."""
    return site.json("GET", f"{API}/{path}{query}")


def change(site: Site, method: str, path: str, query: str, client: httpx2.Client | None = None) -> httpx2.Response:
    return (client or site.client).request(method, f"{API}/{path}?{query}")


def patch(site: Site, path: str, props: Any, query: str = "", client: httpx2.Client | None = None) -> httpx2.Response:
    body = {"props": props}
    return (client or site.client).request("PATCH", f"/artifactory/api/metadata/{path}{query}", json=body)


def test_a_file_is_told_of(site: Site) -> None:
    sums = digests(BYTES)
    site.put("libs/info/a b.txt", BYTES, X_Checksum_Sha1=sums["sha1"])

    found = told(site, "libs/info/a%20b.txt")

    assert found["uri"] == f"{site.url}{API}/libs/info/a%20b.txt"
    assert found["downloadUri"] == f"{site.url}/artifactory/libs/info/a%20b.txt"
    assert (found["repo"], found["path"], found["size"]) == ("libs", "/info/a b.txt", "9")
    assert (found["createdBy"], found["modifiedBy"], found["mimeType"]) == ("octocat", "octocat", "text/plain")
    assert found["checksums"] == sums
    assert found["originalChecksums"] == {"sha1": sums["sha1"]}
    assert found["created"] == found["lastModified"] == found["lastUpdated"]
    assert "children" not in found


def test_a_folder_is_told_of_with_its_children_by_name(site: Site) -> None:
    for path in ("b.txt", "a.txt", "sub/c.txt"):
        site.put(f"libs/folder/{path}", BYTES)

    found = told(site, "libs/folder")

    assert (found["path"], found["uri"]) == ("/folder", f"{site.url}{API}/libs/folder")
    assert found["children"] == [
        {"uri": "/a.txt", "folder": False},
        {"uri": "/b.txt", "folder": False},
        {"uri": "/sub", "folder": True},
    ]
    assert not {"size", "checksums", "downloadUri", "mimeType"} & set(found)


def test_the_root_of_a_repository_is_a_folder(site: Site) -> None:
    site.repo("root")
    site.put("root/a", BYTES)

    for path in ("root", "root/"):
        found = told(site, path)
        assert (found["path"], found["uri"]) == ("/", f"{site.url}{API}/root")
        assert found["children"] == [{"uri": "/a", "folder": False}]


def test_what_is_not_there_is_404_in_the_words_that_clients_look_for(site: Site) -> None:
    for path in ("libs/none", "libs/none/at/all", "no-such-repository/a"):
        answer = site.ask("GET", f"{API}/{path}")
        assert answer.status_code == 404
        assert message(answer).startswith("Unable to find item")


def test_of_a_virtual_repository_the_first_member_that_has_the_item_is_told_of(site: Site) -> None:
    for key in ("first", "second"):
        site.repo(key)
        site.put(f"{key}/both", key.encode())
    site.put("second/one", BYTES)
    site.repo("virtual", kind="virtual", members=["first", "second"])

    assert told(site, "virtual/both")["repo"] == "first"
    assert told(site, "virtual/one")["repo"] == "second"


def test_a_folder_of_a_virtual_repository_has_the_children_of_all_members(site: Site) -> None:
    for key, paths in (("near", ["f/a", "f/both"]), ("far", ["f/both/x", "f/c/d"]), ("hidden", ["f/e"])):
        site.repo(key)
        for path in paths:
            site.put(f"{key}/{path}", BYTES)
    site.repo("all", kind="virtual", members=["near", "far", "hidden"])
    reader = site.caller("reads-two", ("read", "near far"))

    for client, more in ((site.client, [{"uri": "/e", "folder": False}]), (reader, [])):
        found = client.get(f"{API}/all/f").json()
        assert found["repo"] == "near"
        assert found["children"] == [
            {"uri": "/a", "folder": False},
            {"uri": "/both", "folder": False},
            {"uri": "/c", "folder": True},
            *more,
        ]
    assert uris(told(site, "all/f", "?list")) == ["/a", "/both", "/e"]
    deep = reader.get(f"{API}/all/f?list&deep=1&listFolders=1&includeRootPath=1").json()
    assert uris(deep) == ["/", "/a", "/both", "/c", "/both/x", "/c/d"]
    assert uris(told(site, "all", "?list&deep=1")) == ["/f/a", "/f/both", "/f/e", "/f/both/x", "/f/c/d"]


def test_a_virtual_repository_without_members_has_no_item(site: Site) -> None:
    site.repo("empty-virtual", kind="virtual")

    answer = site.ask("GET", f"{API}/empty-virtual")

    assert answer.status_code == 404
    assert message(answer).startswith("Unable to find item")
    assert site.caller("reads-no-virtual").get(f"{API}/empty-virtual").status_code == 403


def test_the_children_of_a_folder_lead_to_what_the_caller_may_read(site: Site) -> None:
    site.repo("led")
    for path in ("org/app/a", "org/other/b", "c"):
        site.put(f"led/{path}", BYTES)
    reader = site.caller("is-led", ("read", "led", "org/app/**"))

    assert reader.get(f"{API}/led").json()["children"] == [{"uri": "/org", "folder": True}]
    assert reader.get(f"{API}/led/org").json()["children"] == [{"uri": "/app", "folder": True}]


@pytest.fixture(scope="module")
def listed(site: Site) -> str:
    """A repository with a tree of files."""
    site.repo("listed")
    for path in ("test/a.in;k=v", "b.in", "c.tar.gz", "test/deep/d.in", "test0"):
        site.put(f"listed/{path}", BYTES)
    return "listed"


def uris(found: Any) -> list[str]:
    return [one["uri"] for one in found["files"]]


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("", "list", ["/b.in", "/c.tar.gz", "/test0"]),
        ("", "list=true&deep=1", ["/b.in", "/c.tar.gz", "/test0", "/test/a.in", "/test/deep/d.in"]),
        ("", "list&deep=1&depth=2", ["/b.in", "/c.tar.gz", "/test0", "/test/a.in"]),
        ("", "list&listFolders=1", ["/b.in", "/c.tar.gz", "/test", "/test0"]),
        ("/test", "list&deep=1&listFolders=1", ["/a.in", "/deep", "/deep/d.in"]),
        ("/test", "list&includeRootPath=1", ["/", "/a.in"]),
        ("/test", "list&deep=0&listFolders=0&mdTimestamps=0&includeRootPath=0", ["/a.in"]),
        ("/test", "list&deep=false&depth=", ["/a.in"]),
        ("", "list&includeRootPath=1&depth=0", ["/", "/b.in", "/c.tar.gz", "/test0"]),
    ],
)
def test_what_is_below_a_folder_is_listed(site: Site, listed: str, path: str, query: str, expected: list[str]) -> None:
    assert uris(told(site, f"{listed}{path}", f"?{query}")) == expected


def test_an_entry_of_a_list_says_what_clients_read(site: Site, listed: str) -> None:
    query = "?list=true&deep=1&depth=2&listFolders=1&mdTimestamps=1&includeRootPath=1"
    found = told(site, listed, query)
    entries = {one["uri"]: one for one in found["files"]}

    assert found["uri"] == f"{site.url}{API}/listed"
    assert found["created"]
    file, folder = entries["/test/a.in"], entries["/test"]
    assert (file["size"], file["folder"]) == (9, False)
    assert (file["sha1"], file["sha2"]) == (digests(BYTES)["sha1"], digests(BYTES)["sha256"])
    assert file["mdTimestamps"]["properties"]
    assert (folder["size"], folder["folder"]) == (-1, True)
    assert folder["lastModified"]
    assert not {"sha1", "mdTimestamps"} & set(folder)
    assert "mdTimestamps" not in entries["/b.in"]


@pytest.mark.parametrize("depth", ["x", "-1", "1.5", "1" * 10])
def test_a_depth_that_is_no_number_is_refused(site: Site, listed: str, depth: str) -> None:
    answer = site.ask("GET", f"{API}/{listed}?list&deep=1&depth={depth}")

    assert answer.status_code == 400
    assert "depth" in message(answer)


def test_a_file_is_not_listed(site: Site, listed: str) -> None:
    answer = site.ask("GET", f"{API}/{listed}/b.in?list")

    assert answer.status_code == 400
    assert "is a file" in message(answer)


def test_statistics_of_a_file_that_nobody_read_are_zero(site: Site, listed: str) -> None:
    found = told(site, f"{listed}/b.in", "?stats")

    assert found["uri"] == f"{site.url}{API}/listed/b.in"
    assert (found["downloadCount"], found["lastDownloaded"], found["lastDownloadedBy"]) == (0, 0, "")
    assert (found["remoteDownloadCount"], found["remoteLastDownloaded"]) == (0, 0)


def test_a_folder_was_modified_when_the_newest_file_below_it_was(site: Site) -> None:
    site.put("libs/newest/a/b/c", BYTES)
    site.put("libs/newest/z", BYTES)
    site.put("libs/newest/a/b/c", b"other bytes")

    newest = told(site, "libs/newest/a/b/c")["lastModified"]

    for path in ("libs/newest", "libs/newest/a", "libs/newest/a/b/c"):
        assert told(site, path, "?lastModified") == {"uri": f"{site.url}{API}/{path}", "lastModified": newest}


def test_totals_are_those_of_what_the_caller_may_read(site: Site) -> None:
    site.repo("counted", package_type="maven", project="proj")
    for path in ("a/one", "a/two", "b/three"):
        site.put(f"counted/{path}", b"12345")
    reader = site.caller("counts", ("read", "counted", "a/**"))

    assert site.ask("POST", "/artifactory/api/storageinfo/calculate").status_code == 202
    found = reader.get("/artifactory/api/storageinfo").json()

    [repo] = found["repositoriesSummaryList"]
    assert (repo["repoKey"], repo["repoType"], repo["projectKey"]) == ("counted", "LOCAL", "proj")
    assert (repo["filesCount"], repo["foldersCount"], repo["itemsCount"]) == (2, 1, 3)
    assert (repo["usedSpaceInBytes"], repo["percentage"], repo["packageType"]) == ("10", "100.00%", "Maven")
    binaries = found["binariesSummary"]
    assert (binaries["binariesCount"], binaries["artifactsCount"], binaries["itemsCount"]) == ("1", "2", "3")
    assert binaries["optimization"] == "50.00%"
    assert found["fileStoreSummary"] == {  # where bytes lie, and how much others store, is for administrators
        "storageType": "file-system",
        "storageDirectory": "",
        "totalSpace": "unlimited",
        "usedSpace": binaries["binariesSize"],
        "freeSpace": "unlimited",
    }


def test_a_repository_in_no_project_counts_for_the_default_one(site: Site) -> None:
    found = site.json("GET", "/artifactory/api/storageinfo")

    assert found["fileStoreSummary"]["storageDirectory"] == str(site.data / "blobs")
    assert "unlimited" not in found["fileStoreSummary"].values()
    assert {"libs": "default"}.items() <= {
        repo["repoKey"]: repo["projectKey"] for repo in found["repositoriesSummaryList"]
    }.items()


# Rights.


def test_nothing_is_told_of_what_the_caller_may_not_read(site: Site) -> None:
    site.put("libs/open/a", BYTES)
    site.put("libs/closed/b", BYTES)
    reader = site.caller("sees-open", ("read", "libs", "open/**"))

    assert reader.get(f"{API}/libs/open/a").status_code == 200
    children = reader.get(f"{API}/libs").json()["children"]
    assert children == [{"uri": "/open", "folder": True}]
    assert uris(reader.get(f"{API}/libs?list&deep=1&listFolders=1").json()) == ["/open", "/open/a"]
    refusals = {path: reader.get(f"{API}/libs/{path}") for path in ("closed/b", "closed/none", "closed")}
    refusals["none"] = reader.get(f"{API}/no-such-repository/a")
    for answer in refusals.values():
        assert answer.status_code == 403
        assert "read" in message(answer)
    assert site.stranger().get(f"{API}/libs/open/a").status_code == 401


# Properties.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("k=v", {"k": ["v"]}),
        ("k=v1,v2;k2=w", {"k": ["v1", "v2"], "k2": ["w"]}),
        ("k=v1%2Cv2;k2=w+x;k3=a%5C%2Cb", {"k": ["v1", "v2"], "k2": ["w x"], "k3": ["a,b"]}),
        ("k=v|k2=w", {"k": ["v"], "k2": ["w"]}),
        ("k%3Dv%3Bk2%3Dw", {"k": ["v"], "k2": ["w"]}),
        ("prop=a=1;url=http://h.example.test/?x=1%26y=2", {"prop": ["a=1"], "url": ["http://h.example.test/?x=1&y=2"]}),
        (r"k=a\;b\|c\=d\\e\x", {"k": [r"a;b|c=d\e\x"]}),
        ("k=", {"k": [""]}),
        ("k", {"k": [""]}),
        ("k=v,v,w", {"k": ["v", "w"]}),
        ("k=v;k=w", {"k": ["v", "w"]}),
        ("k=''", {"k": ["''"]}),
        ("%C3%BC=%E2%82%AC", {"ü": ["€"]}),
    ],
)
def test_properties_are_set_in_every_form_that_clients_send(site: Site, text: str, expected: dict[str, Any]) -> None:
    site.put("libs/forms/a", BYTES)

    answer = change(site, "PUT", "libs/forms/a", f"properties={text}&recursive=0")

    assert (answer.status_code, answer.content) == (204, b"")
    assert told(site, "libs/forms/a", "?properties")["properties"] == expected


@pytest.mark.parametrize(
    ("method", "query", "words"),
    [
        ("PUT", "properties=good=1;b%26d=2", "b&d"),
        ("PUT", "properties=good=1;b%28d=2", "b(d"),
        ("PUT", "properties=good=1;k=a%00b", "NUL"),
        ("PUT", "properties=good=1;k=%FF", "UTF-8"),
        ("DELETE", "properties=old,a%00b", "NUL"),
        ("PUT", "properties=", "KEY=VALUE"),
        ("PUT", "recursive=0", "KEY=VALUE"),
        ("DELETE", "properties=", "KEY"),
        ("DELETE", "", "KEY"),
    ],
)
def test_a_bad_key_sets_nothing(site: Site, method: str, query: str, words: str) -> None:
    site.put("libs/bad/a;old=1", BYTES)

    answer = change(site, method, "libs/bad/a", query)

    assert answer.status_code == 400
    assert words in message(answer)
    assert site.properties("libs", "bad/a") == {"old": ["1"]}


@pytest.mark.parametrize("pair", ["k=a%00b", "k%00=a", "k=%FF"])
def test_a_file_is_not_put_with_a_property_that_is_no_text(site: Site, pair: str) -> None:
    assert site.put(f"libs/no-text/a;{pair}", BYTES).status_code == 400
    assert site.get("libs/no-text/a").status_code == 404


def test_only_named_keys_are_replaced(site: Site) -> None:
    site.put("libs/replaced/a;prop=red;other=1", BYTES)
    before = told(site, "libs/replaced/a")

    assert change(site, "PUT", "libs/replaced/a", "properties=prop=green").status_code == 204

    after = told(site, "libs/replaced/a")
    assert site.properties("libs", "replaced/a") == {"other": ["1"], "prop": ["green"]}
    assert after["lastModified"] == before["lastModified"]
    assert after["lastUpdated"] >= before["lastUpdated"]


def test_named_properties_are_shown(site: Site) -> None:
    site.put("libs/named/a;x=1;y=2;z=3", BYTES)

    assert told(site, "libs/named/a", "?properties=x,z")["properties"] == {"x": ["1"], "z": ["3"]}
    assert told(site, "libs/named/a", "?properties=x;z")["properties"] == {"x": ["1"], "z": ["3"]}
    for path, query in (("libs/named/a", "none"), ("libs/named", "")):
        answer = site.ask("GET", f"{API}/{path}?properties={query}")
        assert answer.status_code == 404
        assert "No properties could be found" in message(answer)


def test_properties_are_deleted_and_a_key_that_is_not_there_is_no_error(site: Site) -> None:
    site.put("libs/deleted/a;x=1;y=2", BYTES)

    assert change(site, "DELETE", "libs/deleted/a", "properties=x,none&recursive=0").status_code == 204
    assert change(site, "DELETE", "libs/deleted/a", "properties=x").status_code == 204

    assert site.properties("libs", "deleted/a") == {"y": ["2"]}


@pytest.mark.parametrize(("query", "deep"), [("", True), ("&recursive=1", True), ("&recursive=0", False)])
def test_properties_of_a_folder_reach_all_below_unless_that_is_turned_off(site: Site, query: str, deep: bool) -> None:
    key = f"k{len(query)}{deep}"
    for path in ("tree/a", "tree/sub/b;own=1", "tree0", "tree.x/c"):
        site.put(f"libs/{path}", BYTES)

    assert change(site, "PUT", "libs/tree", f"properties={key}=v{query}").status_code == 204

    assert site.properties("libs", "tree")[key] == ["v"]
    assert (key in site.properties("libs", "tree/a")) is deep
    assert (key in site.properties("libs", "tree/sub/b")) is deep
    assert site.properties("libs", "tree/sub/b")["own"] == ["1"]
    assert key not in site.properties("libs", "tree0") | site.properties("libs", "tree.x/c")
    assert change(site, "DELETE", "libs/tree", f"properties={key}{query}").status_code == 204
    assert key not in site.properties("libs", "tree") | site.properties("libs", "tree/sub/b")


def test_a_repository_itself_has_properties(site: Site) -> None:
    site.repo("itself")
    site.put("itself/a", BYTES)

    assert change(site, "PUT", "itself", "properties=rp=1&recursive=0").status_code == 204

    assert told(site, "itself", "?properties")["properties"] == {"rp": ["1"]}
    assert site.properties("itself", "a") == {}
    assert change(site, "PUT", "itself", "properties=all=1").status_code == 204
    assert site.properties("itself", "a") == {"all": ["1"]}


def test_metadata_is_patched(site: Site) -> None:
    site.put("libs/patched/a;x=1;y=2", BYTES)

    answer = patch(site, "libs/patched/a", {"x": None, "y": "new", "z": ["1", "2"], "e": "a=1;b,c"})

    assert (answer.status_code, answer.content) == (204, b"")
    assert site.properties("libs", "patched/a") == {"e": ["a=1;b,c"], "y": ["new"], "z": ["1", "2"]}


@pytest.mark.parametrize(
    ("query", "deep"),
    [
        ("", True),
        ("?recursive=0", False),
        ("?recursiveProperties=0", False),
        ("?recursive=1&recursiveProperties=1", True),
    ],
)
def test_a_patch_of_a_folder_reaches_all_below_unless_that_is_turned_off(site: Site, query: str, deep: bool) -> None:
    key = f"p{len(query)}"
    site.put("libs/patches/sub/a", BYTES)

    assert patch(site, "libs/patches", {key: "1"}, query).status_code == 204

    assert key in site.properties("libs", "patches")
    assert (key in site.properties("libs", "patches/sub/a")) is deep


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "props"),
        (b"{", "not JSON"),
        (b"[]", "props"),
        (b"{}", "props"),
        (b'{"props":{}}', "props"),
        (b'{"props":{"good":"1","b&d":"2"}}', "b&d"),
        (b'{"props":{"good":"1","k":{}}}', "props.k"),
        (b'{"props":{"good":"1","k":[1]}}', "props.k"),
        (b'{"props":{"good":"1","k":"a\\u0000b"}}', "props.k"),
    ],
)
def test_a_patch_that_is_not_right_changes_nothing(site: Site, body: bytes, words: str) -> None:
    site.put("libs/unpatched/a;x=1", BYTES)

    answer = site.ask("PATCH", "/artifactory/api/metadata/libs/unpatched/a", content=body)

    assert answer.status_code == 400
    assert words in message(answer)
    assert site.properties("libs", "unpatched/a") == {"x": ["1"]}


def test_the_same_values_are_set_by_every_way(site: Site) -> None:
    expected = {"prop": ["a=1"], "url": ["http://h.example.test/?x=1&y=2"]}
    site.put("libs/ways/matrix;prop=a=1;url=http%3A%2F%2Fh.example.test%2F?x=1&y=2", BYTES)
    site.put("libs/ways/query", BYTES)
    site.put("libs/ways/patch", BYTES)

    change(site, "PUT", "libs/ways/query", "properties=prop=a=1;url=http://h.example.test/?x=1%26y=2")
    patch(site, "libs/ways/patch", {"prop": "a=1", "url": "http://h.example.test/?x=1&y=2"})

    assert site.properties("libs", "ways/query") == expected
    assert site.properties("libs", "ways/patch") == expected
    encoded = "libs/ways/encoded;prop=a=1;url=http%3A%2F%2Fh.example.test%2F%3Fx%3D1%26y%3D2"
    assert site.put(encoded, BYTES).status_code == 201
    assert site.properties("libs", "ways/encoded") == expected


def test_who_may_deploy_only_does_not_change_properties(site: Site) -> None:
    deployer = site.caller("deploys-only", ("read deploy", "libs", "own/**"))

    assert deployer.put("/artifactory/libs/own/a;k=1", content=BYTES).status_code == 201
    for answer in (
        change(site, "PUT", "libs/own/a", "properties=k=2", deployer),
        change(site, "DELETE", "libs/own/a", "properties=k", deployer),
        patch(site, "libs/own/a", {"k": "2"}, client=deployer),
        change(site, "PUT", "libs/own/none", "properties=k=2", deployer),
        change(site, "PUT", "no-such-repository/own/a", "properties=k=2", deployer),
    ):
        assert answer.status_code == 403
        assert "annotate" in message(answer)
    assert site.properties("libs", "own/a") == {"k": ["1"]}


def test_a_folder_with_one_file_that_the_caller_may_not_annotate_is_left_as_it_is(site: Site) -> None:
    for path in ("mixed/open/a", "mixed/closed/b"):
        site.put(f"libs/{path}", BYTES)
    annotator = site.caller("annotates", ("read annotate", "libs", "mixed mixed/open/**"))
    annotator_of_open = site.caller("annotates-open", ("read annotate", "libs", "mixed/open/**"))

    assert change(site, "PUT", "libs/mixed", "properties=k=1", annotator_of_open).status_code == 403
    assert change(site, "PUT", "libs/mixed", "properties=k=1", annotator).status_code == 403
    assert site.properties("libs", "mixed/open/a") == {}
    assert change(site, "PUT", "libs/mixed/open", "properties=k=1", annotator_of_open).status_code == 204
    assert site.properties("libs", "mixed/open/a") == {"k": ["1"]}


def test_properties_of_a_virtual_repository_are_not_changed(site: Site) -> None:
    site.repo("behind")
    site.put("behind/a", BYTES)
    site.repo("front", kind="virtual", members=["behind"])

    answer = change(site, "PUT", "front/a", "properties=k=1")

    assert answer.status_code == 400
    assert "behind" in message(answer)


def test_many_sets_of_properties_are_changed_together(site: Site) -> None:
    for at in range(20):
        site.put(f"libs/many/{at};own={at};same=1", BYTES)

    assert change(site, "PUT", "libs/many", "properties=same=2;new=3").status_code == 204

    assert all(
        site.properties("libs", f"many/{at}") == {"new": ["3"], "own": [str(at)], "same": ["2"]} for at in range(20)
    )


def test_a_body_that_is_json_lines_of_any_order_keeps_the_order_of_values(site: Site) -> None:
    site.put("libs/order/a", BYTES)

    patch(site, "libs/order/a", json.loads('{"k": ["b", "a", "b", "c"]}'))

    assert told(site, "libs/order/a", "?properties")["properties"] == {"k": ["b", "a", "c"]}
