"""Events as tests of formats make them, of one build of one repository."""

from dataclasses import replace
from typing import Any

from app.builds.model import Build, Stage, Status, Step
from app.builds.wire import build_json
from app.notify.webhooks.keys import key_of
from app.notify.webhooks.model import Event
from app.repos.model import Repo
from app.repos.wire import repo_json

SERVER = "https://ci.example.com"
#: 2026-01-01 00:00:00 UTC.
NEW_YEAR = 1_767_225_600
SHA, OLDER = "4522cbcefc20728a5b72b3a86af35e608622c514", "1d0b2ac7bd5ce6cbb4a8a1b7a5b0e8f26ac1e0c4"
#: Two secrets of Standard Webhooks, the newer first (contract gantry-webhooks 2.1).
NEWER = "whsec_ZWZnaGlqa2xtbm9wcXJzdHV2d3h5ent8fX5/gIGCg4Q="
SECRET = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

REPO = Repo(
    7,
    "octocat",
    "hello-world",
    scm="github",
    git_http_url="https://github.com/octocat/hello-world.git",
    link="https://github.com/octocat/hello-world",
)
STEPS = (
    Step(1, 1, 1, "clone", "success", started=NEW_YEAR, stopped=NEW_YEAR + 2),
    Step(2, 1, 2, "deploy", "running", started=NEW_YEAR + 2),
)
STAGE = Stage(1, 7, 43, 1, "default", status="running", started=NEW_YEAR, created=NEW_YEAR - 5, steps=STEPS)
#: A promotion that runs.
PROMOTION = Build(
    43,
    7,
    43,
    trigger="alice",
    parent=42,
    status="running",
    event="promote",
    link=f"https://github.com/octocat/hello-world/commit/{SHA}",
    message="Greet the world\n\nAll of it.",
    after=SHA,
    ref="refs/heads/main",
    source_branch="main",
    target_branch="main",
    author_login="octocat",
    params={"TAG": "v1.2.3"},
    deploy_to="production",
    created=NEW_YEAR - 5,
    started=NEW_YEAR,
    stages=(STAGE,),
)
_SECONDS = 192


def build(event: str, status: Status, **fields: Any) -> Build:
    """The build of an event and a status, as it then is."""

    made = replace(PROMOTION, event=event, status=status, **fields)
    if event not in ("promote", "rollback"):
        made = replace(made, parent=0, deploy_to="", params={}, trigger="@hook")
    if status in ("pending", "blocked"):
        return replace(made, started=0, stages=(replace(STAGE, status=status, started=0, steps=()),))
    if status in ("running",):
        return made
    end = NEW_YEAR + _SECONDS
    failed = status in ("failure", "error")
    last = replace(STEPS[1], status=status, exit_code=17 * failed, stopped=end)
    stage = replace(STAGE, status=status, exit_code=17 * failed, stopped=end, steps=(STEPS[0], last))
    return replace(made, finished=end, stages=(stage,))


#: By the last word of a type, the status of the build, and who did it.
_WORDS: dict[str, tuple[Status, tuple[str, str]]] = {
    "requested": ("pending", ("person", "alice")),
    "created": ("pending", ("hook", "octocat")),
    "approved": ("pending", ("person", "bob")),
    "declined": ("declined", ("person", "bob")),
    "started": ("running", ("runner", "m1")),
    "succeeded": ("success", ("runner", "m1")),
    "failed": ("failure", ("runner", "m1")),
    "cancelled": ("killed", ("person", "bob")),
    "finished": ("success", ("runner", "m1")),
}
_KINDS = {"promotion": "promote", "rollback": "rollback", "build": "push", "stage": "promote"}
ERROR = "stage default: step deploy: exit code 17"


def event(type_: str, **more: Any) -> Event:
    """An event of a build; `more` are fields of the build, and the facts `previous`, `parent` and `by`."""
    kind, _, what = type_.partition(".")
    given: dict[str, Any] = {name: more.pop(name) for name in ("previous", "parent", "by") if name in more}
    status, (who, name) = _WORDS[what]
    made = build(more.pop("event", _KINDS[kind]), more.pop("status", status), **more)
    facts: dict[str, Any] = {"repo": repo_json(REPO), "build": build_json(made, stages=True)}
    facts |= {"by": {"kind": who, "name": name}, **given}
    if kind == "stage" or what in ("approved", "declined"):
        facts["stage"] = 1
    if made.status in ("failure", "error"):
        facts["error"] = ERROR
    part = "1" if kind == "stage" or what == "approved" else ""
    key = key_of(SERVER, REPO.slug, made.number, made.created, type_, part)
    return Event(key, type_, "", (NEW_YEAR + _SECONDS) * 1000 + 250, facts)


def other(type_: str, **facts: Any) -> Event:
    """An event of no build."""
    by = {"kind": "person", "name": "alice"}
    return Event("0b8ab3f5-31ad-4d6b-a0f8-f2e1d9c5b7a6", type_, "", NEW_YEAR * 1000, {"by": by, **facts})
