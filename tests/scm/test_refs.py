"""Names of refs are judged as git judges them."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.scm import refs
from tests.scm.repository import ENV

NAMES = [
    *("main", "feature/x", "a.b", "1", "ünï", "a@b", "a{b", "v1.0", "a.lockx", "x" * 200),
    *("", "@", "a..b", "a@{b", ".a", "a/.b", "a.", "a/", "/a", "a//b", "a.lock", "a.lock/b"),
    *("a b", "a~b", "a^b", "a:b", "a?b", "a*b", "a[b", "a\\b", "a\tb", "a\x7fb", "a\nb", "..", "."),
]


def git_takes(name: str) -> bool:
    command = ["git", "check-ref-format", "--allow-onelevel", name]
    return subprocess.run(command, env=ENV, check=False).returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_refused_exactly_when_git_refuses_it(name: str) -> None:
    assert (refs.problem(name) is None) == git_takes(name)


@settings(max_examples=60)
@given(st.text(alphabet="ab./@{}~^:?*[\\ -\x01\x7fé" + "lock", min_size=1, max_size=8))
def test_any_name_is_refused_exactly_when_git_refuses_it(name: str) -> None:
    if not name.startswith("-"):
        assert (refs.problem(name) is None) == git_takes(name)


@pytest.mark.parametrize("name", ["-x", "--upload-pack=id", "x" * 1025, "a\ud800"])
def test_what_git_would_take_for_something_else_is_refused_too(name: str) -> None:
    assert refs.problem(name)


def test_zeros_of_any_length_are_no_commit() -> None:
    assert refs.is_zero("0" * 40)
    assert refs.is_zero("0" * 64)
    assert not refs.is_zero("0" * 39 + "1")
    assert not refs.is_zero("")


@pytest.mark.parametrize(
    ("text", "full", "short"),
    [
        ("a" * 40, True, True),
        ("a" * 64, True, False),
        ("a" * 41, False, True),
        ("abcdef1", False, True),
        ("abcdef", False, False),
        ("A" * 40, False, False),
        ("g" * 40, False, False),
        ("a" * 40 + "\n", False, False),
    ],
)
def test_ids_are_whole_or_at_least_seven_digits(text: str, full: bool, short: bool) -> None:
    assert refs.is_full_id(text) == full
    assert refs.is_short_id(text) == short
