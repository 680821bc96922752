"""Conditions of `trigger` and `when`: lists of globs that a value must match and must not match."""

from dataclasses import dataclass

from app.pipeline import globs
from app.pipeline.event import Event


@dataclass(frozen=True, slots=True)
class Condition:
    """Globs for one value; an exclude wins over an include, and an empty include list matches every value."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether the condition has any globs."""
        return bool(self.include or self.exclude)

    def matches(self, value: str) -> bool:
        """Whether the value meets the condition (contract drone-yaml 7.3)."""
        for pattern in self.exclude:
            if globs.matches(pattern, value):
                return False
        for pattern in self.include:
            if globs.matches(pattern, value):
                return True
        return not self.include


ANY = Condition()

#: Each condition of a trigger, and the field of the event that it tests.
TRIGGER = (
    ("branch", "branch"),
    ("event", "kind"),
    ("action", "action"),
    ("ref", "ref"),
    ("repo", "repo"),
    ("target", "target"),
    ("cron", "cron"),
)
#: A step's `when` has these conditions, and one on the host name of the server.
WHEN = (*TRIGGER, ("instance", "instance"))


@dataclass(frozen=True, slots=True)
class Conditions:
    """All conditions of one block; `paths` is kept and never tested (contract drone-yaml 8, 9)."""

    branch: Condition = ANY
    event: Condition = ANY
    action: Condition = ANY
    ref: Condition = ANY
    repo: Condition = ANY
    target: Condition = ANY
    cron: Condition = ANY
    instance: Condition = ANY
    status: Condition = ANY
    paths: Condition = ANY

    def unmet(self, event: Event, tested: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
        """The tested conditions that the event does not meet, as (condition, value of the event)."""
        failed = []
        for name, field in tested:
            condition: Condition = getattr(self, name)
            # Nearly all conditions are absent, and this runs for every pipeline of every promote.
            if condition is not ANY and not condition.matches(value := getattr(event, field)):
                failed.append((name, value))
        return failed

    def runs_on(self) -> tuple[bool, bool]:
        """Whether the stage or step runs after success, and whether it runs after failure, of those before it."""
        if not self.status:
            return True, False
        return self.status.matches("success"), self.status.matches("failure")
