"""Copies and moves over HTTP: what goes where, who may, what is refused, and that a dry run changes nothing."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx2
import pytest

from tests.artifacts.site import Site, message

pytestmark = pytest.mark.postgres

BYTES, OTHER = b"bytes", b"other bytes"
#: All that copies and moves may change.
#: Not the counts of downloads: the server writes those of other tests meanwhile.
DUMP = ("artifact_repos", "items", "blobs", "property_sets", "properties")
ITEMS = """
    SELECT items.path, name, folder, sha256 FROM items JOIN artifact_repos ON artifact_repos.id = repo_id
    LEFT JOIN blobs ON blobs.id = blob_id WHERE key = :repo AND depth > 0 ORDER BY items.path, name
"""


def ask(
    site: Site, verb: str, source: str, to: str, client: httpx2.Client | None = None, **query: str
) -> httpx2.Response:
    """Ask for a copy or a move."""
    params = {"to": to, **query}
    return (client or site.client).post(f"/artifactory/api/{verb}/{source}", params=params)


def said(answer: httpx2.Response) -> list[tuple[str, str]]:
    """The level and the text of each message."""
    return [(one["level"], one["message"]) for one in answer.json()["messages"]]


def tree(site: Site, repo: str) -> list[str]:
    """All below a repository; folders end with a slash."""
    rows = site.rows(ITEMS, repo=repo)
    found = ["/".join(p for p in (row["path"], row["name"]) if p != ".") + "/" * bool(row["folder"]) for row in rows]
    return sorted(found)


def dump(site: Site) -> dict[str, list[str]]:
    """Every row of what copies and moves may change, and how much is recorded."""
    rows = {table: sorted(str(tuple(row)) for row in site.rows(f"SELECT * FROM {table}")) for table in DUMP}
    return rows | {"audit": [str(row["id"]) for row in site.rows("SELECT id FROM audit ORDER BY id")]}


@pytest.fixture
def pair(site: Site, request: pytest.FixtureRequest) -> tuple[str, str]:
    """Two repositories of the test's own; the first holds files."""
    number = len(site.rows("SELECT id FROM artifact_repos"))
    source, target = site.repo(f"src{number}"), site.repo(f"dst{number}")
    for path in ("a/one;k=v", "a/b/two", "a/b/c/three", "a.x/four", "a0"):
        assert site.put(f"{source}/{path}", BYTES).status_code == 201
    return source, target


WHOLE = ["a.x/", "a.x/four", "a/", "a/b/", "a/b/c/", "a/b/c/three", "a/b/two", "a/one", "a0"]


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("verb", ["copy", "move"])
def test_a_file_gets_the_path_that_is_asked_for(site: Site, pair: tuple[str, str], verb: str, slash: str) -> None:
    source, target = pair

    answer = ask(site, verb, f"{source}/a/one", f"{slash}{target}/new/path/uno")

    assert answer.status_code == 200
    [(level, text)] = said(answer)
    assert level == "INFO"
    assert f"{source}:a/one" in text
    assert f"{target}:new/path/uno" in text
    assert tree(site, target) == ["new/", "new/path/", "new/path/uno"]
    assert site.properties(target, "new/path/uno") == {"k": ["v"]}
    assert tree(site, source) == (WHOLE if verb == "copy" else [path for path in WHOLE if path != "a/one"])


