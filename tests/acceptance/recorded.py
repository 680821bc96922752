"""Recorded exchanges, replayed request by request against a real server, and how answers are compared with them."""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.acceptance.differences import reason
from tests.acceptance.server import TOKEN, Server
from tests.scm.repository import Repository

FIXTURES = Path(__file__).parents[2] / "fixtures" / "drone"
SLUG = "octocat/hello-world"

#: Values that belong to the place of recording: host, times, ids, commit, and how often a row was written.
PLACE = {
    "id", "repo_id", "build_id", "user_id", "step_id", "uid", "machine", "subscribers",
    "created", "updated", "started", "finished", "stopped", "synced", "next", "prev",
    "build_created", "build_updated", "build_started", "build_finished", "stage_started", "stage_stopped",
    "link", "git_http_url", "git_ssh_url", "email", "avatar", "avatar_url", "author_avatar", "build_author_avatar",
    "author_login", "author_email", "build_author", "build_author_email", "after", "before", "token",
}  # fmt: skip
_NUMBERS = {"number", "parent", "counter", "build_number"}


def recording(name: str) -> Any:
    """What a file holds."""
    return json.loads((FIXTURES / f"{name}.json").read_text())


def scene(folder: Path, **settings: str) -> tuple[Server, Repository, str]:
    """A server that is not started, the recorded repository and its commit."""
    repository = Repository(folder / "hello-world")
    sha = commit(repository)
    return Server(folder / "server", git_roots=str(folder), **settings), repository, sha


def commit(repository: Repository, more: str = "") -> str:
    """A commit of the recorded pipeline file, with more text at its end."""
    (repository.path / ".drone.yml").write_text((FIXTURES / "pipeline.yml").read_text() + more)
    repository.git("add", "-A")
    author = {"GIT_AUTHOR_NAME": "The Octocat", "GIT_AUTHOR_EMAIL": "octocat@example.com"}
    repository.git("commit", "-q", "-m", "Add the pipeline", env=author)
    return repository.git("rev-parse", "HEAD")


def first_build(server: Server, repository: Repository, sha: str, *, again: int = 0) -> None:
    """The repository with its secret, the build of its push, over, and so many restarts of it."""
    slug = server.register(repository.url, visibility="public")
    server.json("POST", f"/api/repos/{slug}/secrets", json={"name": "token", "data": "hush-hush"})
    assert server.push(slug, sha).json()["number"] == 1
    server.finished(slug, 1)
    for number in range(2, 2 + again):
        assert server.json("POST", f"/api/repos/{slug}/builds/1")["number"] == number


