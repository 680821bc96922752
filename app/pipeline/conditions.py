"""Conditions of `trigger` and `when`: lists of globs a value must and must not meet."""

from dataclasses import dataclass

from app.pipeline import globs
from app.pipeline.event import Event


@dataclass(frozen=True, slots=True)
class Condition:
    """Globs for one value; an exclude wins, and an empty include list lets everything in."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether it asks for anything at all."""
        return bool(self.include or self.exclude)

    def matches(self, value: str) -> bool:
        """Whether the value is let in (contract drone-yaml 7.3)."""
        for pattern in self.exclude:
            if globs.matches(pattern, value):
                return False
        for pattern in self.include:
            if globs.matches(pattern, value):
                return True
        return not self.include


ANY = Condition()

#: Each condition of a trigger, and the field of the event it is compared with.
TRIGGER = (
    ("branch", "branch"),
    ("event", "kind"),
    ("action", "action"),
    ("ref", "ref"),
    ("repo", "repo"),
    ("target", "target"),
    ("cron", "cron"),
)
#: A step's `when` also asks for the server it runs on.
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
        """Those of the tested conditions the event fails, as (condition, value of the event)."""
        failed = []
        for name, field in tested:
            condition: Condition = getattr(self, name)
            # Nearly all conditions are absent, and this runs for every pipeline of every promote.
            if condition is not ANY and not condition.matches(value := getattr(event, field)):
                failed.append((name, value))
        return failed

    def runs_on(self) -> tuple[bool, bool]:
        """Whether success, and whether failure of what came before lets it run."""
        if not self.status:
            return True, False
        return self.status.matches("success"), self.status.matches("failure")
