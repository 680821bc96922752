"""Webhooks of hosts with an API: who may send them, what they may ask for, and what a second one gets."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import orjson
import pytest

from app.builds.api import hook
from app.builds.deliveries import keeper as keeping
from app.builds.deliveries import store
from app.builds.model import Build
from app.builds.store import find
from app.db.tx import run
from app.errors import Unavailable, Unreadable
from app.repos import keys
from app.repos.model import Repo
from app.scm.forge import Later
from app.scm.hook import sign
from tests.builds.api.webhooks import KEY, Forge, Receiver, commit, receiving, recorded
from tests.builds.farside import NOW, SEAL, Scene, pipeline
from tests.soon import soon

HELLO = ("135493233", "Codertocat/Hello-World")
PUSH: dict[str, Any] = orjson.loads(recorded("github", "push"))
PULL: dict[str, Any] = orjson.loads(recorded("github", "pr_opened"))
SHA = PUSH["after"]


@pytest.fixture
async def receiver(scene: Scene) -> AsyncIterator[Receiver]:
    async with receiving(scene) as receiver:
        yield receiver


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers wait for the build, also on a slow machine."""
    monkeypatch.setattr(keeping, "PROMPT", 60.0)


@pytest.fixture
async def repo(receiver: Receiver) -> Repo:
    return await receiver.register("github", *HELLO)


async def push(receiver: Receiver, delivery: str = "", **changes: Any) -> httpx2.Response:
    return await receiver.deliver("github", "push", orjson.dumps(PUSH | changes), delivery=delivery)


async def pull(receiver: Receiver, origin: dict[str, Any] | None, **changes: Any) -> httpx2.Response:
    """A pull request whose commits come from this repository."""
    head = PULL["pull_request"]["head"]
    head = head | {"repo": origin, "sha": changes.pop("sha", head["sha"])}
    about = PULL["pull_request"] | {"head": head} | changes
    return await receiver.deliver("github", "pull_request", orjson.dumps(PULL | {"pull_request": about}))


async def builds(receiver: Receiver, repo: Repo) -> list[Build]:
    numbers = range(1, await receiver.counter(repo) + 1)
    return [await receiver.ports.db.read(find(repo.id, number)) for number in numbers]


# who may send


@pytest.mark.parametrize("host", ["github", "gitea", "gitlab", "gogs"])
async def test_a_wrong_signature_answers_as_an_unknown_repository_does(receiver: Receiver, host: str) -> None:
    event = "Push Hook" if host == "gitlab" else "push"
    body = recorded(host, "push")
    strange = [await receiver.deliver(host, event, body), await receiver.deliver(host, event, body, key="0" * 32)]
    payload = orjson.loads(body)
    about = payload.get("project") or payload["repository"]
    slug = about.get("path_with_namespace") or about["full_name"]
    repo = await receiver.register(host, str(about["id"]), slug)
    wrong = [await receiver.deliver(host, event, body, key="another key")]

    answers = [*strange, *wrong]
    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}
    assert await receiver.counter(repo) == 0
    assert (await receiver.deliver(host, event, body)).json()["number"] == 1


async def test_a_repository_without_a_key_takes_nothing(receiver: Receiver, repo: Repo) -> None:
    await receiver.ports.db.write(run("UPDATE repos SET signer = :none", none=b""))

    assert (await receiver.deliver("github", "push", recorded("github", "push"), key="")).status_code == 401


async def test_a_repository_is_found_by_its_id_when_it_was_renamed(receiver: Receiver) -> None:
    repo = await receiver.register("github", HELLO[0], "octocat/old-name")
    other = await receiver.register("github", "", HELLO[1])

    assert (await push(receiver)).json()["repo_id"] == repo.id
    assert await receiver.counter(other) == 0


