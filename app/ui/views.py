"""Words of the pages: statuses with their icons, ages, durations, events, versions. Pure."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Literal

from app.builds.model import DONE, FAILED, Build, Stage, Status, Step
from app.repos.model import Permissions, Right
from app.ui.ansi import REST

#: A colour of the style sheet; each goes with an icon and a word.
Tone = Literal["success", "failed", "running", "waits", "neutral"]
_DOING: Mapping[Right, str] = {"read": "read", "write": "write in", "admin": "administer"}
#: What a board may show, in words.
SHOWN: Mapping[str, str] = {
    "everything": "everything",
    "flight": "in flight",
    "waits": "waits for approval",
    "failed": "failed",
    "differs": "differs from the target before",
    "mine": "promoted by me",
}
#: Characters of a commit's id that are shown.
SHORT = 8
#: Characters of one line of a commit's message that are shown in lists.
LINE = 200
_COMMIT = re.compile(r"\b[0-9a-f]{40,64}\b")
_MINUTE, _HOUR, _DAY, _MONTH, _YEAR = 60, 3600, 86400, 30 * 86400, 365 * 86400
#: The units of ages, the longest first, and their seconds.
UNITS = (("y", _YEAR), ("mo", _MONTH), ("d", _DAY), ("h", _HOUR), ("min", _MINUTE), ("s", 1))
#: The keys of the pages, and what each does.
KEYS = (
    (("/",), "go to a repository, a build, a commit or a target"),
    (("?",), "this list"),
    (("g b", "g u", "g a", "g d"), "board, builds, approvals, deployments"),
    (("j", "k", "Enter"), "next and previous in a list, open"),
    (("p", "r", "a"), "of a build: promote it, run it again, its approval"),
    (("[", "]"), "the step before, the step after"),
    (("f", "e", "Home", "End"), "in a log: find, next error, beginning, end"),
    (("Esc",), "close what is open"),
)
#: The words of ages and durations: where `{}` stands, a length goes.
AGO, AHEAD, NOW, SHORTEST = "{} ago", "in {}", "just now", "< 1 s"
#: The greatest time that is shown: the end of the year 9999.
_LATEST = 253_402_300_799


@dataclass(frozen=True, slots=True)
class Mark:
    """A status for people: always an icon, a word and a colour together. `sign` stands for the icon in plain text."""

    icon: str
    word: str
    tone: Tone
    sign: str


_MARKS: Mapping[Status, Mark] = {
    "success": Mark("success", "success", "success", "✓"),
    "failure": Mark("failed", "failed", "failed", "✗"),
    "error": Mark("error", "error", "failed", "!"),
    "running": Mark("running", "running", "running", "◌"),
    "blocked": Mark("waits", "waits for approval", "waits", "‖"),
    "pending": Mark("queued", "queued", "neutral", "…"),
    "waiting_on_dependencies": Mark("queued", "waits", "neutral", "…"),
    "skipped": Mark("skipped", "skipped", "neutral", "»"),
    "killed": Mark("stopped", "stopped", "neutral", "■"),
    "declined": Mark("stopped", "declined", "neutral", "■"),
}
_ROLLED_BACK = Mark("rolled-back", "rolled back", "neutral", "↶")
#: Of deliveries to webhooks.
_DELIVERED: Mapping[str, Mark] = {
    "waiting": Mark("queued", "waiting", "neutral", "…"),
    "delivered": Mark("success", "delivered", "success", "✓"),
    "failed": Mark("failed", "failed", "failed", "✗"),
}
#: What agents of browsers and of systems say, and their names; of several that are found the first counts.
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    *(("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iPadOS"), ("Windows", "Windows"), ("CrOS", "ChromeOS")),
    *(("Mac OS", "macOS"), ("Linux", "Linux")),
)
#: Of a status that this version does not know.
_UNKNOWN = Mark("queued", "unknown", "neutral", "?")


def mark(status: Status) -> Mark:
    """The mark of a status of a build, a stage or a step."""
    return _MARKS.get(status, _UNKNOWN)


def mark_of(build: Build) -> Mark:
    """The mark of a build; one of which nothing runs before an approval waits for the approval."""
    return mark(build.state)


def delivered(outcome: str) -> Mark:
    """The mark of a delivery to a webhook."""
    return _DELIVERED.get(outcome, _UNKNOWN)


def browser(agent: str) -> str:
    """The browser and the system that an agent says to be: `Firefox on Linux`; the whole text of an unknown one."""
    name, system = (next((name for word, name in known if word in agent), "") for known in (_BROWSERS, _SYSTEMS))
    return f"{name} on {system}" if name and system else agent


def about(subject: str) -> str:
    """What a message to a host is about, with short commits: `5fcb01b9 continuous-integration/drone/push`."""
    return _COMMIT.sub(lambda found: short(found[0]), subject)


def outcome(build: Build) -> Mark:
    """The mark of a promotion or a rollback in the history of a target."""
    return _ROLLED_BACK if (build.event, build.status) == ("rollback", "success") else mark_of(build)


def age(then: int, now: int) -> str:
    """How long ago a time is, in one unit: `3 min ago`; `in 3 min` for a time to come."""
    seconds = now - then
    if seconds == 0:
        return NOW
    return AGO.format(_length(seconds)) if seconds > 0 else AHEAD.format(_length(-seconds))


def _length(seconds: int) -> str:
    unit, size = next(one for one in UNITS if seconds >= one[1])
    return f"{seconds // size} {unit}"


def duration(seconds: int) -> str:
    """A length of time in two units: `43 s`, `2 min 10 s`, `1 h 5 min`; `< 1 s` for none."""
    if seconds < 1:
        return SHORTEST
    for size, unit, smaller, name in ((_DAY, "d", _HOUR, "h"), (_HOUR, "h", _MINUTE, "min"), (_MINUTE, "min", 1, "s")):
        if seconds >= size:
            rest = seconds % size // smaller
            return f"{seconds // size} {unit} {rest} {name}" if rest else f"{seconds // size} {unit}"
    return f"{seconds} s"


def took(work: Build | Stage | Step, now: int) -> str:
    """How long work took, or has taken until now; empty for work that has not begun, or that never ran."""
    end = work.finished if isinstance(work, Build) else work.stopped
    if not work.started or work.status == "skipped":
        return ""
    return duration((end if end and work.status in DONE else max(now, work.started)) - work.started)


def since(work: Build | Stage | Step) -> int:
    """When work began that goes on; 0 for work that does not."""
    return work.started if work.started and work.status == "running" else 0


def title(build: Build, slug: str) -> str:
    """A build in the title of a page, with the sign of its status first."""
    return f"{mark_of(build).sign} {build.number} {slug}"


def machine_time(then: int) -> str:
    """A time as programs read it, for `<time datetime>`; the nearest that is shown for one that no calendar has."""
    return datetime.fromtimestamp(min(max(then, 0), _LATEST), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def exact_time(then: int, zone: tzinfo = UTC) -> str:
    """A time on the clock of a zone, with the zone, for people."""
    return _moment(then, zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def _moment(then: int, zone: tzinfo) -> datetime:
    latest = _LATEST if zone is UTC else _LATEST - _DAY  # a clock may be ahead
    return datetime.fromtimestamp(min(max(then, 0), latest), zone)


def clock(then: int, zone: tzinfo = UTC) -> str:
    """The time of day."""
    return _moment(then, zone).strftime("%H:%M")


def elapsed(seconds: int) -> str:
    """A time since a beginning, in minutes and seconds: `2:09`."""
    return f"{seconds // 60}:{seconds % 60:02}"


def clock_of_line(then: int, zone: tzinfo = UTC) -> str:
    """The time of day, to the second."""
    return _moment(then, zone).strftime("%H:%M:%S")


def day(then: int, zone: tzinfo = UTC) -> str:
    """A day: `Friday, 2026-07-31`."""
    return _moment(then, zone).strftime("%A, %Y-%m-%d")


def short(commit: str) -> str:
    """The beginning of a commit's id."""
    return commit[:SHORT]


