"""An event as people are told of it: a sentence, and some details. Every chat writes these in its own way."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from app.notify.webhooks.formats.data import Data, data_of, is_address
from app.notify.webhooks.model import Event

Tone: TypeAlias = Literal["", "good", "bad", "waiting"]

#: Characters of a name, of a text and of all parameters that are shown.
LONGEST_NAME, LONGEST_TEXT, LONGEST_PARAMETERS = 100, 300, 380


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a sentence: words of ours, or a name, which may hold any character but a line break."""

    text: str
    is_name: bool = False
    #: Where the part leads; empty for nowhere.
    url: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """What people are told of an event."""

    tone: Tone
    sentence: Sequence[Piece]
    #: Labels of ours, and texts, which are not empty and may hold any character but a line break.
    details: Sequence[tuple[str, str]]
    #: The page that tells more, and its name; empty for none.
    page: str
    title: str

    @property
    def mark(self) -> str:
        """A character that shows the tone."""
        return _MARKS[self.tone]

    @property
    def plain(self) -> str:
        """The sentence without marks and links."""
        return "".join(piece.text for piece in self.sentence)


_MARKS: Mapping[Tone, str] = {"": "▶️", "good": "✅", "bad": "❌", "waiting": "⏳"}
#: What an event says has become of its subject: the words, and the tone.
_OUTCOMES: Mapping[str, tuple[str, Tone]] = {
    "success": ("succeeded", "good"),
    "failure": ("failed", "bad"),
    "error": ("failed", "bad"),
    "killed": ("was cancelled", "bad"),
    "declined": ("was declined", "bad"),
    "skipped": ("was skipped", ""),
}
#: How a new build may be, besides waiting for a runner.
_BEGINNINGS: Mapping[str, tuple[Tone, str]] = {
    "blocked": ("waiting", ", which waits for approval"),
    "error": ("bad", ", which failed at once"),
    "failure": ("bad", ", which failed at once"),
}
#: Who does things and has no name.
_CAUSES = {"hook": "a push", "runner": "a runner"}
_DECISIONS: Mapping[str, Tone] = {"approved": "good", "declined": "bad", "cancelled": "bad"}


def story_of(event: Event, server: str) -> Story:
    """The story of an event; `server` is the public address of this server."""
    data = data_of(event, server)
    tone, sentence = _told(event.type, data, server)
    page, details = _page(data), [(label, text) for label, text in _details(event.type, data) if text]
    return Story(tone, sentence, details, page, f"Build {data['build']}" if page else "")


def _told(type_: str, data: Data, server: str) -> tuple[Tone, list[Piece]]:
    kind, _, what = type_.partition(".")
    if "build" in data:
        tone, sentence = _of_stage(what, data) if kind == "stage" else _of_build(kind, what, data)
        return tone, [*sentence, *_where(kind, data)]
    if kind == "repo" and "repo" in data:
        return "", [*_begun(_who(data)), Piece(f" {what} the repository "), _name(data["repo"])]
    if kind == "user" and "user" in data:
        return "", [*_begun(_who(data)), Piece(f" {what} the account "), _name(data["user"]["login"])]
    if kind == "webhook":
        reason = data.get("webhook", {}).get("reason", "")
        because = [Piece(": "), Piece(clean(str(reason), LONGEST_TEXT), is_name=True)] if reason else []
        return "bad", [Piece(f"Gantry {what} this webhook"), *because]
    if kind == "ping":
        return "good", [Piece("Gantry at "), _name(server), Piece(" can send messages here")]
    return "", [Piece("Gantry tells of "), _name(type_)]


def _of_build(kind: str, what: str, data: Data) -> tuple[Tone, list[Piece]]:
    subject = _subject(kind, data)
    if what in ("requested", "created"):
        tone, end = _BEGINNINGS.get(data.get("status", ""), ("", ""))
        told = [*_begun(subject), Piece(" was created by "), *_who(data)]
        told = told if what == "created" else [*_begun(_who(data)), Piece(" asked for "), *subject]
        return tone, [*told, Piece(end)] if end else told
    if what in _DECISIONS:
        return _DECISIONS[what], [*_begun(_who(data)), Piece(f" {what} "), *subject]
    subject = _begun(subject)
    if what == "started":
        return "", [*subject, Piece(" started")]
    # A build is `finished`, and its status says how; of a promotion the event itself says how it ended.
    word, tone = _OUTCOMES.get(data.get("status", ""), (what, ""))
    if what == "failed":
        word, tone = "failed", "bad"
    return tone, [*subject, Piece(f" {word}"), *_how(word, data, data.get("duration"))]


def _begun(subject: Sequence[Piece]) -> list[Piece]:
    """The subject as the beginning of a sentence."""
    first, *others = subject
    return [first if first.is_name else Piece(first.text[0].upper() + first.text[1:]), *others]


