"""Who may do what: patterns of paths, grants, tokens."""

import re
import time
from fnmatch import fnmatchcase
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.artifacts.model import ArtifactRepository, System
from app.artifacts.rights import ACTIONS, Action, Grant, Rights, matches, of_versions, regex_of

LIBS, OTHER = ArtifactRepository(1, "libs"), ArtifactRepository(2, "other")
BUILDS = ArtifactRepository(3, "artifactory-build-info", system="buildinfo")
BUNDLES = ArtifactRepository(4, "release-bundles-v2", system="bundles")
NAMES = st.lists(st.sampled_from(["a", "b", "ab", "aab", "a.b", ""]), max_size=6)
PIECES = st.lists(
    st.sampled_from(["**", "*", "?", "a", "b", "a*", "*b", "a*b*", "?b", "a**b", "a.b"]), min_size=1, max_size=6
)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("**", "", True),
        ("**", "a/b/c", True),
        ("**/*", "", True),
        ("**/*", "a/b", True),
        ("a", "a", True),
        ("a", "a/b", False),
        ("a/", "a", True),
        ("a/", "a/b/c", True),
        ("a/**", "a", True),
        ("a/**", "a/b/c", True),
        ("a/**", "ab", False),
        ("/a/**", "a/b", True),
        ("a/*", "a/b", True),
        ("a/*", "a/b/c", False),
        ("a/*", "a", False),
        ("a/?", "a/b", True),
        ("a/?", "a/bc", False),
        ("**/x.jar", "x.jar", True),
        ("**/x.jar", "a/b/x.jar", True),
        ("**/x.jar", "a/bx.jar", False),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "ab", False),
        ("**/*-SNAPSHOT/**", "org/x/1-SNAPSHOT/x.jar", True),
        ("**/*-SNAPSHOT/**", "org/x/1-SNAPSHOT", True),
        ("**/*-SNAPSHOT/**", "org/x/1/x-SNAPSHOT.jar", False),
        ("**/a/**/a/b", "x/a/a/b", True),
        ("**/a/**/a/b", "a/b/a/c/a/b", True),
        ("*a*b*c", "xaxbxbc", True),
        ("a+(b)[c]{1}.$^|\\", "a+(b)[c]{1}.$^|\\", True),
        ("a.b", "axb", False),
        ("a*", "a\nb", True),
        ("a", "a\n", False),
        ("", "a", False),
    ],
)
def test_a_pattern_of_paths(pattern: str, path: str, expected: bool) -> None:
    assert matches(path, [pattern]) is expected


def _slowly(names: list[str], pattern: list[str]) -> bool:
    """Whether names match a pattern, by trying everything."""
    if not pattern:
        return not names
    if pattern[0] == "**":
        return any(_slowly(names[at:], pattern[1:]) for at in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], pattern[0]) and _slowly(names[1:], pattern[1:])


@given(NAMES, PIECES)
def test_patterns_match_as_a_simple_matcher_says(names: list[str], pattern: list[str]) -> None:
    path, text = "/".join(name for name in names if name), "/".join(pattern)

    expected = _slowly(path.split("/") if path else [""], pattern) or _slowly(path.split("/") if path else [], pattern)

    assert matches(path, [text]) is expected
    assert bool(re.search(regex_of(text), path, re.DOTALL)) is expected


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 30 + "b", "a" * 255),
        ("**/a/" * 30 + "b", "a/" * 2000 + "c"),
        ("**/*a*/" * 10 + "b", "aaa/" * 1000 + "c"),
        ("**/*/" * 20 + "b", "aaa/" * 1000 + "c"),
    ],
)
def test_a_hostile_pattern_takes_no_time(pattern: str, path: str) -> None:
    began = time.process_time()

    assert not matches(path, [pattern])

    assert time.process_time() - began < 1


@given(NAMES, PIECES)
def test_a_pattern_of_versions_is_judged_on_the_first_two_names(names: list[str], pattern: list[str]) -> None:
    parts, text = [name for name in names if name], "/".join(pattern)
    grant = some("read", of="ANY", includes=(text,), section="releaseBundle")

    assert grant.holds_for("/".join(parts)) is matches("/".join(parts[:2]), [text])


@pytest.mark.parametrize(
    ("pattern", "versions"),
    [
        ("**", ("**",)),
        ("shop", ("shop",)),
        ("shop/", ("shop/**",)),
        ("shop/**", ("shop/**",)),
        ("shop/*", ("shop/*/**",)),
        ("shop/1.0", ("shop/1.0/**",)),
        ("/shop/1.0/**", ("shop/1.0/**",)),
        ("**/1.*", ("1.*", "*/1.*/**")),
        ("**/shop/**", ("shop/**", "*/shop/**")),
        ("**/*", ("*", "*/*/**")),
        ("shop/1.0/artifacts/**", ()),
    ],
)
def test_a_pattern_of_versions_is_for_all_that_is_in_them(pattern: str, versions: tuple[str, ...]) -> None:
    assert of_versions(pattern) == versions


def may(grant: Grant, action: Action, repo: ArtifactRepository = LIBS, path: str = "a/b") -> bool:
    return Rights(grants=(grant,)).may(action, repo, path)


