"""Recordings of JFrog's command line, played against a real server, request by request."""

import base64
import hashlib
import http.client
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.acceptance.server import TOKEN, Server
from tests.soon import PATIENCE

RECORDINGS = Path(__file__).parents[2] / "fixtures" / "jfrog"
#: Bodies of which only the length was recorded: the sums of what was sent are replaced by those of our bytes.
LONG = re.compile(r"<text (\d+) bytes>")
#: The end of a text of which only the beginning was recorded.
CUT = re.compile(r"…\(\d+\)$")
#: What the build-info of which only the beginning was recorded says, too.
REST = {
    "url": "http://ci.example.test/1",
    "vcs": [
        {
            "revision": "c879b995a1364271832279c6d0eae876270b4a13",
            "url": "https://git.example.test/team/app.git",
            "branch": "main",
        }
    ],
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT")
#: Values that belong to the place and time of the recording; only their JSON type is compared.
PLACE = {
    "access_token", "created", "createdBy", "created_by", "created_millis", "id", "lastStarted", "lastUpdated",
    "license", "message", "modified", "modified_by", "refresh_token", "revision", "scope", "timestamp", "token_id",
    "updated", "user",
}  # fmt: skip
#: The builds of the recording of release bundles: their numbers, and the time in the properties of their files; the
#: last build has no files.
BUILDS = {"b1": ("111", 1795413827503), "b2": ("222", 1795413827650), "b3": ("333", 0)}
_HEX = {"X-Checksum-Sha1": "sha1", "X-Checksum-Md5": "md5", "X-Checksum": "sha256"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The JSON of the answer; None for what is none."""
        return _json(self.text)


@dataclass(frozen=True, slots=True)
class Played:
    """A recorded request, and what the server answered."""

    command: str
    request: Mapping[str, Any]
    answer: Answer

    def differences(self) -> Iterator[str]:
        """Each place where the answer is not as recorded."""
        if self.request["status"] != self.answer.status:
            yield f"status: {self.request['status']} was recorded, {self.answer.status} is answered: {self.answer.text}"
        for name, value in self.request["answer_headers"].items():
            if (found := self.answer.headers.get(name.lower())) != value:
                yield f"header {name}: {value!r} was recorded, {found!r} is answered"
        yield from self._text()

    def _text(self) -> Iterator[str]:
        text = self.request["answer"]
        if CUT.search(text):
            recorded = begun(text)
            if "results" in recorded:
                recorded["results"].pop()  # its last one may not be complete
            yield from missing("", recorded, self.answer.json, cut=True)
        elif (recorded := _json(text)) is not None:
            yield from missing("", recorded, self.answer.json)
        elif text.split() != self.answer.text.split() and text != "<password>":
            yield f"{text!r} was recorded, {self.answer.text!r} is answered"


class Player:
    """Sends what was recorded; the caller is the server's administrator."""

    def __init__(self, server: Server) -> None:
        self.server = server
        #: The credentials of each kind; a token that the server makes is used from then on.
        self._shown = {
            "Bearer <token>": f"Bearer {TOKEN}",
            "Basic <credentials>": "Basic " + base64.b64encode(f"octocat:{TOKEN}".encode()).decode(),
        }
        self._token = ""
        self._prepared = False

    def play(self, name: str) -> list[tuple[str, list[Played]]]:
        """All commands of a recording in their order, each with its requests."""
        text, bodies = _with_own_bytes((RECORDINGS / f"{name}.json").read_text())
        text = text.replace("<base>", self.server.url).replace("username=admin", "username=octocat")
        played = list[tuple[str, list[Played]]]()
        for at, command in enumerate(json.loads(text)):
            if name == "bundles" and command["command"].startswith("jf rbc rb1 ") and not self._prepared:
                self._prepare()
            asked = [self._played(command, asked, bodies) for asked in command["requests"]]
            played.append((f"{at:02} {command['command']}", asked))
        return played

    def _prepare(self) -> None:
        """Put and publish what was there before the recording of release bundles, as its answers show it."""
        self._prepared = True
        modules: dict[str, dict[str, Any]] = {}
        for build, (number, stamp) in BUILDS.items():
            marks = f"build.name={build};build.number={number};build.timestamp={stamp}"
            names = [f"{build.replace('b1', 'a').replace('b2', 'b')}{at}.in" for at in (1, 2, 3)] if stamp else []
            for name in names:
                assert self.server.ask("PUT", f"/artifactory/dev-local/{name};{marks}", content=name).status_code == 201
            made = [
                {"name": name, "path": name, "originalDeploymentRepo": "dev-local", **_sums(name)} for name in names
            ]
            modules[build] = {"id": build, "artifacts": made}
        assert self.server.ask("PUT", "/artifactory/dev-local/dep-file", content="dep").status_code == 201
        modules["b3"]["dependencies"] = [{"id": "dep-file", **_sums("dep")}]
        for build, (number, stamp) in BUILDS.items():
            started = datetime.fromtimestamp((stamp or 1795413827800) / 1000, UTC).isoformat(timespec="milliseconds")
            info = {"name": build, "number": number, "started": started, "modules": [modules[build]]}
            assert self.server.ask("PUT", "/artifactory/api/build", json=info).status_code == 204

    def _played(self, command: Mapping[str, Any], asked: Mapping[str, Any], bodies: Mapping[str, str]) -> Played:
        if "<text" in asked["answer"]:
            asked = {**asked, "answer": bodies[asked["answer"]]}
        headers = dict(asked["headers"])
        if headers.get("Authorization") in self._shown:
            headers["Authorization"] = self._shown[headers["Authorization"]]
        if self._token and "--server-id=s2" in command["command"] and "Bearer" in headers["Authorization"]:
            headers["Authorization"] = f"Bearer {self._token}"
        body = bodies.get(asked["body"], asked["body"])
        if CUT.search(body):
            body = json.dumps(begun(body) | REST)
        answer = self._send(asked, headers, body.encode())
        if asked["path"].endswith("/api/security/token") and answer.status == 200:
            self._token = answer.json["access_token"]
        return Played(command["command"], asked, answer)

    def _send(self, asked: Mapping[str, Any], headers: Mapping[str, str], body: bytes) -> Answer:
        """Send the recorded bytes; no client changes the path."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        try:
            connection.putrequest(asked["method"], asked["path"] + f"?{asked['query']}" * bool(asked["query"]))
            for name, value in {**headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read().decode())
        finally:
            connection.close()


def _with_own_bytes(text: str) -> tuple[str, dict[str, str]]:
    """A recording in which the sums of bytes that are not known are those of our own bytes; and these bytes."""
    bodies: dict[str, str] = {}
    for command in json.loads(text):
        for asked in command["requests"]:
            if found := LONG.fullmatch(asked["body"]):
                bodies[asked["body"]] = content = "gantry\n".ljust(int(found[1]), ".")
                for header, algorithm in _HEX.items():
                    ours = hashlib.new(algorithm, content.encode()).hexdigest()
                    text = text.replace(asked["headers"][header], ours)
    return text, bodies


def _sums(content: str) -> dict[str, str]:
    return {name: hashlib.new(name, content.encode()).hexdigest() for name in ("sha1", "md5", "sha256")}


def _json(text: str) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict | list) else None


def begun(text: str) -> Any:
    """The JSON of which only the beginning is known, as far as its values are complete."""
    text = CUT.sub("", text)
    open_ones, at, good = list[str](), 0, (0, "")
    while at < len(text):
        character = text[at]
        if character == '"' and (end := _end_of_string(text, at)):
            at = end
            continue
        if character in "{[":
            open_ones.append("}" if character == "{" else "]")
        elif character in "}]":
            open_ones.pop()
            good = (at + 1, "".join(reversed(open_ones)))
        elif character == ",":
            good = (at, "".join(reversed(open_ones)))
        at += 1
    return json.loads(text[: good[0]] + good[1])


def _end_of_string(text: str, at: int) -> int:
    found = re.compile(r'"(?:[^"\\]|\\.)*"').match(text, at)
    return found.end() if found else len(text)


def missing(place: str, recorded: Any, ours: Any, *, cut: bool = False) -> Iterator[str]:
    """Each place of a recorded answer that ours lacks or says otherwise. Ours may say more.

    With `cut`, only the beginning of lists was recorded.
    """
    recorded, ours = _normal(recorded), _normal(ours)
    if isinstance(recorded, dict) and isinstance(ours, dict):
        for key, value in recorded.items():
            inner = f"{place}.{key}" if place else key
            if key not in ours:
                yield f"{inner} is missing"
            elif key in PLACE:
                yield from _types(inner, value, ours[key])
            else:
                yield from missing(inner, value, ours[key], cut=cut)
        if place.rpartition(".")[2] in ("results", "properties") and not cut:
            yield from (f"{place}.{key} was not recorded" for key in ours if key not in recorded)
    elif isinstance(recorded, list) and isinstance(ours, list):
        if len(recorded) > len(ours) or (len(recorded) < len(ours) and not cut):
            yield f"{place}: {recorded} was recorded, {ours} is answered"
        for one, other in zip(recorded, ours, strict=False):
            yield from missing(place, one, other, cut=cut)
    elif recorded != ours or type(recorded) is not type(ours):
        yield f"{place}: {recorded!r} was recorded, {ours!r} is answered"


def _types(place: str, recorded: Any, ours: Any) -> Iterator[str]:
    if type(recorded) is not type(ours):
        yield f"{place}: {recorded!r} was recorded, {ours!r} is of another type"
    elif isinstance(recorded, str) and not ours:
        yield f"{place} is empty"
    elif isinstance(recorded, str) and TIME.match(recorded) and _form(recorded) != _form(ours):
        yield f"{place}: {recorded!r} was recorded, {ours!r} is a time of another form"


def _form(time: str) -> str:
    return re.sub(r"\d", "0", time)


def _normal(value: Any) -> Any:
    """Results by their places, properties and messages without their order, messages only as what goes where."""
    if not isinstance(value, dict):
        return value
    value = dict(value)
    if isinstance(value.get("results"), list):
        value["results"] = {"/".join(one.get(k, "") for k in ("repo", "path", "name")): one for one in value["results"]}
    if isinstance(value.get("properties"), list):
        value["properties"] = {f"{one['key']}={one.get('value', '')}": "" for one in value["properties"]}
    if isinstance(value.get("messages"), list):
        value["messages"] = sorted(moves(value["messages"]))
    return value


def moves(messages: list[Any]) -> list[str]:
    """What a promotion, a copy or a move says of what goes where, whatever its words."""
    found = [re.search(r"([\w-]+:\S+) to ([\w-]+:[^\s,]+?)(?=[:,]? |,|:?$)", one["message"]) for one in messages]
    return [f"{one[1]} to {one[2]}" for one in found if one]
