"""What people type becomes a command, or a list of what is wrong with the text and the nearest command."""

import shlex
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.chatops import words
from app.chatops.command import LONGEST, Command, written
from app.chatops.grammar import Misunderstood, parse
from app.chatops.model import Subject

REPO = "octocat/hello-world"
PULL = Subject(REPO, "4522cbcefc20728a5b72b3a86af35e608622c514")


def promote(**more: Any) -> Command:
    """A promotion of build 42 to production, but for these fields."""
    return replace(Command("promote", REPO, 42, target="production"), **more)


GOOD = {
    "octocat/hello-world#42 to production TAG=v1.2.3": promote(params={"TAG": "v1.2.3"}),
    "promote octocat/hello-world#42 to production": promote(),
    "PROMOTE octocat/hello-world#42 TO production": promote(),
    "deploy octocat/hello-world#42 in production": promote(),
    "/promote octocat/hello-world#42 on production": promote(),
    ".deploy octocat/hello-world#42 to production": promote(),
    "octocat/hello-world@main to staging": promote(number=0, ref="main", target="staging"),
    "octocat/hello-world@feature/x#1 to staging": promote(number=0, ref="feature/x#1", target="staging"),
    "octocat/hello-world@v1@2 to staging": promote(number=0, ref="v1@2", target="staging"),
    'group1/group2/repo#7 to prod A=1 B="two words" --reason="hot fix"': Command(
        "promote", "group1/group2/repo", 7, "", "prod", {"A": "1", "B": "two words"}, reason="hot fix"
    ),
    "octocat/hello-world#42 to production NOTE=\u201chello world\u201d": promote(params={"NOTE": "hello world"}),
    "octocat/hello-world#42 to production NOTE=\u2018it\u2019": promote(params={"NOTE": "it"}),
    'octocat/hello-world#42 to production NOTE="say \u201chi\u201d"': promote(params={"NOTE": "say \u201chi\u201d"}),
    "octocat/hello-world#42 to production NOTE=\u201cdon\u2019t\u201d": promote(params={"NOTE": "don\u2019t"}),
    "octocat/hello-world#42 to production NOTE=a\u2014b": promote(params={"NOTE": "a\u2014b"}),
    "octocat/hello-world#42 to production \u2014dry-run": promote(dry_run=True),
    "octocat/hello-world#42 to production \u2013-dry-run": promote(dry_run=True),
    "octocat/hello-world#42 to production --force \u2014reason=fire": promote(force=True, reason="fire"),
    "octocat/hello-world#42 to production URL=https://a/?b=c&d=e": promote(params={"URL": "https://a/?b=c&d=e"}),
    "octocat/hello-world#42 to production EMPTY=": promote(params={"EMPTY": ""}),
    "octocat/hello-world#42 to production A=\U0001f680": promote(params={"A": "\U0001f680"}),
    "octocat/hello-world#42\u00a0to\u00a0production": promote(),
    "\ufeffocto\u200bcat/hello-world#42 to production": promote(),
    "```octocat/hello-world#42 to production```": promote(),
    "```\noctocat/hello-world#42 to production\n```": promote(),
    "`octocat/hello-world#42 to production`": promote(),
    "octocat/hello-world#9999999999 to production": promote(number=9999999999),
    "rollback octocat/hello-world in production": Command("rollback", REPO, target="production"),
    "rollback octocat/hello-world#41 in production A=1": Command("rollback", REPO, 41, "", "production", {"A": "1"}),
    "status octocat/hello-world": Command("status", REPO),
    "status octocat/hello-world Production": Command("status", REPO, target="Production"),
    "list octocat/hello-world production": Command("list", REPO, target="production"),
    "approve octocat/hello-world#43": Command("approve", REPO, 43),
    "reject octocat/hello-world#43": Command("reject", REPO, 43),
    "reject octocat/hello-world#43 not on \u201cFriday\u201d": Command("reject", REPO, 43, reason="not on Friday"),
    "cancel octocat/hello-world#43": Command("cancel", REPO, 43),
    "": Command("help"),
    "  ": Command("help"),
    "help": Command("help"),
    "Help promote": Command("help"),
    "login": Command("login"),
}


