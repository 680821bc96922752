"""JSON as Drone's clients read it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.encoding import encode
from app.web.reply import JSON, Empty, SeeOther

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_reads_the_same_and_is_harmless_inside_a_page(value: object) -> None:
    text = encode(value)

    assert json.loads(text) == value
    assert not set(text) & set(b"<>&")


def test_what_means_something_in_a_page_is_escaped_as_go_does() -> None:
    assert encode({"<a>": "&amp;"}) == b'{"\\u003ca\\u003e":"\\u0026amp;"}'


def test_all_else_is_utf_8() -> None:
    assert encode("naïve ☃ 日本") == '"naïve ☃ 日本"'.encode()


def test_an_answer_ends_with_a_newline_and_names_its_type_without_a_charset() -> None:
    answer = JSON({"a": 1}, 201, {"X-More": "yes"})

    assert answer.body == b'{"a":1}\n'
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == "8"
    assert answer.headers["x-more"] == "yes"


@pytest.mark.parametrize(("value", "text"), [(None, b"null\n"), ([], b"[]\n"), ({}, b"{}\n")])
def test_nothing_is_written_as_it_is(value: object, text: bytes) -> None:
    assert JSON(value).body == text


def test_nothing_to_say_has_no_body() -> None:
    assert (Empty().status_code, Empty().body) == (204, b"")


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("/acme/web/42/-/promote?target=a%20b&x=1#L5", "/acme/web/42/-/promote?target=a%20b&x=1#L5"),
        ("/日本/web", "/%E6%97%A5%E6%9C%AC/web"),
        ("/a\r\nSet-Cookie: b", "/a%0D%0ASet-Cookie:%20b"),
    ],
)
def test_an_address_of_any_letters_is_one_that_a_header_may_hold(said: str, sent: str) -> None:
    assert SeeOther(said).headers["location"] == sent
