"""Runs are published, listed and shown over HTTP, each call as its clients make and read it."""

import hashlib
import json
from typing import Any

import pytest

from tests.buildinfo.project import STARTED, STARTED_MS, Project, artifact, module, when

pytestmark = pytest.mark.postgres


def test_a_run_that_was_published_is_listed_and_shown(project: Project) -> None:
    project.publish("app", "1.0.0", modules=[module(artifact("a.jar", b"a", path="x/a.jar"))])

    assert project.json("build") == {
        "uri": f"{project.server.url}/artifactory/api/build",
        "builds": [{"uri": "/app", "lastStarted": STARTED}],
    }
    assert project.json("build/app") == {
        "uri": f"{project.server.url}/artifactory/api/build/app",
        "buildsNumbers": [{"uri": "/1.0.0", "started": STARTED}],
    }
    shown = project.json("build/app/1.0.0")
    assert shown["uri"] == f"{project.server.url}/artifactory/api/build/app/1.0.0"
    assert shown["buildInfo"] == {
        "name": "app",
        "number": "1.0.0",
        "started": STARTED,
        "modules": [module(artifact("a.jar", b"a", path="x/a.jar"))],
        "version": "1.0.1",
        "durationMillis": 0,
        "artifactoryPrincipal": "octocat",
    }


def test_the_checksums_of_the_answer_are_those_of_the_file_of_the_run(project: Project) -> None:
    headers = project.publish("app", "1").headers

    [(sha256, sha1, md5, path, name, created)] = project.rows(
        "SELECT sha256, sha1, md5, path, items.name, items.created FROM items JOIN blobs ON blobs.id = blob_id"
        " JOIN runs ON runs.item_id = items.id JOIN artifact_repos ON artifact_repos.id = runs.repo_id"
        " WHERE key = :key",
        key=project.repo,
    )
    sent = [headers[f"X-Checksum-{name}"] for name in ("Sha256", "Sha1", "Md5")]
    assert sent == [sha256, sha1, md5]
    assert (path, name) == ("app", f"1-{STARTED_MS}.json")
    answer = project.ask("GET", "build/app/1").content
    stored = answer.partition(b'"buildInfo":')[2].removesuffix(b"}\n")
    assert hashlib.sha256(stored).hexdigest() == sha256
    assert created > STARTED_MS


def test_a_file_is_newer_than_all_that_were_published_before(project: Project) -> None:
    for number in ("3", "1", "2"):
        project.publish("app", number)
    project.publish("app", "3")

    found = project.rows(
        "SELECT number, items.created FROM runs JOIN items ON items.id = item_id"
        " JOIN artifact_repos ON artifact_repos.id = runs.repo_id WHERE key = :key ORDER BY items.created",
        key=project.repo,
    )

    assert [number for number, _ in found] == ["1", "2", "3"]
    assert len({created for _, created in found}) == 3


def test_every_run_of_a_number_is_listed_and_the_newest_is_shown(project: Project) -> None:
    for day in (2, 1, 3):
        project.publish("app", "1", when(day), url=f"http://ci.example.test/{day}")
    project.publish("app", "1-rc", when(4))

    assert project.numbers("app") == ["1-rc", "1", "1", "1"]
    assert project.info("app", "1")["url"].endswith("/3")
    assert project.info("app", "1", started=when(1))["url"].endswith("/1")
    assert project.ask("GET", "build/app/1", params={"started": when(9)}).status_code == 404


def test_a_run_that_is_published_again_replaces_the_old_one(project: Project) -> None:
    project.publish("app", "1", url="http://old.example.test", modules=[module(artifact("a", b"a"))])
    project.publish("app", "1", url="http://new.example.test")

    assert project.numbers("app") == ["1"]
    assert project.info("app", "1")["url"] == "http://new.example.test"
    assert project.rows("SELECT COUNT(*) FROM runs JOIN artifact_repos ON artifact_repos.id = repo_id WHERE key = :k",
                        k=project.repo) == [(1,)]  # fmt: skip


def test_the_first_run_of_a_project_makes_its_repository_which_is_recorded_once(project: Project) -> None:
    project.publish("app", "1")
    project.publish("app", "2")

    recorded = project.rows("SELECT verb FROM audit WHERE subject = :key", key=project.repo)

    assert recorded == [("artifact_repo.create",)]


def test_two_projects_have_builds_of_one_name(project: Project, server: Any) -> None:
    other = Project(server, f"{project.key}-other")
    project.publish("app", "1", url="http://one.example.test")
    other.publish("app", "1", url="http://other.example.test")

    assert project.info("app", "1")["url"] == "http://one.example.test"
    assert other.info("app", "1")["url"] == "http://other.example.test"
    assert project.info("app", "1", project="", buildRepo=other.repo)["url"] == "http://other.example.test"


