"""The origin of an address, as a browser writes it."""

import pytest

from app.web.origin import origin


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://CI.example.com/", "https://ci.example.com"),
        ("https://ci.example.com:443/gantry", "https://ci.example.com"),
        ("http://ci.example.com:80", "http://ci.example.com"),
        ("http://ci.example.com:443", "http://ci.example.com:443"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_origin_is_that_of_a_browser(url: str, expected: str) -> None:
    assert origin(url) == expected
