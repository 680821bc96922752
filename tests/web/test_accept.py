"""Plain text for those who want it more than JSON, and compressed answers for those who take them."""

import pytest

from app.web.accept import prefers_text, takes


@pytest.mark.parametrize(
    "accept",
    [
        "text/plain",
        "TEXT/Plain",
        "text/plain; charset=utf-8",
        "text/plain, */*;q=0.1",
        "application/json;q=0.5, text/plain",
        "text/*",
        "text/*, application/json;q=0.9",
        "application/*;q=0.2, text/plain;q=0.3",
        " text/plain ,",
    ],
)
def test_text_is_preferred(accept: str) -> None:
    assert prefers_text(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/json",
        "application/json, text/plain, */*",
        "text/plain;q=0, */*",
        "text/plain;q=0.1, */*",
        "text/html, application/xhtml+xml, */*;q=0.8",
        "text/event-stream",
        "text/plain;q=x",
        "text/plain;q=",
        "text/plain;q=-1",
        "text/plain;q=²",
        "☃",
        ";;;,,,",
    ],
)
def test_json_is_what_everybody_else_gets(accept: str) -> None:
    assert not prefers_text(accept)


@pytest.mark.parametrize("accept", ["gzip", "br, GZIP", "deflate;q=1, gzip;q=0.1", "*", "*;q=0.1, br"])
def test_a_coding_is_taken(accept: str) -> None:
    assert takes("gzip", accept)


@pytest.mark.parametrize("accept", ["", "identity", "br", "gzip;q=0", "*;q=0", "*, gzip;q=0.0", "gzipped"])
def test_a_coding_is_not_taken(accept: str) -> None:
    assert not takes("gzip", accept)
