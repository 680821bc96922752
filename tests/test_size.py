"""Numbers of bytes, as people write and read them."""

import pytest

from app import size

KB = 1024


@pytest.mark.parametrize(
    ("text", "count"),
    [("0B", 0), ("512B", 512), ("1KB", KB), ("64MB", 64 * KB**2), ("10 GB", 10 * KB**3), ("2tb", 2 * KB**4)],
)
def test_a_size_has_a_number_and_a_unit(text: str, count: int) -> None:
    assert size.of(text) == count


@pytest.mark.parametrize("text", ["", "10", "MB", "-1MB", "1.5GB", "1e3MB", "\u0661MB", "1PB", "1" * 16 + "B", " 1MB"])
def test_all_else_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="500MB"):
        size.of(text)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (3_000_000, "2.9 MB"), (64 * KB**2, "64 MB"), (KB**5, "1,024 TB")],
)
def test_a_size_is_told_in_few_digits(count: int, text: str) -> None:
    assert size.text(count) == text
