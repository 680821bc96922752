"""What the body of a promotion may say."""

from typing import Any

import orjson
import pytest

from app.buildinfo.order import Order, read
from app.errors import Invalid

DAY = 1455208224825


@pytest.mark.parametrize(
    ("body", "order"),
    [
        pytest.param({}, Order(), id="defaults"),
        pytest.param(
            {"status": " ", "comment": "", "ciUser": "", "timestamp": "", "sourceRepo": "", "targetRepo": "  "},
            Order(),
            id="blank-is-absent",
        ),
        pytest.param(
            dict.fromkeys(("status", "timestamp", "copy", "artifacts", "scopes", "properties", "failFast")),
            Order(),
            id="null-is-absent",
        ),
        pytest.param({"copyArtifact": True}, Order(copy=True), id="copy-by-its-other-name"),
        pytest.param({"copy": False, "copyArtifact": True}, Order(), id="copy-wins"),
        pytest.param({"copy": None, "copyArtifact": True}, Order(copy=True), id="null-copy-does-not-win"),
        pytest.param({"copy": "true", "dryRun": "false"}, Order(copy=True), id="booleans-as-texts"),
        pytest.param({"timestamp": "2016-02-11T18:30:24.825+0200"}, Order(timestamp=DAY), id="time-with-offset"),
        pytest.param({"timestamp": "2016-02-11T16:30:24.825000Z"}, Order(timestamp=DAY), id="time-with-microseconds"),
        pytest.param({"timestamp": DAY}, Order(timestamp=DAY), id="time-in-milliseconds"),
        pytest.param({"scopes": ["compile", ""]}, Order(scopes=frozenset({"compile"})), id="scopes"),
        pytest.param({"scopes": "test"}, Order(scopes=frozenset({"test"})), id="one-scope"),
        pytest.param(
            {"properties": {"a": ["1", "2", "1"], "b": "3", "c": [], "d": None, "e": 4}},
            Order(properties={"a": ("1", "2"), "b": ("3",), "e": ("4",)}),
            id="properties",
        ),
        pytest.param({"failFast": False, "unknown": 1}, Order(fail_fast=False), id="unknown-fields"),
    ],
)
def test_a_body_is_read_as_lax_clients_write_it(body: dict[str, Any], order: Order) -> None:
    assert read(orjson.dumps(body)) == order


def test_no_body_asks_for_nothing() -> None:
    assert read(b" ") == Order()
    assert read(b"").empty


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[]", "must be a JSON object"),
        (b"{", "not JSON"),
        (b'{"status": 5}', "status: must be a text"),
        (b'{"copy": "perhaps"}', "copy: must be true or false"),
        (b'{"scopes": {"a": 1}}', "scopes.0: must be a text"),
        (b'{"properties": ["a"]}', "properties: must be an object"),
        (b'{"properties": {"a/b": "1"}}', "'a/b' is empty or has a forbidden character"),
        (b'{"properties": {"a": "\\u0000"}}', "properties.a.0: has a NUL"),
        (b'{"timestamp": "yesterday"}', "timestamp: 'yesterday' is no time"),
        (b'{"timestamp": true}', "timestamp: must be a time"),
        (b'{"failFast": 3, "dryRun": []}', "failFast: must be true or false"),
    ],
)
def test_what_is_wrong_is_named(body: bytes, said: str) -> None:
    with pytest.raises(Invalid) as wrong:
        read(body)

    assert said in wrong.value.message
