"""POST /hook takes comments, and hands up those of enabled repositories (contract scm-webhooks 2, 3.6, 6)."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from app.scm.hook import Comment
from tests.builds.api.webhooks import Receiver, receiving
from tests.builds.farside import Scene

OWNER = {"id": 7, "login": "ada", "username": "ada"}
WHERE = {"repository": {"id": 17, "name": "hello", "owner": OWNER, "full_name": "ada/hello"}, "sender": OWNER}
SAID = {"id": 4, "body": ".deploy to production", "user": OWNER, "created_at": "2026-01-01T00:00:00Z"}
COMMENT = {"action": "created", "issue": {"number": 3, "state": "open"}, "comment": SAID} | WHERE
NOTED = {
    "id": 4,
    "note": ".deploy to production",
    "noteable_type": "Issue",
    "author_id": 7,
    "created_at": "2026-01-01 00:00:00 UTC",
    "action": "create",
}
NOTE = {
    "object_kind": "note",
    "user": {"username": "ada"},
    "project": {"id": 17, "path_with_namespace": "ada/hello"},
    "object_attributes": NOTED,
    "issue": {"iid": 3, "state": "opened"},
}
HOSTS = pytest.mark.parametrize("host", ["github", "gitea", "gitlab"])


@pytest.fixture
async def receiver(scene: Scene) -> AsyncIterator[Receiver]:
    async with receiving(scene) as made:
        yield made


async def deliver(receiver: Receiver, host: str, key: str = "", **changes: Any) -> tuple[int, Any]:
    """The status and the body of the answer."""
    payload: dict[str, Any] = (NOTE if host == "gitlab" else COMMENT) | changes
    more = {"key": key} if key else {}
    event = "Note Hook" if host == "gitlab" else "issue_comment"
    answer = await receiver.deliver(host, event, orjson.dumps(payload), delivery="one", **more)
    return answer.status_code, answer.json() if answer.content else None


@HOSTS
async def test_a_comment_is_handed_up_with_its_repository(receiver: Receiver, host: str) -> None:
    repo = await receiver.register(host, "17", "ada/hello")

    answer = await deliver(receiver, host)

    assert answer == (202, {"message": "the command in the comment is answered there", "id": "one"})
    comment = Comment(
        id="4", text=".deploy to production", number=3, author_uid="7", author="ada", written=1_767_225_600
    )
    assert receiver.ears.heard == [(repo.id, comment)]
    assert await receiver.known(repo) == []


@HOSTS
async def test_a_comment_that_commands_nothing_is_ignored(receiver: Receiver, host: str) -> None:
    repo = await receiver.register(host, "17", "ada/hello")
    receiver.ears.commands = False

    assert await deliver(receiver, host) == (200, {"message": "ignored"})
    assert await receiver.known(repo) == []


@HOSTS
async def test_a_comment_of_a_repository_that_is_not_enabled_is_not_handed_up(receiver: Receiver, host: str) -> None:
    await receiver.register(host, "17", "ada/hello", active=False)

    assert await deliver(receiver, host) == (200, None)
    assert receiver.ears.heard == []


@HOSTS
async def test_a_comment_that_another_key_has_signed_or_of_another_repository_is_refused(
    receiver: Receiver, host: str
) -> None:
    await receiver.register(host, "18", "ada/another")
    unknown = await deliver(receiver, host)
    await receiver.register(host, "17", "ada/hello")
    forged = await deliver(receiver, host, key="another key")

    assert (unknown[0], forged[0], receiver.ears.heard) == (401, 401, [])
    assert unknown == forged


@HOSTS
async def test_what_is_wrong_with_a_comment_is_told(receiver: Receiver, host: str) -> None:
    await receiver.register(host, "17", "ada/hello")
    broken: dict[str, Any] = {"object_attributes": NOTED | {"id": "x"}} if host == "gitlab" else {}

    status, told = await deliver(receiver, host, **broken, comment=SAID | {"id": -1}, issue={"iid": 0, "number": True})

    assert status == 400
    names = ["object_attributes.id", "issue.iid"] if host == "gitlab" else ["comment.id", "issue.number"]
    assert [error["field"] for error in told["errors"]] == names


async def test_gogs_tells_of_comments_in_vain(receiver: Receiver) -> None:
    await receiver.register("gogs", "17", "ada/hello")

    answer = await receiver.deliver("gogs", "issue_comment", orjson.dumps(COMMENT))

    assert (answer.json(), receiver.ears.heard) == ({"message": "ignored"}, [])
