"""How closely the runs of a job follow one another, and whether the time at which a job is due can be right. Pure."""

from dataclasses import dataclass, replace

from app.builds.cron import expression
from app.builds.cron.model import Cron
from app.errors import Invalid, Problem


@dataclass(frozen=True, slots=True)
class Pace:
    """The fewest seconds between two runs of a job that no administrator of the server has set closer."""

    minimum: int = 1

    def admit(self, job: Cron, *, free: bool) -> Cron:
        """The job with a new expression. Invalid when its runs are too close, unless `free`: the caller may do that."""
        gap = expression.closest(job.expr)
        if gap < self.minimum and not free:
            words = (
                f"Invalid Cronjob Expression: two runs would be {gap} s apart, and the server wants at least "
                f"{self.minimum} s (GANTRY_CRON_MINIMUM); write a longer interval, or ask an administrator of the "
                "server to set this one"
            )
            raise Invalid.of([Problem("expr", "cron_too_often", words)])
        return replace(job, hurried=gap < self.minimum)

    def due(self, job: Cron, now: int, *, since: int | None = None) -> int:
        """When a job that runs now is due next; `since` as in `next_after`.

        A job whose runs would be too close skips moments: it was added before there was a minimum, or the minimum was
        shorter then.
        """
        slow = not job.hurried and expression.closest(job.expr) < self.minimum
        earliest = now + (self.minimum - 1 if slow else 0)
        return expression.next_after(job.expr, earliest, zone=job.zone, since=since)

    def is_astray(self, job: Cron, now: int) -> bool:
        """Whether a job is due later than the moment after its next moment: the clock was ahead when that was computed.

        A clock that was set back a little leaves a job at the moment after its next one: it has run already.
        """
        return job.next > self.due(job, self.due(job, now))