def test_a_file_is_put_into_a_folder_that_is_there_or_that_ends_with_a_slash(site: Site, pair: tuple[str, str]) -> None:
    source, target = pair
    site.ask("PUT", f"/artifactory/{target}/there/")

    assert ask(site, "copy", f"{source}/a/one", f"{target}/there").status_code == 200
    assert ask(site, "copy", f"{source}/a/one", f"{target}/new/").status_code == 200
    assert ask(site, "copy", f"{source}/a/one", f"{target}/").status_code == 200
    assert ask(site, "copy", f"{source}/a/b/two", target).status_code == 200

    assert tree(site, target) == ["new/", "new/one", "one", "there/", "there/one", "two"]


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("new", ["new/", "new/c/", "new/c/three", "new/two"]),
        ("new/", ["new/", "new/b/", "new/b/c/", "new/b/c/three", "new/b/two"]),
        ("there", ["there/", "there/b/", "there/b/c/", "there/b/c/three", "there/b/two"]),
        ("", ["b/", "b/c/", "b/c/three", "b/two"]),
    ],
)
def test_a_folder_becomes_the_new_one_or_goes_into_one(
    site: Site, pair: tuple[str, str], to: str, expected: list[str]
) -> None:
    source, target = pair
    if to == "there":
        site.ask("PUT", f"/artifactory/{target}/there/")

    assert ask(site, "copy", f"{source}/a/b", f"{target}/{to}").status_code == 200

    assert tree(site, target) == expected
    assert tree(site, source) == WHOLE


def test_a_whole_repository_is_copied_and_moved(site: Site, pair: tuple[str, str]) -> None:
    source, target = pair

    assert ask(site, "copy", source, target).status_code == 200
    assert tree(site, target) == WHOLE
    assert ask(site, "move", source, f"{target}/below").status_code == 200

    assert tree(site, source) == []
    assert site.get(f"{source}/").status_code == 200
    assert tree(site, target) == sorted([*WHOLE, "below/", *(f"below/{path}" for path in WHOLE)])


def test_a_move_removes_the_folders_that_are_empty_then(site: Site, pair: tuple[str, str]) -> None:
    source, target = pair

    assert ask(site, "move", f"{source}/a/b/c/three", f"{target}/three").status_code == 200
    assert tree(site, source) == ["a.x/", "a.x/four", "a/", "a/b/", "a/b/two", "a/one", "a0"]
    assert ask(site, "move", f"{source}/a/b", f"{target}/b").status_code == 200
    assert tree(site, source) == ["a.x/", "a.x/four", "a/", "a/one", "a0"]
    assert ask(site, "move", f"{source}/a", f"{target}/a").status_code == 200

    assert tree(site, source) == ["a.x/", "a.x/four", "a0"]
    assert tree(site, target) == ["a/", "a/one", "b/", "b/two", "three"]


def test_empty_folders_go_along_with_their_properties(site: Site, pair: tuple[str, str]) -> None:
    source, target = pair
    site.ask("PUT", f"/artifactory/{source}/a/empty/;color=red")

    ask(site, "copy", f"{source}/a", f"{target}/copied")
    ask(site, "move", f"{source}/a", f"{target}/moved")

    for folder in ("copied/empty", "moved/empty"):
        assert f"{folder}/" in tree(site, target)
        assert site.properties(target, folder) == {"color": ["red"]}
    assert tree(site, source) == ["a.x/", "a.x/four", "a0"]


def test_what_a_file_was_stays_with_its_copy(site: Site, pair: tuple[str, str]) -> None:
    source, target = pair
    api = "/artifactory/api/storage"
    before = site.json("GET", f"{api}/{source}/a/one")
    copier = site.caller(f"copies-{source}", ("read", source), ("read deploy", target))

    assert ask(site, "copy", f"{source}/a/one", f"{target}/one", copier).status_code == 200

    after = site.json("GET", f"{api}/{target}/one")
    for field in ("created", "createdBy", "lastModified", "modifiedBy", "checksums", "originalChecksums", "mimeType"):
        assert after[field] == before[field]


def test_bytes_are_never_stored_again(site: Site, pair: tuple[str, str]) -> None:
    source, target = pair
    places, blobs = site.places(), site.rows("SELECT * FROM blobs ORDER BY id")

    ask(site, "copy", source, f"{target}/copied")
    ask(site, "move", f"{source}/a", f"{target}/moved")

    assert site.places() == places
    assert site.rows("SELECT * FROM blobs ORDER BY id") == blobs


@pytest.mark.parametrize("verb", ["copy", "move"])
def test_an_item_onto_itself_is_left_as_it_is(site: Site, pair: tuple[str, str], verb: str) -> None:
    source, _ = pair
    before = tree(site, source)

    for path, to in (("a/one", "a/one"), ("a/one", "a/"), ("a", "a"), ("a/b", "a/"), ("a", "")):
        answer = ask(site, verb, f"{source}/{path}", f"{source}/{to}")
        assert answer.status_code == 200
        assert [level for level, _ in said(answer)] == ["WARNING"]
    assert ask(site, verb, source, source).status_code == 200

    assert tree(site, source) == before


