"""Events as messages to an incoming webhook of Mattermost (contract gantry-webhooks 5.2)."""

from collections.abc import Mapping, Sequence

import orjson

from app.notify.webhooks.formats.story import Piece, Tone, code, is_harmless, story_of
from app.notify.webhooks.model import Event, Request

_COLOURS: Mapping[Tone, str] = {"": "#1c58d9", "good": "#3db887", "bad": "#d24b4e", "waiting": "#ffbc1f"}
#: What a link must not hold, so that it ends where it should.
_IN_LINKS = str.maketrans({"(": "%28", ")": "%29", "<": "%3C", ">": "%3E", "\\": "%5C", " ": "%20"})


def render(event: Event, secrets: Sequence[str], at: int, server: str) -> Sequence[Request]:
    """One message: the sentence, and the details as an attachment. The address of the webhook is the only secret."""
    del secrets, at
    if not event.type:
        return ()
    story = story_of(event, server)
    text = f"{story.mark} {''.join(map(_written, story.sentence))}"
    message: dict[str, object] = {"text": text}
    if story.details:
        fields = [{"title": label, "value": code(value), "short": len(value) < 40} for label, value in story.details]
        message["attachments"] = [{"fallback": story.plain, "color": _COLOURS[story.tone], "fields": fields}]
    return (Request({"content-type": "application/json"}, orjson.dumps(message)),)


def _written(piece: Piece) -> str:
    text = piece.text
    if piece.is_name:
        text = f"**{text}**" if is_harmless(text) else code(text)
    return f"[{text}]({piece.url.translate(_IN_LINKS)})" if piece.url else text
