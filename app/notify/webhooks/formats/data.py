"""What Standard Webhooks, CloudEvents and CDEvents say of an event: one JSON object, described in docs/webhooks.md.

Keys are only added, within one `version`. A key that does not apply to an event is absent.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NotRequired, cast

import orjson
from typing_extensions import TypedDict

from app.builds.model import FAILED
from app.notify.webhooks.model import Event

VERSION = 1
#: Bytes of a body at most, by Standard Webhooks (contract gantry-webhooks 2).
LIMIT = 20_000
#: The last moment that can be written: the end of the year 9999, in Unix seconds.
_LAST = 253_402_300_799


class ByJSON(TypedDict):
    """Who did something: `kind` is `person`, `machine`, `runner`, `hook`, `cron` or `server`."""

    kind: str
    name: str


class StageJSON(TypedDict):
    """The stage that an event is about. `duration` is in seconds."""

    number: int
    name: str
    status: str
    started: NotRequired[str]
    finished: NotRequired[str]
    duration: NotRequired[int]


class FailedJSON(TypedDict):
    """What failed first: a stage, and the step of it if one failed."""

    stage: str
    step: NotRequired[str]
    exit_code: int
    error: NotRequired[str]


class LinksJSON(TypedDict):
    """Addresses of pages: here, and at the host of the repository."""

    build: NotRequired[str]
    repository: NotRequired[str]
    #: What the build is of, at the host: the commit, the pull request.
    change: NotRequired[str]
    #: What has changed since the promotion before.
    compare: NotRequired[str]


class PreviousJSON(TypedDict):
    """The promotion or rollback that was the last to succeed at the target before."""

    build: int
    commit: str


class UserJSON(TypedDict):
    """An account; `machine` marks the account of a program."""

    login: str
    admin: bool
    machine: bool


class Data(TypedDict):
    """What happened. Times are RFC 3339 in UTC, `duration` is in seconds."""

    version: int
    #: Slug of the repository.
    repo: NotRequired[str]
    #: Number of the build; of a promotion, the number of the promoted build is `parent`.
    build: NotRequired[int]
    parent: NotRequired[int]
    #: What caused the build: `push`, `promote`, …
    event: NotRequired[str]
    target: NotRequired[str]
    #: A status of Drone's; `blocked` while the whole build waits for approval.
    status: NotRequired[str]
    #: Who did what the event tells.
    by: NotRequired[ByJSON]
    #: Who asked for the build: a login, `@hook` or `@cron`.
    requested_by: NotRequired[str]
    parameters: NotRequired[Mapping[str, str]]
    commit: NotRequired[str]
    ref: NotRequired[str]
    #: The first line of the message of the commit.
    message: NotRequired[str]
    author: NotRequired[str]
    created: NotRequired[str]
    started: NotRequired[str]
    finished: NotRequired[str]
    duration: NotRequired[int]
    stage: NotRequired[StageJSON]
    failed: NotRequired[FailedJSON]
    error: NotRequired[str]
    previous: NotRequired[PreviousJSON]
    user: NotRequired[UserJSON]
    #: What a notice about a subscription says of the subscription.
    webhook: NotRequired[Mapping[str, Any]]
    links: NotRequired[LinksJSON]
    #: The keys of which something was left out, so that the body is below its limit.
    truncated: NotRequired[Sequence[str]]


def data_of(event: Event, server: str) -> Data:
    """The data of an event; `server` is the public address of this server."""
    facts = event.facts
    repo, build, by = facts.get("repo"), facts.get("build"), facts.get("by")
    body: dict[str, Any] = {"version": VERSION}
    if repo:
        body["repo"] = repo["slug"]
    if build:
        body |= _build(build)
    if by:
        body["by"] = {"kind": by["kind"], "name": by["name"]}
    if build:
        if (stage := _stage(build, facts.get("stage"))) is not None:
            body["stage"] = _stage_json(stage)
        if failed := _failed([stage] if stage is not None else build.get("stages", ())):
            body["failed"] = failed
    body |= {key: facts[key] for key in ("error", "webhook") if key in facts}
    if previous := facts.get("previous"):
        body["previous"] = {"build": previous["number"], "commit": previous["commit"]}
    if event.type.startswith("user.") and (user := facts.get("user")):
        body["user"] = {key: user[key] for key in ("login", "admin", "machine")}
    if repo:
        body["links"] = _links(repo, build, previous, server)
    return cast(Data, body)


def _build(build: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a build, without those that are empty."""
    waits = build.get("blocked") and build["status"] == "pending"
    about = {
        "build": build["number"],
        "parent": build.get("parent"),
        "event": build["event"],
        "target": build.get("deploy_to"),
        "status": "blocked" if waits else build["status"],
        "requested_by": build["trigger"],
        "parameters": build.get("params"),
        "commit": build["after"],
        "ref": build["ref"],
        "message": build["message"].strip().partition("\n")[0].rstrip(),
        "author": build["author_login"] or build["author_name"],
        "created": _moment(build["created"]),
        "started": _moment(build["started"]),
        "finished": _moment(build["finished"]),
        "error": build.get("error"),
    }
    body = {key: value for key, value in about.items() if value}
    if "started" in body and "finished" in body:
        body["duration"] = max(build["finished"] - build["started"], 0)
    return body


