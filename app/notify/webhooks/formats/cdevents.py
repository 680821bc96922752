"""Events as CDEvents 0.5.1, in CloudEvents' binary mode (contract gantry-webhooks 4).

A build is a pipeline run, a stage is a task run, a repository at a target is a service. Where CDEvents has no word for
an event, the type is one of ours, which begins with `dev.cdeventsx.gantry-`. Our data of the event are in `customData`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from app.notify.webhooks.formats.cloudevents import binary, source_of, subject_of
from app.notify.webhooks.formats.data import Data, data_of, fitted, moment
from app.notify.webhooks.keys import chain_of, key_of
from app.notify.webhooks.model import Event, Request

SPECIFICATION = "0.5.1"
#: Characters of a text outside `customData`, where the text is whole if there is room.
_LONGEST = 255
_QUEUED, _STARTED, _FINISHED = (f"dev.cdevents.pipelinerun.{one}.0.3.0" for one in ("queued", "started", "finished"))
_ASKED, _DECIDED = (f"dev.cdeventsx.gantry-approval.{one}.0.1.0" for one in ("created", "closed"))
#: What the types of events of builds mean for the pipeline run.
_RUNS: Mapping[str, str] = {
    "requested": _QUEUED,
    "created": _QUEUED,
    "started": _STARTED,
    "succeeded": _FINISHED,
    "failed": _FINISHED,
    "cancelled": _FINISHED,
    "declined": _FINISHED,
    "finished": _FINISHED,
}
#: Our words for what is no build, where they are not the first words of the types of events.
_OWN: Mapping[str, str] = {"repo": "repository", "ping": "webhook"}
#: The outcomes of runs, by status; what people stop is `cancel`.
_OUTCOMES: Mapping[str, str] = {"success": "success", "failure": "failure", "error": "error"}


def render(event: Event, secrets: Sequence[str], at: int, server: str) -> Sequence[Request]:
    """A request for each CDEvent that the event is: most are one; a promotion that succeeded also changes a service."""
    if not event.type:
        return ()
    data = data_of(event, server)
    return [_request(one, event, data, secrets, at, server) for one in _cdevents(event, server)]


@dataclass(frozen=True, slots=True)
class _CDEvent:
    """The parts of a CDEvent that depend on its type."""

    key: str
    type: str
    #: Id of the subject.
    subject: str
    content: Mapping[str, Any]
    links: Sequence[Mapping[str, Any]] = ()


def _request(cdevent: _CDEvent, event: Event, data: Data, secrets: Sequence[str], at: int, server: str) -> Request:
    happened, source = moment(event.at), source_of(event, server)
    context: dict[str, Any] = {
        "specversion": SPECIFICATION,
        "id": cdevent.key,
        "source": source,
        "type": cdevent.type,
        "timestamp": happened,
    }
    if commit := event.facts.get("build", {}).get("after"):
        context["chainId"] = chain_of(server, event.facts["repo"]["slug"], commit)
    if cdevent.links:
        context["links"] = cdevent.links
    subject = {"id": cdevent.subject, "content": cdevent.content}

    def envelope(data: Data) -> dict[str, Any]:
        return {"context": context, "subject": subject, "customData": {"event": event.type, "data": data}}

    body = fitted(data, envelope)
    attributes = {
        "id": cdevent.key,
        "source": source,
        "type": cdevent.type,
        "time": happened,
        "subject": cdevent.subject,
    }
    return binary(attributes, cdevent.key, body, secrets, at)


def _cdevents(event: Event, server: str) -> Iterator[_CDEvent]:
    kind, _, what = event.type.partition(".")
    if "build" not in event.facts:
        yield _own(event, f"{_OWN.get(kind, kind)}.{what or 'pinged'}", server)
    elif kind == "stage":
        yield _task(event, what, server)
    else:
        yield from _Run(event, kind, what, server).told()


def _own(event: Event, what: str, server: str) -> _CDEvent:
    """An event that only this server has a word for."""
    return _CDEvent(event.key, f"dev.cdeventsx.gantry-{what}.0.1.0", subject_of(event) or server, {})


def _task(event: Event, what: str, server: str) -> _CDEvent:
    """A stage starts or ends."""
    facts = event.facts
    repo, build, number = facts["repo"], facts["build"], facts["stage"]
    stage: Mapping[str, Any] = next((one for one in build.get("stages", ()) if one["number"] == number), {})
    run = f"{repo['slug']}/{build['number']}"
    name = _short(stage.get("name") or str(number))
    content = {"taskName": name, "uri": f"{server}/{run}", "pipelineRun": {"id": run}}
    if what == "finished":
        content |= _outcome(stage.get("status", ""), facts.get("error", ""))
        before = ("stage.started", str(number))
    else:
        before = (f"{_kind_of(build)}.started", "")
    links = [_path(_key(event, server, *before))] if stage.get("started") else []
    return _CDEvent(event.key, f"dev.cdevents.taskrun.{what}.0.3.0", subject_of(event), content, links)


class _Run:
    """What an event of a build means for the pipeline run, for its approvals and for the service at the target."""

    def __init__(self, event: Event, kind: str, what: str, server: str) -> None:
        self._event, self._kind, self._what, self._server = event, kind, what, server
        self._facts = event.facts
        self._repo, self._build = event.facts["repo"], event.facts["build"]

    @property
    def _page(self) -> str:
        return f"{self._server}/{self._repo['slug']}/{self._build['number']}"

    @property
    def _is_new(self) -> bool:
        return self._what in ("requested", "created")

    def told(self) -> Iterator[_CDEvent]:
        """What happened, in order: a new run asks for approvals, and a decision about an approval may end a run."""
        if self._is_new:
            yield from self._itself()
            yield from self._asked()
        else:
            yield from self._decided()
            yield from self._itself()
            yield from self._changed()

    def _itself(self) -> Iterator[_CDEvent]:
        """The run is queued, starts or ends; an approval changes only the approval."""
        if (type_ := _RUNS.get(self._what)) is None:
            if self._what != "approved":
                yield _own(self._event, f"{self._kind}.{self._what}", self._server)
            return
        content: dict[str, Any] = {"pipelineName": self._repo["slug"], "uri": self._page}
        if type_ == _FINISHED:
            content |= _outcome(self._build["status"], self._facts.get("error", ""))
        yield _CDEvent(self._event.key, type_, subject_of(self._event), content, list(self._links(type_)))

    def _links(self, type_: str) -> Iterator[Mapping[str, Any]]:
        """The event before this one in the same run; of a new run, what the run came from.

        The chain of a commit has no end: the commit may be promoted again.
        """
        began = "created" if self._kind == "build" else "requested"
        if type_ == _QUEUED:
            if parent := self._facts.get("parent"):
                yield _relation(self._parent(parent))
        elif type_ == _FINISHED and self._build["started"]:
            yield _path(self._key(f"{self._kind}.started"))
        else:
            yield _path(self._key(f"{self._kind}.{began}"))

    def _parent(self, parent: Mapping[str, Any]) -> str:
        """The last event of the build that is promoted."""
        kind = _kind_of(parent)
        type_ = "build.finished" if kind == "build" else f"{kind}.succeeded"
        return key_of(self._server, self._repo["slug"], parent["number"], parent["created"], type_)

    def _asked(self) -> Iterator[_CDEvent]:
        """The approvals that a new build waits for.

        CDEvents has approvals in the draft of 0.6.0: until that is out, the types are ours and the content the draft's.
        """
        for stage in self._build.get("stages", ()):
            if stage["status"] == "blocked":
                number = stage["number"]
                yield self._approval(self._key(_ASKED, str(number)), _ASKED, number, _path(self._event.key))

    def _decided(self) -> Iterator[_CDEvent]:
        """The decision about an approval: the event itself if the run goes on, or what precedes the end of the run."""
        if self._what not in ("approved", "declined"):
            return
        number, is_given = self._facts.get("stage", 0), self._what == "approved"
        key = self._event.key if is_given else self._key(_DECIDED, str(number))
        decision = {
            "status": "approved" if is_given else "rejected",
            "responder": _short(self._facts.get("by", {}).get("name", "")),
        }
        yield self._approval(key, _DECIDED, number, _path(self._key(_ASKED, str(number))), **decision)

    def _approval(self, key: str, type_: str, stage: int, link: Mapping[str, Any], **decision: str) -> _CDEvent:
        content = {
            "approvalDetailsUrl": self._page,
            "resourceTargetUrl": self._page,
            "requestor": _short(self._build["trigger"]),
            **decision,
        }
        return _CDEvent(key, type_, f"{subject_of(self._event)}/approval-{stage}", content, [link])

    def _changed(self) -> Iterator[_CDEvent]:
        """What succeeded has brought a commit to the target: the first, the next, or one that had been there before."""
        target, commit = self._build.get("deploy_to"), self._build["after"]
        if self._what != "succeeded" or not target or not commit or self._build["status"] != "success":
            return
        before = "upgraded" if "previous" in self._facts else "deployed"
        type_ = f"dev.cdevents.service.{'rolledback' if self._kind == 'rollback' else before}.0.3.0"
        content = {"environment": {"id": _short(target)}, "artifactId": _package(self._repo, commit)}
        links = [_path(self._event.key)]
        yield _CDEvent(self._key(type_), type_, f"service/{self._repo['slug']}", content, links)

    def _key(self, type_: str, part: str = "") -> str:
        return _key(self._event, self._server, type_, part)


def _key(event: Event, server: str, type_: str, part: str = "") -> str:
    """The id of another event of the same build."""
    build = event.facts["build"]
    return key_of(server, event.facts["repo"]["slug"], build["number"], build["created"], type_, part)


def _kind_of(build: Mapping[str, Any]) -> str:
    """The first word of the types of events of a build."""
    return {"promote": "promotion", "rollback": "rollback"}.get(build["event"], "build")


def _outcome(status: str, error: str) -> dict[str, str]:
    outcome = {"outcome": _OUTCOMES.get(status, "cancel")}
    return {**outcome, "errors": _short(error)} if error else outcome


def _path(key: str) -> Mapping[str, Any]:
    return {"linkType": "PATH", "from": {"contextId": key}}


def _relation(key: str) -> Mapping[str, Any]:
    return {"linkType": "RELATION", "linkKind": "TRIGGER", "target": {"contextId": key}}


#: Who fetches from an address, which is nobody else's business.
_FETCHER = re.compile(r"(?<=//)[^/@]*@")


def _package(repo: Mapping[str, Any], commit: str) -> str:
    """The package URL of the source at a commit, by https://github.com/package-url/purl-spec."""
    version, address = quote(_short(commit), safe=""), _FETCHER.sub("", repo["git_http_url"])
    if address.startswith("https://github.com/"):
        return f"pkg:github/{quote(repo['slug'].lower(), safe='/')}@{version}"
    where = f"?vcs_url={quote(f'git+{address}@{commit}', safe='')}" if address else ""
    return f"pkg:generic/{quote(repo['slug'], safe='/')}@{version}{where}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
