"""The newest changes: in order, bounded, and with ids that only this ring knows."""

import pytest

from app.builds.live import ring
from app.builds.live.ring import Ring


def filled(count: int) -> Ring:
    made = Ring("abc")
    for number in range(1, count + 1):
        made.add(number * 10, "a/b", number * 100, b'{"n":%d}' % number)
    return made


def test_a_frame_has_its_id_before_its_data() -> None:
    (entry,) = filled(1).after(0)

    assert entry.frame == b'id: abc-1\ndata: {"n":1}\n\n'
    assert (entry.position, entry.repo_id, entry.slug, entry.number) == (1, 10, "a/b", 100)


def test_one_goes_on_from_any_position_that_is_kept() -> None:
    made = filled(5)

    assert (made.oldest, made.newest) == (0, 5)
    assert [[entry.position for entry in made.after(position)] for position in range(6)] == [
        [1, 2, 3, 4, 5],
        [2, 3, 4, 5],
        [3, 4, 5],
        [4, 5],
        [5],
        [],
    ]


def test_an_empty_ring_goes_on_from_now() -> None:
    made = Ring("abc")

    assert (made.oldest, made.newest, list(made.after(0))) == (0, 0, [])
    assert made.position("abc-0", brief=False) == 0


def test_the_oldest_go_when_they_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring, "COUNT", 3)
    made = filled(5)

    assert (made.oldest, made.newest) == (2, 5)
    assert [entry.position for entry in made.after(2)] == [3, 4, 5]
    assert (made.position("abc-1", brief=False), made.position("abc-2", brief=False)) == (None, 2)


def test_the_oldest_go_when_they_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring, "SIZE", 60)
    made = filled(5)
    assert [entry.position for entry in made.after(made.oldest)] == [4, 5]

    made.add(1, "a/b", 1, b"x" * 1000)
    assert [entry.position for entry in made.after(made.oldest)] == [6]
    made.add(1, "a/b", 1, b"{}")
    assert [entry.position for entry in made.after(made.oldest)] == [7]


def test_after_an_interruption_nobody_goes_on_from_before() -> None:
    made = filled(3)

    made.interrupt()

    assert made.position("abc-3", brief=False) is None
    assert made.position("abc-4", brief=False) == 4 == made.newest == made.oldest
    made.add(1, "a/b", 1, b"{}")
    assert [entry.position for entry in made.after(4)] == [5]


@pytest.mark.parametrize(
    "frame_id",
    ["", "abc", "abc-", "abc-4", "abd-1", "1", "abc-1 ", "abc--1", "abc-+1", "ABC-1", "abc-1x", "abc-²", "☃" * 50,
     "abc-" + "9" * 18, "abc-" + "9" * 5000],
)  # fmt: skip
def test_other_ids_are_known_as_such(frame_id: str) -> None:
    assert filled(3).position(frame_id, brief=False) is None


def test_from_before_a_bare_entry_only_readers_in_brief_go_on() -> None:
    made = filled(2)
    made.add(1, "a/b", 7, None)
    made.add(1, "a/b", 8, b"{}")

    assert [(entry.number, entry.frame) for entry in made.after(2)] == [(7, b""), (8, b"id: abc-4\ndata: {}\n\n")]
    assert [made.position(f"abc-{number}", brief=True) for number in range(5)] == [0, 1, 2, 3, 4]
    assert [made.position(f"abc-{number}", brief=False) for number in range(5)] == [None, None, None, 3, 4]
