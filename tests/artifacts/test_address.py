"""Addresses of artifacts: which file a raw path names, and which parameters it has."""

import unicodedata

import pytest

from app.artifacts.address import NAME_LIMIT, PATH_LIMIT, Address, parse, plain
from app.errors import Invalid

NFC, NFD = (unicodedata.normalize(form, "ü") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("raw", "repo", "path"),
    [
        ("r/a/b.txt", "r", "a/b.txt"),
        ("r/a%20b", "r", "a b"),
        ("r/a+b", "r", "a+b"),
        ("r/a%2Bb", "r", "a+b"),
        ("r/a%3Bb%3Dc", "r", "a;b=c"),
        ("r/a%2Cb", "r", "a,b"),
        ("r/100%25", "r", "100%"),
        ("r/a%252Fb", "r", "a%2Fb"),
        ("r/a%23b%3Fc", "r", "a#b?c"),
        ("r/a#b", "r", "a#b"),
        ("r//a///b", "r", "a/b"),
        ("r/%C3%BC", "r", NFC),
        ("r/u%CC%88", "r", NFD),
        ("r/a\\b", "r", "a\\b"),
        ("r/a%0D%0Ab", "r", "a\r\nb"),
        ('r/"|\\[{^`', "r", '"|\\[{^`'),
        ("r/...", "r", "..."),
        ("r/" + "n" * NAME_LIMIT, "r", "n" * NAME_LIMIT),
        ("r;k=v/a", "r", "a"),
        ("r/a;k=v/b", "r", "a/b"),
        ("r/a/b;k=v", "r", "a/b"),
    ],
)
def test_a_path_is_decoded_once(raw: str, repo: str, path: str) -> None:
    found = parse(raw)

    assert (found.repo, found.path) == (repo, path)


@pytest.mark.parametrize(
    ("raw", "folder"),
    [("r", True), ("r/", True), ("r/a", False), ("r/a/", True), ("r/a/;k=v", True), ("r/a;k=v/", True)],
)
def test_a_slash_at_the_end_means_a_folder(raw: str, folder: bool) -> None:
    assert parse(raw).folder is folder


@pytest.mark.parametrize(
    ("raw", "matrix"),
    [
        ("r/a", []),
        ("r/a;", []),
        ("r/a;;k=v;", [("k", "v")]),
        ("r/a;k", [("k", "")]),
        ("r/a;k=", [("k", "")]),
        ("r/a;k=v", [("k", "v")]),
        ("r/a;k=v;k=w;l=x", [("k", "v"), ("k", "w"), ("l", "x")]),
        ("r/a;k=v,w", [("k", "v"), ("k", "w")]),
        ("r/a;k=v%2Cw", [("k", "v,w")]),
        ("r/a;k=v\\,w", [("k", "v,w")]),
        ("r/a;k=v\\\\,w", [("k", "v\\"), ("k", "w")]),
        ("r/a;k=,", [("k", ""), ("k", "")]),
        ("r/a;k=v%5C%2Cw", [("k", "v,w")]),
        ("r/a;k=v%5C%5C%2Cw", [("k", "v\\,w")]),
        ("r/a;k=%5C%3B%5C%7C%5C%3D%5C%5C", [("k", ";|=\\")]),
        ("r/a;k=%5Chello", [("k", "\\hello")]),
        ("r/a;k=end%5C", [("k", "end\\")]),
        ("r/a;k=end\\", [("k", "end\\")]),
        ("r/a;k=a=1", [("k", "a=1")]),
        ("r/a;url=http:%2F%2Fh.example.test%2F%3Fx%3D1%26y%3D2", [("url", "http://h.example.test/?x=1&y=2")]),
        ("r/a;k=a+b%2Bc%20d", [("k", "a b+c d")]),
        ("r/a;with+space=v", [("with space", "v")]),
        ("r/a;with%20space=v", [("with space", "v")]),
        ("r/a;k+=v", [("k+", "v")]),
        ("r/a;k%2B=v", [("k+", "v")]),
        ("r/a;k=%3B", [("k", ";")]),
        ("r/a;k=%C3%BC", [("k", NFC)]),
        ("r/a;k=''", [("k", "''")]),
        ("r;a=1/b;b=2/c;c=3", [("a", "1"), ("b", "2"), ("c", "3")]),
        ("qa;a=1;b=2/org/x/x.jar", [("a", "1"), ("b", "2")]),
        (
            'r/a.jar;build.name=app;vcs.message=fix+"x"+|+a%2Fb+%3B+%5Chello',
            [("build.name", "app"), ("vcs.message", 'fix "x" | a/b ; \\hello')],
        ),
    ],
)
def test_parameters_are_cut_before_they_are_decoded(raw: str, matrix: list[tuple[str, str]]) -> None:
    assert list(parse(raw).matrix) == matrix


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "no_repository"),
        ("/", "no_repository"),
        (";k=v", "no_repository"),
        ("r/../x", "bad_name"),
        ("r/./x", "bad_name"),
        ("r/%2e%2E/x", "bad_name"),
        ("../r", "bad_name"),
        ("r/a%2Fb", "bad_name"),
        ("r/a%00", "bad_path"),
        ("r/" + "n" * 300, "name_too_long"),
        ("r/" + "%C3%BC" * 150, "name_too_long"),
        ("r" + ("/" + "n" * 200) * 21, "path_too_long"),
        ("r/%FF", "bad_path"),
        ("r/a;k=%FF", "bad_path"),
        ("r/a;k=%00", "bad_path"),
        ("r/a;%00=v", "bad_path"),
    ],
)
def test_what_cannot_be_a_path_is_refused_with_the_rule(raw: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(raw)

    assert refused.value.code == code
    assert refused.value.problems[0].field == "path"


@pytest.mark.parametrize("path", ["a/b", "a;b", "a%b", "a#b", "a?b", "a+b", "a b", NFC, NFD, 'q"|\\', "a\nb", "a:b"])
def test_the_address_in_a_url_names_the_same_file_again(path: str) -> None:
    assert parse(Address("r", path).url) == Address("r", path)


def test_decoded_text_has_no_parameters_and_no_escapes() -> None:
    assert plain("/r/a;b%20c/") == Address("r", "a;b%20c", folder=True)


def test_a_path_may_be_as_long_as_the_limit() -> None:
    path = "/".join(["n" * 255] * 16)

    assert len(path) == PATH_LIMIT - 1
    assert parse(f"r/{path}").path == path
