"""Reads the commands that people type (contract gantry-chatops 6.1). Pure."""

from collections.abc import Sequence
from difflib import get_close_matches

from app.chatops import words
from app.chatops.command import (
    FLAGS,
    KNOWN,
    LONG_DASHES,
    LONGEST,
    NAME,
    NUMBER,
    PREPOSITIONS,
    REPO,
    RESERVED,
    SHOWN,
    TARGET,
    Command,
    Verb,
    code,
    parted,
)
from app.chatops.model import Subject
from app.chatops.nearest import nearest
from app.repos import parameters


class Misunderstood(Exception):
    """A text that is no command: what is wrong with it, and the nearest command, filled in with what was typed.

    `short` is the name of a repository that was given without its owner, whose place `OWNER` has in `nearest`.
    """

    def __init__(self, problems: Sequence[str], nearest: str = "", short: str = "") -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)
        self.nearest = nearest
        self.short = short


def parse(text: str, about: Subject | None = None) -> Command:
    """The command of a text; Misunderstood. A command `about` a pull request need not name repository and build."""
    if len(text) > LONGEST:
        raise Misunderstood([f"the command has {len(text)} characters; at most {LONGEST} are read"])
    try:
        given = words.split(words.unfenced(text))
    except words.NotClosed:
        raise Misunderstood(
            ["a quote is not closed: write two of the same kind, or a backslash before a single one"]
        ) from None
    if not given:
        return Command("help")
    verb, rest = _verb(given)
    if verb == "help" or (verb == "login" and not rest):
        return Command(verb)
    reader = _Reader(verb, rest, about)
    command = reader.read()
    if reader.problems:
        raise Misunderstood(reader.problems, nearest(verb, rest, about), reader.short)
    return command


def _verb(given: Sequence[str]) -> tuple[Verb, Sequence[str]]:
    """The verb, and the words after it. A promotion needs no verb."""
    first = given[0]
    name = first.lower()
    verb = KNOWN.get(name) or (KNOWN.get(name[1:]) if name[:1] in ("/", ".", "!") else None)
    if verb is not None:
        return verb, given[1:]
    if any(mark in first for mark in "/#@"):
        return "promote", given
    close = get_close_matches(name[:SHOWN], KNOWN, 1)
    likely = nearest(KNOWN[close[0]], given[1:], None) if close else ""
    if not likely and any(REPO.match(word) for word in given):
        likely = nearest("promote", given, None)
    raise Misunderstood([f"{code(first)} is no command; `help` lists the commands"], likely)


