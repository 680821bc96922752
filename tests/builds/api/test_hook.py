"""Pushes of a plain git repository become builds, or do not."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import orjson
import pytest

from app.builds import lists
from app.builds.api import hook
from app.builds.model import Build
from app.builds.push import push_build
from app.builds.triggers import build_event
from app.db.tx import run
from app.errors import NotFound, Unavailable, Unreadable
from app.repos.model import SIGNER
from app.scm.hook import Push, sign
from app.sealing.seal import Seal
from app.web.route import Endpoint
from tests.builds.farside import HOOK, NOW, Scene, pipeline
from tests.web.asgi import serving

KEY = "k" * 32
NONE, OLD = "0" * 40, "b" * 40


def push(after: str, ref: str = "refs/heads/main", before: str = OLD, **fields: Any) -> Push:
    return Push("octocat/hello", before, after, ref, fields.get("sender", "grace"), fields.get("options", ()))


async def built(scene: Scene, given: Push) -> Build | None:
    trigger = build_event(given)
    assert trigger is not None
    return await push_build(scene.ports, scene.repo, given, trigger, HOOK)


async def test_a_push_to_a_branch_fills_the_build(scene: Scene) -> None:
    sha = scene.host.add(pipeline(), message="say hello\n\nand more")

    made = await built(scene, push(sha))

    assert made is not None
    assert await scene.build(1) == made
    expected = Build(
        id=made.id,
        repo_id=scene.repo.id,
        number=1,
        trigger="@hook",
        event="push",
        timestamp=NOW - 60,
        message="say hello\n\nand more",
        before=OLD,
        after=sha,
        ref="refs/heads/main",
        source_branch="main",
        target_branch="main",
        author_login="Ada",
        author_name="Ada",
        author_email="ada@example.com",
        sender="grace",
        created=NOW,
        updated=NOW,
    )
    assert replace(made, stages=()) == expected
    assert [stage.name for stage in made.stages] == ["default"]


@pytest.mark.parametrize(
    ("ref", "before", "event", "action", "branch"),
    [
        ("refs/heads/feature/x", OLD, "push", "", "feature/x"),
        ("refs/heads/new", NONE, "push", "", "new"),
        ("refs/tags/v1", NONE, "tag", "create", ""),
        ("refs/pull/7/head", NONE, "pull_request", "opened", ""),
        ("refs/pull/7/head", OLD, "pull_request", "synchronized", ""),
        ("refs/merge-requests/7/head", OLD, "pull_request", "synchronized", ""),
    ],
)
async def test_the_ref_decides_the_event(
    scene: Scene, ref: str, before: str, event: str, action: str, branch: str
) -> None:
    made = await built(scene, push(scene.host.add(pipeline()), ref, before))

    assert made is not None
    assert (made.event, made.action, made.ref, made.before) == (event, action, ref, before)
    assert made.source_branch == made.target_branch == branch


async def test_who_pushed_is_the_author_when_the_hook_does_not_say(scene: Scene) -> None:
    made = await built(scene, push(scene.host.add(pipeline()), sender=""))

    assert made is not None
    assert made.sender == "Ada"


@pytest.mark.parametrize("message", ["x [CI SKIP]", "[skip ci]", "a\n\n***NO_CI***"])
async def test_a_message_may_ask_for_no_build(scene: Scene, message: str) -> None:
    sha = scene.host.add(pipeline(), message=message)

    assert await built(scene, push(sha)) is None
    assert await built(scene, push(sha, "refs/pull/1/head")) is None
    assert await built(scene, push(sha, "refs/tags/v1")) is not None
    assert await scene.counter() == 1


async def test_a_push_option_may_ask_for_no_build(scene: Scene) -> None:
    sha = scene.host.add(pipeline())

    assert await built(scene, push(sha, options=("other", "ci.skip"))) is None
    assert await built(scene, push(sha, options=("ci.skipped",))) is not None


async def test_a_repository_may_ignore_pull_requests(scene: Scene) -> None:
    scene.repo = replace(scene.repo, ignore_pull_requests=True)
    sha = scene.host.add(pipeline())

    assert await built(scene, push(sha, "refs/pull/1/head")) is None
    assert await built(scene, push(sha)) is not None


async def test_a_push_that_no_pipeline_wants_takes_no_number(scene: Scene) -> None:
    sha = scene.host.add(pipeline(trigger={"branch": ["release"]}))

    assert await built(scene, push(sha)) is None
    assert await scene.counter() == 0


async def test_a_file_that_cannot_run_makes_an_error_build(scene: Scene) -> None:
    made = await built(scene, push(scene.host.add("kind: [")))

    assert made is not None
    assert (made.status, made.sender, made.trigger) == ("error", "grace", "@hook")


@pytest.mark.parametrize("text", ["", "   \n"])
async def test_an_empty_file_makes_an_error_build(scene: Scene, text: str) -> None:
    made = await built(scene, push(scene.host.add(text)))

    assert made is not None
    assert made.status == "error"
    assert "empty" in made.error


async def test_a_file_that_cannot_be_used_makes_an_error_build(scene: Scene) -> None:
    sha = scene.host.add(pipeline(), message="x" * 3000)
    scene.host.failure = Unreadable(".drone.yml is a symlink")

    made = await built(scene, push(sha))

    assert made is not None
    assert (made.status, made.error, len(made.message)) == ("error", ".drone.yml is a symlink", 2000)


async def test_a_passing_failure_makes_no_build(scene: Scene) -> None:
    sha = scene.host.add(pipeline())
    scene.host.failure = Unavailable("git is slow today")

    with pytest.raises(Unavailable):
        await built(scene, push(sha))

    assert await scene.counter() == 0


async def test_a_commit_that_is_not_there_makes_no_build(scene: Scene) -> None:
    with pytest.raises(NotFound):
        await built(scene, push("f" * 40))


@pytest.fixture
async def client(scene: Scene) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of /hook; the repository has a key."""
    seal = Seal("a key of the test")
    await scene.ports.db.write(run("UPDATE repos SET signer = :signer", signer=seal.seal(KEY, SIGNER)))
    route = Endpoint("POST", "/hook", hook.receive_push)
    async with serving([route], db=scene.ports.db, ports=scene.ports, hosts=scene.ports.hosts, seal=seal) as made:
        yield made