def test_what_is_not_there_is_404_in_the_form_that_clients_read(project: Project) -> None:
    assert project.json("build") == {"uri": f"{project.server.url}/artifactory/api/build", "builds": []}
    for path, message in (
        ("build/app", f"Build 'app' not found in '{project.repo}'"),
        ("build/app/7", f"Build 'app' #7 not found in '{project.repo}'"),
        ("builds/buildArtifacts/app/7/" + project.repo, f"Build 'app' #7 not found in '{project.repo}'"),
    ):
        answer = project.ask("GET", path)
        assert answer.status_code == 404
        assert answer.json() == {"errors": [{"status": 404, "message": message, "code": "no_run"}]}


@pytest.mark.parametrize(
    ("name", "number", "path"),
    [
        pytest.param("team/app", "7", "team/app/7", id="raw-slash-in-the-name"),
        pytest.param("team/app", "7", "team%2Fapp/7", id="encoded-slash"),
        pytest.param("team/app", "7", "team%252Fapp/7", id="encoded-twice"),
        pytest.param("app", "feature/1", "app/feature/1", id="raw-slash-in-the-number"),
        pytest.param("app", "feature/1", "app/feature%252F1", id="number-from-the-name-of-a-file"),
        pytest.param("my app: x", "1", "my%20app:%20x/1", id="encoded-as-an-address"),
        pytest.param("my app: x", "1", "my+app%3A+x/1", id="encoded-as-a-form"),
        pytest.param("a+b", "1", "a+b/1", id="a-plus-is-a-plus-first"),
        pytest.param("a;b=c", "1", "a%3Bb=c/1", id="no-matrix-parameters"),
        pytest.param("a;b=c", "1", "a;b=c/1", id="no-matrix-parameters-raw"),
        pytest.param("50%", "1", "50%25/1", id="percent"),
        pytest.param("promote", "1", "promote/1", id="a-verb-as-a-name"),
        pytest.param("diff", "1", "diff/1", id="a-verb-of-the-same-method-as-a-name"),
        pytest.param("a / \\ | \t * ? : ; ' %b", "1", "a%20%2F%20%5C%20%7C%20%09%20*%20%3F%20:%20%3B%20'%20%25b/1",
                     id="everything"),
    ],
)  # fmt: skip
def test_a_run_is_found_by_each_spelling_that_clients_use(project: Project, name: str, number: str, path: str) -> None:
    project.publish(name, number)

    assert project.json(f"build/{path}")["buildInfo"]["name"] == name
    doubled = project.ask("GET", f"/build//{path}")
    assert doubled.json()["buildInfo"]["number"] == number


def test_the_longest_name_that_has_the_number_wins(project: Project) -> None:
    project.publish("a", "b/1", url="http://short.example.test")
    project.publish("a/b/1", "2")
    assert project.json("build/a/b/1")["buildInfo"]["name"] == "a"
    project.publish("a/b", "1")
    assert project.json("build/a/b/1")["buildInfo"]["name"] == "a/b"
    assert project.json("build/a/b/1/2")["buildInfo"]["name"] == "a/b/1"
    project.publish("x/y/z", "1")
    assert [entry["uri"] for entry in project.json("build/x/y/z")["buildsNumbers"]] == ["/1"]


def test_names_and_numbers_are_escaped_in_lists_only_as_far_as_an_address_needs(project: Project) -> None:
    project.publish("team/my app", "1.0+b:2/x y", when(1))

    assert [build["uri"] for build in project.json("build")["builds"]] == ["/team%2Fmy%20app"]
    assert project.numbers("team%2Fmy%20app") == ["1.0+b:2%2Fx%20y"]


def test_a_time_is_shown_as_it_was_sent_if_clients_can_read_it(project: Project) -> None:
    project.publish("app", "1", "2014-09-30T12:00:19.893+0300")
    project.publish("app", "2", "2014-09-30T12:00:19.893271Z")

    assert project.info("app", "1")["started"] == "2014-09-30T12:00:19.893+0300"
    assert project.info("app", "2")["started"] == "2014-09-30T12:00:19.893+0000"
    assert project.ask("GET", f"build/app/1?project={project.key}&started=2014-09-30T12:00:19.893+0300").is_success


