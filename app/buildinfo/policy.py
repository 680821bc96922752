"""Which runs a build keeps. Pure.

Contract artifactory-build 4.11.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired
from urllib.parse import quote

from typing_extensions import TypedDict

from app.buildinfo import times
from app.buildinfo.fields import Fields
from app.buildinfo.model import Run

#: The most runs that a header names.
IN_HEADER = 20


@dataclass(frozen=True, slots=True)
class Policy:
    """Which runs of a build are to be kept."""

    #: How many runs are kept, -1 for all.
    count: int = -1
    #: Runs that began before this time, Unix milliseconds, are discarded; None for no limit.
    before: int | None = None
    #: Numbers whose runs are always kept.
    spared: tuple[str, ...] = ()
    #: Whether the artifacts go with their runs.
    artifacts: bool = False

    @property
    def limits(self) -> bool:
        """Whether the policy can discard anything."""
        return self.count >= 0 or self.before is not None


class PolicyJSON(TypedDict):
    """Which runs of a build are kept."""

    deleteBuildArtifacts: bool
    count: int
    buildNumbersNotToBeDiscarded: list[str]
    minimumBuildDate: NotRequired[str]


@dataclass(frozen=True, slots=True)
class Decision:
    """Which runs are discarded, and which ones only a reason keeps that the policy does not know."""

    discarded: tuple[Run, ...] = ()
    kept: tuple[tuple[Run, str], ...] = ()


def read(fields: Fields) -> Policy:
    """The policy that a JSON object says; what is wrong with it is written down there."""
    count = fields.whole("count", -1)
    if count < -1:
        fields.wrong("count", "bad_count", "must be -1 for no limit, 0, or the number of runs to keep")
    before, field = fields.values.get("minimumBuildDate"), fields.name("minimumBuildDate")
    if isinstance(before, bool) or not isinstance(before, (str, int, type(None))):
        fields.wrong("minimumBuildDate", "wrong_type", "must be a time")
        before = None
    at = fields.checked(field, lambda: times.parse_any(before, field)) if before not in (None, "") else None
    return Policy(count, at, fields.texts("buildNumbersNotToBeDiscarded"), fields.flag("deleteBuildArtifacts"))


def as_json(policy: Policy) -> PolicyJSON:
    """The policy as answers show it."""
    shown = PolicyJSON(
        deleteBuildArtifacts=policy.artifacts,
        count=policy.count,
        buildNumbersNotToBeDiscarded=list(policy.spared),
    )
    if policy.before is not None:
        shown["minimumBuildDate"] = times.shown(policy.before)
    return shown


def kept_header(kept: Sequence[tuple[Run, str]]) -> str:
    """The runs that only a reason keeps, as the value of a header: `1 (promoted to prod), 2 (…)`."""
    texts = [f"{quote(run.number)} ({quote(reason, safe=' /,')})" for run, reason in kept[:IN_HEADER]]
    more = [f"and {len(kept) - IN_HEADER} more"] if len(kept) > IN_HEADER else []
    return ", ".join([*texts, *more])


def decide(runs: Iterable[Run], policy: Policy, reasons: Mapping[int, str]) -> Decision:
    """Which of the runs of a build are discarded; `reasons` say, by id, why a run must not be.

    Runs that began too early go first; of the others the newest stay. Runs that are kept for another reason count.
    """
    spared = frozenset(policy.spared)
    discarded, kept, stayed = list[Run](), list[tuple[Run, str]](), 0
    for run in sorted(runs, key=lambda run: (run.started, run.published), reverse=True):
        early = policy.before is not None and run.started < policy.before
        if run.number in spared or not (early or 0 <= policy.count <= stayed):
            stayed += 1
        elif run.id in reasons:
            kept.append((run, reasons[run.id]))
            stayed += 1
        else:
            discarded.append(run)
    return Decision(tuple(discarded), tuple(kept))
