"""The JSON of a build-info is completed, and says what it lists."""

from typing import Any

import orjson
import pytest

from app.artifacts.model import Sums
from app.buildinfo import document, fields
from app.buildinfo.model import Artifact, Dependency, Part
from app.errors import TooLarge
from tests.buildinfo.project import STARTED, STARTED_MS


def made(**fields: Any) -> document.Document:
    return document.normalised(orjson.dumps({"name": "app", "number": "1", "started": STARTED, **fields}), "ada")


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ({}, {"version": "1.0.1", "durationMillis": 0, "artifactoryPrincipal": "ada"}),
        ({"version": "2"}, {"version": "2"}),
        ({"artifactoryPrincipal": "kim"}, {"artifactoryPrincipal": "kim"}),
        ({"artifactoryPrincipal": ""}, {"artifactoryPrincipal": "ada"}),
        ({"durationMillis": "12"}, {"durationMillis": 12}),
        ({"number": 12}, {"number": "12"}),
        ({"number": 1.5}, {"number": "1.5"}),
        ({"properties": {"a": 1, "b": None, "c": [1, {"d": True}]}}, {"properties": {"a": "1", "c": '[1,{"d":true}]'}}),
        ({"vcs": []}, {"vcs": []}),
        ({"vcs": [{"revision": "r", "url": "u"}]}, {"vcsRevision": "r", "vcsUrl": "u"}),
        ({"vcs": [{"revision": "r"}], "vcsRevision": "x"}, {"vcsRevision": "x"}),
        ({"modules": [{"artifacts": None}]}, {"modules": [{"id": "", "artifacts": []}]}),
        ({"modules": [{"id": "m", "properties": {"n": 1}}]},
         {"modules": [{"id": "m", "artifacts": [], "properties": {"n": "1"}}]}),
        ({"modules": []}, {"modules": []}),
        ({"statuses": [{"status": "s", "timestamp": "2024-03-09T14:05:06.7Z"}]},
         {"statuses": [{"status": "s", "timestamp": "2024-03-09T14:05:06.700+0000"}]}),
        ({"statuses": [{"timestamp": ""}, {"timestamp": STARTED_MS}]},
         {"statuses": [{"timestamp": ""}, {"timestamp": STARTED}]}),
        ({"deep": [[None, {"a": None}]]}, {"deep": [[{}]]}),
    ],
)  # fmt: skip
def test_what_is_sent_is_completed(sent: dict[str, Any], stored: dict[str, Any]) -> None:
    content = made(**sent).content

    assert {field: content[field] for field in stored} == stored
    assert {"vcsRevision", "properties", "statuses", "modules", "url"} & content.keys() <= {*sent, *stored}


def test_what_modules_list_is_read() -> None:
    modules = [
        {"id": "m", "artifacts": [{"name": "a", "path": "/x/a", "originalDeploymentRepo": "dev", "sha1": "AB"}]},
        {
            "id": "lib/3",
            "type": "build",
            "sha1": "cd",
            "dependencies": [{"id": "d", "scopes": ["test", 1], "md5": "E"}],
        },
    ]

    entries = made(modules=modules).entries

    assert entries.artifacts == (Artifact("m", "a", "", "x/a", "dev", Sums("", "ab", "")),)
    assert entries.dependencies == (Dependency("lib/3", "d", "", ("test", "1"), "", Sums("", "", "e")),)
    assert entries.parts == (Part("lib/3", "cd"),)


def test_a_mask_hides_texts_everywhere_but_in_what_names_the_run() -> None:
    body = {
        "name": "hush", "number": "hush", "started": STARTED,
        "properties": {"buildInfo.env.KEY": "a hush b", "count": 1}, "unknown": [{"hush": "hush"}],
    }  # fmt: skip

    found = document.normalised(orjson.dumps(body), "ada", lambda text: text.replace("hush", "******"))

    assert (found.name, found.number, found.started) == ("hush", "hush", STARTED_MS)
    assert found.content["properties"] == {"buildInfo.env.KEY": "a ****** b", "count": "1"}
    assert found.content["unknown"] == [{"hush": "******"}]


def test_a_mask_leaves_checksums_as_they_are() -> None:
    listed = {"name": "a 1", "sha1": "1" * 40, "sha256": "1 is no checksum", "md5": ""}
    body = {"name": "app", "number": "1", "started": STARTED, "modules": [{"id": "m", "artifacts": [listed]}]}

    found = document.normalised(orjson.dumps(body), "ada", lambda text: text.replace("1", "******"))

    (shown,) = found.content["modules"][0]["artifacts"]
    assert (shown["name"], shown["sha1"], shown["sha256"]) == ("a ******", "1" * 40, "****** is no checksum")


def test_a_mask_hides_texts_in_modules_that_are_appended() -> None:
    data = orjson.dumps({"id": "m", "properties": {"k": "a hush b"}})

    (module,) = document.modules_of(data, lambda text: text.replace("hush", "******"))

    assert module["properties"] == {"k": "a ****** b"}


def test_the_stored_json_reads_as_the_same_build_info() -> None:
    found = made(modules=[{"id": "m", "artifacts": [{"name": "ä", "sha256": "0" * 64}]}], statuses=[{"status": "s"}])

    assert document.of_content(document.loaded(found.data)) == found


@pytest.mark.parametrize(
    ("limit", "said"),
    [("CONTAINERS", [{}, {}, [{}]]), ("COMMAS", ["a", "b", "c", "d"])],
)
def test_json_that_would_take_too_much_memory_is_not_read(
    limit: str, said: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fields, limit, 5)

    made(more=said[:1])
    with pytest.raises(TooLarge, match=r"at most 5 are read"):
        made(more=said)


def test_a_run_does_not_grow_beyond_what_a_build_info_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "ENTRIES", 3)
    monkeypatch.setattr(document, "MODULES", 2)
    content = made(modules=[{"id": "m", "artifacts": [{"name": "a"}]}]).content

    def appended(*modules: dict[str, Any]) -> None:
        document.append(content, document.modules_of(orjson.dumps(modules)))

    appended({"id": "n", "dependencies": [{"id": "b"}, {"id": "c"}]})
    with pytest.raises(TooLarge, match="2 modules, and 4 artifacts and dependencies; at most 2 and 3 are kept"):
        appended({"id": "m", "artifacts": [{"name": "d"}]})
    with pytest.raises(TooLarge, match="3 modules"):
        appended({"id": "o"})
