"""What a subscription may say: the field, the rule, the way out."""

from typing import Any

import pytest

from app.notify.webhooks.rules import problems

KEY = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
GOOD = {"url": "https://example.com/hooks", "format": "standard", "secrets": [KEY], "events": [], "targets": []} | {
    "statuses": []
}


def fields(private: bool = False, **more: Any) -> list[tuple[str, str]]:
    return [(problem.field, problem.message) for problem in problems({**GOOD, **more}, private=private)]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"url": "http://example.com"},
        {"url": "https://example.com:8443/a/b?c=d%20e"},
        {"url": "https://[2606:4700::1]/x"},
        {"events": ["promotion.*", "*.failed", "stage.??????d", "webhook.disabled"]},
        {"targets": ["prod*", "größe 1"], "statuses": ["success", "kill*"]},
        {"format": "drone", "secrets": ["anything"], "events": ["build", "user:*"]},
        {"format": "slack", "secrets": []},
        {"secrets": [KEY, KEY]},
    ],
)
def test_what_is_right(more: dict[str, Any]) -> None:
    assert fields(**more) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("example.com/hooks", "https:// or http://"),
        ("ftp://example.com", "https:// or http://"),
        ("file:///etc/passwd", "https:// or http://"),
        ("https://", "have a host"),
        ("https://user:pw@example.com/", "user or a password"),
        ("https://user@example.com/", "user or a password"),
        ("https://example.com:99999/", "must be an address"),
        ("https://example.com:0/", "must be an address"),
        ("https://[::1", "must be an address"),
        ("https://example.com/#top", "after a #"),
        ("https://example.com/a b", "no spaces"),
        ("https://example.com/\n", "no spaces"),
        ("https://exämple.com/", "beyond ASCII"),
        ("https://example.com/" + "x" * 2000, "at most 2000"),
        ("http://127.0.0.1/", "GANTRY_WEBHOOK_ALLOW_PRIVATE"),
        ("http://localhost:8080/", "GANTRY_WEBHOOK_ALLOW_PRIVATE"),
        ("http://[::ffff:10.0.0.1]/", "GANTRY_WEBHOOK_ALLOW_PRIVATE"),
        ("http://169.254.169.254/latest/meta-data", "never called"),
        ("https://hooks.slack.com/******", "whole address"),
        *((f"http://{host}/", "usual form") for host in ("2130706433", "0x7f000001", "127.1", "0", "...", "a..b")),
    ],
)
def test_an_address_that_cannot_be_used(url: str, words: str) -> None:
    [(field, message)] = fields(url=url)

    assert field == "url"
    assert words in message


def test_private_addresses_are_allowed_by_the_setting_but_not_those_of_clouds() -> None:
    assert fields(private=True, url="http://10.1.2.3/") == fields(private=True, url="http://localhost/") == []
    assert fields(private=True, url="http://169.254.169.254/")


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"events": ["promotions.*"]}, "events", "matches none of promotion.requested"),
        ({"events": ["build:created"]}, "events", "matches none"),
        ({"format": "drone", "secrets": ["x"], "events": ["promotion.*"]}, "events", "matches none of build:created"),
        ({"events": [""]}, "events", "empty"),
        ({"targets": ["a\0"]}, "targets", "control characters"),
        ({"targets": ["x" * 201]}, "targets", "200"),
        ({"targets": ["x"] * 51}, "targets", "50"),
        ({"statuses": ["succeeded"]}, "statuses", "matches none of"),
        ({"secrets": ["hunter2"]}, "secret", "whsec_"),
        ({"secrets": ["whsec_!!"]}, "secret", "base64"),
        ({"secrets": ["whsec_QUJD"]}, "secret", "24"),
        ({"secrets": [KEY] * 4}, "secrets", "at most 3"),
        ({"format": "slack"}, "secret", "signs nothing"),
        ({"format": "drone", "secrets": ["ä"]}, "secret", "ASCII"),
        ({"format": "drone", "secrets": ["x" * 1025]}, "secret", "1024"),
    ],
)
def test_what_is_wrong_is_named_with_its_rule(more: dict[str, Any], field: str, words: str) -> None:
    [(named, message)] = fields(**more)

    assert named == field
    assert words in message
    assert "hunter2" not in message


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert [field for field, _ in fields(url="x", events=["x"], statuses=["x"], secrets=["x"])] == [
        *("url", "events", "statuses", "secret")
    ]
