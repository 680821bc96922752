"""CloudEvents in binary mode: what the library of CloudEvents makes of our requests."""

import time
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from app.notify.webhooks.formats import standard
from app.notify.webhooks.formats.cloudevents import binary, render, reverse_of
from tests.notify.webhooks.checks import cloudevent, read
from tests.notify.webhooks.events import SECRET, SERVER, event, other


def test_the_library_reads_a_request() -> None:
    told = event("promotion.succeeded")
    (request,) = render(told, [SECRET], 0, SERVER)

    assert cloudevent(request) == {
        "specversion": "1.0",
        "id": told.key,
        "source": "https://ci.example.com/octocat/hello-world",
        "type": "com.example.ci.promotion.succeeded",
        "subject": "octocat/hello-world/43",
        "time": datetime(2026, 1, 1, 0, 3, 12, 250_000, tzinfo=UTC),
        "datacontenttype": "application/json",
        "data": read(request),
    }


def test_the_data_are_those_of_standard_webhooks() -> None:
    told = event("promotion.failed")
    (request,), (same,) = (one(told, [SECRET], 0, SERVER) for one in (render, standard.render))

    assert read(request) == read(same)["data"]
    assert request.headers["webhook-id"] == same.headers["webhook-id"] == f"msg_{request.headers['ce-id']}"


def test_the_body_is_signed_as_standard_webhooks_are() -> None:
    (request,) = render(event("promotion.succeeded"), [SECRET], int(time.time()), SERVER)

    Webhook(SECRET).verify(request.body, dict(request.headers))


def test_without_a_secret_nothing_is_signed() -> None:
    (request,) = render(event("promotion.succeeded"), [], 0, SERVER)

    assert "webhook-signature" not in request.headers


@pytest.mark.parametrize(
    ("type_", "facts", "source", "subject"),
    [
        ("user.created", {"user": {"login": "ada", "admin": False, "machine": False}}, SERVER, "ada"),
        ("repo.enabled", {"repo": {"slug": "a/b", "scm": "", "link": ""}}, f"{SERVER}/a/b", "a/b"),
        ("ping", {}, SERVER, None),
    ],
)
def test_events_of_no_build_have_their_own_subjects(
    type_: str, facts: dict[str, object], source: str, subject: str | None
) -> None:
    (request,) = render(other(type_, **facts), [SECRET], 0, SERVER)

    found = cloudevent(request)
    assert (found["source"], found.get("subject"), found["type"]) == (source, subject, f"com.example.ci.{type_}")


def test_an_event_of_a_stage_has_the_stage_as_its_subject() -> None:
    (request,) = render(event("stage.started"), [SECRET], 0, SERVER)

    assert cloudevent(request)["subject"] == "octocat/hello-world/43/1"


def test_header_values_are_encoded_where_they_must_be() -> None:
    text = 'a "b" 100% ü €\r\nx: y ~!|'
    request = binary({"id": "1", "source": "/", "type": "t", "subject": text}, "1", b"{}", [], 0)

    assert request.headers["ce-subject"] == "a%20%22b%22%20100%25%20%C3%BC%20%E2%82%AC%0D%0Ax:%20y%20~!|"
    assert cloudevent(request)["subject"] == text


@pytest.mark.parametrize(
    ("server", "name"),
    [
        ("https://ci.example.com", "com.example.ci"),
        ("https://CI.Example.com:8443/gantry", "com.example.ci"),
        ("http://localhost:8080", "localhost"),
        ("http://10.0.0.1:8080", "gantry"),
        ("http://[::1]:8080", "gantry"),
        ("", "gantry"),
    ],
)
def test_types_begin_with_the_name_of_the_server_backwards(server: str, name: str) -> None:
    assert reverse_of(server) == name