class _Reader:
    """Reads the words after a verb from left to right, and notes every problem."""

    def __init__(self, verb: Verb, given: Sequence[str], about: Subject | None) -> None:
        self._verb: Verb = verb
        self._left = list(given)
        self._about = about
        self.problems = list[str]()
        #: The name of the repository, if its owner is missing.
        self.short = ""

    def read(self) -> Command:
        """The command; it counts only if there are no problems."""
        repo, number, ref = self._subject()
        match self._verb:
            case "promote" | "rollback":
                return self._deployment(repo, number, ref)
            case "status" | "list":
                target = self._target(self._left.pop(0)) if self._left else ""
                self._end()
                return Command(self._verb, repo, target=target)
            case "reject":
                return Command(self._verb, repo, number, reason=" ".join(self._left))
        self._end()
        return Command(self._verb, repo, number)

    def _subject(self) -> tuple[str, int, str]:
        """Repository, number and ref. Which of them are due depends on the verb."""
        verb, about = self._verb, self._about
        word = self._left[0] if self._left else ""
        repo, mark, build = parted(word)
        if about is not None and (not word or (not repo and mark == "#") or (not mark and "/" not in word)):
            if mark:
                self._left.pop(0)
                return about.repo, self._number(build), ""
            return self._unnamed(about)
        if word:
            self._left.pop(0)
        if not word:
            self.problems.append("the repository is missing")
        elif not REPO.fullmatch(repo):
            self._wrong_repo(word, repo)
        if verb in ("status", "list"):
            if mark:
                self.problems.append(f"`{verb}` shows a repository, not one build: leave out {code(mark + build)}")
            return repo, 0, ""
        if mark == "@" and verb != "promote":
            self.problems.append(f"`{verb}` needs the number of a build: {code(repo + '#43')}")
        number = self._number(build) if mark == "#" else 0
        if not mark and word and verb != "rollback":
            self.problems.append(f"the build is missing: write {code(repo + '#42')}" + self._or_ref(repo))
        if mark == "@" and not build:
            self.problems.append("the branch, tag or commit after `@` is missing")
        return repo, number, build if mark == "@" else ""

    def _or_ref(self, repo: str) -> str:
        return f" or {code(repo + '@main')}" if self._verb == "promote" else ""

    def _unnamed(self, about: Subject) -> tuple[str, int, str]:
        if self._verb in ("approve", "reject", "cancel"):
            self.problems.append(f"the build is missing: write `{self._verb} #43`")
        if self._verb != "promote":
            return about.repo, 0, ""
        if not about.commit:
            self.problems.append("the build is missing: write `promote #42 to TARGET`")
        return about.repo, about.build, "" if about.build else about.commit

    def _wrong_repo(self, word: str, repo: str) -> None:
        if "/" in repo:
            self.problems.append(
                f"{code(repo)} is no repository: names have letters, digits, dots, dashes, underscores"
            )
        else:
            self.short = repo if NAME.fullmatch(repo) else ""
            self.problems.append(f"{code(word)} names no repository: write OWNER/REPO")

    def _number(self, digits: str) -> int:
        if NUMBER.fullmatch(digits):
            return int(digits)
        self.problems.append(f"{code('#' + digits)} is no build number: it has 1 to 10 digits, and no zero in front")
        return 0

    def _deployment(self, repo: str, number: int, ref: str) -> Command:
        target = self._where()
        params, flags = dict[str, str](), dict[str, str]()
        for word in self._left:
            word = LONG_DASHES.sub("--", word)
            name, equals, value = word.partition("=")
            if word.startswith("-"):
                self._flag(name.lower(), equals, value, flags)
            elif equals:
                self._parameter(name, value, params)
            else:
                self.problems.append(f"{code(word)} is unexpected: parameters are written NAME=VALUE")
        dry_run, force = "--dry-run" in flags, "--force" in flags
        return Command(self._verb, repo, number, ref, target, params, dry_run, force, flags.get("--reason", ""))

    def _where(self) -> str:
        """The target, after its preposition."""
        if self._left and self._left[0].lower() in PREPOSITIONS:
            self._left.pop(0)
            if self._left and not self._left[0].startswith("-") and "=" not in self._left[0]:
                return self._target(self._left.pop(0))
            self.problems.append("the target is missing after `to`")
        elif self._left and "=" not in self._left[0] and TARGET.fullmatch(self._left[0]):
            word = self._left.pop(0)
            self.problems.append(f"write `to` before the target: {code('to ' + word)}")
        else:
            self.problems.append("the target is missing: write `to TARGET`")
        return ""

    def _target(self, word: str) -> str:
        if not TARGET.fullmatch(word):
            self.problems.append(
                f"{code(word)} is no target: it has 1 to 64 letters, digits, dots, dashes and underscores, "
                "a letter or a digit first"
            )
        return word

    def _flag(self, name: str, equals: str, value: str, flags: dict[str, str]) -> None:
        if name not in FLAGS:
            self.problems.append(f"{code(name)} is no option; there are `--dry-run`, `--force` and `--reason=TEXT`")
        elif name in flags:
            self.problems.append(f"`{name}` is there twice")
        elif name == "--reason" and not value:
            self.problems.append('`--reason` needs a text: `--reason="hot fix"`')
        elif name != "--reason" and equals:
            self.problems.append(f"`{name}` takes no value")
        flags[name] = value

    def _parameter(self, name: str, value: str, params: dict[str, str]) -> None:
        if name in params:
            self.problems.append(f"parameter {code(name)} is there twice")
        elif name in RESERVED:
            self.problems.append(f"no parameter has the name `{name}`; the target follows `to`")
        elif problem := parameters.problem(name):
            self.problems.append(problem.message)
        params[name] = value

    def _end(self) -> None:
        for word in self._left:
            self.problems.append(f"{code(word)} is unexpected")