def _of_stage(what: str, data: Data) -> tuple[Tone, list[Piece]]:
    stage = data.get("stage")
    subject = [Piece("Stage "), _name(stage["name"] if stage else "?"), Piece(" of "), *_subject("build", data)]
    if what == "started" or stage is None:
        return "", [*subject, Piece(f" {what}")]
    word, tone = _OUTCOMES.get(stage["status"], (what, ""))
    return tone, [*subject, Piece(f" {word}"), *_how(word, data, stage.get("duration"))]


def _subject(kind: str, data: Data) -> list[Piece]:
    """`the promotion of octocat/hello-world#42 to production`."""
    repo = data.get("repo", "")
    if kind == "build":
        return [Piece("build "), Piece(f"{repo}#{data['build']}", is_name=True, url=_page(data))]
    what = _name(f"{repo}#{data['parent']}" if "parent" in data else repo)
    target = _name(data["target"]) if "target" in data else Piece("no target")
    if kind == "rollback":
        return [Piece("the rollback of "), target, Piece(" to "), what]
    return [Piece(f"the {kind} of "), what, Piece(" to "), target]


def _where(kind: str, data: Data) -> list[Piece]:
    """The build that carries a promotion out, which no other piece names."""
    if kind in ("build", "stage"):
        return []
    return [Piece(" ("), Piece(f"build {data['build']}", url=_page(data)), Piece(")")]


def _page(data: Data) -> str:
    """The page of the build."""
    page = data.get("links", {}).get("build", "")
    return page if is_address(page) else ""


def _how(word: str, data: Data, duration: int | None) -> list[Piece]:
    after = [Piece(f" after {lasting(duration)}")] if duration is not None else []
    step = data.get("failed", {}).get("step") if word == "failed" else None
    return [*after, Piece(" in the step "), _name(str(step))] if step else after


def _who(data: Data) -> list[Piece]:
    """Who did it: a name, or what kind of cause it was."""
    by = data.get("by", {"kind": "", "name": ""})
    if by["kind"] == "cron":
        return [Piece("the cron job "), _name(by["name"])]
    return [_name(by["name"])] if by["name"] else [Piece(_CAUSES.get(by["kind"], "Gantry"))]


def _details(type_: str, data: Data) -> Iterator[tuple[str, str]]:
    whole = "build" in data and not type_.startswith("stage.")
    asked = data.get("requested_by", "")
    if whole and not asked.startswith("@") and not type_.endswith((".requested", ".created")):
        yield "Requested by", clean(asked, LONGEST_NAME)
    if whole and "commit" in data:
        yield "Commit", clean(f"{data['commit'][:8]} {data.get('message', '')}", LONGEST_TEXT)
    if whole and type_.startswith("build.") and "ref" in data:
        yield "Ref", clean(data["ref"].removeprefix("refs/heads/").removeprefix("refs/tags/"), LONGEST_NAME)
    if whole and (parameters := data.get("parameters")):
        yield "Parameters", _parameters(parameters)
    if "error" in data:
        yield "Error", clean(data["error"], LONGEST_TEXT)


def _parameters(parameters: Mapping[str, str]) -> str:
    """`A=1, B=2`, and how many more there are."""
    text = ""
    for number, (name, value) in enumerate(parameters.items()):
        one = f"{clean(name, LONGEST_NAME)}={clean(value, LONGEST_NAME)}"
        if len(text) + len(one) > LONGEST_PARAMETERS:
            return f"{text} and {len(parameters) - number} more"
        text = f"{text}, {one}" if text else one
    return text


def _name(text: str) -> Piece:
    return Piece(clean(text, LONGEST_NAME) or "?", is_name=True)


def lasting(seconds: int) -> str:
    """A length of time for people: `3m 12s`."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return " ".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


#: What a line of a text must not hold: breaks and controls, which become a space.
_BREAKS = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")
#: Characters that nobody sees: they change the direction of the text around them, have no width, or are none.
_UNSEEN = re.compile(
    "[\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
#: Letters of scripts that are written from right to left.
_LEFTWARD = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")


def clean(text: str, longest: int) -> str:
    """One line of a text of others, cut to so many characters; the line cannot change how the text around it is shown.

    A text that is written from right to left is set apart from its neighbours by U+2068 and U+2069.
    """
    if not (text.isascii() and text.isprintable()):
        text = _BREAKS.sub(" ", _UNSEEN.sub("", text[: longest * 8]))
    text = text.strip()
    if len(text) > longest:
        text = text[: longest - 1].rstrip() + "…"
    return f"\u2068{text}\u2069" if not text.isascii() and _LEFTWARD.search(text) else text


#: Names that no chat reads as marks: words with single separators between them.
_HARMLESS = re.compile(r"[^\W_]+(?:[./#_-][^\W_]+)*")


def is_harmless(name: str) -> bool:
    """Whether a name may be shown in bold; every other name is shown as code, in which no chat reads marks."""
    return _HARMLESS.fullmatch(name) is not None


def code(text: str) -> str:
    """A text between backquotes, which therefore has none itself."""
    return f"`{text.replace('`', 'ˋ')}`"