def first_line(text: str) -> str:
    """The first line of a message that has a character, cut where it is too long for a list."""
    line = next((line for line in text[: 4 * LINE].splitlines() if line.strip()), "").strip()
    return line if len(line) <= LINE else line[: LINE - 1] + "…"


def name_of_ref(ref: str) -> str:
    """A branch or a tag without the folder of its ref; the number of a pull request."""
    for folder in ("refs/heads/", "refs/tags/"):
        if ref.startswith(folder):
            return ref.removeprefix(folder)
    parts = ref.split("/")
    return parts[2] if len(parts) == 4 and parts[1] in ("pull", "merge-requests") else ref


def version(build: Build) -> str:
    """What people call the commit of a build: its tag, else the beginning of its id."""
    return build.ref.removeprefix("refs/tags/") if build.ref.startswith("refs/tags/") else short(build.after)


def is_named(build: Build) -> bool:
    """Whether the version is another word than the commit's id."""
    return version(build) != short(build.after)


def occasion(build: Build) -> str:
    """Why there is a build, in a few words: `push to main`, `promotion of build 38 to production`."""
    match build.event:
        case "promote":
            return f"promotion{_of_parent(build)} to {build.deploy_to}"
        case "rollback":
            return f"rollback of {build.deploy_to}{f' to build {build.parent}' if build.parent else ''}"
        case "tag":
            return f"tag {name_of_ref(build.ref)}"
        case "pull_request":
            return f"pull request {name_of_ref(build.ref)} to {build.target_branch}"
        case "cron":
            return f"cron job {build.cron}"
        case "custom":
            return f"build of {name_of_ref(build.ref)} on request"
    return f"{build.event or 'build'} to {build.target_branch or name_of_ref(build.ref)}"


