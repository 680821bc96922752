"""The command that a text is most like, filled in with what was typed. Pure."""

import shlex
from collections.abc import Sequence

from app.chatops.command import (
    FLAGS,
    LONG_DASHES,
    NAME,
    NUMBER,
    PREPOSITIONS,
    REPO,
    RESERVED,
    TARGET,
    Verb,
    assigned,
    parted,
)
from app.chatops.model import Subject
from app.repos import parameters


def nearest(verb: Verb, given: Sequence[str], about: Subject | None) -> str:
    """The command with this verb that these words are most like; words in capitals stand for what is missing."""
    if verb in ("help", "login"):
        return verb
    found = _Found(verb)
    for word in given:
        found.take(LONG_DASHES.sub("--", word))
    subject = (found.repo or (about.repo if about else "OWNER/REPO")) + _due(verb, found.build)
    if verb in ("status", "list"):
        return " ".join([verb, subject, *([found.target] if found.target else [])])
    if verb in ("approve", "reject", "cancel"):
        return f"{verb} {subject}"
    params = [assigned(name, value) for name, value in found.params.items()]
    return " ".join([verb, subject, "to", found.target or "TARGET", *params, *dict.fromkeys(found.options)])


class _Found:
    """What the words of a text may be parts of, each taken once, wherever it stands."""

    def __init__(self, verb: Verb) -> None:
        self._verb = verb
        self._taken = 0
        self.repo = self.build = self.target = ""
        self.params = dict[str, str]()
        self.options = list[str]()

    def take(self, word: str) -> None:
        """Take the next word for what it may be; a word that may be nothing is left out."""
        head, mark, rest = parted(word)
        name, equals, value = word.partition("=")
        if word.startswith("-"):
            self._option(name.lower(), value)
        elif equals and not REPO.fullmatch(head):
            self._parameter(name, value)
        elif not self.repo and (slug := self._slug(head, mark)):
            self.repo, self.build = slug, self.build or _build(mark, rest)
        elif not self.build and NUMBER.fullmatch(word.removeprefix("#")):
            self.build = f"#{word.removeprefix('#')}"
        elif word.lower() not in PREPOSITIONS and not self.target and TARGET.fullmatch(word):
            self.target = word
        self._taken += 1

    def _slug(self, head: str, mark: str) -> str:
        """The repository that a word names, with `OWNER` in the place of a missing owner; empty for none."""
        if REPO.fullmatch(head):
            return head
        first = self._taken == 0 and self._verb in ("status", "list")
        return f"OWNER/{head}" if NAME.fullmatch(head) and not self.target and (mark or first) else ""

    def _option(self, name: str, value: str) -> None:
        if name == "--reason" and value:
            self.options.append(f"{name}={shlex.quote(value)}")
        elif name in FLAGS and name != "--reason":
            self.options.append(name)

    def _parameter(self, name: str, value: str) -> None:
        if name == "target":
            self.target = self.target or value
        elif name not in RESERVED and parameters.problem(name) is None:
            self.params.setdefault(name, value)


def _build(mark: str, rest: str) -> str:
    if mark == "@":
        return f"@{rest}" if rest else ""
    return f"#{rest}" if NUMBER.fullmatch(rest) else ""


def _due(verb: Verb, build: str) -> str:
    """The build after a repository, as the verb wants it."""
    if verb in ("status", "list"):
        return ""
    if verb == "promote":
        return build or "#NUMBER"
    by_number = build if build.startswith("#") else ""
    return by_number or ("" if verb == "rollback" else "#NUMBER")
