"""Parts of lists: which items are wanted of those read, and whether the list goes on."""

import pytest

from app.db.window import Part, Window


@pytest.mark.parametrize(
    ("window", "read", "part"),
    [
        (Window(2), [], Part([], False, False)),
        (Window(2), [1, 2], Part([1, 2], False, False)),
        (Window(2), [1, 2, 3], Part([1, 2], False, True)),
        (Window(2, offset=2), [3], Part([3], True, False)),
        (Window(2, after="2"), [3, 4, 5], Part([3, 4], True, True)),
        (Window(2, before="5"), [4, 3], Part([3, 4], False, True)),
        (Window(2, before="5"), [4, 3, 2], Part([3, 4], True, True)),
    ],
)
def test_a_part_knows_whether_there_is_more_on_either_side(window: Window, read: list[int], part: Part[int]) -> None:
    assert window.reach == 3
    assert window.part(read) == part
