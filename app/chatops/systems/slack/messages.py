"""Answers as messages of Slack (contract gantry-chatops 2.3, 2.4). Pure.

The text of a message is a block of rich text, in which each part says what it is. So there is no markup in which a name
of somebody else could be a mention, a link or bold, and nothing is to be escaped. Only the text for notifications has
markup.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from app.chatops.markup import Part, fitted, parts
from app.chatops.model import Answer, Button

#: Characters of the text of a message, and of the text for notifications.
MOST, MOST_OF_NOTICE = 10_000, 2000
#: Buttons of a message, and characters of what a button has.
BUTTONS, LABEL, VALUE = 25, 75, 2000
#: Characters of the parts of a question.
TITLE, QUESTION, CHOICE = 100, 300, 30
_MENTION = re.compile(r"@(?=channel|here|everyone)")


def message(answer: Answer) -> dict[str, Any]:
    """The answer to a command."""
    shown = fitted(parts(answer.text), MOST)
    return {
        "response_type": "in_channel" if answer.public else "ephemeral",
        "text": _notice(shown),
        "blocks": _blocks(shown, answer.buttons),
    }


def _notice(shown: Sequence[Part]) -> str:
    """The text for notifications, in Slack's markup."""
    lines = [f"\n{part.text}\n" if part.kind == "block" else part.text for part in fitted(shown, MOST_OF_NOTICE)]
    return _escaped("".join(lines).strip("\n")) or " "


def _escaped(text: str) -> str:
    """A text in which Slack sees no mention and no link."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MENTION.sub("@\u200b", text)


def _blocks(shown: Sequence[Part], buttons: Sequence[Button]) -> list[dict[str, Any]]:
    rich = []
    for is_block, group in groupby(shown, lambda part: part.kind == "block"):
        for elements in [[part] for part in group] if is_block else [list(group)]:
            kind = "rich_text_preformatted" if is_block else "rich_text_section"
            rich.append({"type": kind, "elements": [_element(part) for part in elements]})
    made: list[dict[str, Any]] = [{"type": "rich_text", "elements": rich}] if rich else []
    if pressed := [_button(at, button) for at, button in enumerate(buttons[:BUTTONS]) if len(button.value) <= VALUE]:
        made.append({"type": "actions", "elements": pressed})
    return made


def _element(part: Part) -> dict[str, Any]:
    match part.kind:
        case "link":
            return {"type": "link", "url": part.url, "text": part.text}
        case "code":
            return {"type": "text", "text": part.text, "style": {"code": True}}
        case _:
            return {"type": "text", "text": part.text}


def _button(at: int, button: Button) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "button", "action_id": f"press-{at}", "text": _plain(button.label, LABEL)}
    made["value"] = button.value
    if button.style:
        made["style"] = button.style
    if button.confirm:
        made["confirm"] = _question(button)
    return made


def _question(button: Button) -> Mapping[str, Any]:
    return {
        "title": _plain(button.label, TITLE),
        "text": _plain(button.confirm, QUESTION),
        "confirm": _plain(button.label, CHOICE),
        "deny": _plain("Back", CHOICE),
    }


def _plain(text: str, most: int) -> dict[str, Any]:
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return {"type": "plain_text", "text": cut, "emoji": False}
