"""Runs are deleted, renamed and discarded over HTTP, with their artifacts or without."""

import json
from typing import Any

import pytest

from tests.buildinfo.project import Project, artifact, module, when

pytestmark = pytest.mark.postgres


def delete(project: Project, **body: Any) -> Any:
    return project.ask("POST", "build/delete", json={"project": project.key, **body})


def test_seven_runs_are_listed_and_overwriting_leaves_one_of_each_number(project: Project) -> None:
    for day in range(1, 6):
        project.publish("app", "1", when(day))
    for day in (6, 7):
        project.publish("app", "1-rc", when(day))
    assert len(project.numbers("app")) == 7

    answer = delete(project, buildName="app", buildNumbers=["1"] * 5, deleteArtifacts=False)
    project.publish("app", "1", when(8))

    assert answer.status_code == 200
    assert sorted(project.numbers("app")) == ["1", "1-rc", "1-rc"]
    delete(project, buildName="app", buildNumbers=["1-rc", "1-rc"])
    project.publish("app", "1-rc", when(9))
    assert sorted(project.numbers("app")) == ["1", "1-rc"]


@pytest.mark.parametrize(
    ("named", "left"),
    [
        pytest.param(["1"], [], id="once-means-all-runs"),
        pytest.param(["1", "1"], [3], id="twice-means-the-two-oldest"),
        pytest.param(["1"] * 9, [], id="more-than-there-are"),
    ],
)
def test_a_number_that_is_named_several_times_means_as_many_runs(
    project: Project, named: list[str], left: list[int]
) -> None:
    for day in (2, 1, 3):
        project.publish("app", "1", when(day))

    assert delete(project, buildName="app", buildNumbers=named).status_code == 200

    answer = project.ask("GET", "build/app")
    started = [entry["started"] for entry in answer.json().get("buildsNumbers", [])]
    assert started == [when(day) for day in left]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 400, "buildName: is missing"),
        ({"buildName": "app"}, 400, "buildNumbers: is missing or empty"),
        ({"buildName": "app", "buildNumbers": []}, 400, "buildNumbers: is missing or empty"),
        ({"buildName": "app", "buildNumbers": "1"}, 400, "buildNumbers: must be a list of texts"),
        ({"buildName": 1, "buildNumbers": ["1"]}, 400, "buildName: must be a text"),
        ({"buildName": "app", "deleteAll": "maybe"}, 400, "deleteAll: must be true or false"),
        ({"buildName": "app", "buildNumbers": ["9"]}, 404, "Build 'app' #9 not found"),
        ({"buildName": "nope", "deleteAll": True}, 404, "Build 'nope' not found"),
        ({"buildName": "app", "deleteAll": True, "buildNumbers": None}, 200, "Deleted: 'app#1'"),
        ({"buildName": "app", "buildNumbers": [1, "9"]}, 200, "Deleted: 'app#1'\nNot found: '9'\n"),
    ],
)
def test_what_a_body_names_is_deleted(project: Project, body: dict[str, Any], status: int, words: str) -> None:
    project.publish("app", "1")

    answer = delete(project, **body)

    assert answer.status_code == status
    assert words in answer.text
    assert project.numbers("app") == ([] if status == 200 else ["1"])


