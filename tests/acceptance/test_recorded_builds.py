"""The recorded exchanges of `builds.json`, replayed request by request against a real server."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.differences import DIFFERENCES, reason
from tests.acceptance.server import TOKEN, Server
from tests.scm.repository import Repository

FIXTURES = Path(__file__).parents[2] / "fixtures" / "drone"
RECORDING = json.loads((FIXTURES / "builds.json").read_text())["exchanges"]
#: Recorded builds by our numbers: the recorded 4 had parameters that we refuse.
OURS = {5: 4, 6: 5, 7: 6, 8: 7}
_SNAPSHOT = {"promoted build at once"}

#: Values that belong to the place of recording: host, times, ids, commit.
_PLACE = {
    "id", "repo_id", "build_id", "user_id", "step_id", "uid", "machine",
    "created", "updated", "started", "finished", "stopped", "synced",
    "link", "git_http_url", "git_ssh_url", "email", "avatar", "avatar_url", "author_avatar",
    "author_login", "author_email", "after", "before",
}  # fmt: skip
_NUMBERS = {"number", "parent", "counter"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("recorded")
    repository = Repository(folder / "hello-world")
    (repository.path / ".drone.yml").write_text((FIXTURES / "pipeline.yml").read_text())
    repository.git("add", "-A")
    author = {"GIT_AUTHOR_NAME": "The Octocat", "GIT_AUTHOR_EMAIL": "octocat@example.com"}
    repository.git("commit", "-q", "-m", "Add the pipeline", env=author)
    with Server(folder / "server", git_roots=str(folder)) as server:
        slug = server.register(repository.url, visibility="public")
        server.json("POST", f"/api/repos/{slug}/secrets", json={"name": "token", "data": "hush-hush"})
        assert server.push(slug, repository.git("rev-parse", "HEAD")).json()["number"] == 1
        server.finished(slug, 1)
        yield server


def test_every_recorded_exchange_is_answered_as_recorded_but_for_the_table(server: Server) -> None:
    found, used = [], set()
    for exchange in RECORDING:
        for place, recorded, ours in _differences(server, exchange):
            key = reason(exchange["name"], place)
            used.add(key)
            if key is None:
                found.append(f"{exchange['name']}: {place}: recorded {recorded!r}, ours {ours!r}")

    assert not found, "\n".join(found)
    assert used >= {"nothing to run", "stages in the answer", "parameter names", "new parameters win", "more variables"}


def _differences(server: Server, exchange: Any) -> Iterator[tuple[str, Any, Any]]:
    if exchange["name"] in ("its build", "its log") and "/builds/4" in exchange["request"]["path"]:
        return  # never made by us
    answer = _replay(server, exchange)
    yield from _compared("status", exchange["status"], answer.status_code)
    if exchange["status"] == answer.status_code and "content_type" in exchange:
        yield from _compared("content_type", exchange["content_type"], answer.headers.get("content-type"))
    if "json" in exchange:
        recorded, ours = exchange["json"], answer.json()
        if "/logs/" in exchange["request"]["path"] and answer.status_code == 200:
            yield from _compared("out", _log(recorded), _log(ours))
        elif exchange["name"] in _SNAPSHOT:
            yield from _compared("", _shape(recorded), _shape(ours))
        else:
            yield from _compared("", _normal(recorded, recorded=True), _normal(ours))
    elif "text" in exchange:
        yield from _compared("text", _text(exchange["text"]), _text(answer.text))


def _replay(server: Server, exchange: Any) -> Any:
    request = exchange["request"]
    path = re.sub(r"(?<=/builds/)\d+", lambda n: str(OURS.get(int(n[0]), int(n[0]))), request["path"])
    path = path.replace("ADMIN-TOKEN", TOKEN)
    token = {"admin": TOKEN, "bad": "wrong"}.get(request["as"])
    if exchange["name"] not in _SNAPSHOT:
        _rest(server)
    headers = {"Authorization": f"Bearer {token}" if token else ""}
    return server.ask(request["method"], path, headers=headers)


def _rest(server: Server) -> None:
    """Wait until nothing is under way: what was recorded had been given time to finish."""

    def resting() -> bool:
        builds = server.json("GET", "/api/repos/octocat/hello-world/builds")
        return all(build["status"] not in ("pending", "running") for build in builds)

    server.until(resting, "all builds are over")


def _compared(place: str, recorded: Any, ours: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(recorded, dict) and isinstance(ours, dict):
        for key in sorted({*recorded, *ours}):
            inner = f"{place}.{key}" if place else key
            yield from _compared(inner, recorded.get(key, "(absent)"), ours.get(key, "(absent)"))
    elif isinstance(recorded, list) and isinstance(ours, list) and len(recorded) == len(ours):
        for one, other in zip(recorded, ours, strict=True):
            yield from _compared(place, one, other)
    elif recorded != ours or type(recorded) is not type(ours):
        yield place, recorded, ours


def _normal(value: Any, key: str = "", recorded: bool = False) -> Any:
    if isinstance(value, dict):
        of_place = {"version"} if "slug" in value else set()
        return {name: _normal(item, "id" if name in of_place else name, recorded) for name, item in value.items()}
    if isinstance(value, list):
        never_made = {"number": 4} if recorded else {"number": -1}
        return [_normal(item, key, recorded) for item in value if not never_made.items() <= _items(item)]
    if key in _PLACE:
        return type(value).__name__
    if key in _NUMBERS and recorded:
        return OURS.get(value, value)
    return value


def _items(value: Any) -> Any:
    return value.items() if isinstance(value, dict) else {}.items()


def _shape(value: Any) -> Any:
    """Only which keys there are, of what type; a build under way may have steps already."""
    if isinstance(value, dict):
        return {name: _shape(item) for name, item in value.items() if name not in ("steps", "machine")}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return type(value).__name__


def _log(lines: Any) -> dict[str, str]:
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


def test_the_readme_lists_every_deliberate_difference_and_no_other() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    section = readme.partition("<!-- differences -->")[2].partition("<!-- /differences -->")[0]

    rows = re.findall(r"^\| ([^|]+?) \|", section, re.MULTILINE)

    assert set(rows) - {"what", "---"} == set(DIFFERENCES)
