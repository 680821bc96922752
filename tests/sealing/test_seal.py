"""What is sealed opens with its key and for its purpose, and in no other way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sealing.seal import HEAD, CannotOpen, Seal

SEAL = Seal("a key of the test")
PURPOSE = "secrets.data"


@given(st.text(), st.text(min_size=1))
def test_what_was_sealed_opens(text: str, purpose: str) -> None:
    assert SEAL.open(SEAL.seal(text, purpose), purpose) == text


def test_a_key_opens_after_the_next_start() -> None:
    assert Seal("a key of the test").open(SEAL.seal("hush", PURPOSE), PURPOSE) == "hush"


def test_the_first_key_seals_and_each_opens() -> None:
    both = Seal("a new key of the test", "a key of the test")
    old, new = SEAL.seal("hush", PURPOSE), both.seal("hush", PURPOSE)

    assert [both.open(sealed, PURPOSE) for sealed in (old, new)] == ["hush", "hush"]
    assert [both.is_newest(sealed) for sealed in (old, new)] == [False, True]
    with pytest.raises(CannotOpen, match="another key"):
        SEAL.open(new, PURPOSE)


def test_what_is_renewed_opens_with_the_first_key_alone() -> None:
    renewed = Seal("a new key of the test", "a key of the test").renew(SEAL.seal("hush", PURPOSE), PURPOSE)

    assert Seal("a new key of the test").open(renewed, PURPOSE) == "hush"


def test_the_head_of_a_value_tells_whether_its_key_is_there() -> None:
    head = SEAL.seal("hush", PURPOSE)[:HEAD]

    SEAL.check(head, PURPOSE)
    with pytest.raises(CannotOpen, match="another key"):
        Seal("a new key of the test").check(head, PURPOSE)


def test_the_same_text_never_looks_the_same() -> None:
    assert len({SEAL.seal("hush", PURPOSE) for _ in range(100)}) == 100


def test_the_text_cannot_be_seen() -> None:
    assert b"hush hush" not in SEAL.seal("hush hush", PURPOSE)


def test_another_key_is_told_apart_from_damage() -> None:
    with pytest.raises(CannotOpen, match="another key; set GANTRY_SECRET_KEY"):
        Seal("a key of the tesT").open(SEAL.seal("hush", PURPOSE), PURPOSE)


def test_another_purpose_does_not_open() -> None:
    with pytest.raises(CannotOpen, match="damaged"):
        SEAL.open(SEAL.seal("hush", PURPOSE), "repos.secret")


def test_a_value_that_was_changed_anywhere_does_not_open() -> None:
    sealed = SEAL.seal("hush", PURPOSE)
    for position in range(len(sealed)):
        changed = sealed[:position] + bytes([sealed[position] ^ 1]) + sealed[position + 1 :]
        with pytest.raises(CannotOpen):
            SEAL.open(changed, PURPOSE)


def test_a_value_that_was_cut_or_grew_does_not_open() -> None:
    sealed = SEAL.seal("hush", PURPOSE)
    for changed in (*(sealed[:length] for length in range(len(sealed))), sealed + b"x"):
        with pytest.raises(CannotOpen):
            SEAL.open(changed, PURPOSE)


@given(st.binary(max_size=60))
def test_no_bytes_are_taken_for_a_sealed_value(value: bytes) -> None:
    with pytest.raises(CannotOpen):
        SEAL.open(value, PURPOSE)


def test_an_error_does_not_show_the_text() -> None:
    with pytest.raises(CannotOpen) as refused:
        Seal("another key").open(SEAL.seal("hush hush", PURPOSE), PURPOSE)

    assert "hush" not in refused.value.message
    assert PURPOSE in refused.value.message
