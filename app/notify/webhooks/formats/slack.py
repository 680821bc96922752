"""Events as messages to an incoming webhook of Slack, by Block Kit (contract gantry-webhooks 5.1)."""

from collections.abc import Sequence
from typing import Any

import orjson

from app.notify.webhooks.formats.story import Piece, code, is_harmless, story_of
from app.notify.webhooks.model import Event, Request

#: The three characters that Slack reads, escaped: nothing that begins with `<` (a mention, a link) is left.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
#: What a link must not hold, so that it ends where it should.
_IN_LINKS = str.maketrans({"|": "%7C", "<": "%3C", ">": "%3E", "&": "&amp;", " ": "%20"})


def render(event: Event, secrets: Sequence[str], at: int, server: str) -> Sequence[Request]:
    """One message: the sentence, and the details in two columns. The address of the webhook is the only secret."""
    del secrets, at
    if not event.type:
        return ()
    story = story_of(event, server)
    text = f"{story.mark} {''.join(map(_written, story.sentence))}"
    blocks: list[dict[str, Any]] = [{"type": "section", "text": _mrkdwn(text)}]
    if story.details:
        fields = [_mrkdwn(f"*{label}*\n{_escaped(code(value))}") for label, value in story.details]
        blocks.append({"type": "section", "fields": fields})
    body = orjson.dumps({"text": text, "blocks": blocks})
    return (Request({"content-type": "application/json"}, body),)


def _written(piece: Piece) -> str:
    text, is_bold = _escaped(piece.text), piece.is_name and is_harmless(piece.text)
    if piece.url:  # in which Slack reads no other marks
        text = f"<{piece.url.translate(_IN_LINKS)}|{text}>"
    elif piece.is_name and not is_bold:
        text = _escaped(code(piece.text))
    return f"*{text}*" if is_bold else text


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def _mrkdwn(text: str) -> dict[str, Any]:
    """Marked text; `verbatim` keeps Slack from making links of what looks like an address or a channel."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}
