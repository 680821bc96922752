import pytest

from app import duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("90m", 5400),
        ("1m1h", 3660),
        ("1h2m3s", 3723),
        ("007s", 7),
    ],
)
def test_a_duration_is_the_sum_of_its_parts(text: str, seconds: int) -> None:
    assert duration.seconds(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "5", "s", "1.5h", "-1s", "+1s", "1 s", "1s ", "1s\n", "1H", "1d", "300ms", "1h30", "٣s", "9" * 10 + "s"],
)
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="as in 30s, 5m or 1h30m"):
        duration.seconds(text)


@pytest.mark.parametrize(
    ("length", "text"), [(0, "0"), (30, "30s"), (90, "1m30s"), (300, "5m"), (5400, "1h30m"), (86400, "24h")]
)
def test_a_length_is_written_as_it_is_read(length: int, text: str) -> None:
    assert duration.text(length) == text
    assert length == 0 or duration.seconds(text) == length
