"""Events as messages to a workflow of Microsoft Teams, with an adaptive card (contract gantry-webhooks 5.3)."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from app.notify.webhooks.formats.story import Piece, Tone, story_of
from app.notify.webhooks.model import Event, Request

_STYLES: Mapping[Tone, str] = {"": "accent", "good": "good", "bad": "attention", "waiting": "warning"}
_CARD = "application/vnd.microsoft.card.adaptive"


def render(event: Event, secrets: Sequence[str], at: int, server: str) -> Sequence[Request]:
    """One card: the sentence, the details, and a button that opens the page. The address is the only secret.

    All texts are runs of rich text, in which Teams reads no marks.
    """
    del secrets, at
    if not event.type:
        return ()
    story = story_of(event, server)
    sentence = _block([_run(f"{story.mark} "), *map(_written, story.sentence)])
    details = [
        _block([_run(f"{label}: ", weight="Bolder"), _run(value, fontType="Monospace")])
        for label, value in story.details
    ]
    body = [{"type": "Container", "style": _STYLES[story.tone], "bleed": True, "items": [sentence]}, *details]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    if story.page:
        card["actions"] = [{"type": "Action.OpenUrl", "title": story.title, "url": story.page}]
    message = {"type": "message", "attachments": [{"contentType": _CARD, "contentUrl": None, "content": card}]}
    return (Request({"content-type": "application/json"}, orjson.dumps(message)),)


def _written(piece: Piece) -> dict[str, Any]:
    style: dict[str, Any] = {"weight": "Bolder"} if piece.is_name else {}
    if piece.url:
        style |= {"color": "Accent", "selectAction": {"type": "Action.OpenUrl", "url": piece.url}}
    return _run(piece.text, **style)


def _block(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": runs}


def _run(text: str, **style: Any) -> dict[str, Any]:
    """A run of text. Cards replace what is in double braces, as in `{{DATE(…)}}`, so that such braces are set apart."""
    return {"type": "TextRun", "text": text.replace("{{", "{ {"), **style}