async def deliver(
    client: httpx2.AsyncClient, after: str, *, key: str = KEY, event: str = "push", **more: Any
) -> httpx2.Response:
    payload = {"before": OLD, "after": after, "ref": "refs/heads/main", "repository": {"full_name": "octocat/hello"}}
    body = orjson.dumps(payload | more)
    headers = {"X-Gantry-Event": event, "X-Hub-Signature-256": sign(key, body)}
    return await client.post("/hook", content=body, headers=headers)


async def test_a_signed_push_is_answered_with_its_build(scene: Scene, client: httpx2.AsyncClient) -> None:
    answer = await deliver(client, scene.host.add(pipeline()))

    assert (answer.status_code, answer.json()["number"], answer.json()["status"]) == (200, 1, "pending")
    assert "stages" not in answer.json()


async def test_nothing_to_run_is_answered_with_null(scene: Scene, client: httpx2.AsyncClient) -> None:
    answer = await deliver(client, scene.host.add(pipeline(trigger={"event": ["tag"]})))

    assert (answer.status_code, answer.json()) == (200, None)


async def test_a_wrong_signature_and_an_unknown_repository_are_alike_and_change_nothing(
    scene: Scene, client: httpx2.AsyncClient
) -> None:
    sha = scene.host.add(pipeline())
    answers = [
        await deliver(client, sha, key="wrong"),
        await deliver(client, sha, key=""),
        await deliver(client, sha, repository={"full_name": "octocat/nothing"}),
        await deliver(client, sha, key="0" * 32, repository={"full_name": "octocat/nothing"}),
        await deliver(client, NONE, key="wrong"),
    ]

    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}
    assert await scene.counter() == 0
    assert scene.host.reads == 0


@pytest.mark.parametrize("header", ["", "sha256=", "sha1=" + "0" * 40, "x"])
async def test_a_delivery_without_a_signature_is_refused(client: httpx2.AsyncClient, header: str) -> None:
    body = {"before": OLD, "after": OLD, "ref": "refs/heads/main", "repository": {"full_name": "octocat/hello"}}
    headers = {"X-Gantry-Event": "push"} | ({"X-Hub-Signature-256": header} if header else {})

    answer = await client.post("/hook", json=body, headers=headers)

    assert answer.status_code == 401


@pytest.mark.parametrize(("event", "said"), [("ping", "pong"), ("issues", "ignored"), ("", "ignored")])
async def test_other_events_are_answered_and_ignored(
    scene: Scene, client: httpx2.AsyncClient, event: str, said: str
) -> None:
    answer = await deliver(client, scene.host.add(pipeline()), event=event)

    assert (answer.status_code, answer.json()) == (200, {"message": said})
    assert await scene.counter() == 0


@pytest.mark.parametrize("ref", ["refs/notes/commits", "refs/pull/7/merge"])
async def test_other_refs_are_answered_and_ignored(scene: Scene, client: httpx2.AsyncClient, ref: str) -> None:
    answer = await deliver(client, scene.host.add(pipeline()), ref=ref)

    assert (answer.status_code, answer.json()) == (200, {"message": "ignored"})


async def test_a_repository_that_is_not_active_builds_nothing(scene: Scene, client: httpx2.AsyncClient) -> None:
    await scene.ports.db.write(run("UPDATE repos SET active = FALSE"))

    answer = await deliver(client, scene.host.add(pipeline()))

    assert (answer.status_code, answer.content) == (200, b"")
    assert await scene.counter() == 0


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/pull/7/head", "refs/tags/v1"])
async def test_a_deleted_ref_is_not_remembered_any_more(scene: Scene, client: httpx2.AsyncClient, ref: str) -> None:
    await deliver(client, scene.host.add(pipeline()), ref=ref)
    await deliver(client, scene.host.add(pipeline()), ref="refs/heads/other")

    answer = await deliver(client, NONE, ref=ref)

    assert (answer.status_code, answer.content) == (204, b"")
    branches = await scene.ports.db.read(lists.remembered(scene.repo.id, "branch"))
    pulls = await scene.ports.db.read(lists.remembered(scene.repo.id, "pull"))
    assert (len(branches), len(pulls)) == (1, 0)
    assert await scene.counter() == 2


#: Has the form of a signature, which is all that can be known before the body is read.
FORGED = {"X-Gantry-Event": "push", "X-Hub-Signature-256": f"sha256={'0' * 64}"}


async def test_a_body_that_is_no_push_lists_what_is_wrong(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/hook", json={"ref": 1}, headers=FORGED)

    assert answer.status_code == 400
    assert {problem["field"] for problem in answer.json()["errors"]} >= {"ref", "before", "after"}


async def test_a_body_that_is_too_large_is_not_read(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/hook", content=b"x" * (hook.LIMIT + 1), headers=FORGED)

    assert answer.status_code == 413