def _stage(build: Mapping[str, Any], number: int | None) -> Mapping[str, Any] | None:
    """The stage that an event is about; None for an event of the whole build."""
    stages: Sequence[Mapping[str, Any]] = build.get("stages", ())
    return next((stage for stage in stages if stage["number"] == number), None)


def _stage_json(stage: Mapping[str, Any]) -> dict[str, Any]:
    body = {key: stage[key] for key in ("number", "name", "status")}
    times = {"started": _moment(stage["started"]), "finished": _moment(stage["stopped"])}
    body |= {key: time for key, time in times.items() if time}
    if times["started"] and times["finished"]:
        body["duration"] = max(stage["stopped"] - stage["started"], 0)
    return body


def _failed(stages: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The first stage that failed, with its first step that failed and whose failure counts."""
    stage = next((one for one in stages if one["status"] in FAILED), None)
    if stage is None:
        return None
    steps = (one for one in stage.get("steps", ()) if one["status"] in FAILED and not one.get("errignore"))
    step = next(steps, None)
    what = stage if step is None else step
    body = {"stage": stage["name"], **({"step": step["name"]} if step else {}), "exit_code": what["exit_code"]}
    error = what.get("error") or stage.get("error")
    return {**body, "error": error} if error else body


def _links(
    repo: Mapping[str, Any], build: Mapping[str, Any] | None, previous: Mapping[str, Any] | None, server: str
) -> dict[str, str]:
    page = f"{server}/{repo['slug']}"
    if build is None:
        return {"repository": page}
    links = {"build": f"{page}/{build['number']}", "repository": page}
    if is_address(build["link"]):
        links["change"] = build["link"]
    if previous and (compare := _compare(repo, previous["commit"], build["after"])):
        links["compare"] = compare
    return links


#: How the hosts' pages of what lies between two commits are named.
_COMPARED = {"github": "compare", "gitea": "compare", "gogs": "compare", "gitlab": "-/compare"}


def _compare(repo: Mapping[str, Any], before: str, after: str) -> str | None:
    way, link = _COMPARED.get(repo["scm"]), repo["link"].rstrip("/")
    if not (way and is_address(link) and before and after) or before == after:
        return None
    return f"{link}/{way}/{before}...{after}"


def is_address(link: str) -> bool:
    """Whether a link leads to a page, and not to a script or a file."""
    return link.startswith(("https://", "http://"))


def moment(ms: int) -> str:
    """Unix milliseconds as `2026-01-01T00:00:00.000Z`."""
    return f"{_moment(max(ms // 1000, 1))[:-1]}.{ms % 1000:03}Z"


def _moment(seconds: int) -> str:
    """Unix seconds as `2026-01-01T00:00:00Z`; empty for 0, which is "not yet"."""
    if seconds <= 0:
        return ""
    return datetime.fromtimestamp(min(seconds, _LAST), UTC).isoformat()[:19] + "Z"


def fitted(data: Data, envelope: Callable[[Data], Any], limit: int = LIMIT) -> bytes:
    """The JSON of an envelope with the data in it, below the limit: if it is not, the data are shortened.

    First, texts longer than 500 characters are cut to that. Then texts are cut to 100, and all parameters but the first
    20 are left out. Then all parameters and the links to the host are left out, and texts are cut to 64.
    What was shortened is named in `truncated`. Slugs, numbers, times and the links to this server are never cut.
    """
    body = orjson.dumps(envelope(data))
    for longest, parameters in ((500, None), (100, 20), (64, 0)):
        if len(body) < limit:
            break
        body = orjson.dumps(envelope(_shortened(data, longest, parameters)))
    return body


#: What is never cut.
_WHOLE = frozenset({"repo", "links"})


def _shortened(data: Data, longest: int, most: int | None) -> Data:
    """The data with shorter texts and at most so many parameters; None is all of them."""
    body: dict[str, Any] = {
        key: value if key in _WHOLE else _cut(value, longest) for key, value in data.items() if key != "parameters"
    }
    parameters = list(data.get("parameters", {}).items())
    body["parameters"] = {_cut(key, longest): _cut(value, longest) for key, value in parameters[:most]}
    if most == 0:
        body["links"] = {key: link for key, link in data.get("links", {}).items() if key in ("build", "repository")}
    short = {key: value for key, value in body.items() if value or key in data}
    short["truncated"] = [key for key, value in data.items() if short[key] != value]
    return cast(Data, short)


def _cut(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= longest else value[: longest - 1] + "…"
    if isinstance(value, Mapping):
        return {key: _cut(one, longest) for key, one in value.items()}
    return value
