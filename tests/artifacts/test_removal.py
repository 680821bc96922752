"""Removing files and folders over HTTP: what goes, what stays, who may, and what is recorded."""

import json

import httpx2
import pytest

from app.artifacts import removal
from app.artifacts.access import Visitor
from app.artifacts.address import parse
from app.artifacts.repositories import find
from app.artifacts.rights import Rights
from app.db.tx import Tx, one, run
from app.moments import SERVER
from tests.artifacts.site import Site, message

pytestmark = pytest.mark.postgres

BYTES = b"bytes"


def remove(client: httpx2.Client, path: str) -> int:
    return client.delete(f"/artifactory/{path}").status_code


def paths(site: Site, repo: str) -> list[str]:
    sql = """
        SELECT items.path, name FROM items JOIN artifact_repos ON artifact_repos.id = repo_id
        WHERE key = :repo AND depth > 0 ORDER BY items.path, name
    """
    return [f"{row['path']}/{row['name']}" for row in site.rows(sql, repo=repo)]


def test_a_file_goes_and_its_folder_stays(site: Site) -> None:
    site.put("libs/one/a", BYTES)
    site.put("libs/one/b", BYTES)

    assert remove(site.client, "libs/one/a") == 204
    assert remove(site.client, "libs/one/a") == 404
    assert remove(site.client, "libs/one/b/") == 404
    assert remove(site.client, "libs/one/b") == 204

    assert site.get("libs/one/").status_code == 200


def test_a_folder_goes_with_all_below_it_and_with_nothing_else(site: Site) -> None:
    site.repo("tree")
    for path in ("a/b/c/d", "a/b/e", "a/b.x", "a/b0", "a/b-x", "a/bc/d", "a/B/e", "b/c"):
        assert site.put(f"tree/{path}", BYTES).status_code == 201

    assert remove(site.client, "tree/a/b") == 204

    assert paths(site, "tree") == ["./a", "./b", "a/B", "a/b-x", "a/b.x", "a/b0", "a/bc", "a/B/e", "a/bc/d", "b/c"]


def test_all_of_a_repository_goes_and_the_repository_stays(site: Site) -> None:
    site.repo("full")
    site.put("full/a/b", BYTES)
    site.put("full/c", BYTES)

    assert remove(site.client, "full/") == 204

    assert paths(site, "full") == []
    assert remove(site.client, "full") == 204
    assert site.put("full/a", BYTES).status_code == 201


def test_nothing_is_removed_from_what_has_no_files_of_its_own(site: Site) -> None:
    site.repo("view", kind="virtual", members=["libs"])
    site.repo("release-bundles-v2", system="bundles")

    virtual = site.client.delete("/artifactory/view/one")
    bundle = site.client.delete("/artifactory/release-bundles-v2/app/1")

    assert (virtual.status_code, virtual.headers["allow"]) == (405, "GET, HEAD, PUT")
    assert "view" in message(virtual)
    assert bundle.status_code == 403
    assert "DELETE /lifecycle/api/v2/release_bundle/records/app/1?repository_key=release-bundles-v2" in message(bundle)
    assert remove(site.client, "nowhere/a") == 404


def test_parameters_are_refused_rather_than_passed_over(site: Site) -> None:
    site.put("libs/kept;k=v", BYTES)

    assert remove(site.client, "libs/kept;k=w") == 400
    assert site.get("libs/kept").status_code == 200


