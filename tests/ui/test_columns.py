"""The columns of the board."""

import pytest

from app.ui.columns import columns


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], ""),
        (["ab", "bc"], "abc"),
        (["ba", "ab"], "ba"),
        (["abcdefgh"], "abcdef"),
        (["abcdefgh", "xyz"], "abcdef"),
        (["abcdefgh", "hx", "h"], "h"),
        (["abcdefgh", "abcdefgh", "h"], "abcdeh"),
        (["aab", "b"], "ab"),
    ],
)
def test_targets_of_most_rows_have_columns_in_the_order_of_their_appearance(rows: list[str], expected: str) -> None:
    assert "".join(columns(rows)) == expected
