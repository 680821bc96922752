"""What JFrog's command line sent when it published, searched and promoted builds is asked again, and answered alike.

The recording holds the contents of small files only. Other contents have the recorded length, and their checksums
replace the recorded ones wherever these stand.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.acceptance.server import Server

pytestmark = pytest.mark.postgres

RECORDING = Path(__file__).parents[2] / "fixtures" / "jfrog" / "builds.json"
#: Commands that log in; they have tests of their own.
APART = ("jf c ", "jf atc", "jf rt ping")
#: The recording ends a long body so, in the middle of the properties; and what such a body surely held behind it.
CUT = re.compile(r"…\(\d+\)$")
END = '},"url":"http://ci.example.test/1","started":"2026-11-23T06:03:37.930+0000"}'
SHORTENED = re.compile(r"<text (\d+) bytes>")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("recorded")) as started:
        yield started


class Replay:
    """Asks the recorded requests again."""

    def __init__(self, server: Server, commands: list[Any]) -> None:
        self._server = server
        self._sums: dict[str, str] = {}
        for command in commands:
            for request in command["requests"]:
                self._learn(request)

    def _learn(self, request: Any) -> None:
        headers = request["headers"]
        if request["method"] != "PUT" or "X-Checksum" not in headers or not request["body"]:
            return
        content = self._content(request["body"])
        for header, name in (("X-Checksum", "sha256"), ("X-Checksum-Sha1", "sha1"), ("X-Checksum-Md5", "md5")):
            self._sums[headers[header]] = hashlib.new(name, content).hexdigest()

    def _content(self, body: str) -> bytes:
        found = SHORTENED.fullmatch(body)
        return b"x" * int(found[1]) if found else body.encode()

    def text(self, text: str) -> str:
        """A recorded text, completed, with our checksums and our address."""
        if text.startswith('{"name"') and CUT.search(text):
            text = text[: text.rindex(',"')] + END
        for theirs, ours in self._sums.items():
            text = text.replace(theirs, ours)
        return text.replace("<base>", self._server.url)

    def ask(self, request: Any) -> httpx2.Response:
        kept = ("Content-Type", "X-Checksum", "X-Checksum-Sha1", "X-Checksum-Md5", "X-Checksum-Deploy")
        headers = {name: self.text(value) for name, value in request["headers"].items() if name in kept}
        body = self._content(self.text(request["body"]))
        path = request["path"] + (f"?{request['query']}" if request["query"] else "")
        return self._server.ask(request["method"], path, content=body, headers=headers)


def like(answer: Any, recorded: Any, where: str) -> None:
    """Whether an answer has at least the recorded keys, and values of the recorded types."""
    if isinstance(recorded, dict):
        assert isinstance(answer, dict), where
        for key, value in recorded.items():
            assert key in answer, f"{where}: {key}"
            like(answer[key], value, f"{where}.{key}")
    elif isinstance(recorded, list):
        assert isinstance(answer, list), where
        assert len(answer) == len(recorded), f"{where}: {len(answer)} instead of {len(recorded)}"
        for at, (ours, theirs) in enumerate(zip(answer, recorded, strict=True)):
            like(ours, theirs, f"{where}[{at}]")
    else:
        assert type(answer) is type(recorded), where


def test_each_recorded_request_is_answered_as_the_client_read_it(server: Server) -> None:
    commands = [found for found in json.loads(RECORDING.read_text()) if not found["command"].startswith(APART)]
    replay = Replay(server, commands)
    infos = []
    for command in commands:
        for request in command["requests"]:
            where = f"{command['command']}: {request['method']} {request['path']}"
            answer = replay.ask(request)
            assert answer.status_code == request["status"], f"{where}: {answer.status_code} {answer.text}"
            for header, value in request["answer_headers"].items():
                assert header in answer.headers, f"{where}: {header}"
                if header.startswith("X-Checksum") and "api/build" not in request["path"]:
                    assert answer.headers[header] == replay.text(value), f"{where}: {header}"
            try:
                recorded = json.loads(replay.text(str(request["answer"])))
            except json.JSONDecodeError:  # no JSON, or too long for the recording
                recorded = None
            if recorded is not None:
                like(answer.json(), recorded, where)
            if request["path"] == "/artifactory/api/build/app/1" and answer.status_code == 200:
                infos.append(answer.json()["buildInfo"])

    published = next(
        json.loads(replay.text(request["body"]))
        for command in commands
        for request in command["requests"]
        if request["path"] == "/artifactory/api/build" and request["method"] == "PUT"
    )
    assert infos
    for info in infos:
        assert {key: info[key] for key in published} == published