@pytest.mark.parametrize(
    ("query", "status", "left"),
    [
        ({}, 200, []),
        ({"deleteAll": "1"}, 200, []),
        ({"deleteAll": "true", "buildNumbers": "1"}, 200, []),
        ({"buildNumbers": "1"}, 200, ["b/3", "2"]),
        ({"buildNumbers": "1,b%2F3"}, 200, ["2"]),
        ({"buildNumbers": "1, 2,9", "deleteAll": "0"}, 200, ["b/3"]),
        ({"buildNumbers": "9"}, 404, ["b/3", "2", "1"]),
        ({"deleteAll": "0"}, 400, ["b/3", "2", "1"]),
        ({"deleteAll": "perhaps"}, 400, ["b/3", "2", "1"]),
        ({"artifacts": "2"}, 400, ["b/3", "2", "1"]),
    ],
)
def test_what_a_query_names_is_deleted(project: Project, query: dict[str, str], status: int, left: list[str]) -> None:
    for day, number in enumerate(("1", "2", "b/3"), start=1):
        project.publish("team/app", number, when(day))

    answer = project.ask("DELETE", "build/team/app", params=query)

    assert answer.status_code == status
    assert project.numbers("team/app") == [number.replace("/", "%2F") for number in left]
    if status == 200:
        assert answer.headers["content-type"].startswith("text/plain")
    if not left:
        assert project.folders(project.repo) == []
        assert project.ask("DELETE", "build/team/app").status_code == 404


def test_a_deletion_is_recorded(project: Project) -> None:
    project.publish("app", "1", when(1))
    project.ask("DELETE", "build/app")

    [(verb, before)] = project.rows(
        "SELECT verb, before FROM audit WHERE subject = :subject", subject=f"{project.repo}/app"
    )
    assert verb == "build_info.delete"
    assert json.loads(before) == {"runs": [f"1 ({when(1)})"], "count": 1}


def test_artifacts_go_with_their_run_as_far_as_nothing_else_needs_them(project: Project) -> None:
    dev, release = f"{project.key}-dev", f"{project.key}-release"
    of = {"build_name": "app", "build_number": "1"}
    project.file(dev, "x/own.txt", b"own", **of)
    project.file(dev, "x/deep/own.txt", b"own", **of)
    project.file(dev, "x/not-listed.txt", b"other", **of)
    project.file(dev, "y/of-two.txt", b"two", build_name="app", build_number=["1", "2"])
    project.file(dev, "y/shared.txt", b"shared", **of)
    project.file(dev, "y/project.txt", b"own", **of, build_repo="other-build-info")
    project.file(dev, "y/promoted-here.txt", b"promoted", **of)
    project.file(release, "promoted.txt", b"promoted", **of)
    names = ("own", "two", "shared", "promoted")
    entries = [artifact(f"{name}.txt", name.encode(), originalDeploymentRepo=dev) for name in names]
    status = {"status": "released", "repository": release, "timestamp": when(2)}
    project.publish("app", "1", modules=[module(*entries)], statuses=[status])
    listed = artifact("s", b"shared", path="y/shared.txt", originalDeploymentRepo=dev)
    project.publish("other", "1", modules=[module(listed)])

    answer = project.ask("DELETE", "build/app", params={"artifacts": "1"})

    assert answer.text == (
        f"Deleted: 'app#1'\nDeleted artifacts: 3\nLeft where a promotion has put them: {release}:promoted.txt\n"
    )
    assert list(project.files(dev)) == ["x/not-listed.txt", "y/of-two.txt", "y/project.txt", "y/shared.txt"]
    assert list(project.files(release)) == ["promoted.txt"]
    assert project.folders(dev) == ["x", "y"]


def test_without_the_word_for_it_artifacts_stay(project: Project) -> None:
    dev = f"{project.key}-dev"
    project.file(dev, "a.txt", b"a", build_name="app", build_number="1")
    project.publish("app", "1", modules=[module(artifact("a.txt", b"a"))])

    delete(project, buildName="app", deleteAll=True)

    assert list(project.files(dev)) == ["a.txt"]


def test_artifacts_that_another_run_of_the_number_lists_stay(project: Project) -> None:
    dev = f"{project.key}-dev"
    project.file(dev, "a.txt", b"a", build_name="app", build_number="1")
    for day in (1, 2):
        project.publish("app", "1", when(day), modules=[module(artifact("a.txt", b"a"))])

    delete(project, buildName="app", buildNumbers=["1", "1"], deleteArtifacts=True)
    assert list(project.files(dev)) == []

    project.file(dev, "a.txt", b"a", build_name="app", build_number="1")
    for day in (1, 2, 3):
        project.publish("app", "1", when(day), modules=[module(artifact("a.txt", b"a"))])
    delete(project, buildName="app", buildNumbers=["1", "1"], deleteArtifacts=True)
    assert list(project.files(dev)) == ["a.txt"]


