import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.pipeline import globs


def fits(pattern: str, value: str) -> bool:
    """The rules of contract drone-yaml 7.4 as plain recursion: slow, and easy to believe."""
    return _segments(pattern.split("/"), value.split("/"))


def _segments(patterns: list[str], values: list[str]) -> bool:
    if not patterns or not values:
        return not patterns and not values
    if patterns[0] != "**":
        return _segment(patterns[0], values[0]) and _segments(patterns[1:], values[1:])
    if len(patterns) == 1:
        return True
    return any(_segments(patterns[1:], values[start:]) for start in range(len(values)))


def _segment(pattern: str, value: str) -> bool:
    return any(_characters(alternative, value) for alternative in _alternatives(pattern))


def _alternatives(pattern: str) -> list[str]:
    """For patterns whose braces do not nest."""
    match = re.search(r"\{([^{}]*)\}", pattern)
    if match is None:
        return [pattern]
    head, tail = pattern[: match.start()], pattern[match.end() :]
    return [head + option + rest for option in match[1].split(",") for rest in _alternatives(tail)]


def _characters(pattern: str, value: str) -> bool:
    if not pattern:
        return not value
    if pattern[0] == "*":
        return any(_characters(pattern[1:], value[start:]) for start in range(len(value) + 1))
    if not value:
        return False
    if pattern[0] == "?":
        return _characters(pattern[1:], value[1:])
    if pattern[0] == "[":
        end = pattern.index("]")
        body = pattern[1:end].removeprefix("^")
        inside = (body[0] <= value[0] <= body[2]) if "-" in body else value[0] in body
        return inside != (pattern[1] == "^") and _characters(pattern[end + 1 :], value[1:])
    return pattern[0] == value[0] and _characters(pattern[1:], value[1:])


ATOMS = ["a", "b", "c", "*", "*", "?", "[ab]", "[^a]", "[a-b]", "{a,b}", "{ab,c}", "{a*,b}", "{,a}", "**"]
SEGMENTS = st.lists(st.sampled_from(ATOMS), max_size=6).map("".join) | st.just("**")
PATTERNS = st.lists(SEGMENTS, min_size=1, max_size=5).map("/".join)


@settings(max_examples=600)
@given(PATTERNS, st.text("abc/", max_size=12))
def test_a_glob_means_what_plain_recursion_says(pattern: str, value: str) -> None:
    assert globs.matches(pattern, value) == fits(pattern, value)


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_is_a_pattern_or_matches_nothing(pattern: str, value: str) -> None:
    assert globs.matches(pattern, value) in (True, False)


@given(st.text(alphabet=st.characters(exclude_characters="*?[]{}\\/"), max_size=20))
def test_a_text_without_wildcards_matches_itself_alone(value: str) -> None:
    assert globs.matches(value, value)
    assert not globs.matches(value, value + "x")


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("feature/*", "feature/a", True),
        ("feature/*", "feature/a/b", False),
        ("feature/**", "feature/a/b", True),
        ("*", "feature/a", False),
        ("refs/tags/v*", "refs/tags/v1.0", True),
        ("acme/*", "acme/web", True),
        ("refs/heads/**", "refs/heads", False),
        ("refs/**/main", "refs/main", True),
        ("refs/**/main", "refs/heads/x/main", True),
        ("**/main", "main", True),
        ("**", "", True),
        ("*", "", True),
        ("?", "", False),
        ("", "", True),
        ("", "a", False),
        ("?", "/", False),
        ("[^a]", "/", False),
        ("v[0-9].[0-9]", "v1.2", True),
        (r"\*", "*", True),
        (r"\*", "a", False),
        (r"[\]\-x]", "-", True),
        (r"[\]\-x]", "]", True),
        ("a}b", "a}b", True),
        ("a,b", "a,b", True),
        ("{a,{b,c}d}e", "cde", True),
        ("{a,{b,c}d}e", "be", False),
        ("{[,],b}", ",", True),
        (r"{a\,b,c}", "a,b", True),
        ("a.c", "abc", False),
        ("Main", "main", False),
        ("über-*", "über-straße", True),
        ("a*\n", "a\n", True),
    ],
)
def test_the_rules_of_globs(pattern: str, value: str, expected: bool) -> None:
    assert globs.matches(pattern, value) is expected


@pytest.mark.parametrize(
    "pattern",
    ["[", "[]", "[^]", "[a", "[a-]", "[-a]", "[z-a]", "a\\", "{a", "{a,b", "{a/b,c}", "*" * 513, "{a,b}" * 7],
)
def test_an_invalid_pattern_matches_nothing(pattern: str) -> None:
    for value in ("", "a", "b", "-", pattern):
        assert not globs.matches(pattern, value)


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("*a" * 250 + "b", "a" * 5000),
        ("**/a/" * 100 + "b", "a/" * 3000),
        ("**/*a*a*a*a*b/" * 30 + "x", "aaaaaaa/" * 2000),
        ("{a,b}" * 102, "ab" * 51),
        ("{" * 512, "{"),
    ],
)
def test_hostile_patterns_end(pattern: str, value: str) -> None:
    assert not globs.matches(pattern, value)


def test_pieces_refuse_a_pattern_that_is_too_long() -> None:
    with pytest.raises(globs.BadGlob, match="at most 512 characters"):
        globs.pieces("a" * 513, ".")