@pytest.mark.parametrize(("text", "command"), GOOD.items())
def test_a_command_is_understood(text: str, command: Command) -> None:
    assert parse(text) == command


BAD = {
    "octocat/hello-world#42": ("the target is missing", "promote octocat/hello-world#42 to TARGET"),
    "octocat/hello-world#42 to": ("the target is missing", "promote octocat/hello-world#42 to TARGET"),
    "octocat/hello-world#42 production": ("write `to`", "promote octocat/hello-world#42 to production"),
    "octocat/hello-world 42 to production": ("the build is missing", "promote octocat/hello-world#42 to production"),
    "octocat/hello-world to production": ("the build is missing", "promote octocat/hello-world#NUMBER to production"),
    "octocat/hello-world@ to production": ("after `@`", "promote octocat/hello-world#NUMBER to production"),
    "hello-world#42 to production": ("OWNER/REPO", "promote OWNER/hello-world#42 to production"),
    "status hello-world": ("OWNER/REPO", "status OWNER/hello-world"),
    "octocat/hello-world#0 to production": ("build number", "promote octocat/hello-world#NUMBER to production"),
    "octocat/hello-world#042 to production": ("build number", "promote octocat/hello-world#NUMBER to production"),
    "octocat/hello-world#12345678901 to production": ("build number", ""),
    "octocat/hello-world#\u0664\u0662 to production": ("build number", ""),
    "octocat/hello-world#42 to pro/duction": ("is no target", "promote octocat/hello-world#42 to TARGET"),
    "octocat/hello-world#42 to -production": ("target is missing", ""),
    "octocat/hello-world#42 to production PATH=/x": ("is reserved", "promote octocat/hello-world#42 to production"),
    "octocat/hello-world#42 to production DRONE_TAG=1": ("is reserved", ""),
    "octocat/hello-world#42 to production target=x": ("no parameter has the name `target`", ""),
    "octocat/hello-world#42 to production TAG=1 TAG=2": (
        "`TAG` is there twice",
        "promote octocat/hello-world#42 to production TAG=1",
    ),
    "octocat/hello-world#42 to production --force --force": ("`--force` is there twice", ""),
    "octocat/hello-world#42 to production now": ("`now` is unexpected", ""),
    'octocat/hello-world#42 to production TAG="x': ("quote is not closed", ""),
    "octocat/hello-world#42 to production 9A=1": ("cannot be an environment variable", ""),
    "octocat/hello-world#42 to production --fast": ("`--fast` is no option", ""),
    "octocat/hello-world#42 to production --reason": ("needs a text", ""),
    "octocat/hello-world#42 to production --force=yes": ("takes no value", ""),
    "octocat/hello-world#42 TAG=1 to production": (
        "the target is missing",
        "promote octocat/hello-world#42 to production TAG=1",
    ),
    "promot octocat/hello-world#42 to production": (
        "`promot` is no command",
        "promote octocat/hello-world#42 to production",
    ),
    "aprove octocat/hello-world#43": ("`aprove` is no command", "approve octocat/hello-world#43"),
    "approve octocat/hello-world 43": ("the build is missing", "approve octocat/hello-world#43"),
    "approve octocat/hello-world@main": ("number of a build", "approve octocat/hello-world#NUMBER"),
    "approve octocat/hello-world#43 please": ("`please` is unexpected", "approve octocat/hello-world#43"),
    "status octocat/hello-world#42": ("not one build", "status octocat/hello-world"),
    "rollback octocat/hello-world@main to production": (
        "number of a build",
        "rollback octocat/hello-world to production",
    ),
    "lock octocat/hello-world production": ("`lock` is no command", ""),
    "hello": ("`hello` is no command", ""),
    "`rm -rf`": ("`rm` is no command", ""),
}


