"""Texts of answers: their parts, and what others have written in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.chatops.command import code
from app.chatops.markup import Part, fitted, link, parts, without_links
from app.chatops.messages import block

URL = "https://ci.example.com/octocat/hello-world/43"


def test_a_text_is_read_into_its_parts() -> None:
    text = f"Build [43]({URL}) of `main` failed:\n```\none\n\ntwo `x`\n```\nBye."

    assert parts(text) == [
        Part("words", "Build "),
        Part("link", "43", URL),
        Part("words", " of "),
        Part("code", "main"),
        Part("words", " failed:"),
        Part("block", "one\n\ntwo `x`"),
        Part("words", "Bye."),
    ]


@pytest.mark.parametrize("text", ["", "\n", "```\n```"])
def test_nothing_has_no_parts(text: str) -> None:
    assert not [part for part in parts(text) if part.text != "\n"]


def test_a_block_that_does_not_end_ends_with_the_text() -> None:
    assert parts("log\n```\none\ntwo") == [Part("words", "log"), Part("block", "one\ntwo")]


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "ftp://x", "https://a b", "https://a)b", "https://a|b", "", 'https://a"b', "https://a`b"],
)
def test_only_the_web_is_linked(url: str) -> None:
    assert link("here", url) == "here"
    assert url not in [part.url for part in parts(f"[here]({url})") if url]


@given(st.text(alphabet="ab`[]()\n https://x.y```\\<>@", max_size=60))
def test_what_others_write_is_never_a_mark(text: str) -> None:
    assert {part.kind for part in parts(f"a {code(text)} b")} <= {"words", "code"}
    assert len(parts(f"a {code(text)} b")) <= 3
    assert [part.kind for part in parts("\n".join(["a", block(text.splitlines()), "b"]))] in (
        ["words", "block", "words"],
        ["words", "words"],
    )
    assert "link" not in {part.kind for part in parts(without_links(text))}


def test_a_long_block_keeps_its_last_lines_and_long_words_their_first() -> None:
    log = "\n".join(f"line {number}" for number in range(10_000))
    shown = fitted([Part("words", "It failed: "), Part("block", log)], 60)

    assert shown[0] == Part("words", "It failed: ")
    assert shown[1].text.startswith("…\nline ")
    assert shown[1].text.endswith("line 9998\nline 9999")
    assert fitted([Part("words", "x" * 50), Part("code", "y"), Part("block", "z")], 20) == [
        Part("words", "x" * 19 + "…")
    ]


@given(
    st.lists(st.sampled_from([Part("words", "w" * 7), Part("block", "b\nc\n" * 5), Part("code", "cc")])),
    st.integers(3, 60),
)
def test_what_is_fitted_has_no_more_characters(found: list[Part], most: int) -> None:
    assert sum(len(part.text) for part in fitted(found, most)) <= most


def test_what_fits_stays_as_it_is() -> None:
    found = parts(f"a `b` [c]({URL})\n```\nd\n```\ne")
    assert fitted(found, 1000) == found
