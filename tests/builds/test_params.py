"""Which parameters may reach a step's environment."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.builds.params import LIMIT, WORD_LIMIT, check, merge
from app.errors import Invalid, Problem
from app.repos.parameters import SHOWN

RESERVED = [
    *("DRONE", "DRONE_", "DRONE_X", "DRONE_DEPLOY_TO", "CI", "CI_", "CI_X"),
    *("PLUGIN_", "PLUGIN_X", "GIT_", "GIT_SSH_COMMAND", "LD_", "LD_PRELOAD", "DYLD_", "DYLD_INSERT_LIBRARIES"),
    *("PATH", "HOME", "PWD", "SHELL", "IFS", "ENV", "BASH_ENV"),
]
FREE = [
    *("A", "_", "_1", "a", "VERSION", "lower_case", "X" * 1000),
    *("DRONES", "CIRCLE", "PLUGIN", "GIT", "LD", "DYLD", "GITHUB_TOKEN", "MY_DRONE_X", "_CI"),
    *("PATHS", "MY_PATH", "HOMES", "ENVIRONMENT", "BASH"),
    *("drone_x", "ci", "path", "Path"),
]
NO_NAMES = ["", "1", "1A", "A-B", "A B", "A.B", "A=B", "A\n", "\nA", "A\0", "Ä", "Aé", "V\u0130", "١", "$A", " A"]


def problems(params: dict[str, str], **words: str) -> tuple[Problem, ...]:
    with pytest.raises(Invalid) as refused:
        check(params, **words)
    return refused.value.problems


@pytest.mark.parametrize("name", RESERVED)
def test_names_of_the_server_and_the_shell_are_reserved(name: str) -> None:
    (problem,) = problems({name: "x"})

    assert (problem.field, problem.code) == (name, "parameter_reserved")
    assert name in problem.message


@pytest.mark.parametrize("name", FREE)
def test_names_that_only_look_like_them_are_free(name: str) -> None:
    check({name: "x"})


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_name_of_a_variable_is_refused(name: str) -> None:
    (problem,) = problems({name: "x"})

    assert (problem.field, problem.code) == (name, "parameter_name")
    assert problem.message.isascii()
    assert problem.message.isprintable()


def test_every_offender_is_named_with_its_own_code() -> None:
    found = problems({"OK": "x", "1A": "x", "DRONE_X": "x", "NUL": "a\0b", "PATH": "x"})

    assert [(problem.field, problem.code) for problem in found] == [
        ("1A", "parameter_name"),
        ("DRONE_X", "parameter_reserved"),
        ("NUL", "parameter_value"),
        ("PATH", "parameter_reserved"),
    ]


def test_one_offender_gives_the_error_its_code_and_several_do_not() -> None:
    with pytest.raises(Invalid) as one:
        check({"PATH": ""})
    with pytest.raises(Invalid) as two:
        check({"PATH": "", "1": ""})

    assert one.value.code == "parameter_reserved"
    assert two.value.code == "invalid"
    assert "'PATH'" in two.value.message
    assert "'1'" in two.value.message


def test_ten_thousand_offenders_are_all_named() -> None:
    assert len(problems({f"{number}": "" for number in range(10_000)})) == 10_001  # and they are too large


@pytest.mark.parametrize("start", ["-", "DRONE_"])
def test_a_name_without_end_is_shown_shortened(start: str) -> None:
    problem = problems({start + "x" * 30_000: ""})[0]

    assert problem.field == (start + "x" * SHOWN)[:SHOWN] + "..."
    assert len(problem.message) < 300


def test_a_value_never_shows_in_an_error() -> None:
    found = problems({"A": "hush\0hush", "PATH": "hush", "B": "hush" * LIMIT}, target="hush\0")

    assert not [problem for problem in found if "hush" in repr(problem)]


@pytest.mark.parametrize("value", ["", " ", "two\nlines\r\n\ttab", "☃ 日本 naïve", "$(rm -rf /)", "a=b&c", "\x01\x7f"])
def test_a_value_may_hold_anything_but_a_nul(value: str) -> None:
    check({"A": value})


def test_the_largest_that_fits_passes_and_one_byte_more_does_not() -> None:
    check({"A": "x" * (LIMIT - 3), "B": "y"})

    (problem,) = problems({"A": "x" * (LIMIT - 2), "B": "y"})
    assert (problem.field, problem.code) == ("params", "parameters_too_large")
    assert str(LIMIT) in problem.message
    assert str(LIMIT + 1) in problem.message


def test_bytes_are_counted_and_not_characters() -> None:
    check({"A": "é" * (LIMIT // 2 - 1), "B": ""})

    (problem,) = problems({"A": "é" * (LIMIT // 2), "B": ""})
    assert problem.code == "parameters_too_large"


def test_names_count_too() -> None:
    check({"A" * LIMIT: ""})

    assert problems({"A" * LIMIT: "", "B": ""})[0].code == "parameters_too_large"


def test_given_parameters_win_over_inherited_ones() -> None:
    assert merge({"A": "old", "B": "old"}, {"B": "new", "C": ""}) == {"A": "old", "B": "new", "C": ""}


def test_an_empty_value_wins_too() -> None:
    assert merge({"A": "old"}, {"A": ""}) == {"A": ""}


def test_merged_parameters_stand_in_the_order_of_their_names() -> None:
    assert list(merge({"b": "", "C": ""}, {"a": "", "B": ""})) == ["B", "C", "a", "b"]


def test_what_is_inherited_and_what_is_given_must_fit_together() -> None:
    half = "x" * (LIMIT // 2)

    with pytest.raises(Invalid, match="bytes"):
        merge({"A": half}, {"B": half})


def test_neither_side_is_changed_by_merging() -> None:
    inherited, new = {"A": "1"}, {"A": "2"}

    merge(inherited, new)

    assert (inherited, new) == ({"A": "1"}, {"A": "2"})


def test_where_names_are_listed_no_other_passes_and_no_inherited_one_either() -> None:
    assert merge({"A": "1"}, {"B": "2"}, ("A", "B")) == {"A": "1", "B": "2"}

    with pytest.raises(Invalid) as refused:
        merge({"C": "1", "A": "1"}, {"PATH": "x"}, ("A", "B"))

    assert [(problem.field, problem.code) for problem in refused.value.problems] == [
        ("C", "parameter_not_allowed"),
        ("PATH", "parameter_reserved"),
    ]
    assert "(A, B)" in refused.value.problems[0].message


def test_words_are_checked_and_not_merged() -> None:
    assert merge({}, {"A": "1"}, target="production") == {"A": "1"}


@pytest.mark.parametrize(("word", "code"), [("a\0b", "invalid"), ("x" * (WORD_LIMIT + 1), "too_long")])
def test_a_word_that_no_step_can_be_told_is_refused_beside_the_others(word: str, code: str) -> None:
    found = problems({"PATH": ""}, target=word)

    assert [(problem.field, problem.code) for problem in found] == [("target", code), ("PATH", "parameter_reserved")]


def test_the_longest_word_passes() -> None:
    check({}, target="x" * WORD_LIMIT)


@given(st.dictionaries(st.text("AC_I1 é\0", max_size=5), st.text("A é\0", max_size=5), max_size=4))
def test_what_passes_can_be_an_environment(params: dict[str, str]) -> None:
    with contextlib.suppress(Invalid):
        check(params)
        for name, value in params.items():
            assert name.isidentifier()
            assert b"\0" not in f"{name}={value}".encode()