@pytest.mark.parametrize(("text", "problem", "nearest"), [(text, *told) for text, told in BAD.items()])
def test_a_mistake_is_answered_with_what_is_wrong_and_the_nearest_command(
    text: str, problem: str, nearest: str
) -> None:
    with pytest.raises(Misunderstood) as error:
        parse(text)
    assert problem in str(error.value)
    if nearest:
        assert error.value.nearest == nearest


def test_all_mistakes_are_listed_at_once() -> None:
    with pytest.raises(Misunderstood) as error:
        parse("hello#042 to pro/d PATH=1 --fast now")
    assert len(error.value.problems) == 6


def test_a_repository_without_its_owner_is_told() -> None:
    with pytest.raises(Misunderstood) as error:
        parse("hello-world#42 to production")
    assert error.value.short == "hello-world"


ABOUT_A_PULL_REQUEST = {
    "/promote to production": Command("promote", REPO, ref=PULL.commit, target="production"),
    "/promote #42 to production": promote(),
    "/promote acme/web#1 to production": promote(repo="acme/web", number=1),
    "/rollback in production": Command("rollback", REPO, target="production"),
    "/status": Command("status", REPO),
    "/status production": Command("status", REPO, target="production"),
    "/approve #43": Command("approve", REPO, 43),
    "/reject #43 no tests": Command("reject", REPO, 43, reason="no tests"),
}


@pytest.mark.parametrize(("text", "command"), ABOUT_A_PULL_REQUEST.items())
def test_a_command_about_a_pull_request_need_not_name_it(text: str, command: Command) -> None:
    assert parse(text, PULL) == command


def test_an_approval_about_a_pull_request_names_its_build() -> None:
    with pytest.raises(Misunderstood, match="the build is missing"):
        parse("/approve", PULL)


def test_a_very_long_text_is_refused() -> None:
    with pytest.raises(Misunderstood, match="characters"):
        parse("a" * (LONGEST + 1))


def test_what_was_typed_cannot_leave_its_backquotes() -> None:
    with pytest.raises(Misunderstood) as error:
        parse("x`<!channel>\n@here` octocat/hello")
    assert "`x" in str(error.value)
    assert "\n" not in str(error.value)
    assert str(error.value).count("`") % 2 == 0


TYPED = st.text(st.sampled_from("ab/#@=-1 '\"\\`to\n\u2018\u2019\u201c\u201d\u2014\u00a0\ufeff<>&;|\U0001f680\0\ud800"))


def outcome(text: str, about: Subject | None) -> Command | Misunderstood:
    try:
        return parse(text, about)
    except Misunderstood as error:
        return error


@given(TYPED | st.text() | TYPED.map(lambda text: f"octocat/hello#1 to prod {text}"))
@example("octocat/hello#1 to prod A=\u201c\\")
def test_no_text_breaks_the_parser(text: str) -> None:
    for about in (None, PULL):
        read = outcome(text, about)
        if isinstance(read, Command):
            assert parse(written(read), about) == read
        else:
            assert read.problems
            assert all(problem.isprintable() for problem in read.problems)


@given(st.text(st.sampled_from("ab= '\"\\#\n\t")))
def test_plain_text_is_split_as_a_shell_does(text: str) -> None:
    try:
        expected = shlex.split(text)
    except ValueError:
        with pytest.raises(words.NotClosed):
            words.split(text)
    else:
        assert words.split(text) == expected


@given(st.dictionaries(st.from_regex(r"X_[A-Z0-9_]{0,8}", fullmatch=True), st.text(max_size=30), max_size=5), st.text())
def test_a_written_command_is_read_as_it_was(params: dict[str, str], reason: str) -> None:
    command = promote(params=params, reason=reason)
    try:
        assert parse(written(command)) == command
    except Misunderstood:
        assert set(words._UNSEEN) & set(map(ord, written(command)))
