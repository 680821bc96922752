"""What a real Gogs 0.13 has answered: the host reads it, and the far side of the tests answers in the same form."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from app.errors import NotFound, Unreadable
from app.scm.forge import Credential
from app.scm.gogs.host import Gogs
from app.scm.host import Source
from tests.scm.fakes.serving import Asked, Far, Problem, call, serving
from tests.scm.forge.conftest import Shown, Side, client

RECORDED: list[dict[str, Any]] = json.loads(
    (Path(__file__).resolve().parents[3] / "fixtures" / "gogs" / "api.json").read_text()
)
SHA = "9202eb5f2a43be1e0d1bf1f7ed5fb6beb97dec0d"
#: Calls that the host does not make.
UNUSED = re.compile(r"/git/trees/|/branches$")
TOKEN = Credential("token", "a-token")


class Recording(Far):
    """Answers each request with the next recorded answer to it, and what is not recorded with 404."""

    def __init__(self) -> None:
        super().__init__()
        self.left = list(RECORDED)

    @call("GET", "api/v1/{path+}")
    @call("POST", "api/v1/{path+}")
    @call("DELETE", "api/v1/{path+}")
    def replay(self, asked: Asked) -> Any:
        ref = asked.query.get("ref")
        wanted = f"{asked.call}?ref={ref}" if ref else asked.call
        found = [one for one in self.left if one["request"] == wanted]
        if not found:
            raise Problem(404, b"")
        if len(found) > 1:
            self.left.remove(found[0])
        one = found[0]
        if one["status"] > 299 or one["json"] is None:
            raise Problem(one["status"], b"")
        return one["status"], one["json"]


class Replay:
    def __init__(self, far: Recording, host: Gogs) -> None:
        self.far, self.host = far, host
        self.source = Source(1, f"{far.url}/octocat/hello-world.git", "gogs")


@pytest.fixture
async def replay(tmp_path: Path) -> AsyncIterator[Replay]:
    far, calling = Recording(), client("gogs")
    with serving(far):
        yield Replay(far, Gogs(calling, Shown(TOKEN), server=far.url, mirrors=tmp_path))
        await calling.close()


async def test_the_account_and_its_repositories_are_read(replay: Replay) -> None:
    person = await replay.host.person(TOKEN)
    (listed,) = await replay.host.repositories(TOKEN)

    assert (person.uid, person.login, person.email) == ("1", "octocat", "octocat@example.com")
    assert (listed.uid, listed.slug, listed.default_branch) == ("1", "octocat/hello-world", "master")
    assert (listed.visibility, listed.write, listed.admin) == ("public", True, True)
    assert await replay.host.repository(TOKEN, "octocat/hello-world") == listed
    assert await replay.host.organisations(TOKEN) == []
    with pytest.raises(NotFound):
        await replay.host.repository(TOKEN, "octocat/none")


async def test_commits_and_files_are_read(replay: Replay) -> None:
    branch = await replay.host.branch(replay.source, "main")
    commit = await replay.host.commit(replay.source, SHA)

    assert (branch.sha, branch.message, branch.author_login) == (SHA, "Add the pipeline\n", "octocat")
    assert (commit.sha, commit.message, commit.author_login) == (SHA, "Add the pipeline", "octocat")
    assert branch.timestamp == commit.timestamp == 1_795_758_905
    assert (await replay.host.read_file(replay.source, SHA, ".drone.yml")).startswith("kind: pipeline\n")
    with pytest.raises(Unreadable) as caught:
        await replay.host.read_file(replay.source, SHA, "nope")
    assert caught.value.code == "config_not_found"


async def test_hooks_are_registered_and_removed(replay: Replay) -> None:
    url = "http://drone.example.com/hook"
    await replay.host.install_hook(replay.source, url, "hooksecret")
    await replay.host.remove_hook(replay.source, url)

    (sent,) = replay.far.calls("POST")
    (recorded,) = [one["body"] for one in RECORDED if one["request"].startswith("POST") and one["status"] == 201]
    assert sent.json["config"] == recorded["config"]
    assert sent.json["type"] == "gogs"
    assert [asked.path for asked in replay.far.calls("DELETE")] == ["/api/v1/repos/octocat/hello-world/hooks/1"]


def differences(told: Any, recorded: Any, at: str = "") -> list[str]:
    """Where an answer has a name, or a type of value, that the recorded answer has not."""
    if isinstance(told, dict) and isinstance(recorded, dict):
        unknown = [f"{at}.{name} is not recorded" for name in told.keys() - recorded.keys()]
        return unknown + [
            found
            for name in told.keys() & recorded.keys()
            for found in differences(told[name], recorded[name], f"{at}.{name}")
        ]
    if isinstance(told, list) and isinstance(recorded, list):
        return differences(told[0], recorded[0], f"{at}[0]") if told and recorded else []
    if told is None or recorded is None or type(told) is type(recorded):
        return []
    return [f"{at} is a {type(told).__name__}, recorded is a {type(recorded).__name__}"]


@pytest.mark.parametrize("name", ["gogs"])
async def test_the_far_side_of_the_tests_answers_in_the_recorded_form(side: Side) -> None:
    sha = side.project.push({".drone.yml": "kind: pipeline\n"})
    found = []
    async with httpx.AsyncClient(headers={"authorization": "token octocat-token"}) as asking:
        for one in RECORDED:
            method, _, path = one["request"].partition(" ")
            if method == "GET" and one["status"] == 200 and one.get("json") and not UNUSED.search(path):
                answer = await asking.get(f"{side.far.url}{path.replace(SHA, sha)}")
                found += differences(answer.json(), one["json"], path)

    assert not found, "\n".join(found)