async def test_without_an_id_a_repository_is_found_by_its_slug(receiver: Receiver) -> None:
    repo = await receiver.register("github", "", HELLO[1])
    elsewhere = await receiver.register("gitea", HELLO[0], "octocat/of-another-host")

    assert (await push(receiver)).json()["repo_id"] == repo.id
    assert await receiver.counter(elsewhere) == 0


async def test_of_two_servers_of_one_kind_the_key_tells_the_repository(scene: Scene) -> None:
    async with receiving(scene, Forge(name="github:partners")) as receiver:
        one = await receiver.register("github", HELLO[0], "ours/hello", signer=b"")
        other = await receiver.register("github:partners", HELLO[0], "theirs/hello")

        assert (await push(receiver)).json()["repo_id"] == other.id
        assert await receiver.counter(one) == 0


@pytest.mark.parametrize("sender", ["gitea", "gogs", "gitlab"])
async def test_a_webhook_of_one_host_starts_nothing_at_another(receiver: Receiver, sender: str) -> None:
    """Whoever has seen a webhook of one host could send its body and its signature in the form of another."""
    event, body = "Push Hook" if sender == "gitlab" else "push", recorded(sender, "push")
    payload = orjson.loads(body)
    about = payload.get("project") or payload["repository"]
    repo = await receiver.register("github", "7", about.get("path_with_namespace") or about["full_name"])

    assert (await receiver.deliver(sender, event, body)).status_code == 401
    assert await receiver.counter(repo) == 0


async def test_a_hook_of_plain_git_starts_nothing_at_a_host(receiver: Receiver, repo: Repo) -> None:
    """Such a hook may send no id, so that the server would not know a second delivery."""
    sent = {"X-Gantry-Event": "push", "X-Hub-Signature-256": sign(KEY, body := orjson.dumps(PUSH))}

    assert (await receiver.client.post("/hook", content=body, headers=sent)).status_code == 401
    assert await receiver.counter(repo) == 0


async def test_a_host_may_send_for_a_repository_that_was_registered_as_plain_git(receiver: Receiver) -> None:
    receiver.scene.host.files[SHA], receiver.scene.host.messages[SHA] = pipeline(), "change"
    repo = await receiver.register("", "", HELLO[1])

    assert (await push(receiver)).json()["repo_id"] == repo.id


async def test_a_ping_needs_no_repository(receiver: Receiver) -> None:
    answer = await receiver.client.post("/hook", headers={"X-GitHub-Event": "ping"}, content=b"x")

    assert (answer.status_code, answer.json()) == (200, {"message": "pong"})


async def test_a_repository_that_is_off_answers_nothing(receiver: Receiver, repo: Repo) -> None:
    await receiver.ports.db.write(run("UPDATE repos SET active = FALSE"))

    answer = await push(receiver)

    assert (answer.status_code, answer.content) == (200, b"")


# bad input


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b"{", "bad_json"),
        (b"[]", "wrong_type"),
        (b"<html>", "bad_json"),
        (b'{"ref": "\xff"}', "bad_json"),
        (b"[" * 100_000, "bad_json"),
    ],
)
@pytest.mark.parametrize("host", ["github", "gitea", "gitlab", "gogs"])
async def test_what_is_no_json_object_is_refused(receiver: Receiver, host: str, body: bytes, code: str) -> None:
    event = "Push Hook" if host == "gitlab" else "push"

    answer = await receiver.deliver(host, event, body)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == code


async def test_a_body_of_30_megabytes_is_not_read(receiver: Receiver) -> None:
    answer = await receiver.deliver("github", "push", b"x" * 30_000_000)

    assert answer.status_code == 413
    assert hook.LIMIT < 30_000_000


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", "multipart/form-data; boundary=x"])
async def test_the_content_type_of_json_does_not_matter(receiver: Receiver, repo: Repo, kind: str) -> None:
    answer = await receiver.deliver("github", "push", orjson.dumps(PUSH), **{"content-type": kind})

    assert (answer.status_code, answer.json()["number"]) == (200, 1)


