"""Webhooks that somebody has recorded and sends again: hosts sign what a webhook tells, but not its id."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from app.builds.deliveries import keeper as keeping
from app.builds.deliveries import store
from app.errors import Unavailable
from app.repos.model import Repo
from app.scm.hook import sign
from tests.builds.api.webhooks import KEY, Receiver, commit, headers, receiving, recorded, slug_of
from tests.builds.farside import NOW, Scene, pipeline
from tests.soon import soon

EVENT = {"X-Gitlab-Event": "Push Hook"}
A, B = "a" * 40, "b" * 40


@pytest.fixture
async def receiver(scene: Scene) -> AsyncIterator[Receiver]:
    async with receiving(scene) as receiver:
        yield receiver


def recorded_push(host: str, **changes: Any) -> bytes:
    return orjson.dumps(orjson.loads(recorded(host, "push")) | changes)


async def registered(receiver: Receiver, host: str, name: str = "push") -> Repo:
    return await receiver.register(host, *slug_of(orjson.loads(recorded(host, name))))


@pytest.mark.parametrize("host", ["github", "gitea", "gogs"])
async def test_a_webhook_under_another_id_gets_the_build_of_the_first_one(receiver: Receiver, host: str) -> None:
    repo, body = await registered(receiver, host), recorded(host, "push")
    first = await receiver.deliver(host, "push", body, delivery="one")

    receiver.scene.clock.time += 6 * 24 * 3600
    again = [await receiver.deliver(host, "push", body, delivery=name) for name in ("two", "three", "two")]

    assert [answer.json()["number"] for answer in (first, *again)] == [1, 1, 1, 1]
    assert await receiver.counter(repo) == 1
    assert [(one.name, one.error) for one in await receiver.known(repo)] == [
        ("three", "the same webhook as that of delivery one"),
        ("two", "the same webhook as that of delivery one"),
        ("one", ""),
    ]


async def test_a_deployment_under_another_id_promotes_once(receiver: Receiver) -> None:
    body = recorded("github", "deployment")
    repo = await registered(receiver, "github", "deployment")
    await receiver.grant(repo, "ada")

    first, again = [await receiver.deliver("github", "deployment", body, delivery=name) for name in ("one", "two")]

    assert (first.json()["number"], again.json()["number"], await receiver.counter(repo)) == (1, 1, 1)


def moved(host: str, before: str, after: str, when: int) -> bytes:
    """A push that the host tells of at a time, as the host shows this time."""
    about = orjson.loads(recorded(host, "push"))
    told = {"pushed_at": when} if host == "github" else {"updated_at": f"2026-01-01T00:{when // 60:02}:{when % 60:02}Z"}
    return recorded_push(host, before=before, after=after, repository=about["repository"] | told)


@pytest.mark.parametrize("host", ["github", "gitea", "gogs"])
async def test_a_branch_that_is_moved_to_and_fro_is_built_each_time(receiver: Receiver, host: str) -> None:
    await registered(receiver, host)

    numbers = []
    for turn, (before, after) in enumerate([(A, B), (B, A), (A, B)]):
        receiver.scene.clock.time += store.TWINS + 1
        answer = await receiver.deliver(host, "push", moved(host, before, after, turn * 61), delivery=str(turn))
        numbers.append(answer.json()["number"])

    assert numbers == [1, 2, 3]


async def test_a_branch_of_gitlab_that_is_moved_to_and_fro_is_built_each_time(receiver: Receiver) -> None:
    """A body of GitLab holds no time; its key is shown, not used to sign."""
    await registered(receiver, "gitlab")

    numbers = []
    for turn, (before, after) in enumerate([(A, B), (B, A), (A, B)]):
        receiver.scene.clock.time += store.TWINS + 1
        body = recorded_push("gitlab", before=before, after=after, checkout_sha=after)
        answer = await receiver.deliver("gitlab", "Push Hook", body, delivery=str(turn))
        numbers.append(answer.json()["number"])

    assert numbers == [1, 2, 3]


async def test_a_branch_of_plain_git_that_is_moved_to_and_fro_is_built_each_time(receiver: Receiver) -> None:
    """A body of an old hook holds neither an id nor a time."""
    await receiver.register("", "", "octocat/plain")
    receiver.scene.host.files |= {A: pipeline(), B: pipeline()}
    receiver.scene.host.messages |= {A: "one", B: "other"}

    numbers = []
    for before, after in [(A, B), (B, A), (A, B)]:
        told = {"repository": {"full_name": "octocat/plain"}, "ref": "refs/heads/main"}
        body = orjson.dumps(told | {"before": before, "after": after})
        sent = {"X-Gantry-Event": "push", "X-Hub-Signature-256": sign(KEY, body)}
        numbers.append((await receiver.client.post("/hook", content=body, headers=sent)).json()["number"])

    assert numbers == [1, 2, 3]


async def test_a_pull_request_of_gogs_which_tells_no_commit_is_built_each_time(receiver: Receiver) -> None:
    about = orjson.loads(recorded("gogs", "push"))
    repo = await registered(receiver, "gogs")
    pull = {"number": 7, "head_branch": "topic", "base_branch": "main", "head_repo": about["repository"]}
    told = orjson.dumps({"action": "synchronized", "pull_request": pull, "repository": about["repository"]})
    forge = receiver.forges["gogs"]
    for number, sha in enumerate((A, B)):
        forge.known["refs/pull/7/head"] = commit(sha)
        await receiver.deliver("gogs", "pull_request", told, delivery=str(number))

    assert await receiver.counter(repo) == 2


@pytest.mark.parametrize("host", ["gitea", "gogs"])
async def test_another_wrapping_of_what_was_signed_is_no_other_webhook(receiver: Receiver, host: str) -> None:
    """Gitea and Gogs sign the text in a form, not the form."""
    repo, body = await registered(receiver, host), recorded(host, "push")
    await receiver.deliver(host, "push", body, delivery="one")
    receiver.scene.clock.time += store.TWINS + 1
    sent = headers(host, "push", body, delivery="two")
    form = {"content-type": "application/x-www-form-urlencoded"}

    for more in ({}, {"x": "y"}):
        wrapped = urlencode({"payload": body.decode()} | more).encode()
        answer = await receiver.client.post("/hook", content=wrapped, headers=sent | form)
        assert answer.json()["number"] == 1
    assert await receiver.counter(repo) == 1


async def test_a_webhook_of_gitlab_that_is_signed_is_known_by_its_signed_id(receiver: Receiver) -> None:
    repo, body = await registered(receiver, "gitlab"), recorded("gitlab", "push")
    signature = base64.b64encode(hmac.new(KEY.encode(), f"msg_1.{NOW}.".encode() + body, hashlib.sha256).digest())
    about = {"webhook-id": "msg_1", "webhook-timestamp": str(NOW), "webhook-signature": f"v1,{signature.decode()}"}

    numbers = []
    for name in ("one", "two"):
        answer = await receiver.client.post("/hook", content=body, headers=EVENT | about | {"Idempotency-Key": name})
        numbers.append(answer.json()["number"])
        receiver.scene.clock.time += store.TWINS + 1

    assert (numbers, await receiver.counter(repo)) == ([1, 1], 1)


async def test_after_a_failure_that_passes_the_webhook_may_be_sent_again(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gitea gives a new id to a webhook that somebody lets it send again."""
    monkeypatch.setattr(keeping, "PAUSES", ())
    repo, body, forge = await registered(receiver, "gitea"), recorded("gitea", "push"), receiver.forges["gitea"]
    forge.failure = Unavailable("503")
    assert (await receiver.deliver("gitea", "push", body, delivery="one")).status_code == 202
    assert (await receiver.deliver("gitea", "push", body, delivery="two")).status_code == 202

    forge.failure = None
    receiver.scene.clock.time += 5
    await receiver.keeper.look()
    await soon(lambda: receiver.counter(repo))

    assert (await receiver.deliver("gitea", "push", body, delivery="three")).json()["number"] == 1


async def test_what_made_nothing_is_tried_anew_when_it_is_sent_again(receiver: Receiver) -> None:
    repo, body, forge = await registered(receiver, "gitea"), recorded("gitea", "push"), receiver.forges["gitea"]
    forge.file = pipeline(trigger={"branch": ["release"]})
    assert (await receiver.deliver("gitea", "push", body, delivery="one")).json() is None
    receiver.ports.configs._files.clear()
    forge.file = pipeline()
    receiver.scene.clock.time += store.TWINS + 1

    answers = [await receiver.deliver("gitea", "push", body, delivery=name) for name in ("two", "three")]

    assert [answer.json()["number"] for answer in answers] == [1, 1]
    assert await receiver.counter(repo) == 1
