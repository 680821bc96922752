"""Pushes of a plain git repository become builds, or do not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import orjson
import pytest

from app.builds import lists
from app.builds.api import hook
from app.builds.deliveries.keeper import LATEST, Keeper
from app.builds.model import Build
from app.builds.push import push_build
from app.builds.triggers import build_event
from app.db.tx import Tx, run
from app.errors import NotFound, NothingToRun, Unavailable, Unreadable
from app.repos import hooks
from app.repos.model import SIGNER
from app.scm.hook import Push, sign
from app.scm.host import passes
from app.sealing.seal import Seal
from app.web.limit import Budgets
from app.web.policy import Policy
from app.web.route import Endpoint
from app.web.server import OPEN
from tests.builds.farside import HOOK, NOW, Scene, pipeline
from tests.web.asgi import serving

KEY = "k" * 32
NONE, OLD = "0" * 40, "b" * 40


def push(after: str, ref: str = "refs/heads/main", before: str = OLD, **fields: Any) -> Push:
    return Push(before=before, after=after, ref=ref, sender=fields.pop("sender", "grace"), **fields)


async def built(scene: Scene, given: Push) -> Build | None:
    """The build of a push; None when nothing is to run."""
    trigger = build_event(given, scene.repo.default_branch)
    assert trigger is not None
    try:
        return await push_build(scene.ports, scene.repo, given, trigger, HOOK, claim=nothing, retried=passes)
    except NothingToRun:
        return None


def nothing() -> Tx[None]:
    yield from ()


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
    ("ref", "before", "event", "action", "source", "target"),
    [
        ("refs/heads/feature/x", OLD, "push", "", "feature/x", "feature/x"),
        ("refs/heads/new", NONE, "push", "", "new", "new"),
        ("refs/tags/v1", NONE, "tag", "create", "", ""),
        ("refs/pull/7/head", NONE, "pull_request", "opened", "", "main"),
        ("refs/pull/7/head", OLD, "pull_request", "synchronized", "", "main"),
        ("refs/merge-requests/7/head", OLD, "pull_request", "synchronized", "", "main"),
    ],
)
async def test_the_ref_decides_the_event(
    scene: Scene, ref: str, before: str, event: str, action: str, source: str, target: str
) -> None:
    made = await built(scene, push(scene.host.add(pipeline()), ref, before))

    assert made is not None
    assert (made.event, made.action, made.ref, made.before) == (event, action, ref, before)
    assert (made.source_branch, made.target_branch) == (source, target)


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
    async with serving_hook(scene) as made:
        yield made


@asynccontextmanager
async def serving_hook(scene: Scene, policy: Policy = OPEN) -> AsyncIterator[httpx2.AsyncClient]:
    seal = Seal("a key of the test")
    await scene.ports.db.write(run("UPDATE repos SET signer = :signer", signer=seal.seal(KEY, SIGNER)))
    route = Endpoint("POST", "/hook", hook.receive)
    state: dict[str, Any] = {"db": scene.ports.db, "ports": scene.ports, "hosts": scene.ports.hosts, "seal": seal}
    keeper = Keeper(scene.ports)
    async with serving([route], policy=policy, **state, keeper=keeper) as made:
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


async def test_the_hook_of_plain_git_is_told_why_nothing_runs(scene: Scene, client: httpx2.AsyncClient) -> None:
    answer = await deliver(client, scene.host.add(pipeline(trigger={"event": ["tag"]})))

    excluded = 'pipeline "default": trigger.event includes tag, not "push"'
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "message": "no pipeline is for push",
            "code": "nothing_to_run",
            "errors": [{"field": "default", "code": "excluded", "message": excluded}],
        },
    )
    skipped = await deliver(client, scene.host.add(pipeline(), message="x [ci skip]"))
    assert skipped.json() == {"message": "the message of the commit asks for no build", "code": "nothing_to_run"}
    assert await scene.counter() == 0


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

    assert answer.json() == {"message": "the repository is disabled: gantry repo enable octocat/hello"}
    assert (answer.status_code, await scene.counter()) == (200, 0)


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


def delivery(age: int = 0, name: str = "d" * 32) -> dict[str, object]:
    return {"id": name, "time": NOW - age}


async def test_a_second_delivery_gets_the_build_of_the_first_one(scene: Scene, client: httpx2.AsyncClient) -> None:
    sha = scene.host.add(pipeline())

    answers = [await deliver(client, sha, delivery=delivery()) for _ in range(3)]
    other = await deliver(client, sha, delivery=delivery(name="e" * 32))
    old_script = [await deliver(client, sha) for _ in range(2)]

    assert [answer.json()["number"] for answer in answers] == [1, 1, 1]
    assert [answer.json()["number"] for answer in (other, *old_script)] == [2, 3, 4]


async def test_of_deliveries_at_one_moment_one_builds(scene: Scene, client: httpx2.AsyncClient) -> None:
    sha = scene.host.add(pipeline())

    answers = await asyncio.gather(*(deliver(client, sha, delivery=delivery()) for _ in range(8)))

    assert [(answer.status_code, answer.json()["number"]) for answer in answers] == [(200, 1)] * 8
    assert await scene.counter() == 1


@pytest.mark.parametrize(("age", "status"), [(LATEST, 200), (LATEST + 1, 400), (-LATEST, 200), (-LATEST - 1, 400)])
async def test_a_delivery_of_another_time_is_refused(
    scene: Scene, client: httpx2.AsyncClient, age: int, status: int
) -> None:
    answer = await deliver(client, scene.host.add(pipeline()), delivery=delivery(age))

    assert answer.status_code == status
    if status == 400:
        assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [
            ("delivery.time", "stale_delivery")
        ]
        assert "at most 300 s are allowed: set the clocks" in answer.json()["message"]


async def test_an_old_delivery_with_a_wrong_signature_is_told_nothing(scene: Scene, client: httpx2.AsyncClient) -> None:
    answer = await deliver(client, scene.host.add(pipeline()), key="wrong", delivery=delivery(1000))

    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({}, ["delivery.id", "delivery.time"]),
        ({"id": "d" * 32}, ["delivery.time"]),
        ({"time": NOW}, ["delivery.id"]),
        ({"id": "d" * 32, "time": True}, ["delivery.time"]),
        ({"id": "d" * 32, "time": "1"}, ["delivery.time"]),
        ({"id": "d" * 32, "time": 0}, ["delivery.time"]),
        ({"id": "d" * 32, "time": 1e300}, ["delivery.time"]),
        ({"id": "d" * 32, "time": 2**62}, ["delivery.time"]),
        ({"id": "", "time": NOW}, ["delivery.id"]),
        ({"id": "d" * 65, "time": NOW}, ["delivery.id"]),
        ({"id": "d" * 31 + "\n", "time": NOW}, ["delivery.id"]),
        ({"id": 5, "time": NOW}, ["delivery.id"]),
        ([], ["delivery", "delivery.id", "delivery.time"]),
        ("x", ["delivery", "delivery.id", "delivery.time"]),
    ],
)
async def test_a_delivery_that_is_wrongly_named_lists_what_is_wrong(
    client: httpx2.AsyncClient, given: object, fields: list[str]
) -> None:
    answer = await deliver(client, OLD, delivery=given)

    assert answer.status_code == 400
    assert sorted({error["field"] for error in answer.json()["errors"]}) == fields


async def test_a_push_that_cannot_be_read_is_accepted(scene: Scene, client: httpx2.AsyncClient) -> None:
    sha = scene.host.add(pipeline())
    scene.host.failure = Unavailable("git is slow today")

    answers = [await deliver(client, sha, delivery=delivery()) for _ in range(2)]

    for answer in answers:
        assert answer.status_code == 202
        told = "it is built as soon as the repository can be read: git is slow today"
        assert answer.json() == {"message": told, "id": "d" * 32}
    assert await scene.counter() == 0


#: Requests a minute, used up in a moment.
RATE = 3
FLOOD = Policy(unlimited=frozenset({hooks.PATH}))


@pytest.mark.parametrize(
    ("event", "body", "status"),
    [
        pytest.param("push", orjson.dumps({"ref": 1}), 400, id="no push"),
        pytest.param("push", b"{", 400, id="no JSON"),
        pytest.param("push", b"x" * (hook.LIMIT + 1), 413, id="too large"),
        pytest.param("ping", b"", 200, id="ping"),
        pytest.param("issues", b"", 200, id="other event"),
        pytest.param("", b"", 200, id="no event"),
    ],
)
async def test_whatever_nobody_signed_counts_for_the_strangers_of_its_address(
    scene: Scene, event: str, body: bytes, status: int
) -> None:
    policy = replace(FLOOD, budgets=Budgets(RATE, lambda: 0))
    headers = FORGED | {"X-Gantry-Event": event}
    async with serving_hook(scene, policy) as client:
        answers = [await client.post("/hook", content=body, headers=headers) for _ in range(RATE + 1)]

    assert [answer.status_code for answer in answers] == [status] * RATE + [429]
    assert answers[-1].headers["retry-after"] == "20"


async def test_of_an_address_without_budget_only_small_bodies_are_read_and_a_push_that_is_signed_counts(
    scene: Scene,
) -> None:
    policy, read = replace(FLOOD, budgets=Budgets(RATE, lambda: 0)), 0

    async def large() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(90):
            read += 100_000
            yield b"x" * 100_000

    async with serving_hook(scene, policy) as client:
        for _ in range(RATE):
            assert (await client.post("/hook", content=large(), headers=FORGED)).status_code == 400
        assert read == RATE * 9_000_000
        read = 0
        assert (await client.post("/hook", content=large(), headers=FORGED)).status_code == 429
        assert (await client.post("/hook", content=b"x" * 9_000_000, headers=FORGED)).status_code == 429
        assert read <= hook.SMALL + 100_000

        sha = scene.host.add(pipeline())
        answers = [await deliver(client, sha) for _ in range(RATE + 1)]

    assert [answer.status_code for answer in answers] == [200] * RATE + [429]
