"""Every recorded webhook makes the build that its fields ask for, or no build (contract scm-webhooks 2, 3, 8)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
import pytest

from app.builds import lists, store
from app.builds.model import Build
from tests.builds.api.webhooks import FIXTURES, Receiver, commit, receiving, recorded, slug_of
from tests.builds.farside import NOW, Scene

#: For a host and an event: the path of each field of the build. A number stands for an index in a list.
_USER = "pull_request.user"
PATHS: dict[tuple[str, str], dict[str, str]] = {
    ("github", "push"): {
        "before": "before",
        "after": "after",
        "ref": "ref",
        "link": "compare",
        "message": "head_commit.message",
        "timestamp": "head_commit.timestamp",
        "author_login": "head_commit.author.username",
        "author_name": "head_commit.author.name",
        "author_email": "head_commit.author.email",
        "author_avatar": "sender.avatar_url",
        "sender": "sender.login",
    },
    ("gitea", "push"): {
        "before": "before",
        "after": "after",
        "ref": "ref",
        "link": "compare_url",
        "message": "commits.0.message",
        "timestamp": "commits.0.timestamp",
        "author_login": "commits.0.author.username",
        "author_name": "commits.0.author.name",
        "author_email": "commits.0.author.email",
        "author_avatar": "sender.avatar_url",
        "sender": "sender.username",
    },
    ("gitlab", "push"): {
        "before": "before",
        "after": "checkout_sha",
        "ref": "ref",
        "link": "commits.-1.url",
        "message": "commits.-1.message",
        "timestamp": "commits.-1.timestamp",
        "author_login": "user_username",
        "author_name": "user_name",
        "author_email": "user_email",
        "author_avatar": "user_avatar",
        "sender": "user_username",
    },
    ("github", "pull_request"): {
        "before": "pull_request.base.sha",
        "after": "pull_request.head.sha",
        "link": "pull_request.html_url",
        "source": "pull_request.head.ref",
        "target": "pull_request.base.ref",
        "title": "pull_request.title",
        "source_repo": "pull_request.head.repo.full_name",
        "timestamp": "pull_request.created_at",
        "author_login": f"{_USER}.login",
        "author_avatar": f"{_USER}.avatar_url",
        "sender": "sender.login",
    },
    ("gitea", "pull_request"): {
        "before": "pull_request.base.sha",
        "after": "pull_request.head.sha",
        "link": "pull_request.html_url",
        "source": "pull_request.head.ref",
        "target": "pull_request.base.ref",
        "title": "pull_request.title",
        "source_repo": "pull_request.head.repo.full_name",
        "timestamp": "pull_request.created_at",
        "author_login": f"{_USER}.login",
        "author_avatar": f"{_USER}.avatar_url",
        "sender": "sender.login",
        "author_name": f"{_USER}.full_name",
        "author_email": f"{_USER}.email",
        "message": "pull_request.body",
    },
    ("gitlab", "pull_request"): {
        "after": "object_attributes.last_commit.id",
        "link": "object_attributes.url",
        "source": "object_attributes.source_branch",
        "target": "object_attributes.target_branch",
        "source_repo": "object_attributes.source.path_with_namespace",
        "title": "object_attributes.title",
        "message": "object_attributes.description",
        "timestamp": "object_attributes.created_at",
        "author_login": "user.username",
        "author_name": "user.name",
        "author_avatar": "user.avatar_url",
        "sender": "user.username",
    },
    ("github", "promote"): {
        "deploy_to": "deployment.environment",
        "deploy_id": "deployment.id",
        "after": "deployment.sha",
        "params": "deployment.payload",
        "message": "deployment.description",
        "timestamp": "deployment.created_at",
        "author_login": "sender.login",
        "author_avatar": "sender.avatar_url",
        "sender": "sender.login",
    },
}
PATHS["gogs", "push"] = PATHS["gitea", "push"]
for _host in ("github", "gitlab"):
    PATHS[_host, "tag"] = PATHS[_host, "push"]

_SAME = "refs/heads/master"
_MERGE = "Merge Request Hook"
#: Each recorded webhook that makes a build: its event, and the fields of the build that are not at a path.
BUILT: list[tuple[str, str, str, dict[str, Any]]] = [
    ("github", "push", "push", {"event": "push", "source": "master", "target": "master"}),
    ("github", "push_branch_create", "push", {"event": "push", "source": "feature-branch", "target": "feature-branch"}),
    ("github", "push_tag", "push", {"event": "tag", "action": "create", "source": "master", "target": "master"}),
    ("github", "pr_opened", "pull_request", {"action": "opened", "message": "Update .drone.yml"}),
    ("github", "pr_sync", "pull_request", {"action": "synchronized", "message": "this is an edit"}),
    ("github", "pr_reopened", "pull_request", {"action": "reopened", "message": "this is an edit"}),
    ("github", "deployment", "deployment", {"event": "promote", "ref": _SAME, "source": "master", "target": "master"}),
    ("github", "deployment_commit", "deployment", {"event": "promote", "ref": "", "target": "master"}),
    ("gitea", "push", "push", {"event": "push", "source": "master", "target": "master"}),
    ("gitea", "pull_request_opened", "pull_request", {"action": "opened"}),
    ("gitea", "pull_request_synchronized", "pull_request", {"action": "synchronized"}),
    ("gitea", "pull_request_reopened", "pull_request", {"action": "reopened"}),
    ("gitlab", "push", "Push Hook", {"event": "push", "source": "master", "target": "master"}),
    ("gitlab", "push_merge", "Push Hook", {"event": "push", "source": "master", "target": "master"}),
    ("gitlab", "push_subgroup", "Push Hook", {"event": "push", "source": "master", "target": "master"}),
    ("gitlab", "branch_create", "Push Hook", {"event": "push", "source": "feature", "target": "feature"}),
    ("gitlab", "tag_create", "Tag Push Hook", {"event": "tag", "action": "create", "source": "", "target": ""}),
    ("gitlab", "pull_request_create", _MERGE, {"action": "opened", "before": ""}),
    ("gitlab", "pull_request_reopen", _MERGE, {"action": "reopened", "before": ""}),
    ("gogs", "push", "push", {"event": "push", "source": "main", "target": "main"}),
    ("gogs", "branch_create_2", "push", {"event": "push", "source": "feature/grün", "target": "feature/grün"}),
]
IGNORED = [
    ("github", "push_branch_delete", "push"),
    ("github", "push_tag_delete", "push"),
    ("github", "branch_create", "create"),
    ("github", "tag_create", "create"),
    ("github", "tag_delete", "delete"),
    ("github", "pr_edited", "pull_request"),
    ("github", "pr_ready_for_review", "pull_request"),
    ("gitea", "branch_create", "create"),
    ("gitea", "tag_create", "create"),
    ("gitea", "tag_delete", "delete"),
    ("gitea", "pull_request_edited", "pull_request"),
    ("gitlab", "tag_delete", "Tag Push Hook"),
    ("gitlab", "pull_request_review_ready", _MERGE),
    ("gogs", "branch_create_1", "create"),
    ("gogs", "tag_delete", "delete"),
]
#: And the branch, or the pull request, that has no newest build any more.
ENDED = [
    ("github", "branch_delete", "delete", "feature-branch"),
    ("github", "pr_closed", "pull_request", "1"),
    ("gitea", "branch_delete", "delete", "feature"),
    ("gitea", "pull_request_closed", "pull_request", "1"),
    ("gitea", "pull_request_merged", "pull_request", "1"),
    ("gitlab", "branch_delete", "Push Hook", "feature"),
    ("gitlab", "pull_request_close", _MERGE, "1"),
    ("gitlab", "pull_request_merge", _MERGE, "1"),
    ("gogs", "branch_delete", "delete", "feature/grün"),
]


@pytest.fixture
async def receiver(scene: Scene) -> AsyncIterator[Receiver]:
    async with receiving(scene) as receiver:
        yield receiver


def at(payload: Any, path: str) -> Any:
    for name in path.split("."):
        payload = payload[int(name)] if isinstance(payload, list) else payload[name]
    return payload


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text.replace(" UTC", "+00:00")).timestamp())


@pytest.mark.parametrize(("host", "name", "event", "fields"), BUILT, ids=lambda value: str(value)[:30])
async def test_a_webhook_makes_the_build_that_it_tells_of(
    receiver: Receiver, host: str, name: str, event: str, fields: dict[str, Any]
) -> None:
    body = recorded(host, name)
    payload = orjson.loads(body)
    repo = await receiver.register(host, *slug_of(payload))
    await receiver.grant(repo, "codertocat")

    answer = await receiver.deliver(host, event, body)

    assert answer.status_code == 200, answer.text
    build = answer.json()
    kind = fields.get("event", "pull_request")
    due = {field: at(payload, path) for field, path in PATHS[host, kind].items()}
    due["timestamp"] = seconds(due["timestamp"])
    if kind == "pull_request":
        folder, number = ("merge-requests", "object_attributes.iid") if host == "gitlab" else ("pull", "number")
        due["ref"] = f"refs/{folder}/{at(payload, number)}/head"
    due |= {"event": kind, "trigger": "@hook", "status": "pending", "repo_id": repo.id, "number": 1} | fields
    assert {field: build.get(field, "") for field in due} == due
    assert receiver.forges[host].asked == []
    (known,) = await receiver.known(repo)
    assert (known.host, known.build, known.due, known.error) == (host, 1, 0, "")


async def test_a_tag_of_gogs_has_no_push(receiver: Receiver) -> None:
    body = recorded("gogs", "tag_create")
    payload = orjson.loads(body)
    await receiver.register("gogs", *slug_of(payload))
    receiver.forges["gogs"].known["refs/tags/v1.0.0"] = commit("a" * 40, "The tagged commit")

    build = (await receiver.deliver("gogs", "create", body)).json()

    assert (build["event"], build["action"], build["ref"]) == ("tag", "create", "refs/tags/v1.0.0")
    assert (build["after"], build["message"], build["sender"]) == ("a" * 40, "The tagged commit", "octocat")
    assert receiver.forges["gogs"].asked == [payload["sha"], "refs/tags/v1.0.0"]


@pytest.mark.parametrize(("host", "name", "event"), IGNORED)
async def test_a_webhook_that_asks_for_no_build_is_ignored(
    receiver: Receiver, host: str, name: str, event: str
) -> None:
    body = recorded(host, name)
    repo = await receiver.register(host, *slug_of(orjson.loads(body)))

    answer = await receiver.deliver(host, event, body)

    assert (answer.status_code, answer.json()) == (200, {"message": "ignored"})
    assert await receiver.counter(repo) == 0
    assert (await receiver.deliver(host, event, body, key="another key")).status_code == 401


@pytest.mark.parametrize(("host", "name", "event", "gone"), ENDED)
async def test_what_has_ended_has_no_newest_build(
    receiver: Receiver, host: str, name: str, event: str, gone: str
) -> None:
    body = recorded(host, name)
    repo = await receiver.register(host, *slug_of(orjson.loads(body)))
    for one in (gone, "other"):
        if gone == "1":
            draft = Build(0, repo.id, 1 if one == gone else 2, event="pull_request", ref=f"refs/pull/{len(one)}/head")
        else:
            draft = Build(0, repo.id, 1 if one == gone else 2, event="push", target_branch=one)
        await receiver.ports.db.write(store.create(replace(draft, created=NOW)))

    answer = await receiver.deliver(host, event, body)

    assert (answer.status_code, answer.content) == (204, b"")
    left = await receiver.ports.db.read(lists.remembered(repo.id, "pull" if gone == "1" else "branch"))
    assert [head.number for head in left] == [2]


def test_every_recorded_webhook_is_told_of_here() -> None:
    told = {(host, name) for host, name, *_ in [*BUILT, *IGNORED, *ENDED]} | {("gogs", "tag_create")}
    assert told == {(path.parent.name, path.stem) for path in FIXTURES.glob("*/*.json")}