def some(*actions: Action, of: str = "libs", **more: object) -> Grant:
    return Grant(frozenset({of}), frozenset(actions), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("action", ACTIONS)
def test_each_right_is_for_itself_but_deploy_is_for_promotion_too(action: Action) -> None:
    allowed = {other for other in ACTIONS if may(some(action), other)}

    assert allowed == ({"deploy", "promote"} if action == "deploy" else {action})


def test_who_may_create_release_bundles_need_not_be_able_to_promote_them() -> None:
    grant = some("deploy", of="ANY", section="releaseBundle")

    assert {action for action in ACTIONS if may(grant, action, BUNDLES)} == {"deploy"}
    assert may(some("deploy", of="ANY", section="build"), "promote", BUILDS)


@pytest.mark.parametrize(
    ("rights", "environments"),
    [
        (Rights(everything=True), {"DEV", "QA", "PROD"}),
        (Rights(everything=True, allowed=frozenset({"read", "deploy"})), set()),
        (Rights(grants=(some("promote", of="ANY", section="releaseBundle"),)), {"DEV", "QA", "PROD"}),
        (Rights(grants=(some("deploy", of="ANY", section="releaseBundle"),)), set()),
        (Rights(grants=(some("promote", of="ANY"),)), set()),
        (Rights(grants=(some("promote", of="ANY", section="releaseBundle", includes=("web/**",)),)), set()),
        (
            Rights(
                grants=(
                    some("promote", of="ANY", section="releaseBundle", environments=frozenset({"DEV", "QA"})),
                    some("promote", of="ANY", section="releaseBundle", excludes=("shop/**",)),
                    some("read", "deploy", of="ANY", section="releaseBundle"),
                )
            ),
            {"DEV", "QA"},
        ),
        (
            Rights(
                grants=(
                    some("promote", of="ANY", section="releaseBundle", environments=frozenset({"DEV"})),
                    some("promote", of=BUNDLES.key, section="releaseBundle", includes=("shop/1.*",)),
                )
            ),
            {"DEV", "QA", "PROD"},
        ),
    ],
)  # fmt: skip
def test_promotion_of_release_bundles_is_for_environments(rights: Rights, environments: set[str]) -> None:
    found = {name for name in ("DEV", "QA", "PROD") if rights.may_promote_to(BUNDLES, "shop/1.0", name)}

    assert found == environments
    assert rights.may("promote", BUNDLES, "shop/1.0") is bool(environments)


@pytest.mark.parametrize(
    ("grant", "keys"),
    [
        (some("read"), {"libs"}),
        (some("read", of="ANY"), {"libs", "other"}),
        (some("read", of="ANY LOCAL"), {"libs", "other"}),
        (some("read", of="ANY REMOTE"), set()),
        (some("read", of="ANY", section="build"), {"artifactory-build-info"}),
        (some("read", of="ANY", section="releaseBundle"), {"release-bundles-v2"}),
        (some("read", of="artifactory-build-info"), set()),
        (some("read", of="artifactory-build-info", section="build"), {"artifactory-build-info"}),
    ],
)
def test_a_grant_is_for_its_repositories(grant: Grant, keys: set[str]) -> None:
    everything = (LIBS, OTHER, BUILDS, BUNDLES)

    assert {repo.key for repo in everything if may(grant, "read", repo)} == keys


def test_every_system_repository_has_its_section() -> None:
    assert {repo.system for repo in (LIBS, BUILDS, BUNDLES)} == set(get_args(System))


def test_a_grant_is_for_what_it_includes_and_does_not_exclude() -> None:
    grant = some("read", includes=("a/**", "b/*"), excludes=("**/secret/**",))

    assert {
        path for path in ("", "a", "a/x/y", "b/x", "b/x/y", "a/secret", "a/secret/x") if may(grant, "read", path=path)
    } == {
        "a",
        "a/x/y",
        "b/x",
    }
    assert Rights(grants=(grant,)).somewhere("read", LIBS)
    assert not Rights(grants=(grant,)).wholly("read", LIBS)


def test_any_of_several_grants_is_enough() -> None:
    rights = Rights(grants=(some("read", includes=("a/**",)), some("read", includes=("b/**",), excludes=("b/x",))))

    assert [rights.may("read", LIBS, path) for path in ("a/x", "b/y", "b/x", "c")] == [True, True, False, False]


def test_a_token_limits_even_an_administrator() -> None:
    rights = Rights(everything=True, allowed=frozenset({"read"}))

    assert rights.may("read", LIBS, "a")
    assert not any(rights.may(action, LIBS, "a") for action in ACTIONS if action != "read")
    assert not rights.wholly("manage", LIBS)
    assert not rights.somewhere("deploy", LIBS)


@pytest.mark.parametrize(
    ("includes", "excludes", "wholly"),
    [
        (("**",), (), True),
        (("**/*",), (), True),
        (("a", "**"), (), True),
        (("**",), ("x",), False),
        (("*",), (), False),
    ],
)
def test_all_of_a_repository_is_every_path(includes: tuple[str, ...], excludes: tuple[str, ...], wholly: bool) -> None:
    assert Rights(grants=(some("manage", includes=includes, excludes=excludes),)).wholly("manage", LIBS) is wholly
