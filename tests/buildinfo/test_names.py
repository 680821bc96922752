"""Names and numbers in paths of files and of requests."""

import pytest

from app.buildinfo import names
from app.errors import Invalid


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("app", "app"),
        ("a / \\ | \t * ? : ; \\ / %b", "a%20%2F%20%5C %7C   %2A %3F %3A %3B %5C%20%2F%20%25b"),
        ("team/app", "team%2Fapp"),
        ("it's", "it%22s"),
        ('"<>&+#@', '"<>&+#@'),
        ("a  /  b", "a %20%2F%20 b"),
        ("a\nb\u2003c", "a b c"),
        ("50%2F", "50%252F"),
        ("Grüße", "Grüße"),
    ],
)
def test_a_name_is_encoded_as_clients_encode_it(name: str, folder: str) -> None:
    assert names.folder(name) == folder
    assert names.path_of(name, "1/2", 1412067619893) == f"{folder}/1%2F2-1412067619893.json"


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("app/7", [("app", "7")]),
        ("app", []),
        ("", []),
        ("team/app/7", [("team/app", "7"), ("team", "app/7")]),
        ("a%2Fb/7/", [("a/b", "7")]),
        ("a%252Fb/7", [("a%2Fb", "7"), ("a/b", "7")]),
        ("a+b/1%2B2", [("a+b", "1+2"), ("a b", "1+2")]),
        ("%20/7", []),
        ("a/..", []),
        ("50%25/7", [("50%", "7")]),
        ("%25FF/7", [("%FF", "7")]),
    ],
)
def test_a_path_may_mean_several_runs_the_exact_spelling_first(raw: str, found: list[tuple[str, str]]) -> None:
    assert names.pairs(raw) == found


def test_a_path_that_is_no_text_or_too_long_is_refused() -> None:
    for raw, words in (("%FF/7", "UTF-8"), ("a/" * 101, "at most 100")):
        with pytest.raises(Invalid, match=words):
            names.pairs(raw)


@pytest.mark.parametrize(
    ("project", "build_repo", "key"),
    [
        ("", "", "artifactory-build-info"),
        ("default", "", "artifactory-build-info"),
        ("web", "", "web-build-info"),
        ("web", "ops-build-info", "ops-build-info"),
    ],
)
def test_a_project_has_a_repository_of_build_info(project: str, build_repo: str, key: str) -> None:
    assert names.repository_key(project, build_repo) == key


@pytest.mark.parametrize(
    ("key", "project"),
    [
        ("artifactory-build-info", ""),
        ("web-build-info", "web"),
        ("libs", None),
        ("-build-info", None),
        ("a b-build-info", None),
    ],
)
def test_a_repository_says_its_project(key: str, project: str | None) -> None:
    assert names.project_of(key) == project
