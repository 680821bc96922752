"""The recorded traffic of an official runner: its calls get the answers that Drone gave (contract drone-rpc).

The file is in order of answers. Each stage's calls are said in their order; builds are made just before their stage
is asked for.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx2
import pytest

from tests.acceptance import recorded
from tests.acceptance.differences import reason
from tests.acceptance.recorded import SLUG, compared
from tests.acceptance.server import Server
from tests.scm.repository import Repository
from tests.soon import PATIENCE

SECRET = "a-secret-of-all-runners"
#: Beside what every recording hides: the repository's key and how often it was written, the file, the server's version.
_PLACE = {"secret", "host", "Data", "system.version", "repository.version"}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Repository, str]]:
    folder = tmp_path_factory.mktemp("runner")
    server, repository, sha = recorded.scene(folder, rpc_secret=SECRET, runner_capacity="0")
    with server:
        slug = server.register(repository.url, visibility="public")
        server.json("POST", f"/api/repos/{slug}/secrets", json={"name": "token", "data": "s3cr3t-value"})
        yield server, repository, sha


class Runner:
    """Says what the recorded runner said, with our ids and versions."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.client = server.visitor({"X-Drone-Token": SECRET})
        #: Our ids by the recorded ones.
        self.stages: dict[int, int] = {}
        self.builds: dict[int, int] = {}
        self.steps: dict[int, int] = {}

    def close(self) -> None:
        self.client.close()

    def say(self, exchange: Any) -> httpx2.Response:
        return self.client.request(exchange["method"], self._path(exchange["path"]), content=self._body(exchange))

    def _path(self, path: str) -> str:
        for kind, ids in (("stage", self.stages), ("build", self.builds), ("step", self.steps)):
            path = re.sub(rf"(?<=/{kind}/)\d+", lambda n, ids=ids: str(ids[int(n[0])]), path)  # type: ignore[misc]
        return path

    def _body(self, exchange: Any) -> bytes | None:
        body = exchange["request"]
        if body is None:
            return None
        if isinstance(body, dict) and "steps" in body:
            body = body | {"steps": [self._step(step) for step in body["steps"]]}
        if isinstance(body, dict) and "id" in body:
            body = (
                self._step(body)
                if "step_id" in body
                else body | {"id": self.stages[body["id"]], "build_id": self.builds[body["build_id"]]}
            )
        return json.dumps(body).encode()

    def _step(self, step: Any) -> Any:
        return step | {"id": self.steps.get(step["id"], 0), "step_id": self.stages[step["step_id"]]}

    def learn(self, exchange: Any, ours: Any) -> None:
        """Which of our ids stand for the recorded ones."""
        theirs = exchange["response"]
        if isinstance(theirs, dict) and "build_id" in theirs:
            self.stages[theirs["id"]], self.builds[theirs["build_id"]] = ours["id"], ours["build_id"]
            for step, our in zip(theirs.get("steps", []), ours.get("steps", []), strict=True):
                self.steps[step["id"]] = our["id"]


def differences(exchange: Any, answer: httpx2.Response) -> Iterator[str]:
    places: list[tuple[str, Any, Any]] = [*compared("status", exchange["status"], answer.status_code)]
    theirs = exchange["response"]
    if isinstance(theirs, dict):
        places += compared("", _normal(theirs), _normal(answer.json()))
    else:
        places += compared("text", theirs or "", answer.text)
    for place, then, ours in places:
        if reason("", place) is None:
            yield f"{exchange['method']} {exchange['path']}: {place}: recorded {then!r}, ours {ours!r}"


def _normal(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _normal(item, f"{key}.version" if name == "version" else name) for name, item in value.items()}
    if isinstance(value, list):
        return [_normal(item, key) for item in value]
    return type(value).__name__ if key in _PLACE | recorded.PLACE else value


def beginnings(server: Server, sha: str) -> dict[int, Callable[[], object]]:
    """What begins the recorded builds, by number."""
    return {
        1: lambda: server.push(SLUG, sha),
        2: lambda: server.promote(SLUG, 1, "slow"),
        3: lambda: server.promote(SLUG, 1, "hang"),
        4: lambda: _approved_push(server, sha),
    }


def replayed(runner: Runner, begin: Mapping[int, Callable[[], object]]) -> list[str]:
    """Say all that the recorded runner said, and return where the answers differ from the recorded ones."""
    found: list[str] = []
    for exchange in recorded.recording("rpc")["exchanges"]:
        if exchange["status"] == 204:
            continue
        theirs = exchange["response"]
        if exchange["path"] == "/rpc/v2/stage":
            begin[theirs["id"]]()
        if exchange["path"].endswith("/watch"):
            answer = _watch_while_cancelled(runner, exchange)
        else:
            answer = runner.say(exchange)
        found += differences(exchange, answer)
        if answer.status_code == exchange["status"] == 200 and isinstance(theirs, dict):
            runner.learn(exchange, answer.json())
    return found


def test_an_official_runner_is_answered_as_recorded(scene: tuple[Server, Repository, str]) -> None:
    server, _, sha = scene
    with closing(Runner(server)) as runner:
        found = replayed(runner, beginnings(server, sha))

    assert not found, "\n".join(found)
    assert [server.finished(SLUG, n)["status"] for n in (1, 2, 3, 4)] == ["success", "failure", "killed", "success"]


def _watch_while_cancelled(runner: Runner, exchange: Any) -> httpx2.Response:
    with ThreadPoolExecutor() as pool:
        watching = pool.submit(runner.say, exchange)
        runner.server.json("DELETE", f"/api/repos/{SLUG}/builds/3")
        return watching.result(PATIENCE)


def _approved_push(server: Server, sha: str) -> None:
    """The recorded fourth build waited for approval first: its stage was written twice when it was asked for."""
    server.json("PATCH", f"/api/repos/{SLUG}", json={"protected": True})
    server.push(SLUG, sha)
    server.ask("POST", f"/api/repos/{SLUG}/builds/4/approve/1")


def test_a_watch_after_the_end_of_a_build_is_answered_at_once(scene: tuple[Server, Repository, str]) -> None:
    server, _, _ = scene
    number = server.promote(SLUG, 1, "hang")["number"]
    build = server.json("DELETE", f"/api/repos/{SLUG}/builds/{number}")

    with closing(Runner(server)) as runner:
        assert runner.client.post(f"/rpc/v2/build/{build['id']}/watch").status_code == 200