def test_null_is_absent_everywhere(project: Project) -> None:
    fields = ("version", "type", "agent", "buildAgent", "durationMillis", "principal", "artifactoryPrincipal", "url",
              "vcs", "vcsRevision", "vcsUrl", "properties", "statuses", "issues", "buildDependencies",
              "licenseControl", "buildRetention", "unknown")  # fmt: skip
    modules = [
        {"id": "m", "type": None, "properties": None, "dependencies": None, "excludedArtifacts": None,
         "artifacts": [{"name": "a", "type": None, "path": None, "sha1": None, "sha256": None, "md5": None}, None]},
        {"id": "n", "artifacts": None, "dependencies": [{"id": "d", "scopes": None, "sha1": None}]},
    ]  # fmt: skip
    project.publish("app", "1", modules=modules, **dict[str, Any].fromkeys(fields))

    text = project.ask("GET", "build/app/1").text
    info = json.loads(text)["buildInfo"]
    assert "null" not in text
    assert not {"url", "properties", "agent", "statuses", "unknown"} & info.keys()
    assert info["version"] == "1.0.1"
    assert info["modules"][0] == {
        "id": "m", "artifacts": [{"name": "a", "path": "", "sha1": "", "sha256": "", "md5": ""}]
    }  # fmt: skip
    assert info["modules"][1]["artifacts"] == []


def test_fields_that_are_not_known_come_back_as_they_were(project: Project) -> None:
    more: dict[str, Any] = {
        "issues": {
            "tracker": {"name": "JIRA", "version": "9"},
            "affectedIssues": [{"key": "A-1", "aggregated": False}],
        },
        "licenseControl": {"runChecks": True, "scopesList": ["a"]},
        "pluginData": [1, 2.5, {"deep": [True]}],
        "properties": {"buildInfo.env.PATH": "/bin", "count": 3, "flag": True},
        "vcs": [{"revision": "abc", "url": "http://git.example.test/a.git", "branch": "main"}],
    }
    project.publish("app", 12, **more)

    info = project.info("app", "12")
    assert info["number"] == "12"
    assert {key: info[key] for key in ("issues", "licenseControl", "pluginData", "vcs")} == {
        key: more[key] for key in ("issues", "licenseControl", "pluginData", "vcs")
    }
    assert info["properties"] == {"buildInfo.env.PATH": "/bin", "count": "3", "flag": "true"}
    assert (info["vcsRevision"], info["vcsUrl"]) == ("abc", "http://git.example.test/a.git")
    assert "modules" not in info


def test_what_an_entry_lacks_is_filled_from_the_file_that_it_is_linked_to(project: Project) -> None:
    repo, content = f"{project.key}-dev", project.key.encode()  # bytes that no other test has
    project.file(repo, "org/x/a.jar", content, build_name="app", build_number="1")
    project.file(repo, "other/a.jar", content, build_name="app", build_number="2")
    project.file(repo, "org/x/c.jar", b"c", build_name="app", build_number="1", build_repo="artifactory-build-info")
    sha1 = hashlib.sha1(content).hexdigest()
    modules = [{"id": "m", "artifacts": [{"name": "a.jar", "sha1": sha1}, {"name": "b.jar", "sha1": "0" * 40},
                                         {"name": "c.jar", "sha1": hashlib.sha1(b"c").hexdigest()}]}]  # fmt: skip
    project.publish("app", "1", modules=modules)

    found, unknown, of_another = project.info("app", "1")["modules"][0]["artifacts"]
    assert found == {"path": "org/x/a.jar", **artifact("a.jar", content)}
    assert unknown == {"name": "b.jar", "path": "", "sha1": "0" * 40, "sha256": "", "md5": ""}
    assert of_another["path"] == ""


def test_an_artifact_without_a_path_stands_for_every_file_with_its_bytes(project: Project) -> None:
    repo, content = f"{project.key}-dev", project.key.encode()
    for path in ("x/1/t.txt", "x/2/t.txt"):
        project.file(repo, path, content, build_name="app", build_number="1")
    project.publish("app", "1", modules=[module(artifact("t.txt", content))])
    project.ask("POST", "build/append/app/1", json=[module(artifact("u.txt", content), id="n")])

    shown = [found["artifacts"][0]["path"] for found in project.info("app", "1")["modules"]]
    listed = project.json(f"builds/buildArtifacts/app/1/{project.repo}")
    rows = project.rows(
        "SELECT module_artifacts.path FROM module_artifacts JOIN runs ON runs.id = run_id"
        " JOIN artifact_repos ON artifact_repos.id = runs.repo_id WHERE key = :key",
        key=project.repo,
    )

    assert shown == ["x/1/t.txt", "x/1/t.txt"]
    assert [found["path"] for found in listed] == ["x/1", "x/2"]
    assert rows == [("",), ("",)]