def test_a_run_of_another_project_keeps_no_file_that_names_this_project(project: Project, server: Any) -> None:
    dev, other = f"{project.key}-dev", Project(server, f"{project.key}b")
    content = project.key.encode()
    of = {"build_name": "app", "build_number": "1"}
    project.file(dev, "ours.txt", content, **of, build_repo=project.repo)
    project.file(dev, "theirs.txt", content, **of, build_repo=other.repo)
    project.file(dev, "of-both.txt", content, **of)
    for published in (project, other):
        published.publish("app", "1", modules=[module(artifact("a.txt", content))])

    project.ask("DELETE", "build/app", params={"artifacts": "1"})
    assert list(project.files(dev)) == ["of-both.txt", "theirs.txt"]
    other.ask("DELETE", "build/app", params={"artifacts": "1"})
    assert list(project.files(dev)) == []


def test_who_may_not_delete_an_artifact_deletes_nothing(project: Project) -> None:
    dev = f"{project.key}-dev"
    for name in ("a", "b"):
        project.file(dev, f"{name}/{name}.txt", name.encode(), build_name="app", build_number="1")
    entries = [artifact(f"{name}.txt", name.encode()) for name in ("a", "b")]
    project.publish("app", "1", modules=[module(*entries)])
    build = ("build", project.repo, ["**"], ["read", "delete"])
    client = project.account(
        f"{project.key}-a", build, ("repo", dev, ["a/**"], ["delete"]), ("repo", dev, ["**"], ["read"])
    )
    blind = project.account(f"{project.key}-b", build, ("repo", dev, ["a/**"], ["delete", "read"]))

    seen = project.ask("DELETE", "build/app", client, params={"artifacts": "1"})
    unseen = project.ask("POST", "build/retention/app", blind, json={"count": 0, "deleteBuildArtifacts": True})

    assert (seen.status_code, unseen.status_code) == (403, 403)
    assert f"the right delete is needed on {dev}:b/b.txt" in seen.text
    assert "b.txt" not in unseen.text
    assert project.numbers("app") == ["1"]
    assert len(project.files(dev)) == 2


def test_a_build_is_renamed_with_its_files_and_artifacts(project: Project) -> None:
    dev = f"{project.key}-dev"
    project.file(dev, "a.txt", b"a", build_name=["app", "more"], build_number="1", other="x")
    project.file(dev, "b.txt", b"b", build_name="app", build_number="1")
    for day in (1, 2):
        project.publish("app", "1", when(day), modules=[module(artifact("a.txt", b"a"))], plugin={"x": day})
    created = project.rows("SELECT created FROM items WHERE id IN (SELECT item_id FROM runs) ORDER BY id DESC LIMIT 2")

    answer = project.ask("POST", "build/rename/app", params={"to": "team/new app"})

    assert answer.status_code == 200
    assert answer.text == "Renamed 'app' to 'team/new app': 2 runs\n"
    assert project.ask("GET", "build/app").status_code == 404
    assert project.numbers("team%2Fnew%20app") == ["1", "1"]
    info = project.info("team%2Fnew%20app", "1")
    assert (info["name"], info["plugin"]) == ("team/new app", {"x": 2})
    assert project.folders(project.repo) == ["team%2Fnew app"]
    assert project.files(dev) == {
        "a.txt": {"build.name": ["team/new app", "more"], "build.number": ["1"], "other": ["x"]},
        "b.txt": {"build.name": ["app"], "build.number": ["1"]},
    }
    after = project.rows("SELECT created FROM items WHERE id IN (SELECT item_id FROM runs) ORDER BY id DESC LIMIT 2")
    assert created == after
    [(verb,)] = project.rows("SELECT verb FROM audit WHERE subject = :s", s=f"{project.repo}/app")
    assert verb == "build_info.rename"


