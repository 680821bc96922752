"""What receivers that we did not write find in the requests of each format: they raise where a request is wrong."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from cloudevents.core.bindings.http import HTTPMessage, from_binary_event
from slack_sdk.models.blocks import Block

from app.notify.webhooks.model import Request

_FACTS = json.loads((Path(__file__).parents[3] / "fixtures" / "cdevents" / "0.5.1.json").read_text())
_CONTEXT = {
    "type": "object",
    "required": ["contextId"],
    "properties": {"contextId": {"type": "string", "minLength": 1}},
}
_KINDS: Mapping[str, Any] = {
    "text": {"type": "string", "minLength": 1},
    "uri": {"type": "string", "format": "uri-reference", "minLength": 1},
    "time": {"type": "string", "format": "date-time"},
    "uuid": {"type": "string", "format": "uuid"},
    "reference": {
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "string", "minLength": 1}, "source": {"type": "string"}},
        "additionalProperties": False,
    },
    "context": {**_CONTEXT, "additionalProperties": False},
}


def read(request: Request) -> Any:
    """The body of a request."""
    return json.loads(request.body.decode())


def cloudevent(request: Request) -> Mapping[str, Any]:
    """The attributes and the data of an event in binary mode, as the library of CloudEvents reads them."""
    found = from_binary_event(
        HTTPMessage({name.title(): value for name, value in request.headers.items()}, request.body)
    )
    return {**found.get_attributes(), "data": found.get_data()}


def cdevent(request: Request) -> Mapping[str, Any]:
    """A CDEvent that its schema finds right, and whose headers say the same as its context."""
    body, event = read(request), cloudevent(request)
    _schema(body["context"]["type"]).validate(body)
    context = body["context"]
    assert (event["id"], event["source"], event["type"]) == (context["id"], context["source"], context["type"])
    assert event["time"] == datetime.fromisoformat(context["timestamp"])
    assert event["subject"] == body["subject"]["id"]
    return {**body, "type": context["type"], "id": context["id"]}


@cache
def _schema(type_: str) -> jsonschema_rs.Validator:
    own = type_.startswith("dev.cdeventsx.gantry-")
    content = {"type": "object"} if own else _object(_FACTS["contents"][type_])
    subject: Mapping[str, Any] = {"must": {"id": "text", "content": content}, "may": {"source": "uri"}}
    links = {"oneOf": [_link(kind) for kind in _FACTS["links"]]}
    context = _object(_FACTS["context"], links={"type": "array", "items": links, "minItems": 1})
    context["properties"]["type"] = {"const": type_}
    whole: Mapping[str, Any] = {
        "must": {"context": context, "subject": _object(subject)},
        "may": {"customData": {"type": "object"}},
    }
    return jsonschema_rs.validator_for(_object(whole), validate_formats=True)


def _link(kind: str) -> dict[str, Any]:
    made = _object(_FACTS["links"][kind])
    made["properties"]["linkType"] = {"const": kind}
    made["required"].append("linkType")
    return made


def _object(facts: Mapping[str, Mapping[str, Any]], **kinds: Any) -> dict[str, Any]:
    """The schema of an object that must and may have these keys, and no others."""
    known = {**_KINDS, **kinds}
    properties = {}
    for name, kind in {**facts["must"], **facts["may"]}.items():
        properties[name] = {"enum": kind} if isinstance(kind, list) else known[kind] if isinstance(kind, str) else kind
    return {"type": "object", "required": [*facts["must"]], "properties": properties, "additionalProperties": False}


def slack(request: Request) -> Any:
    """A message of Slack whose blocks the models of Slack's library find right."""
    message = read(request)
    assert set(message) == {"text", "blocks"}
    assert len(message["text"]) <= 40_000
    assert len(message["blocks"]) <= 50
    parsed = Block.parse_all(message["blocks"])
    for given, block in zip(message["blocks"], parsed, strict=True):
        block.validate_json()
        assert all(0 < len(field["text"]) <= 2000 for field in given.get("fields", ()))
        assert 0 < len(given.get("text", {"text": "x"})["text"]) <= 3000
    assert [block.to_dict() for block in parsed] == message["blocks"]
    return message


def mattermost(request: Request) -> Any:
    """A message of Mattermost within its limits."""
    message = read(request)
    assert set(message) <= {"text", "attachments"}
    assert 0 < len(message["text"]) <= 16_383
    for attachment in message.get("attachments", ()):
        assert attachment["fields"]
        assert set(attachment) == {"fallback", "color", "fields"}
        assert all(type(field["short"]) is bool and field["value"] for field in attachment["fields"])
    return message


def teams(request: Request) -> Any:
    """The adaptive card of a message of Teams within its limits; every element is one of version 1.4."""
    assert len(request.body) <= 28_000
    message = read(request)
    (attachment,) = message["attachments"]
    assert message["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    for element in card["body"]:
        _element(element)
    assert len(card.get("actions", ())) <= 6
    return card


def _element(element: Mapping[str, Any]) -> None:
    if element["type"] == "Container":
        assert element["style"] in {"default", "emphasis", "good", "attention", "warning", "accent"}
        for item in element["items"]:
            _element(item)
        return
    assert element["type"] == "RichTextBlock"
    for run in element["inlines"]:
        assert run["type"] == "TextRun"
        assert set(run) <= {"type", "text", "weight", "color", "fontType", "selectAction"}
        assert run["text"]


def words(card: Any) -> str:
    """The first line of a card of Teams, as it is read."""
    return "".join(run["text"] for run in card["body"][0]["items"][0]["inlines"])