def test_runs_go_with_their_files(site: Site) -> None:
    site.repo("artifactory-build-info", system="buildinfo")
    sql = """
        INSERT INTO items (repo_id, path, name, folder, depth, blob_id, set_id, mime, sent, created, created_by,
            modified, modified_by, updated)
        SELECT artifact_repos.id, 'app', '1-100.json', FALSE, 2, blobs.id, 1, '', '', 0, '', 0, '', 0
        FROM artifact_repos, blobs WHERE artifact_repos.key = 'artifactory-build-info' LIMIT 1
    """
    folder = """
        INSERT INTO items (repo_id, path, name, folder, depth, set_id, mime, sent, created, created_by, modified,
            modified_by, updated)
        SELECT id, '.', 'app', TRUE, 1, 1, '', '', 0, '', 0, '', 0 FROM artifact_repos
        WHERE key = 'artifactory-build-info'
    """
    runs = """
        INSERT INTO runs (repo_id, item_id, name, number, started, started_text, published, published_by, statuses,
            version)
        SELECT repo_id, id, 'app', '1', 100, '', 0, '', '[]', 1 FROM items WHERE name = '1-100.json'
    """
    parts = """
        INSERT INTO module_artifacts (run_id, position, module, name, type, path, repo, sha1, md5, sha256)
        SELECT id, 0, 'm', 'n', '', '', '', '', '', '' FROM runs
    """
    for statement in (folder, sql, runs, parts):
        site.write(run(statement))

    assert remove(site.client, "artifactory-build-info/app/") == 204

    assert [len(site.rows(f"SELECT 1 FROM {table}")) for table in ("runs", "module_artifacts")] == [0, 0]


def test_a_removal_is_recorded_with_its_counts(site: Site) -> None:
    site.put("libs/recorded/a/b", BYTES)
    site.put("libs/recorded/c", BYTES)
    remove(site.client, "libs/recorded/c")
    remove(site.client, "libs/recorded/")

    sql = "SELECT subject, actor_name, before FROM audit WHERE verb = 'artifact.delete' ORDER BY id DESC LIMIT 2"
    folder, file = site.rows(sql)

    assert (folder["subject"], folder["actor_name"]) == ("libs:recorded", "octocat")
    assert json.loads(folder["before"]) == {"files": 1, "folders": 2, "size": 5}
    assert json.loads(file["before"]) == {"files": 1, "folders": 0, "size": 5}


def test_the_right_is_needed_on_every_path_that_goes(site: Site) -> None:
    for path in ("rights/a/b", "rights/c", "rights/open/d/e"):
        site.put(f"libs/{path}", BYTES)
    some = site.caller("remover", ("delete", "libs", "rights/a/** rights/open rights/open/d"), ("read", "libs"))
    all_of_it = site.caller("cleaner", ("delete read", "libs"))

    assert remove(some, "libs/rights/") == 403
    assert remove(some, "libs/rights/c") == 403
    assert remove(some, "libs/rights/none") == 403
    assert remove(some, "libs/") == 403
    assert remove(some, "libs/rights/open/") == 403
    assert remove(some, "libs/rights/a/") == 204
    assert remove(some, "nowhere/a") == 403
    assert remove(site.caller("reading", ("read deploy", "libs")), "libs/rights/c") == 403
    assert remove(site.stranger(), "libs/rights/c") == 401
    assert remove(all_of_it, "libs/rights/") == 204


def test_a_large_folder_goes_with_a_few_statements(site: Site) -> None:
    site.repo("large")
    site.put("large/all/0/0", BYTES)
    sql = """
        INSERT INTO items (repo_id, path, name, folder, depth, blob_id, set_id, mime, sent, created, created_by,
            modified, modified_by, updated)
        WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
        SELECT repo_id, path, CAST(n AS TEXT), FALSE, depth, blob_id, set_id, mime, sent, created, created_by, modified,
            modified_by, updated
        FROM numbers, items WHERE items.path = 'all/0' AND items.name = '0'
    """
    site.write(run(sql))
    statements = 0

    def counted() -> Tx[removal.Removed]:
        nonlocal statements
        repo = yield from find("large")
        removing = removal.remove_folder(Visitor(None, SERVER, Rights(True)), repo, parse("large/all/"))
        rows = None
        try:
            while True:
                statement = removing.send(rows)  # type: ignore[arg-type]  # None begins
                statements += 1
                rows = yield statement
        except StopIteration as end:
            done: removal.Removed = end.value
            return done

    done = site.write(counted())

    assert (done.files, done.folders, done.size) == (20_001, 2, 20_001 * 5)
    assert statements == 4
    assert site.write(one("SELECT count(*) AS n FROM items WHERE path = 'all/0'"))["n"] == 0  # type: ignore[index]
