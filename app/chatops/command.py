"""A command, its words, and how it is typed (contract gantry-chatops 6.1). Pure."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

Verb: TypeAlias = Literal["promote", "rollback", "status", "list", "approve", "reject", "cancel", "help", "login"]
VERBS: tuple[Verb, ...] = get_args(Verb)

#: Characters of a command. A promotion with the most parameters that a build may have is shorter.
LONGEST = 40_000
#: Characters that an answer repeats of one word.
SHOWN = 60
_OTHER_NAMES: Mapping[str, Verb] = {"deploy": "promote", "decline": "reject", "targets": "status", "builds": "list"}
KNOWN: Mapping[str, Verb] = {**{verb: verb for verb in VERBS}, **_OTHER_NAMES}
PREPOSITIONS = ("to", "in", "on")
#: Words of a promotion's own: no parameter has such a name (as for the API's promote).
RESERVED = ("target", "access_token", "dry_run")
REPO = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+")
NAME = re.compile(r"[A-Za-z0-9._-]+")
NUMBER = re.compile(r"[1-9][0-9]{0,9}")
TARGET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
FLAGS = ("--dry-run", "--force", "--reason")
#: What keyboards make of the two dashes before a flag.
LONG_DASHES = re.compile(r"^[\u2012-\u2015\u2212]{1,2}-?(?=dry|force|reason)")


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is well formed.

    `repo` is empty where none is due, `number` is 0 and `ref` empty where none is given.
    """

    verb: Verb
    repo: str = ""
    number: int = 0
    #: The branch, tag or commit after an `@`.
    ref: str = ""
    target: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False
    force: bool = False
    reason: str = ""


def parted(word: str) -> tuple[str, str, str]:
    """Repository, mark (`#`, `@` or none) and build of a word. A ref may hold a `#`, a number no `@`."""
    marks = [at for at in (word.find("#"), word.find("@")) if at >= 0]
    at = min(marks, default=len(word))
    return word[:at], word[at : at + 1], word[at + 1 :]


def code(text: str, longest: int = SHOWN) -> str:
    """A text that somebody has typed, cut, as code: nothing in it means anything to a chat."""
    plain = "".join(char if char.isprintable() and char != "`" else " " for char in text[: longest + 1]).strip()
    return f"`{plain[:longest] + ('…' if len(text) > longest else '')}`" if plain else "``"


def written(command: Command) -> str:
    """A command as it is typed."""
    build = f"#{command.number}" if command.number else f"@{command.ref}" if command.ref else ""
    parts = [command.verb, *([command.repo + build] if command.repo else [])]
    if command.target:
        parts += ["to", command.target] if command.verb in ("promote", "rollback") else [command.target]
    parts += [assigned(name, value) for name, value in command.params.items()]
    parts += ["--dry-run"] * command.dry_run + ["--force"] * command.force
    if command.reason:
        parts.append(command.reason if command.verb == "reject" else f"--reason={shlex.quote(command.reason)}")
    return " ".join(parts)


def assigned(name: str, value: str) -> str:
    """A parameter as it is typed."""
    return f"{name}={shlex.quote(value) if value else ''}"
