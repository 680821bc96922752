"""What differs between two runs, in the forms that clients read."""

from typing import Any

import pytest

from app.buildinfo import diff, document
from app.buildinfo.document import Document
from tests.buildinfo.project import STARTED, Project, artifact, module, when


def made(*modules: dict[str, Any], **properties: str) -> Document:
    content = {"name": "app", "number": "1", "started": STARTED, "modules": list(modules), "properties": properties}
    return document.of_content(content)


def kinds(group: diff.Group[Any]) -> dict[str, list[str]]:
    return {kind: [entry.name for entry in group.of(kind)] for kind in diff.KINDS if group.of(kind)}


def entry(name: str, content: bytes) -> dict[str, Any]:
    return {"path": "", **artifact(name, content)}


@pytest.mark.parametrize(
    ("newer", "older", "found"),
    [
        pytest.param([module(entry("a", b"1"))], [module(entry("a", b"1"))], {"unchanged": ["a"]}, id="same"),
        pytest.param([module(entry("a", b"1"))], [module(entry("a", b"2"))], {"updated": ["a"]}, id="other-bytes"),
        pytest.param([module(entry("a", b"1"))], [], {"new": ["a"]}, id="new"),
        pytest.param([], [module(entry("a", b"1"))], {"removed": ["a"]}, id="removed"),
        pytest.param(
            [module(entry("a", b"1"), id="m")],
            [module(entry("a", b"1"), id="n")],
            {"new": ["a"], "removed": ["a"]},
            id="another-module",
        ),
        pytest.param(
            [module(entry("a", b"1")), module(entry("a", b"2"))],
            [module(entry("a", b"2")), module(entry("a", b"3"), entry("a", b"4"))],
            {"unchanged": ["a"], "updated": ["a"], "removed": ["a"]},
            id="one-module-several-times",
        ),
    ],
)
def test_artifacts_are_compared_by_module_and_name(
    newer: list[dict[str, Any]], older: list[dict[str, Any]], found: dict[str, list[str]]
) -> None:
    assert kinds(diff.compare(made(*newer), made(*older)).artifacts) == found


def test_one_name_ten_thousand_times_is_compared_quickly() -> None:
    many = made(module(*[entry("a", b"%d" % at) for at in range(10_000)]))
    more = made(module(*[entry("a", b"%d" % at) for at in range(5_000, 15_000)]))

    group = diff.compare(many, more).artifacts

    assert (len(group.unchanged), len(group.updated)) == (5_000, 5_000)


def test_properties_are_compared_by_key() -> None:
    group = diff.compare(made(same="1", other="1", new="1"), made(same="1", other="2", old="3")).properties

    assert (group.unchanged, group.new) == ([diff.Property("same", "1")], [diff.Property("new", "1")])
    assert (group.updated, group.removed) == ([diff.Property("other", "1", "2")], [diff.Property("old", "3")])


@pytest.mark.postgres
def test_two_runs_are_compared_in_each_form(project: Project) -> None:
    dependency = {"id": "org:d:1", "sha1": "1" * 40, "md5": "2" * 32, "sha256": "3" * 64}
    project.publish("team/app", "1", when(1), modules=[module(artifact("a", b"1"))], properties={"k": "1", "o": "1"})
    newer = module(artifact("a", b"2"), dependencies=[dependency])
    project.publish("team/app", "2", when(2), modules=[newer], properties={"k": "2"})
    sums = artifact("a", b"2")
    none: dict[str, Any] = {"new": [], "updated": [], "removed": [], "unchanged": []}
    maps: dict[str, Any] = {kind: {} for kind in none}

    described = project.json("build/diff/team/app/2", params={"otherNumber": "1"})
    served = project.json("build/team%2Fapp/2", params={"diff": "1"})
    accept = "application/vnd.org.jfrog.build.BuildsDiff+json; entries=string, application/json"
    texts = project.json("build/team/app/2", params={"diff": "1"}, headers={"Accept": accept})

    short = {key: sums[key] for key in ("name", "sha1", "md5")}
    assert described == {
        "artifacts": {**none, "updated": [short]},
        "dependencies": {**none, "new": [{key: dependency[key] for key in ("id", "sha1", "md5")}]},
        "properties": {**maps, "updated": {"k": "2"}, "removed": {"o": "1"}},
    }
    assert served == {
        "artifacts": {**none, "updated": [{**sums, "module": "m"}]},
        "dependencies": {**none, "new": [{**dependency, "module": "m"}]},
        "properties": {
            **none,
            "updated": [{"key": "k", "value": "2", "oldValue": "1"}],
            "removed": [{"key": "o", "value": "1"}],
        },
    }
    assert texts == {
        "artifacts": {**none, "updated": ["a"]},
        "dependencies": {**none, "new": ["org:d:1"]},
        "properties": {**none, "updated": ["k"], "removed": ["o"]},
    }


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("path", "params", "status", "words"),
    [
        ("build/diff/app/1", {}, 400, "otherNumber: is missing"),
        ("build/diff/app/1", {"otherNumber": "9"}, 404, "Build 'app' #9 not found"),
        ("build/diff/app/9", {"otherNumber": "1"}, 404, "Build 'app' #9 not found"),
        ("build/app/1", {"diff": "9"}, 404, "Build 'app' #9 not found"),
        ("build/app", {"diff": "9"}, 404, "Build 'app' not found"),
    ],
)
def test_what_cannot_be_compared_is_told(
    project: Project, path: str, params: dict[str, str], status: int, words: str
) -> None:
    project.publish("app", "1")

    answer = project.ask("GET", path, params=params)

    assert answer.status_code == status
    assert words in answer.json()["errors"][0]["message"]
