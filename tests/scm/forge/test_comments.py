"""Comments under issues and pull requests, as each host takes them and tells of them (contract scm-api 10)."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from app.errors import NotFound
from app.scm.forge import Comments, Forbids, Head, Reply, Talk
from app.scm.hook import Comment, Delivery
from tests.scm.fakes.forge import Sent
from tests.scm.fakes.gitea import Gitea as FakeGitea
from tests.scm.fakes.gitlab import GitLab as FakeGitLab
from tests.scm.forge.conftest import Side

WITH_COMMENTS = pytest.mark.parametrize("name", ["github", "gitea", "gitlab"])
MARK = "<!-- one of ours -->"
REPLY = Reply(f"{MARK}\nYes.", MARK)


def host(side: Side) -> Comments:
    assert isinstance(side.host, Comments)
    return side.host


def request(side: Side) -> tuple[int, str]:
    """A pull request, and its head."""
    side.project.push({"a": "1"})
    sha = side.project.push({"b": "1"}, branch="topic")
    return side.far.open_request(side.project, "topic", "octocat"), sha


@pytest.fixture(params=[True, False], ids=["request", "issue"])
def talk(side: Side, request: pytest.FixtureRequest) -> Talk:
    """A pull request, or an issue."""
    if not request.param:
        return Talk(side.far.open_issue(side.project))
    side.project.push({"a": "1"})
    return Talk(side.far.open_request(side.project, "main", "octocat"), is_request=True)


def texts(side: Side) -> list[str]:
    return [one.text for one in side.project.comments]


@WITH_COMMENTS
async def test_a_comment_is_written_and_then_changed(side: Side, talk: Talk) -> None:
    known = await host(side).put_comment(side.source, talk, "", REPLY)
    again = await host(side).put_comment(side.source, talk, known, Reply(f"{MARK}\nNo.", MARK))

    (made,) = side.project.comments
    assert (known, again, made.number, made.text) == (str(made.id), known, talk.number, f"{MARK}\nNo.")


@WITH_COMMENTS
@pytest.mark.parametrize("since", [0, 1])
async def test_a_comment_whose_answer_was_lost_is_changed_and_not_written_twice(
    side: Side, talk: Talk, since: int
) -> None:
    side.far.say(side.project, talk.number, "octocat", "deploy, please")
    known = await host(side).put_comment(side.source, talk, "", REPLY)
    for number in range(20):
        side.far.say(side.project, talk.number, "octocat", f"thanks {number}")

    again = await host(side).put_comment(side.source, talk, "", Reply(f"{MARK}\nNo.", MARK, since))

    assert again == known
    assert [text for text in texts(side) if MARK in text] == [f"{MARK}\nNo."]


@WITH_COMMENTS
async def test_a_comment_that_somebody_has_removed_stays_removed(side: Side, talk: Talk) -> None:
    known = await host(side).put_comment(side.source, talk, "", REPLY)
    side.project.comments.clear()

    assert await host(side).put_comment(side.source, talk, known, REPLY) == known
    assert side.project.comments == []


@WITH_COMMENTS
async def test_eyes_are_shown_once_and_not_beside_what_is_gone(side: Side, talk: Talk) -> None:
    said = side.far.say(side.project, talk.number, "octocat", "deploy, please")

    for _ in range(2):
        await host(side).acknowledge(side.source, talk, str(said.id))
    await host(side).acknowledge(side.source, talk, "4711")

    assert said.seen == ["octocat"]


@WITH_COMMENTS
async def test_the_head_of_a_pull_request_and_where_it_comes_from(side: Side) -> None:
    number, sha = request(side)
    at = side.project.talks[number]
    heads = []
    for at.origin, at.closed in ((side.project.id, False), (4711, False), (None, True)):
        heads.append(await host(side).head(side.source, number))

    assert heads == [Head(sha, False, False), Head(sha, True, False), Head(sha, True, True)]
    for other in (4711, side.far.open_issue(side.project)):
        with pytest.raises(NotFound):
            await host(side).head(side.source, other)


@WITH_COMMENTS
async def test_a_host_that_forbids_to_comment_gives_its_reason(side: Side, talk: Talk) -> None:
    side.far.fail("403", "POST")

    with pytest.raises(Forbids, match=f"{side.name} answered 403 to POST"):
        await host(side).put_comment(side.source, talk, "", REPLY)


@pytest.mark.parametrize("name", ["gogs"])
async def test_gogs_has_no_comments_here(side: Side) -> None:
    assert not isinstance(side.host, Comments)


# What webhooks tell.


class Lower(dict[str, str]):
    """Headers, whose names are found in lower case."""


def read(side: Side, sent: Sent) -> Delivery:
    headers: Mapping[str, str] = Lower(sent.headers)
    assert side.host.notice(headers) == "event"
    delivery = side.host.read(headers, sent.body)
    assert delivery is not None
    assert delivery.change is None
    assert delivery.signed_with("a key")
    return delivery


async def told(side: Side, number: int, who: str = "octocat", text: str = ".deploy to production") -> Comment | None:
    """What the webhook of a new comment tells."""
    if not side.project.hooks:
        await side.host.install_hook(side.source, "http://127.0.0.1:9/hook", "a key")
    side.far.say(side.project, number, who, text)
    return read(side, side.far.deliveries[-1]).comment


def altered(side: Side, *path: str, value: Any) -> Comment | None:
    """What the last webhook would tell with another value."""
    sent = side.far.deliveries[-1]
    payload = orjson.loads(sent.body)
    inner = payload
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    body = orjson.dumps(payload)
    event = sent.headers.get("x-github-event") or sent.headers["x-gitlab-event"]
    return read(side, Sent("", side.far.headers(event, body, "a key", "2"), body)).comment


@WITH_COMMENTS
async def test_a_comment_tells_what_was_written_where_and_by_whom(side: Side, talk: Talk) -> None:
    found = await told(side, talk.number, text="a\n.deploy to production\n")

    (said,) = side.project.comments
    assert found is not None
    assert (found.id, found.text, found.number) == (str(said.id), "a\n.deploy to production\n", talk.number)
    assert (found.is_request, found.closed) == (talk.is_request, False)
    assert (found.author, found.author_uid) == ("octocat", str(side.far.people["octocat"].id))
    assert found.written > 1_700_000_000


@WITH_COMMENTS
@pytest.mark.parametrize("newer", [True, False])
async def test_some_hosts_tell_the_head_of_a_pull_request_and_whether_it_is_of_a_fork(side: Side, newer: bool) -> None:
    if isinstance(side.far, FakeGitea):
        side.far.tells_requests = newer
    number, sha = request(side)

    own = await told(side, number)
    side.project.talks[number].origin = None
    side.project.talks[number].closed = True
    lost = await told(side, number)

    assert own is not None
    assert lost is not None
    tells = side.name == "gitlab" or (side.name == "gitea" and newer)
    assert (own.head, own.fork) == ((sha, False) if tells else ("", None))
    assert (lost.head, lost.fork) == ((sha, True) if tells else ("", None))
    assert (own.closed, lost.closed) == (False, True)


@WITH_COMMENTS
async def test_changed_and_removed_comments_tell_nothing(side: Side, talk: Talk) -> None:
    await told(side, talk.number)
    said = side.project.comments[-1]

    for action in ("edited", "deleted", "update"):
        side.far.tell(side.project, said, action)
        assert read(side, side.far.deliveries[-1]).comment is None


@pytest.mark.parametrize("name", ["gitlab"])
async def test_an_older_gitlab_names_no_action(side: Side, talk: Talk) -> None:
    assert isinstance(side.far, FakeGitLab)
    side.far.names_actions = False

    assert await told(side, talk.number) is not None


@pytest.mark.parametrize("name", ["gitlab"])
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("object_attributes.system", True),
        ("object_attributes.internal", True),
        ("event_type", "confidential_note"),
        ("object_attributes.noteable_type", "Commit"),
        ("object_attributes.noteable_type", "Snippet"),
        ("user.username", "project_17_bot_0a1b2c"),
        ("user.username", "group_17_bot"),
    ],
)
async def test_what_a_gitlab_itself_or_a_bot_writes_or_only_members_see_is_no_comment(
    side: Side, path: str, value: Any
) -> None:
    assert await told(side, side.far.open_issue(side.project)) is not None

    assert altered(side, *path.split("."), value=value) is None


@pytest.mark.parametrize(
    ("name", "path", "value"), [("github", "comment.user.type", "Bot"), ("gitea", "comment.user.id", -2)]
)
async def test_what_a_bot_writes_is_no_comment(side: Side, path: str, value: Any) -> None:
    assert await told(side, side.far.open_issue(side.project)) is not None

    assert altered(side, *path.split("."), value=value) is None


@WITH_COMMENTS
async def test_a_long_comment_is_read_to_its_65536th_character(side: Side, talk: Talk) -> None:
    found = await told(side, talk.number, text="ö" * 70_000)

    assert found is not None
    assert found.text == "ö" * 65_536