async def test_a_form_without_json_is_refused(receiver: Receiver) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = await receiver.deliver("github", "push", b"a=b", **kind)

    assert (answer.status_code, answer.json()["code"]) == (400, "no_payload")


@pytest.mark.parametrize(
    "branch", ["feature/login/two", "grün-🐙", "a'b\"c$(id)", "x" * 200, "-", "2024-fix", "refs/heads/main"]
)
async def test_a_branch_may_have_any_name_that_git_takes(receiver: Receiver, repo: Repo, branch: str) -> None:
    build = (await push(receiver, ref=f"refs/heads/{branch}")).json()

    assert (build["ref"], build["target"]) == (f"refs/heads/{branch}", branch)


@pytest.mark.parametrize("ref", ["refs/heads/../../etc", "refs/heads/a b", "refs/heads/", "main", "refs/heads/a\0b"])
async def test_a_ref_that_git_refuses_is_refused(receiver: Receiver, repo: Repo, ref: str) -> None:
    answer = await push(receiver, ref=ref)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "ref")


async def test_all_that_is_wrong_is_told(receiver: Receiver) -> None:
    answer = await push(receiver, ref=1, after="main", before=None, repository={})

    fields = {error["field"] for error in answer.json()["errors"]}
    assert (answer.status_code, fields) == (400, {"ref", "after", "before", "repository"})


async def test_what_is_only_shown_may_have_any_form(receiver: Receiver, repo: Repo) -> None:
    head = {"message": "a\0b", "author": [], "timestamp": "yesterday", "id": SHA}
    answer = await push(receiver, head_commit=head, compare="javascript:alert(1)", sender={"login": "a\nb" * 500})

    build = answer.json()
    assert answer.status_code == 200
    assert (build["message"], build["author_name"], build["timestamp"], build["link"]) == ("a\ufffdb", "", 0, "")
    assert len(build["sender"]) <= 250
    assert "\n" not in build["sender"]


async def test_a_force_push_and_a_moved_tag_are_built(receiver: Receiver, repo: Repo) -> None:
    forced = await push(receiver, "one", forced=True, after="a" * 40)
    moved = [
        await push(receiver, str(sha), ref="refs/tags/v1", after=str(sha) * 40, head_commit=None) for sha in (1, 2)
    ]

    assert [answer.json()["event"] for answer in (forced, *moved)] == ["push", "tag", "tag"]
    assert [answer.json()["after"] for answer in moved] == ["1" * 40, "2" * 40]


async def test_an_annotated_tag_is_built_at_its_commit(receiver: Receiver, repo: Repo) -> None:
    head = {"id": "c" * 40, "message": "The commit"}

    build = (await push(receiver, ref="refs/tags/v1", after="7" * 40, head_commit=head)).json()

    assert (build["after"], build["message"]) == ("c" * 40, "The commit")


async def test_refs_that_are_no_branch_and_no_tag_are_ignored(receiver: Receiver, repo: Repo) -> None:
    answers = [await push(receiver, ref=ref) for ref in ("refs/notes/commits", "refs/pull/1/head")]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"message": "ignored"})] * 2


async def test_a_commit_that_the_host_no_longer_has_is_told_by_an_error_build(receiver: Receiver, repo: Repo) -> None:
    receiver.forges["github"].failure = Unreadable("there is no commit 199eddf", code="config_not_found")

    answer = await push(receiver)

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["error"]) == ("error", "there is no commit 199eddf")
    assert answer.json()["message"] == "Update README"


async def test_a_commit_of_which_nothing_is_told_is_asked_for(receiver: Receiver, repo: Repo) -> None:
    receiver.forges["github"].known[SHA] = commit(SHA, "What the host says")

    told = (await push(receiver, head_commit=None)).json()
    untold = (await push(receiver, "other", head_commit=None, after="b" * 40)).json()

    assert (told["message"], told["author_name"], told["author_email"]) == (
        *("What the host says", "Ada"),
        "ada@example.com",
    )
    assert (untold["message"], untold["after"]) == ("", "b" * 40)