@pytest.mark.parametrize("verb", ["copy", "move"])
@pytest.mark.parametrize(("path", "to"), [("a", "a/b/new"), ("a", "a/new/"), ("a/b", "a/b/c"), ("", "below")])
def test_a_folder_does_not_go_into_itself(site: Site, pair: tuple[str, str], verb: str, path: str, to: str) -> None:
    source, _ = pair

    answer = ask(site, verb, f"{source}/{path}".rstrip("/"), f"{source}/{to}")

    assert answer.status_code == 400
    assert "inside" in message(answer)
    assert tree(site, source) == WHOLE


def test_a_folder_with_a_name_that_begins_alike_is_another_one(site: Site, pair: tuple[str, str]) -> None:
    source, _ = pair

    assert ask(site, "move", f"{source}/a", f"{source}/a.x/").status_code == 200
    assert ask(site, "copy", f"{source}/a.x", f"{source}/a.xy").status_code == 200

    assert "a.x/a/b/two" in tree(site, source)
    assert "a.xy/a/b/two" in tree(site, source)
    assert "a0" in tree(site, source)


def test_other_bytes_at_the_target_are_replaced_with_their_properties(site: Site, pair: tuple[str, str]) -> None:
    source, target = pair
    site.put(f"{target}/one;old=1", OTHER)

    assert ask(site, "copy", f"{source}/a/one", f"{target}/one").status_code == 200

    assert site.get(f"{target}/one").content == BYTES
    assert site.properties(target, "one") == {"k": ["v"]}


def test_replacing_other_bytes_needs_delete_and_the_same_bytes_never_do(site: Site, pair: tuple[str, str]) -> None:
    source, target = pair
    site.put(f"{target}/other", OTHER)
    site.put(f"{target}/same", BYTES)
    mover = site.caller(f"moves-{source}", ("read delete", source), ("read deploy", target))

    refused = ask(site, "copy", f"{source}/a/one", f"{target}/other", mover)
    assert refused.status_code == 403
    assert "delete" in message(refused)
    assert ask(site, "copy", f"{source}/a/one", f"{target}/same", mover).status_code == 200
    assert ask(site, "move", f"{source}/a/one", f"{target}/same", mover).status_code == 200

    assert site.get(f"{target}/other").content == OTHER
    assert "a/one" not in tree(site, source)


@pytest.mark.parametrize(
    ("verb", "of_source", "of_target", "missing"),
    [
        ("copy", "deploy", "read deploy", "read"),
        ("copy", "read", "read", "deploy"),
        ("move", "read", "read deploy", "delete"),
        ("move", "read delete", "read promote", "deploy"),
    ],
)
def test_each_right_is_asked_for(
    site: Site, pair: tuple[str, str], verb: str, of_source: str, of_target: str, missing: str
) -> None:
    source, target = pair
    caller = site.caller(f"lacks-{source}", (of_source, source), (of_target, target))

    answer = ask(site, verb, f"{source}/a/one", f"{target}/one", caller)

    assert answer.status_code == 403
    assert missing in message(answer)
    for path, to in (("none/at/all", "one"), ("a/one", "one")):
        for of, into in ((source, "no-such-repository"), ("no-such-repository", target)):
            assert ask(site, verb, f"{of}/{path}", f"{into}/{to}", caller).status_code == 403
    assert tree(site, target) == []
    assert ask(site, verb, f"{source}/a/one", f"{target}/one", site.stranger()).status_code == 401


