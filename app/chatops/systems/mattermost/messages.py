"""Answers as posts of Mattermost (contract gantry-chatops 3). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.chatops.markup import fitted, parts
from app.chatops.model import Answer, Button, Place
from app.chatops.systems.markdown import markdown
from app.chatops.systems.mattermost.context import Context

#: Characters of an answer: each may become two of a post, which has room for 16,383.
MOST = 7500
#: Buttons of a post, and characters of the label of one.
BUTTONS, LABEL = 25, 75
_STYLES = {"": "default", "primary": "primary", "danger": "danger"}


@dataclass(frozen=True, slots=True)
class Buttons:
    """What this server's buttons are made with: where presses go, and the key that signs them."""

    url: str
    key: bytes
    #: Whether people are looked up, so that everybody may press a button.
    everybody: bool = False

    def of(self, answer: Answer, place: Place) -> list[dict[str, Any]]:
        """The attachments of a post that are its buttons; none when nobody could press them."""
        if not answer.buttons or not (self.everybody or place.asker):
            return []
        actions = [self._action(at, button, place) for at, button in enumerate(answer.buttons[:BUTTONS])]
        return [{"fallback": "", "actions": actions}]

    def _action(self, at: int, button: Button, place: Place) -> dict[str, Any]:
        context = Context.of(button.value, place, self.key)
        told = {"value": context.value, "channel": context.channel, "asker": context.asker}
        return {
            "id": f"press{at}",
            "name": button.label[:LABEL],
            "type": "button",
            "style": _STYLES[button.style],
            "integration": {"url": self.url, "context": {**told, "signature": context.signature}},
        }


def message(answer: Answer, attachments: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """The answer to a command."""
    return {
        "response_type": "in_channel" if answer.public else "ephemeral",
        "text": _text(answer),
        "attachments": list(attachments),
        "skip_slack_parsing": True,
    }


def post(answer: Answer, attachments: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """The answer as a post that is made or changed through the API, or in answer to a press."""
    return {"message": _text(answer), "props": {"attachments": list(attachments)}}


def pressed(answer: Answer, attachments: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """The answer to a press: a public one takes the place of the post."""
    shown = {"update": post(answer, attachments)} if answer.public else {"ephemeral_text": _text(answer)}
    return {**shown, "skip_slack_parsing": True}


def _text(answer: Answer) -> str:
    return markdown(fitted(parts(answer.text), MOST)) or " "
