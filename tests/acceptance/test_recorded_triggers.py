"""The recorded table of `triggers.json`: which stages each pipeline file starts, against a real server."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.builds import store
from app.builds.model import Build
from app.db.connect import connect
from app.db.tx import each
from app.repos import store as repos
from tests.acceptance.differences import reason
from tests.acceptance.server import Server
from tests.scm.repository import Repository

CASES = json.loads((Path(__file__).parents[2] / "fixtures" / "drone" / "triggers.json").read_text())["cases"]
SLUG = "octocat/hello-world"


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> Any:
    """A server without a runner, with one finished push build for each case, at a commit that has its file."""
    folder = tmp_path_factory.mktemp("triggers")
    repository = Repository(folder / "hello-world")
    commits = [repository.commit({".drone.yml": case["yaml"]}, case["name"]) for case in CASES]
    with Server(folder / "server", git_roots=str(folder), runner_capacity="0") as server:
        server.register(repository.url)
        await _add_builds(server, commits)
        yield server


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


async def _add_builds(server: Server, commits: list[str]) -> None:
    db = connect(server.environment.get("GANTRY_DATABASE_URL", f"sqlite:///{server.data / 'gantry.sqlite'}"))
    await db.open()
    common = {
        "status": "success",
        "event": "push",
        "ref": "refs/heads/main",
        "target_branch": "main",
        "source_branch": "main",
    }
    builds = [Build(0, 1, number, after=sha, trigger="@hook", **common) for number, sha in enumerate(commits, 1)]  # type: ignore[arg-type]
    await db.write(each(repos.next_number(1) for _ in builds))
    await db.write(each(store.create(build) for build in builds))
    await db.close()


@pytest.mark.parametrize(("number", "case"), list(enumerate(CASES, 1)), ids=[case["name"] for case in CASES])
def test_a_pipeline_file_starts_the_recorded_stages(server: Server, number: int, case: Any) -> None:
    method, _, path = case["request"].partition(" ")
    path = path.replace("/builds/1/", f"/builds/{number}/")

    answer = server.ask(method, path)

    differences = list(_differences(case, answer.status_code, answer.json()))
    assert [d for d in differences if reason(_name(case), d[0]) is None] == []


def _name(case: Any) -> str:
    return f"starts nothing: {case['name']}" if case.get("answer", "") is None else str(case["name"])


def _differences(case: Any, status: int, ours: Any) -> Iterator[tuple[str, Any, Any]]:
    if status != case["status"]:
        yield "status", case["status"], status
    if "build" not in case:
        if case["answer"] != ours:
            yield "answer", case["answer"], ours
        return
    for key, value in case["build"].items():
        if ours.get(key) != value:
            yield f"build.{key}", value, ours.get(key)
    if "error" in case["build"] and not _says_more(case["build"]["error"], ours.get("error", "")):
        yield "error", case["build"]["error"], ours.get("error")
    keys = set(ours) - {"stages"}
    if keys != set(case["answer_keys"]):
        yield "keys", sorted(case["answer_keys"]), sorted(keys)
    found = [{name: stage[name] for name in stage if name in _STAGE_KEYS} for stage in ours.get("stages", [])]
    if found != case["stages"]:
        yield "stages", case["stages"], found


_STAGE_KEYS = {
    "number", "name", "kind", "type", "status", "os", "arch", "variant", "kernel", "limit",
    "on_success", "on_failure", "depends_on", "labels",
}  # fmt: skip


def _says_more(recorded: str, ours: str) -> bool:
    """Our texts begin as the recorded ones, up to what another YAML library words its own way, and name the place."""
    begin = re.match(r"(linter: .*|yaml: missing kind attribute|yaml: line \d+:|yaml:)", recorded)
    return begin is not None and ours.startswith(begin[0]) and ".drone.yml:" in ours