@pytest.mark.parametrize(
    ("to", "status", "words"),
    [
        (None, 400, "to: is missing or blank"),
        (" ", 400, "to: is missing or blank"),
        ("..", 400, "would name another folder"),
        ("app", 400, "has a run #1"),
        ("same", 400, "has a run #1"),
        ("other", 200, "Renamed 'app' to 'other': 1 runs"),
    ],
)
def test_a_new_name_must_be_free_for_each_run(project: Project, to: str | None, status: int, words: str) -> None:
    project.publish("app", "1", when(1))
    project.publish("same", "1", when(1))
    project.publish("other", "1", when(2))

    answer = project.ask("POST", "build/rename/app", params={"to": to} if to is not None else {})

    assert answer.status_code == status
    assert words in answer.text
    assert len(project.numbers("app")) == (0 if status == 200 else 1)
    assert len(project.numbers("other")) == (2 if status == 200 else 1)


def retain(project: Project, name: str = "app", params: Any = None, **policy: Any) -> Any:
    return project.ask("POST", f"build/retention/{name}", params=params or {}, json=policy)


def test_a_policy_discards_runs_as_the_command_line_asks_for_it(project: Project) -> None:
    for day in range(1, 6):
        project.publish("app", str(day), when(day))
    future, sync = "2099-01-01T00:00:00.000+0000", {"async": "false"}

    first = retain(project, params=sync, count="3", deleteBuildArtifacts=False)
    assert (first.status_code, first.content, project.numbers("app")) == (204, b"", ["5", "4", "3"])
    spared = retain(project, params=sync, minimumBuildDate=future, buildNumbersNotToBeDiscarded=["3", "5"])
    assert (spared.status_code, project.numbers("app")) == (204, ["5", "3"])
    last = retain(project, params={"async": "true"}, minimumBuildDate=future)
    assert last.status_code == 204
    assert project.ask("GET", "build/app").status_code == 404
    assert retain(project, "never-published", params=sync, count=1).status_code == 204


def test_what_was_promoted_is_kept_and_the_answer_says_why(project: Project) -> None:
    status = {"status": "released", "repository": "prod-local", "timestamp": when(9)}
    project.publish("app", "1", when(1), statuses=[status])
    for day in (2, 3, 4):
        project.publish("app", str(day), when(day))
    project.publish("all", "9", modules=[module(id="app/3", type="build")], statuses=[status])
    project.publish("linux", "5", modules=[module(id="app/2", type="build")])
    project.publish("whole", "1", modules=[module(id="linux/5", type="build")], statuses=[status])

    quiet = retain(project, params={"async": "false"}, count=1)
    told = retain(project, count=1)

    assert project.numbers("app") == ["4", "3", "2", "1"]
    assert quiet.headers["X-Gantry-Kept"] == (
        "3 (part of all/9, which was promoted), 2 (part of whole/1, which was promoted), "
        "1 (promoted to prod-local as released)"
    )
    assert told.json() == {
        "deleteBuildArtifacts": False,
        "count": 1,
        "buildNumbersNotToBeDiscarded": [],
        "removed": 0,
        "kept": [
            {"number": "3", "started": when(3), "reason": "part of all/9, which was promoted"},
            {"number": "2", "started": when(2), "reason": "part of whole/1, which was promoted"},
            {"number": "1", "started": when(1), "reason": "promoted to prod-local as released"},
        ],
        "left": [],
    }
    project.server.until(lambda: "retention kept runs" in project.server.log.read_text(), "the log says so, too")