def _of_parent(build: Build) -> str:
    return f" of build {build.parent}" if build.parent else ""


def actor(build: Build) -> str:
    """Who began a build: the account, or who made the change that a hook told of."""
    if build.trigger and not build.trigger.startswith("@"):
        return build.trigger
    if build.trigger == "@cron":
        return "the clock"
    return build.author_login or build.author_name or build.sender


def needed(right: Right, slug: str, *, is_known: bool) -> str:
    """What a caller lacks for an action, and who gives it; `is_known` says that the caller is signed in."""
    if not is_known:
        return f"Sign in to an account with the right to {_DOING[right]} {slug}."
    return f"This needs the right to {_DOING[right]} {slug}, which whoever administers the repository gives."


def amount(number: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 build`, `12,000 builds`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def command(*words: str, params: Mapping[str, str] | None = None) -> str:
    """A command line that a shell takes as it is, with the parameters of a build."""
    given = (part for name, value in (params or {}).items() for part in ("-p", f"{name}={value}"))
    return shlex.join([*words, *given])


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: `a, b and c`."""
    *most, last = names or [""]
    return f"{', '.join(most)} and {last}" if most else last


def stored_now(value: str) -> str:
    """What is stored in place of what was typed; `true` and nothing are those of a box to tick."""
    return f"stored now: {'yes' if value == 'true' else ', '.join(value.split()) or 'no'}"


def right(rights: Permissions) -> str:
    """The greatest right of an account: `admin`, `write` or `read`."""
    return "admin" if rights.admin else "write" if rights.write else "read" if rights.read else "none"


def named(names: Sequence[str], most: int) -> str:
    """At most so many names in a sentence: `a, b and others`."""
    return listed([*names[:most], "others"] if len(names) > most else names)


def why(stage: Stage, build: Build, pending: str) -> str:
    """Why nothing of a stage runs, in words; `pending` is what the queue says. Empty for a stage that runs or ran."""
    if stage.status == "waiting_on_dependencies":
        over = {one.name for one in build.stages if one.status in DONE}
        return f"waits for {listed([name for name in stage.depends_on if name not in over]) or 'its turn'}"
    if stage.status == "skipped":
        failed = [one.name for one in build.stages if one.status in FAILED]
        if failed and not stage.on_failure:
            return f"skipped: {listed(failed)} failed"
        return "skipped: it is for failures alone" if not stage.on_success else "skipped"
    if stage.status == "declined":
        return f"declined by an administrator of the repository{f': {stage.error}' if stage.error else ''}"
    return pending


def absence(stage: Stage, step: Step, *, is_known: bool) -> str:
    """Why a step shows no line; `is_known` says that the log is there, and empty."""
    match step.status:
        case "skipped":
            return "This step was skipped, so it wrote nothing."
        case "pending" | "waiting_on_dependencies" | "blocked":
            if stage.status in DONE:
                return "This step never began: its stage was over before."
            return "This step has not begun."
        case "running":
            return "This step has written nothing yet."
    if is_known:
        return "This step wrote nothing."
    return "There is no log: the step wrote none, the runner was lost before it sent the log, or the log was deleted."


#: What the script of the log says; names in braces stand for numbers and texts.
LOG_WORDS: Mapping[str, str | Mapping[str, str]] = {
    "of": "{n} of {total}",
    "none": "not found",
    "one": "{n} new line ↓",
    "fresh": "{n} new lines ↓",
    "ended": "step ended: {status}",
    "exit": "step ended: {status}, exit code {code}",
    "statuses": {status: shown.word for status, shown in _MARKS.items()},
    "rest": REST,
    "part": "Lines {from} to {to} of {n} are shown here, because the log is very long.",
    "short": "This log ends with line {n}.",
    "fine": "No line looks like an error.",
    "many": "These are too many lines to copy: download the log.",
    "lost": "The connection to the server is lost; what you see stays.",
    "out": "You are signed out, so no more of this log can be read.",
    "gone": "The log is not there any more: somebody has deleted it. What you see stays until you leave the page.",
    "failed": "The server could not give more of this log: {message}.",
}