# gates


@pytest.mark.parametrize("text", ["x [CI SKIP]", "[skip ci]", "a\n\n***NO_CI***"])
async def test_a_message_may_ask_for_no_build(receiver: Receiver, repo: Repo, text: str) -> None:
    answer = await push(receiver, head_commit=PUSH["head_commit"] | {"message": text})
    asked = await pull(receiver, None, title=text, body="")

    assert (answer.status_code, answer.json()) == (200, None)
    assert asked.status_code == 401  # of another repository
    tag = await push(receiver, ref="refs/tags/v1", head_commit=PUSH["head_commit"] | {"message": text})
    assert tag.json()["event"] == "tag"
    newest, first = await receiver.known(repo)
    assert (first.error, first.build, newest.build) == ("the message asks for no build", 0, 1)


async def own(receiver: Receiver, **fields: Any) -> Repo:
    """The repository of the recorded pull requests."""
    return await receiver.register("github", str(PULL["repository"]["id"]), PULL["repository"]["full_name"], **fields)


FORK = {"full_name": "mallory/drone-test-go"}
HOME = {"full_name": PULL["repository"]["full_name"]}


@pytest.mark.parametrize("origin", [FORK, None])
async def test_a_pull_request_of_a_fork_may_be_ignored(receiver: Receiver, origin: dict[str, Any] | None) -> None:
    repo = await own(receiver, ignore_forks=True)

    forked = await pull(receiver, origin)
    ours = await pull(receiver, {"full_name": HOME["full_name"].upper()}, sha="a" * 40)

    assert (forked.status_code, forked.json()) == (200, None)
    assert ours.json()["source_repo"] == repo.slug
    assert [one.error for one in await receiver.known(repo)] == ["", "the repository ignores pull requests from forks"]


async def test_pull_requests_may_be_ignored(receiver: Receiver) -> None:
    await own(receiver, ignore_pull_requests=True)

    assert (await pull(receiver, HOME)).json() is None


@pytest.mark.parametrize(("origin", "told"), [(FORK, "mallory/drone-test-go"), (None, "(deleted)")])
async def test_a_build_names_the_fork_that_it_must_not_trust(
    receiver: Receiver, origin: dict[str, Any] | None, told: str
) -> None:
    await own(receiver)

    assert (await pull(receiver, origin)).json()["source_repo"] == told


async def test_a_fork_with_the_old_name_of_a_repository_is_not_trusted(receiver: Receiver) -> None:
    repo = await receiver.register("github", str(PULL["repository"]["id"]), "mallory/drone-test-go")

    forked, ours = await pull(receiver, FORK), await pull(receiver, HOME, sha="a" * 40)

    assert forked.json()["source_repo"] == "(deleted)"
    assert ours.json()["source_repo"] == repo.slug


async def test_nothing_is_built_for_an_owner_who_is_inactive(receiver: Receiver, repo: Repo) -> None:
    await receiver.ports.db.write(run("UPDATE users SET active = FALSE"))

    assert (await push(receiver)).json() is None
    (known,) = await receiver.known(repo)
    assert known.error == "the account octocat, which owns the repository, is inactive"


async def test_what_no_pipeline_wants_takes_no_number(receiver: Receiver, repo: Repo) -> None:
    receiver.forges["github"].file = pipeline(trigger={"branch": ["release"]})

    answer = await push(receiver)

    assert (answer.status_code, answer.json()) == (200, None)
    assert await receiver.counter(repo) == 0


async def test_a_bad_file_makes_an_error_build(receiver: Receiver, repo: Repo) -> None:
    receiver.forges["github"].file = "kind: ["

    answer = await push(receiver)

    assert (answer.status_code, answer.json()["status"]) == (200, "error")


# second deliveries