def test_a_promotion_that_is_only_a_row_keeps_its_run(project: Project) -> None:
    project.publish("app", "1", when(1))
    project.publish("app", "2", when(2))
    sql = """
        INSERT INTO build_promotions (repo_id, name, number, started, at, by_id, by_name, ci_user, status, comment,
            source, target, copy, result, files, failures, request)
        SELECT repo_id, name, number, started, 1, 0, '', '', '', '', '', 'prod', FALSE, '', :files, 0, ''
        FROM runs WHERE number = :number AND repo_id = (SELECT id FROM artifact_repos WHERE key = :key) RETURNING id
    """
    project.rows(sql, key=project.repo, number="1", files=3)
    project.rows(sql, key=project.repo, number="2", files=0)

    kept = retain(project, count=0).json()["kept"]

    assert kept == [{"number": "1", "started": when(1), "reason": "promoted to prod"}]
    assert project.numbers("app") == ["1"]


def test_the_policy_that_was_posted_last_is_shown(project: Project) -> None:
    project.publish("app", "1", when(1))
    assert project.ask("GET", "build/retention/app").status_code == 404

    retain(project, count="5")
    retain(project, minimumBuildDate=1000, buildNumbersNotToBeDiscarded=[7, "8"], deleteBuildArtifacts=True)

    assert project.json("build/retention/app") == {
        "deleteBuildArtifacts": True,
        "count": -1,
        "minimumBuildDate": "1970-01-01T00:00:01.000+0000",
        "buildNumbersNotToBeDiscarded": ["7", "8"],
    }
    assert project.numbers("app") == ["1"]


def test_a_publisher_says_what_is_kept(project: Project) -> None:
    dev, name = f"{project.key}-dev", f"{project.key}-app"
    for day in (1, 2, 3):
        project.file(dev, f"{day}.txt", b"%d" % day, build_name=name, build_number=str(day))
        policy = {"count": 2, "deleteBuildArtifacts": True, "buildNumbersNotToBeDiscarded": None}
        entry = artifact("a.txt", b"%d" % day)
        project.publish(name, str(day), when(day), modules=[module(entry)], buildRetention=policy)

    assert project.numbers(name) == ["3", "2"]
    assert list(project.files(dev)) == ["2.txt", "3.txt"]
    assert project.info(name, "3")["buildRetention"] == {"count": 2, "deleteBuildArtifacts": True}
    project.publish(name, "4", when(4), buildRetention={"count": None})
    assert project.numbers(name) == ["4", "3", "2"]


def test_who_may_not_delete_is_told_so_and_nothing_is_discarded(project: Project) -> None:
    project.publish("app", "1", when(1))
    project.publish("app", "2", when(2))
    reader = project.account(f"{project.key}-r", ("build", project.repo, ["**"], ["read", "deploy"]))
    partly = project.account(f"{project.key}-p", ("build", project.repo, ["app/", "app/2-*"], ["read", "delete"]))

    refused = project.ask("POST", "build/retention/app", reader, params={"async": "false"}, json={"count": 0})

    assert refused.status_code == 403
    assert f"the right delete is needed on {project.repo}:app/" in refused.text
    assert project.numbers("app") == ["2", "1"]
    assert (
        project.ask("POST", "build/retention/app", partly, params={"async": "0"}, json={"count": 2}).status_code == 204
    )


def test_ten_thousand_artifacts_go_at_once(project: Project) -> None:
    dev, name = f"{project.key}-dev", f"{project.key}-app"
    project.file(dev, "x/0", b"0", build_name=name, build_number="1")
    entries = [artifact(f"f{at}", b"%d" % at) for at in range(10_000)]
    project.publish(name, "1", modules=[module(*entries)])

    assert "Deleted artifacts: 1\n" in project.ask("DELETE", f"build/{name}", params={"artifacts": "1"}).text
    assert project.rows("SELECT COUNT(*) FROM module_artifacts JOIN runs ON runs.id = run_id"
                        " JOIN artifact_repos ON artifact_repos.id = runs.repo_id WHERE key = :key",
                        key=project.repo) == [(0,)]  # fmt: skip
