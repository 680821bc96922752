"""A button does what this server has signed, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.chatops.buttons import Buttons, Pressed, key_of

BUTTONS = Buttons(b"server-button-key")
PRESSED = Pressed("approve", "octocat/hello-world", 43, 1, 1767226500)


def test_a_value_names_the_action_and_is_signed() -> None:
    assert BUTTONS.value(PRESSED) == "approve:octocat/hello-world:43:1:1767226500.wPIAOuFUo-9fr2heSrw2OQ"


def test_a_value_is_read_as_it_was_made() -> None:
    assert BUTTONS.read(BUTTONS.value(PRESSED)) == PRESSED


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "approve:octocat/hello-world:43:1:1767226500",
        "approve:octocat/hello-world:43:1:1767226500.",
        "approve:octocat/hello-world:44:1:1767226500.wPIAOuFUo-9fr2heSrw2OQ",
        "reject:octocat/hello-world:43:1:1767226500.wPIAOuFUo-9fr2heSrw2OQ",
        "approve:octocat/hello-world:43:1:1767226500.wPIAOuFUo-9fr2heSrw2OQ=",
        "approve:octocat/hello-world:43:1:1767226500.wPIAOuFUo-9fr2heSrw2O\u00e9",
        "a" * 100_000,
    ],
)
def test_a_value_that_this_server_has_not_made_is_none(value: str) -> None:
    assert BUTTONS.read(value) is None


def test_another_key_makes_other_values() -> None:
    assert Buttons(key_of(b"cookies")).read(BUTTONS.value(PRESSED)) is None


@given(st.text())
def test_no_text_breaks_the_reader(value: str) -> None:
    assert BUTTONS.read(value) is None
