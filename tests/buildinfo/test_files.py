"""The files of runs: bytes without a row do not stay, damaged bytes are not shown, a run goes with its file."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.buildinfo.project import STARTED, STARTED_MS, Project, artifact, module, when

pytestmark = pytest.mark.postgres


def stored(project: Project) -> set[Path]:
    """The files in the folder of blobs."""
    return {path for path in (project.server.data / "blobs").rglob("*") if path.is_file()}


def place(project: Project, name: str) -> Path:
    """The file with the bytes of the only run of a name."""
    [(found,)] = project.rows(
        "SELECT place FROM blobs JOIN items ON items.blob_id = blobs.id JOIN runs ON runs.item_id = items.id"
        " JOIN artifact_repos ON artifact_repos.id = runs.repo_id WHERE key = :key AND runs.name = :name",
        key=project.repo,
        name=name,
    )
    return project.server.data / "blobs" / str(found)


def audit(project: Project, subject: str) -> list[tuple[str, Any, Any]]:
    rows = project.rows(
        "SELECT verb, before, after FROM audit WHERE subject = :subject ORDER BY id",
        subject=f"{project.repo}/{subject}",
    )
    return [(verb, json.loads(before or "{}"), json.loads(after or "{}")) for verb, before, after in rows]


def test_bytes_of_a_publication_that_is_refused_do_not_stay(project: Project) -> None:
    project.publish("my app", "1")
    client = project.account(f"{project.key}-ci", ("build", project.repo, ["**"], ["deploy"]))
    before = stored(project)

    clash = project.ask("PUT", "build", json={"name": "my\tapp", "number": "1", "started": STARTED})
    denied = project.ask("PUT", "build", client, json={"name": "my app", "number": "1", "started": STARTED, "url": "x"})

    assert (clash.status_code, denied.status_code) == (409, 403)
    assert stored(project) == before


def test_the_same_build_info_in_two_projects_is_stored_once(project: Project, server: Any) -> None:
    project.publish("app", "1")
    before = stored(project)

    Project(server, f"{project.key}b").publish("app", "1")

    assert stored(project) == before


@pytest.mark.parametrize("artifacts", [1, 3000])
def test_damaged_bytes_are_not_shown_and_not_rewritten(project: Project, artifacts: int) -> None:
    listed = [artifact(f"{at}.txt", b"%d" % at) for at in range(artifacts)]
    project.publish("app", "1", modules=[module(*listed)])
    path = place(project, "app")
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"0.txt", b"9.txt", 1))

    if artifacts == 1:
        assert project.ask("GET", "build/app/1").status_code == 500
    else:
        with pytest.raises(httpx2.RemoteProtocolError):
            project.ask("GET", "build/app/1")
    assert project.ask("POST", "build/append/app/1", json=[]).status_code == 500
    assert project.ask("POST", "build/rename/app", params={"to": "b"}).status_code == 500
    assert project.numbers("app") == ["1"]


@pytest.mark.parametrize("path", ["team%252Fapp", "team%252Fapp/1-" + str(STARTED_MS) + ".json"])
def test_a_file_that_is_removed_takes_its_run_along(project: Project, path: str) -> None:
    project.publish("team/app", "1", modules=[module(artifact("a", b"a"))])

    answer = project.server.ask("DELETE", f"/artifactory/{project.repo}/{path}")

    assert answer.status_code == 204
    assert project.ask("GET", "build/team/app").status_code == 404
    assert project.json("build")["builds"] == []


def test_the_file_of_a_run_is_an_artifact_that_clients_read(project: Project) -> None:
    headers = project.publish("team/app", "1").headers
    aql = json.dumps({"repo": project.repo, "path": "team%2Fapp"})

    file = project.server.ask("GET", f"/artifactory/{project.repo}/team%252Fapp/1-{STARTED_MS}.json")
    found = project.server.ask("POST", "/artifactory/api/search/aql", content=f"items.find({aql})").json()["results"]

    assert file.json() == project.info("team%2Fapp", "1")
    assert file.headers["X-Checksum-Sha256"] == headers["X-Checksum-Sha256"]
    assert [entry["name"] for entry in found] == [f"1-{STARTED_MS}.json"]


def test_what_changes_runs_is_recorded_with_the_change(project: Project) -> None:
    project.publish("app", "1", when(1), statuses=[{"status": "s"}])
    project.publish("app", "1", when(1))
    project.ask("POST", "build/append/app/1", json=[module()])
    project.publish("app", "2", when(2))
    project.ask("POST", "build/retention/app", json={"count": 1})
    project.ask("POST", "build/rename/app", params={"to": "new"})
    project.ask("POST", "build/delete", json={"project": project.key, "buildName": "new", "deleteAll": True})

    assert audit(project, "app#1") == [
        ("build_info.replace", {"started": when(1), "statuses": 1}, {}),
        ("build_info.append", {}, {"started": when(1), "modules": 1}),
    ]
    assert audit(project, "app") == [
        ("build_info.retain", {"runs": [f"1 ({when(1)})"], "count": 1}, {}),
        ("build_info.rename", {"name": "app"}, {"name": "new", "runs": 1, "artifacts": 0}),
    ]
    assert audit(project, "new") == [("build_info.delete", {"runs": [f"2 ({when(2)})"], "count": 1}, {})]