async def test_a_second_delivery_gets_the_build_of_the_first_one(receiver: Receiver, repo: Repo) -> None:
    answers = [await push(receiver, "one")]
    receiver.scene.clock.time += 6 * 24 * 3600
    answers.append(await push(receiver, "one"))

    assert [answer.json()["number"] for answer in answers] == [1, 1]
    assert await receiver.counter(repo) == 1


@pytest.mark.usefixtures("patient")
async def test_of_deliveries_at_one_moment_one_builds(receiver: Receiver, repo: Repo) -> None:
    answers = await asyncio.gather(*(push(receiver, "one") for _ in range(8)))

    assert [(answer.status_code, answer.json()["number"]) for answer in answers] == [(200, 1)] * 8


@pytest.mark.usefixtures("patient")
async def test_two_hooks_that_tell_of_one_push_make_one_build(receiver: Receiver, repo: Repo) -> None:
    together = await asyncio.gather(*(push(receiver, str(number), hook=number) for number in range(4)))
    receiver.scene.clock.time += store.TWINS
    late = await push(receiver, "late", hook=4)
    receiver.scene.clock.time += 1
    later = [await push(receiver, "later", hook=5) for _ in range(2)]

    assert [answer.json()["number"] for answer in (*together, late, *later)] == [1, 1, 1, 1, 1, 2, 2]
    assert (await push(receiver, "3", hook=3)).json()["number"] == 1


async def test_pushes_of_different_commits_or_refs_are_no_second_deliveries(receiver: Receiver, repo: Repo) -> None:
    answers = [
        await push(receiver, "one"),
        await push(receiver, "two", after="a" * 40),
        await push(receiver, "three", ref="refs/heads/other"),
    ]

    assert [answer.json()["number"] for answer in answers] == [1, 2, 3]


async def test_a_delivery_that_started_no_build_may_be_sent_again(receiver: Receiver, repo: Repo) -> None:
    forge = receiver.forges["github"]
    forge.file = pipeline(trigger={"branch": ["release"]})
    assert (await push(receiver, "one")).json() is None
    receiver.ports.configs._files.clear()
    forge.file = pipeline()

    assert (await push(receiver, "one")).json()["number"] == 1


async def test_deliveries_are_known_for_a_week(receiver: Receiver, repo: Repo) -> None:
    await push(receiver, "one")
    receiver.scene.clock.time += keeping.KNOWN - 1
    await receiver.keeper.look()
    assert len(await receiver.known(repo)) == 1
    receiver.scene.clock.time += keeping.FORGETTING
    await receiver.keeper.look()

    assert await receiver.known(repo) == []


# a host that is slow, or away


async def test_the_answer_does_not_wait_for_a_slow_host(
    receiver: Receiver, repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = asyncio.Event()
    read = receiver.forges["github"].read_file

    async def slow(*words: Any) -> str:
        await heard.wait()
        return await read(*words)

    monkeypatch.setattr(receiver.forges["github"], "read_file", slow)
    began = time.monotonic()
    answers = [await push(receiver, "one"), await push(receiver, "one")]
    took = time.monotonic() - began

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == {"message": "it is built in the background", "id": "one"}
    assert took >= keeping.PROMPT * 2
    assert keeping.PROMPT < 1
    heard.set()
    await soon(lambda: receiver.counter(repo))
    assert (await push(receiver, "one")).json()["number"] == 1


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "PAUSES", (0.0,) * 5)


@pytest.mark.parametrize("error", [Unavailable("503"), Unreadable("no answer", code="repository_unreachable")])
async def test_a_host_that_is_down_is_asked_again(
    receiver: Receiver, repo: Repo, quick: None, error: Exception
) -> None:
    forge = receiver.forges["github"]
    forge.failure = error
    answer = await push(receiver, "one")
    assert (answer.status_code, answer.json()["id"], forge.reads) == (202, "one", 6)

    forge.failure = None
    receiver.scene.clock.time += 5
    await receiver.keeper.look()
    await soon(lambda: receiver.counter(repo))

    (build,) = await builds(receiver, repo)
    assert (build.after, build.status, build.author_login) == (SHA, "pending", "Codertocat")


