"""Answers as messages of Teams (contract gantry-chatops 4). Pure."""

from itertools import groupby
from typing import Any

from app.chatops.markup import Part, fitted, link, parts
from app.chatops.model import Answer
from app.chatops.systems.markdown import markdown

#: Characters of an answer: a message has 28 kB at most, and a sign becomes six of them at most.
MOST = 4000


def message(answer: Answer, public_url: str, *, followed: bool) -> dict[str, str]:
    """The answer to a command; `followed` = later answers are shown in a channel.

    Teams has no buttons that this server could verify: the page of the build has them.
    """
    return {"type": "message", "textFormat": "markdown", "text": _text(_with_page(answer, public_url, followed))}


def card(answer: Answer, public_url: str) -> dict[str, Any]:
    """A later answer, as a workflow of Teams posts it in its channel: runs of text, in which there are no marks."""
    shown = fitted(parts(_with_page(answer, public_url, followed=True)), MOST)
    groups = groupby(shown, lambda part: part.kind == "block")
    body = [{"type": "RichTextBlock", "inlines": [_run(part) for part in group]} for _, group in groups]
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


def _run(part: Part) -> dict[str, Any]:
    """A part as a run of text. A card would replace `{{DATE(…)}}`: double braces are set apart."""
    run: dict[str, Any] = {"type": "TextRun", "text": part.text.replace("{{", "{ {")}
    if part.kind in ("code", "block"):
        run["fontType"] = "Monospace"
    if part.url:
        run |= {"color": "Accent", "selectAction": {"type": "Action.OpenUrl", "url": part.url}}
    return run


def _text(text: str) -> str:
    return markdown(fitted(parts(text), MOST), newline="\n\n", html=True) or " "


def _with_page(answer: Answer, public_url: str, followed: bool) -> str:
    """The text, and where the buttons are, and the results that this chat is not shown."""
    if not answer.build:
        return answer.text
    page = link(f"the page of build {answer.build}", f"{public_url}/{answer.repo}/{answer.build}")
    labels = " · ".join(button.label for button in answer.buttons)
    text = f"{answer.text}\n{labels}: {page}" if labels else answer.text
    return text if followed else f"{text}\nTeams is told of nothing that happens later: see {page}"