def test_a_folder_with_one_file_that_the_caller_may_not_read_or_delete_stays(site: Site, pair: tuple[str, str]) -> None:
    source, target = pair
    some = "a a/one a/b a/b/two"
    caller = site.caller(f"some-{source}", ("read", source, some), ("read deploy", target))
    deleter = site.caller(f"other-{source}", ("read", source), ("delete", source, some), ("deploy", target))

    for client, verb, missing in ((caller, "copy", "read"), (deleter, "move", "delete")):
        answer = ask(site, verb, f"{source}/a", f"{target}/a", client)
        assert answer.status_code == 403
        assert missing in message(answer)
        assert "three" not in answer.text
    assert tree(site, target) == []
    assert tree(site, source) == WHOLE


def test_files_that_the_caller_may_not_put_are_named_and_the_rest_is_done(site: Site, pair: tuple[str, str]) -> None:
    source, target = pair
    caller = site.caller(
        f"some-targets-{source}", ("read delete", source), ("deploy", target, "all all/one all/b/c/**")
    )

    fast = ask(site, "move", f"{source}/a", f"{target}/all", caller, failFast="1")
    assert (fast.status_code, tree(site, target)) == (403, [])
    slow = ask(site, "move", f"{source}/a", f"{target}/all", caller)

    assert slow.status_code == 403
    [error, done] = said(slow)
    assert error == ("ERROR", f"a/b/two: Forbidden: the right deploy is needed on {target}:all/b/two")
    assert "2 files" in done[1]
    assert [path for path in tree(site, target) if not path.endswith("/")] == ["all/b/c/three", "all/one"]
    assert [path for path in tree(site, source) if path.startswith("a/")] == ["a/", "a/b/", "a/b/two"]


def test_each_of_many_files_that_are_refused_is_named(site: Site, pair: tuple[str, str]) -> None:
    source, target = pair
    for at in range(30):
        site.put(f"{target}/all/b/{at}", OTHER)
        site.put(f"{source}/a/b/{at}", BYTES)
    caller = site.caller(f"keeps-{source}", ("read", source), ("read deploy", target))

    answer = ask(site, "copy", f"{source}/a", f"{target}/all/", caller)
    assert answer.status_code == 200
    answer = ask(site, "copy", f"{source}/a/b", f"{target}/all/", caller)

    assert answer.status_code == 403
    assert len(said(answer)) == 31
    assert site.get(f"{target}/all/b/0").content == OTHER
    assert site.get(f"{target}/all/b/c/three").content == BYTES


@pytest.fixture
def refusing(site: Site, pair: tuple[str, str]) -> tuple[str, str]:
    """The target takes nothing below `all/a/b/c`."""
    source, target = pair
    site.ask("POST", f"/artifactory/api/repositories/{target}", json={"excludesPattern": "all/b/c/**"})
    return source, target


def test_what_is_refused_is_named_and_the_rest_is_done(site: Site, refusing: tuple[str, str]) -> None:
    source, target = refusing

    answer = ask(site, "move", f"{source}/a", f"{target}/all")

    assert answer.status_code in (403, 409)
    levels = said(answer)
    assert [level for level, _ in levels] == ["ERROR", "INFO"]
    assert levels[0][1].startswith("a/b/c/three: ")
    assert "all/b/c/**" in levels[0][1]
    assert message(answer)
    assert [path for path in tree(site, target) if not path.endswith("/")] == ["all/b/two", "all/one"]
    assert [path for path in tree(site, source) if not path.endswith("/")] == ["a.x/four", "a/b/c/three", "a0"]


def test_what_would_be_below_a_file_is_named_and_the_rest_is_done(site: Site, pair: tuple[str, str]) -> None:
    source, target = pair
    site.put(f"{target}/all/a/b", OTHER)
    site.put(f"{source}/a/b/empty/")

    answer = ask(site, "move", f"{source}/a", f"{target}/all/")

    assert answer.status_code == 409
    levels = said(answer)
    assert [text.partition(":")[0] for level, text in levels if level == "ERROR"] == [
        "a/b/two", "a/b/c/three", "a/b", "a/b/c", "a/b/empty",
    ]  # fmt: skip
    assert all("all/a/b is a file" in text for level, text in levels if level == "ERROR")
    assert tree(site, target) == ["all/", "all/a/", "all/a/b", "all/a/one"]
    assert tree(site, source) == [
        "a.x/",
        "a.x/four",
        "a/",
        "a/b/",
        "a/b/c/",
        "a/b/c/three",
        "a/b/empty/",
        "a/b/two",
        "a0",
    ]