@dataclass
class Replay:
    """Asks a server what was asked then.

    `numbers` are our builds by the recorded ones, where they differ; `at_once` names exchanges whose builds are
    under way; `before` does what was done between the recorded exchanges.
    """

    server: Server
    numbers: Mapping[int, int] = field(default_factory=dict)
    never_made: Collection[int] = ()
    at_once: Collection[str] = ()
    before: Mapping[str, Callable[[], object]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=lambda: {"admin": TOKEN, "bad": "wrong"})
    used: set[str | None] = field(default_factory=set)

    def run(self, exchanges: Collection[Any]) -> list[str]:
        """Every difference that the table does not name."""
        return [text for exchange in exchanges for text in self._unexplained(exchange)]

    def _unexplained(self, exchange: Any) -> Iterator[str]:
        for place, recorded, ours in self._differences(exchange):
            key = reason(exchange["name"], place)
            self.used.add(key)
            if key is None:
                yield f"{exchange['name']}: {place}: recorded {recorded!r}, ours {ours!r}"

    def _differences(self, exchange: Any) -> Iterator[tuple[str, Any, Any]]:
        hidden = any(f"/builds/{number}" in exchange["request"]["path"] for number in self.never_made)
        if hidden and exchange["name"] in ("its build", "its log"):
            return
        answer = self._ask(exchange)
        yield from compared("status", exchange["status"], answer.status_code)
        if exchange["status"] == answer.status_code and exchange.get("content_type"):
            yield from compared("content_type", exchange["content_type"], answer.headers.get("content-type"))
        if "json" in exchange:
            yield from self._compared(exchange, answer)
        elif "text" in exchange:
            yield from compared("text", _text(exchange["text"]), _text(answer.text))

    def _compared(self, exchange: Any, answer: httpx2.Response) -> Iterator[tuple[str, Any, Any]]:
        recorded, ours = exchange["json"], answer.json() if answer.content else None
        if "/logs/" in exchange["request"]["path"] and exchange["status"] == answer.status_code == 200:
            yield from compared("out", log(recorded), log(ours))
        elif exchange["name"] in self.at_once:
            yield from compared("", shape(recorded), shape(ours))
        else:
            yield from compared("", self.normal(recorded, recorded=True), self.normal(ours))

    def _ask(self, exchange: Any) -> httpx2.Response:
        request, name = exchange["request"], exchange["name"]
        self.before.get(name, lambda: None)()
        path = re.sub(r"(?<=/builds/)\d+", lambda n: str(self.numbers.get(int(n[0]), int(n[0]))), request["path"])
        path = path.replace("ADMIN-TOKEN", TOKEN)
        if name not in self.at_once:
            self.rest()
        token = self.tokens.get(request["as"], "")
        headers = {"Authorization": f"Bearer {token}" if token else ""}
        content = json.dumps(request["body"]) if request.get("body") is not None else request.get("raw_body")
        answer = self.server.ask(request["method"], path, headers=headers, content=content)
        self._remember(answer)
        return answer

    def _remember(self, answer: httpx2.Response) -> None:
        """The token of an account that was made."""
        body = answer.json() if answer.headers.get("content-type") == "application/json" else None
        if isinstance(body, dict) and "token" in body:
            self.tokens["admin" if body["login"] == "octocat" else body["login"]] = body["token"]

    def rest(self) -> None:
        """Wait until nothing is under way: what was recorded had been given time to finish."""
        headers = {"Authorization": f"Bearer {self.tokens['admin']}"}

        def resting() -> bool:
            builds = self.server.ask("GET", f"/api/repos/{SLUG}/builds?per_page=100", headers=headers).json()
            return not any(self._goes_on(build, headers) for build in builds)

        self.server.until(resting, "all builds are over")

    def _goes_on(self, build: Any, headers: Mapping[str, str]) -> bool:
        if build["status"] not in ("pending", "running"):
            return False
        path = f"/api/repos/{SLUG}/builds/{build['number']}"
        stages = self.server.ask("GET", path, headers=dict(headers)).json()["stages"]
        waits = ("blocked", "waiting_on_dependencies")
        paused = all(stage["status"] in waits or "paused" in stage.get("pending_reason", "") for stage in stages)
        return not paused

    def normal(self, value: Any, key: str = "", recorded: bool = False) -> Any:
        """JSON without what belongs to the place of recording."""
        if isinstance(value, dict):
            of_place = {"version"} if "slug" in value else set()
            return {
                name: self.normal(item, "id" if name in of_place else name, recorded) for name, item in value.items()
            }
        if isinstance(value, list):
            hidden = self.never_made if recorded else ()
            kept = [
                item
                for item in value
                if not (isinstance(item, dict) and item.get("number") in hidden and "event" in item)
            ]
            return [self.normal(item, key, recorded) for item in kept]
        if key in PLACE:
            return type(value).__name__
        if key in _NUMBERS and recorded:
            return self.numbers.get(value, value)
        return value


def compared(place: str, recorded: Any, ours: Any) -> Iterator[tuple[str, Any, Any]]:
    """Each place where the two are not the same, by value and by type."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        for key in sorted({*recorded, *ours}):
            inner = f"{place}.{key}" if place else key
            yield from compared(inner, recorded.get(key, "(absent)"), ours.get(key, "(absent)"))
    elif isinstance(recorded, list) and isinstance(ours, list) and len(recorded) == len(ours):
        for one, other in zip(recorded, ours, strict=True):
            yield from compared(place, one, other)
    elif recorded != ours or type(recorded) is not type(ours):
        yield place, recorded, ours


def shape(value: Any) -> Any:
    """Only which keys there are, of what type; a build under way may have steps already."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items() if name not in ("steps", "machine")}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


def log(lines: Any) -> dict[str, str]:
    """The text by line, variables by name; without what belongs to the place of recording."""
    text = "".join(line["out"] for line in lines)
    if text.startswith("+ git init"):
        return {"commands": "\n".join(re.findall(r"^\+ git \w+", text, re.MULTILINE))}
    named = {}
    for number, line in enumerate(filter(None, text.splitlines())):
        name, equals, value = line.partition("=")
        if equals and name.isidentifier():
            named[name] = "…" if _of_place(name, value) else value
        else:
            named[f"line {number if number < 3 else 'later'}"] = line
    return named


def _of_place(name: str, value: str) -> bool:
    return bool(
        re.search(r"/|\d{9}|[0-9a-f]{40}|\.example\.com", value)
        or name in ("DRONE_BUILD_NUMBER", "CI_BUILD_NUMBER", "DRONE_STAGE_MACHINE", "DRONE_SYSTEM_VERSION")
        or name.endswith(("_LINK", "_URL", "_REMOTE", "_AVATAR", "_AUTHOR", "_EMAIL", "_HOST", "_HOSTNAME"))
    )


def _text(text: str) -> str:
    text = re.sub(r'lastBuildLabel="\d+"|lastBuildTime="[^"]*"', "", text)
    return re.sub(r'webUrl="[^"]*"', "", text)
