"""Which repositories take which files, and what is in the way."""

from typing import Any

import pytest

from app.artifacts.model import ArtifactRepository, parted
from app.bundles import records, selection, told
from app.bundles.model import Artifact, Promotion
from app.bundles.selection import Blocker, Clash, Order, Target
from app.errors import Conflict, Invalid


def repo(at: int, key: str, *environments: str, **more: Any) -> ArtifactRepository:
    return ArtifactRepository(at, key, environments=environments, **more)


def artifact(path: str, package_type: str = "generic") -> Artifact:
    return Artifact(package_type, *parted(path), "dev", 1, 1, "", "a" * 64, 1)


REPOS = [
    repo(1, "qa-generic", "QA"),
    repo(2, "qa-docker", "QA", package_type="docker"),
    repo(3, "all", "DEV", "QA"),
    repo(4, "prod", "PROD"),
    repo(5, "qa-virtual", "QA", kind="virtual"),
    repo(6, "release-bundles-v2", "QA", system="bundles"),
]
FILES = [artifact("a"), artifact("b/c"), artifact("img", "docker")]


def chosen(project: str = "", repos: list[ArtifactRepository] = REPOS, **order: Any) -> list[str]:
    targets = selection.targets_of(FILES, repos, Order("QA", **order), project)
    return [f"{target.repo.key} {len(target.artifacts)}" for target in targets]


def test_each_file_goes_to_all_repositories_of_its_type_in_the_environment() -> None:
    assert chosen() == ["all 2", "qa-docker 1", "qa-generic 2"]


def test_included_keys_win_over_excluded_ones_and_may_have_stars() -> None:
    assert chosen(excluded=("all",)) == ["qa-docker 1", "qa-generic 2"]
    assert chosen(excluded=("unknown", "a*")) == ["qa-docker 1", "qa-generic 2"]
    assert chosen(included=("qa-*",), excluded=("qa-*",)) == ["qa-docker 1", "qa-generic 2"]


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"excluded": ("qa-docker",)}, "in the environment QA takes the package type docker"),
        ({"included": ("all",)}, "among the included repositories of the environment QA takes the package type docker"),
        ({"included": ("prod", "x*", "all")}, "is called prod; x"),
        ({"included": ("qa-virtual",)}, "is called qa-virtual"),
        ({"included": ("release-bundles-v2",)}, "is called release-bundles-v2"),
    ],
)
def test_a_file_without_a_repository(order: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid) as refused:
        chosen(**order)

    assert words in refused.value.message


def test_repositories_of_a_project_come_before_all_others() -> None:
    own = [
        repo(7, "web-qa", "QA", project="web"),
        repo(8, "web-docker", "QA", project="web", package_type="docker"),
        repo(9, "ops-qa", "QA", project="ops"),
    ]

    assert chosen("web", [*REPOS, *own]) == ["web-docker 1", "web-qa 2"]
    assert chosen("none", REPOS) == ["all 2", "qa-docker 1", "qa-generic 2"]
    assert chosen("web", [*REPOS, *own], included=("all", "web-docker")) == ["all 2", "web-docker 1"]
    with pytest.raises(Invalid):
        chosen("web", [*REPOS, *own], included=("ops-qa", "web-docker"))


def clashes(*blockers: Blocker, files: tuple[str, ...] = ("lib/b", "a"), **more: Any) -> list[str]:
    target = Target(repo(1, "prod", "PROD", **more), [artifact(path) for path in files])
    return selection.clashes_of([target], blockers)


def test_what_is_in_the_way_is_named_once_a_file_in_order() -> None:
    assert clashes() == []
    assert clashes(Blocker(1, "lib/b"), Blocker(1, "a", folder=True), Blocker(2, "lib/b")) == [
        "target artifact already exists: prod/a is a folder there",
        "target artifact already exists: prod/lib/b has other bytes there",
    ]
    assert clashes(Blocker(1, "lib", above=True)) == ["prod/lib is a file, so nothing can be below it: lib/b"]
    assert clashes(files=("a", "a/b/c", "d")) == [
        "prod/a and prod/a/b/c are both files of the version, and one lies below the other"
    ]
    assert clashes(excludes="lib/**", includes="**/*") == [
        "the repository prod does not take lib/b: its exclude pattern lib/** fits"
    ]


def test_of_many_clashes_the_first_ten_are_named_and_all_are_counted() -> None:
    clash = Clash([f"c{at:02}" for at in range(13)], "the promotion", 40)

    assert clash.message.startswith("the promotion was refused: 13 of 40 files cannot be put, so no file was changed: ")
    assert clash.message.endswith("c09; and 3 more")
    assert told.why(clash) == [
        "13 of 40 files cannot be put, so no file was changed",
        *(f"c{at:02}" for at in range(10)),
    ]
    assert told.why(Conflict("no")) == ["no"]
    assert len(told.left([str(at) for at in range(12)])) == 11


def promotion(environment: str) -> Promotion:
    return Promotion(1, 1, 1, "shop", 1, environment, "", "copy", "COMPLETED", 1, "ada")


@pytest.mark.parametrize(
    ("operation", "latest", "source", "moves"),
    [
        ("copy", "", "DEV", False),
        ("move", "", "DEV", False),
        ("copy", "STAGE", "STAGE", False),
        ("move", "STAGE", "STAGE", True),
        ("move", "QA", "QA", False),
    ],
)
def test_the_course_of_a_version(operation: Any, latest: str, source: str, *, moves: bool) -> None:
    course = selection.course_of(Order("QA", operation), promotion(latest) if latest else None, "DEV")

    assert course.source_environment == source
    assert (course.origin is not None) == moves


@pytest.mark.parametrize(
    ("environment", "been", "skipped"),
    [
        ("DEV", (), ""),
        ("QA", (), "DEV"),
        ("QA", ("DEV",), ""),
        ("PROD", ("DEV",), "QA"),
        ("PROD", ("QA",), ""),
        ("PROD", ("PROD",), ""),
        ("EU", (), ""),
    ],
)
def test_an_environment_that_is_skipped(environment: str, been: tuple[str, ...], skipped: str) -> None:
    assert selection.skipped(("DEV", "QA", "PROD"), environment, been) == skipped


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("PROD", {"environment": "PROD"}),
        ("environment=PROD", {"environment": "PROD"}),
        (
            " promotion_environment = P* ; promotion_created_by=ada&bundle_version=1.0,status=FAILED",
            {"environment": "P*", "created_by": "ada", "release_bundle_version": "1.0", "status": "FAILED"},
        ),
        ("nobody=knows,environment=", {}),
    ],
)
def test_filters(text: str, found: dict[str, str]) -> None:
    assert records.filters_of(text) == found