@pytest.mark.parametrize("word", ["failFast", "atomic"])
@pytest.mark.parametrize("verb", ["copy", "move"])
def test_nothing_is_done_when_one_file_is_refused_and_that_was_asked(
    site: Site, refusing: tuple[str, str], verb: str, word: str
) -> None:
    source, target = refusing
    before = dump(site)

    answer = ask(site, verb, f"{source}/a", f"{target}/all", None, **{word: "1"})

    assert answer.status_code in (403, 409)
    assert "all/b/c/**" in message(answer)
    assert [level for level, _ in said(answer)] == ["ERROR"]
    assert dump(site) == before


@pytest.mark.parametrize("verb", ["copy", "move"])
def test_a_dry_run_says_the_same_and_leaves_every_row_as_it_was(site: Site, pair: tuple[str, str], verb: str) -> None:
    source, target = pair
    site.put(f"{target}/all/one", OTHER)
    before = dump(site)

    dry = ask(site, verb, f"{source}/a", f"{target}/all/", None, dry="1")
    assert dump(site) == before
    done = ask(site, verb, f"{source}/a", f"{target}/all/", None, dry="0")

    assert dry.status_code == done.status_code == 200
    assert said(dry) == said(done)
    assert dump(site) != before


def test_a_dry_run_refuses_what_would_be_refused(site: Site, refusing: tuple[str, str]) -> None:
    source, target = refusing
    before = dump(site)

    dry = ask(site, "move", f"{source}/a", f"{target}/all", None, dry="1")
    assert dump(site) == before
    done = ask(site, "move", f"{source}/a", f"{target}/all")

    assert (dry.status_code, said(dry)) == (done.status_code, said(done))


def test_a_virtual_repository_is_no_source_and_its_deployment_repository_is_the_target(
    site: Site, pair: tuple[str, str]
) -> None:
    source, target = pair
    front = site.repo(f"front-{source}", kind="virtual", members=[source, target], deploy_to=target)
    bare = site.repo(f"bare-{source}", kind="virtual", members=[source])

    refused = ask(site, "copy", f"{front}/a/one", f"{target}/one")
    assert refused.status_code == 400
    assert source in message(refused)
    assert ask(site, "copy", f"{source}/a/one", f"{front}/one").status_code == 200
    assert tree(site, target) == ["one"]
    assert 400 <= ask(site, "copy", f"{source}/a/one", f"{bare}/one").status_code < 500


@pytest.mark.parametrize(
    ("path", "to", "status", "words"),
    [
        ("none", "x", 404, "Unable to find item"),
        ("a/one/", "x", 404, "Unable to find item"),
        ("a/one", "file/below", 409, "file"),
        ("a", "file", 409, "file"),
        ("a/one", "../x", 400, ""),
        ("a/one", "x//y", 200, ""),
        ("a/one", "x" * 300, 400, ""),
    ],
)
def test_what_cannot_be_done_is_said(
    site: Site, pair: tuple[str, str], path: str, to: str, status: int, words: str
) -> None:
    source, target = pair
    site.put(f"{target}/file", OTHER)

    answer = ask(site, "copy", f"{source}/{path}", f"{target}/{to}")

    assert answer.status_code == status
    if status != 200:
        assert words in message(answer)
        assert site.get(f"{target}/file").content == OTHER


def test_a_target_must_be_named(site: Site, pair: tuple[str, str]) -> None:
    for path in ("", "?to=", "?dry=1"):
        answer = site.ask("POST", f"/artifactory/api/copy/{pair[0]}/a/one{path}")
        assert answer.status_code == 400
        assert "to:" in message(answer)
    missing = ask(site, "copy", f"{pair[0]}/a/one", "no-such-repository/x")
    assert missing.status_code == 404