async def test_a_host_that_wants_no_call_is_left_alone(receiver: Receiver, repo: Repo, quick: None) -> None:
    forge = receiver.forges["github"]
    forge.failure = Later("the quota is used up", 900)

    answer = await push(receiver, "one")

    assert (answer.status_code, forge.reads) == (202, 1)
    (known,) = await receiver.known(repo)
    assert (known.due, known.error) == (NOW + 900, "the quota is used up")


async def test_a_commit_that_is_new_is_asked_for_again(receiver: Receiver, repo: Repo, quick: None) -> None:
    forge = receiver.forges["github"]
    forge.failure = Unreadable("there is no .drone.yml", code="config_not_found")

    new = await push(receiver, "new", head_commit=PUSH["head_commit"] | {"timestamp": "2023-11-14T22:13:00Z"})
    reads = forge.reads
    old = await push(receiver, "old", after="b" * 40)

    assert [answer.json()["status"] for answer in (new, old)] == ["error", "error"]
    assert (reads, forge.reads) == (6, 7)


async def test_a_server_that_dies_at_work_leaves_the_delivery_to_the_next(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving(scene) as receiver:
        repo = await receiver.register("github", *HELLO)

        async def dies(*_: Any) -> str:
            await asyncio.sleep(3600)
            raise AssertionError

        monkeypatch.setattr(receiver.forges["github"], "read_file", dies)
        assert (await push(receiver, "one")).status_code == 202
    async with receiving(scene) as receiver:
        scene.clock.time += keeping.LEASE
        await receiver.keeper.look()
        await soon(lambda: receiver.counter(repo))

        (build,) = await builds(receiver, repo)
        assert (build.after, (await push(receiver, "one")).json()["number"]) == (SHA, 1)


# another key


async def test_a_key_beside_that_of_the_repository_counts_until_its_time(receiver: Receiver, repo: Repo) -> None:
    body, db = recorded("github", "push"), receiver.ports.db
    other = SEAL.seal("another key", keys.KEY)
    await db.write(keys.allow(repo.id, other, receiver.scene.clock() - keys.OVERLAP))

    late = await receiver.deliver("github", "push", body, key="another key")
    await db.write(keys.allow(repo.id, other, receiver.scene.clock()))
    taken = await receiver.deliver("github", "push", body, key="another key")

    assert (late.status_code, taken.status_code) == (401, 200)
    assert (await receiver.deliver("github", "push", body, key="a third key")).status_code == 401


async def test_of_many_keys_beside_that_of_a_repository_the_newest_count(receiver: Receiver, repo: Repo) -> None:
    other, db, now = await receiver.register("github", "7", "octocat/other"), receiver.ports.db, receiver.scene.clock()
    await db.write(keys.allow(other.id, SEAL.seal("elsewhere", keys.KEY), now))
    for number in range(keys.MOST + 2):
        await db.write(keys.allow(repo.id, SEAL.seal(f"key {number}", keys.KEY), now))

    found = await db.read(keys.beside([repo.id, other.id], now))

    newest = [f"key {number}" for number in range(2, keys.MOST + 2)]
    assert [SEAL.open(one, keys.KEY) for one in found[repo.id]] == newest
    assert [SEAL.open(one, keys.KEY) for one in found[other.id]] == ["elsewhere"]


async def test_a_key_beside_that_of_another_repository_counts_for_nothing(receiver: Receiver, repo: Repo) -> None:
    other = await receiver.register("github", "7", "octocat/other")
    now = receiver.scene.clock()
    await receiver.ports.db.write(keys.allow(other.id, SEAL.seal("another key", keys.KEY), now))

    answer = await receiver.deliver("github", "push", recorded("github", "push"), key="another key")

    assert answer.status_code == 401
    assert await receiver.counter(repo) == 0
