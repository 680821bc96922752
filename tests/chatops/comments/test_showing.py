"""Answers as comments: nothing in them mentions, refers or commands (contract gantry-chatops 6.5)."""

import re

import pytest

from app.chatops.command import code
from app.chatops.comments.commands import command_in
from app.chatops.comments.showing import MOST, mark_of, shown
from app.chatops.markup import link
from app.chatops.messages import block
from app.chatops.model import Answer, Button

MARK = mark_of("17", "https://ci.example.com")


def written(text: str, **more: object) -> str:
    return shown(Answer(text, **more), MARK).removeprefix(f"{MARK}\n")  # type: ignore[arg-type]


def test_an_answer_begins_with_its_mark_and_is_no_command() -> None:
    text = shown(Answer(".deploy to production\n.rollback to production"), MARK)

    assert text.startswith("<!-- gantry 17 https://ci.example.com -->\n")
    assert command_in(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("it runs", "it runs"),
        ("a `b` c", "a `b` c"),
        ("see [the page](https://ci.example.com/a/b/43).", "see [the page](https://ci.example.com/a/b/43)."),
        ("one\ntwo", "one  \ntwo"),
        ("`one`\n`two`", "`one`  \n`two`"),
        (" of `a` ", " of `a` "),
        ("ask @octo/team, or @ann", "ask @\u200bocto/team, or @\u200bann"),
        ("#43 and octo/hello#43", "\\#\u200b43 and octo/hello#\u200b43"),
        ("!7 gh-7 GH-7 &7 %7 ~7 $7", "!\u200b7 gh-\u200b7 GH-\u200b7 &amp;\u200b7 %\u200b7 \\~\u200b7 $\u200b7"),
        ("<img src=x onerror=y>", "&lt;img src=x onerror=y&gt;"),
        ("<!-- a -->", "&lt;!-- a --&gt;"),
        ("**bold** _it_ [a] | b", "\\*\\*bold\\*\\* \\_it\\_ \\[a\\] \\| b"),
        ("`@octo/team`", "`@octo/team`"),
    ],
)
def test_words_are_shown_as_they_are(text: str, expected: str) -> None:
    assert written(text) == expected


@pytest.mark.parametrize("text", ["/close", "a\n/merge", " /approve", "\n\n/assign me", "`a`\n/close"])
def test_no_line_commands_gitlab(text: str) -> None:
    assert re.search(r"^\s*/", written(text), re.MULTILINE) is None


def test_the_log_of_a_build_is_folded_and_another_block_is_not() -> None:
    log = "\n" + block(["one", "/bin/sh: x: not found", "@octo/team <b>"])

    folded, plain = written(f"it failed{log}", build=43), written(f"it failed{log}")

    body = "```text\none\n /bin/sh: x: not found\n@octo/team <b>\n```"
    assert folded == f"it failed\n\n<details><summary>details</summary>\n\n{body}\n\n</details>"
    assert plain == f"it failed\n\n{body}"


def test_no_line_of_a_log_ends_its_block() -> None:
    text = written("\n```\na\n`````\n</details>\n.deploy to production\n```\n", build=43)

    assert text.startswith("<details><summary>details</summary>\n\n``````text\na\n`````\n</details>\n")
    assert text.endswith("\n``````\n\n</details>")


def test_buttons_become_commands() -> None:
    buttons = [Button(name.title(), f"{name}:octo/hello:43:0:1.x") for name in ("approve", "cancel", "rollback")]

    assert written("it waits", build=43, buttons=buttons).endswith(
        "it waits\n\nA comment can say `.approve #43` or `.cancel #43`."
    )
    assert written("it waits", buttons=buttons) == "it waits"


def test_an_answer_has_the_size_that_hosts_take() -> None:
    longest = shown(Answer("@&" * 100_000 + "\n" + block(["x"] * 100_000), build=43), MARK)

    assert MOST < len(longest.encode()) < 65_536


def test_what_others_have_written_is_shown_as_code() -> None:
    evil = "a`b[c](https://evil.example.com) @octo/team #1"

    assert written(code(evil)) == "`a b[c](https://evil.example.com) @octo/team #1`"
    assert written(link("#43", "https://ci.example.com/x")) == "[\\#43](https://ci.example.com/x)"