def test_an_immutable_repository_keeps_its_first_bytes(site: Site, pair: tuple[str, str]) -> None:
    source, _ = pair
    kept = site.repo(f"kept-{source}", immutable=True)
    site.put(f"{kept}/other", OTHER)
    site.put(f"{kept}/same;first=1", BYTES)

    refused = ask(site, "copy", f"{source}/a/one", f"{kept}/other")
    assert refused.status_code == 409
    assert ask(site, "move", f"{source}/a/one", f"{kept}/same").status_code == 200

    assert site.get(f"{kept}/other").content == OTHER
    assert site.properties(kept, "same")["first"] == ["1"]
    assert "a/one" not in tree(site, source)


def test_names_with_special_characters_are_those_that_were_meant(site: Site, pair: tuple[str, str]) -> None:
    source, target = pair
    names = ["a b", "a+b", "a%20b", "a;b", "a#b", "a?b", "ü"]
    for name in names:
        assert site.put(f"{source}/odd/{quote(name)}", BYTES).status_code == 201
        answer = ask(site, "copy", f"{source}/odd/{quote(name)}", f"{target}/copy of {name}")
        assert answer.status_code == 200, answer.text

    assert tree(site, target) == sorted(f"copy of {name}" for name in names)
    assert ask(site, "move", f"{source}/odd", f"{target}/all").status_code == 200
    assert tree(site, source) == WHOLE


def test_copies_and_moves_are_recorded_and_dry_runs_are_not(site: Site, pair: tuple[str, str]) -> None:
    source, target = pair

    ask(site, "copy", f"{source}/a/one", f"{target}/one", None, dry="1")
    ask(site, "copy", f"{source}/a/one", f"{target}/one")
    ask(site, "move", f"{source}/a/b", f"{target}/b")

    found = site.json("GET", "/api/audit?per_page=10")
    verbs = [(one["verb"], one["subject"]) for one in found if one["subject"].startswith(f"{source}:")]
    assert sorted(verbs) == [("artifact.copy", f"{source}:a/one"), ("artifact.move", f"{source}:a/b")]


ORPHANS = """
    SELECT items.path, items.name FROM items
    WHERE depth > 0 AND path <> '.' AND NOT EXISTS (
        SELECT 1 FROM items AS around WHERE around.repo_id = items.repo_id AND around.folder
            AND CASE WHEN around.path = '.' THEN around.name ELSE around.path || '/' || around.name END = items.path
    )
"""


def test_copies_moves_and_removals_at_one_moment_leave_every_file_in_its_folder(
    site: Site, pair: tuple[str, str]
) -> None:
    source, target = pair
    orders = [
        ("POST", f"api/copy/{source}/a?to={target}/a"),
        ("POST", f"api/move/{source}/a/b?to={target}/a/b"),
        ("POST", f"api/move/{target}/a?to={source}/back"),
        ("DELETE", f"{target}/a/b"),
        ("PUT", f"{target}/a/b/new"),
        ("POST", f"api/move/{source}/a/one?to={target}/a/b/c/one"),
    ]

    def carry_out(order: tuple[str, str]) -> httpx2.Response:
        method, path = order
        with site.visitor(site.client.headers) as client:
            return client.request(method, f"/artifactory/{path}", content=OTHER if method == "PUT" else None)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(carry_out, orders * 4))

    assert {answer.status_code for answer in answers} <= {200, 201, 204, 404, 409}, [a.text for a in answers]
    assert site.rows(ORPHANS) == []


@pytest.mark.parametrize("verb", ["copy", "move"])
@pytest.mark.parametrize("name", ["file", "folder/"])
def test_no_path_gets_too_long_to_be_asked_for(site: Site, pair: tuple[str, str], verb: str, name: str) -> None:
    source, target = pair
    long = "/".join("a" * 200 for _ in range(11))
    assert site.put(f"{source}/top/{long}/{name}").status_code == 201

    answer = site.ask("POST", f"/artifactory/api/{verb}/{source}/top?to=/{target}/{long}/")

    assert answer.status_code == 400
    assert "at most 4096 are allowed" in answer.text
    assert site.get(f"{target}/{long}/").status_code == 404
    assert site.get(f"{source}/top/{long}/").status_code == 200
