"""The problems of a pipeline file: one error lists all of them, each with its line, rule and names."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from app.errors import AppError

#: A build's error lists at most this many problems, and gives the number of the rest.
MAX_LISTED = 50
MAX_NAME = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule; `line` counts from 1 in the file, `detail` names the part of the file that breaks the rule."""

    line: int
    rule: str
    detail: str

    @property
    def text(self) -> str:
        """Rule and detail, without the line."""
        return f"{self.rule}: {self.detail}"

    def at(self, path: str) -> str:
        """Rule, place and detail; the rule comes first, because clients recognise an error by that text."""
        return f"{self.rule} ({path}:{self.line}: {self.detail})"


class BadPipeline(AppError):
    """The pipeline file cannot be used as it is."""

    code = "bad_pipeline"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__(self.text(".drone.yml"))

    def text(self, path: str) -> str:
        """The build's error: a line per problem, with the path of the file in its repository."""
        lines = [problem.at(path) for problem in self.problems[:MAX_LISTED]]
        hidden = len(self.problems) - len(lines)
        return "\n".join([*lines, f"and {hidden} more problems"] if hidden else lines)


def quoted(name: str) -> str:
    """A name from the file, in double quotes, on one line, cut to MAX_NAME characters."""
    short = name if len(name) <= MAX_NAME else name[:MAX_NAME] + "…"
    return json.dumps(short, ensure_ascii=False)