def test_the_files_of_a_run_are_named(project: Project) -> None:
    repo = f"{project.key}-dev"
    project.file(repo, "top.txt", b"t", build_name="team/app", build_number="1")
    project.file(repo, "x/copy.txt", b"t", build_name="team/app", build_number="1")
    project.file(repo, "x/of-another.txt", b"t", build_name="team/app", build_number="2")
    project.file(repo, "x/own.txt", b"o", build_name="team/app", build_number="2")
    project.file(repo, "x/not-listed.txt", b"n", build_name="team/app", build_number="1")
    entries = [artifact("top.txt", b"t"), artifact("own.txt", b"o", path="x/own.txt", originalDeploymentRepo=repo)]
    project.publish("team/app", "1", modules=[module(*entries)])

    assert project.json(f"builds/buildArtifacts/team/app/1/{project.repo}") == [
        {"repo": repo, "path": ".", "name": "top.txt"},
        {"repo": repo, "path": "x", "name": "copy.txt"},
        {"repo": repo, "path": "x", "name": "own.txt"},
    ]


def test_modules_are_appended_once(project: Project) -> None:
    project.publish("app", "1", when(1), modules=[module(artifact("a", b"1"), artifact("b", b"1"))])
    project.publish("app", "1", when(2))
    more = [module(artifact("a", b"1"), artifact("a", b"2"), dependencies=[{"id": "d", "sha1": "1" * 40}]),
            module(artifact("c", b"3"), id="n")]  # fmt: skip
    before = project.rows("SELECT version FROM runs ORDER BY id DESC LIMIT 2")

    answer = project.ask("POST", "build/append/app/1", params={"started": when(1)}, json=more)

    assert (answer.status_code, answer.content) == (204, b"")
    first, second = project.info("app", "1", started=when(1))["modules"]
    assert [entry["sha1"] for entry in first["artifacts"]] == [
        hashlib.sha1(content).hexdigest() for content in (b"1", b"1", b"2")
    ]
    assert [entry["id"] for entry in first["dependencies"]] == ["d"]
    assert second["id"] == "n"
    assert "modules" not in project.info("app", "1", started=when(2))
    assert before == [(1,), (1,)]
    assert project.ask("POST", "build/append/app/1", json=module(id="one")).status_code == 204
    assert [entry["id"] for entry in project.info("app", "1")["modules"]] == ["one"]


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("app/1", b"7", 400, "a list of modules"),
        ("app/1", b'[{"artifacts": []}]', 400, "modules[0].id: is missing"),
        ("app/1", b'[{"id": "m", "artifacts": {}}]', 400, "modules[0].artifacts: must be a list"),
        ("app/2", b"[]", 404, "Build 'app' #2 not found"),
        ("app", b"[]", 404, "Build 'app' not found"),
    ],
)
def test_what_cannot_be_appended_is_refused(project: Project, path: str, body: bytes, status: int, words: str) -> None:
    project.publish("app", "1")

    answer = project.ask("POST", f"build/append/{path}", content=body)

    assert answer.status_code == status
    assert words in answer.json()["errors"][0]["message"]


def test_two_callers_who_append_at_the_same_time_both_win(project: Project) -> None:
    from concurrent.futures import ThreadPoolExecutor

    project.publish("app", "1")
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(
            lambda at: project.ask("POST", "build/append/app/1", json=module(id=f"m{at}")).status_code, range(8)
        )

    assert list(answers) == [204] * 8
    assert {entry["id"] for entry in project.info("app", "1")["modules"]} == {f"m{at}" for at in range(8)}


def test_the_same_module_twice_is_kept_as_it_was_sent(project: Project) -> None:
    modules = [module(artifact("a", b"1")), module(artifact("a", b"1"), artifact("a", b"2"))]
    project.publish("app", "1", modules=modules)

    shown = project.info("app", "1")["modules"]
    assert [len(found["artifacts"]) for found in shown] == [1, 2]


def test_names_that_share_the_path_of_a_file_are_refused(project: Project) -> None:
    project.publish("my app", "1")
    body = json.dumps({"name": "my\tapp", "number": "1", "started": STARTED}).encode()

    answer = project.ask("PUT", "build", content=body)

    assert answer.status_code == 409
    assert "differs only in white space" in answer.json()["errors"][0]["message"]


def test_ten_thousand_artifacts_are_published_and_shown(project: Project) -> None:
    entries = [artifact(f"f{at}", b"%d" % at, path=f"x/f{at}", originalDeploymentRepo="none") for at in range(10_000)]
    project.publish("app", "1", modules=[module(*entries)])

    assert len(project.info("app", "1")["modules"][0]["artifacts"]) == 10_000
    sql = (
        "SELECT COUNT(*) FROM module_artifacts JOIN runs ON runs.id = run_id"
        " JOIN artifact_repos ON artifact_repos.id = runs.repo_id WHERE key = :key"
    )
    assert project.rows(sql, key=project.repo) == [(10_000,)]
