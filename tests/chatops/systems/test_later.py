"""Later answers: where they go, how they follow each other, and what the chat's errors mean."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from app.chatops.model import Answer, Button, Place
from app.chatops.systems.mattermost.messages import Buttons
from app.chatops.systems.mattermost.system import Bot, Mattermost
from app.chatops.systems.slack.reading import Tenants
from app.chatops.systems.slack.system import Slack
from app.chatops.systems.teams.system import Teams
from app.errors import AppError, Unavailable
from app.scm.client import Client
from app.scm.forge import Later, Refused
from tests.chatops.systems.farside import BOT_TOKEN, SIGNING_SECRET, FarMattermost, FarSlack, FarTeams
from tests.scm.fakes.serving import serving

STARTED, DONE = Answer("started", public=True), Answer("done", public=True, buttons=[Button("Roll back", "v")])


class Fars:
    """All far sides, and the client that calls them."""

    client: Client

    def __init__(self) -> None:
        self.slack, self.mattermost, self.teams = FarSlack(), FarMattermost(), FarTeams()
        self.all = (self.slack, self.mattermost, self.teams)

    def of_slack(self, token: str = "") -> Slack:
        url = self.slack.url
        return Slack([SIGNING_SECRET], Tenants(), url, f"{url}/api", self.client, token)

    def of_mattermost(self, bot: bool = False) -> Mattermost:
        url = self.mattermost.url
        known = Bot(url, self.client, BOT_TOKEN) if bot else None
        return Mattermost(["t"], url, self.client, Buttons("https://ci/press", b"key", everybody=bot), known)


@pytest.fixture(scope="module")
def served() -> Iterator[Fars]:
    fars = Fars()
    with ExitStack() as stack:
        for far in fars.all:
            stack.enter_context(serving(far))
        yield fars


@pytest.fixture
async def fars(served: Fars) -> AsyncIterator[Fars]:
    for far in served.all:
        far.forget()
    served.client = Client("the chat", timeout=0.3, attempts=1)
    yield served
    await served.client.close()


async def test_slack_changes_the_message_through_the_address_of_the_request(fars: Fars) -> None:
    slack, place = fars.of_slack(), Place(f"{fars.slack.url}/commands/T1/1/abc", "C1")

    for answer in (STARTED, DONE):
        assert await slack.later(place, answer) == place
    await slack.later(place, Answer("not you"))

    told = [(post["text"], post["response_type"], post["replace_original"]) for post in fars.slack.posts]
    assert told == [("started", "in_channel", True), ("done", "in_channel", True), ("not you", "ephemeral", False)]
    assert (slack.most, slack.lifetime) == (5, 1800)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/commands/T1/1/abc", "", "https://hooks.slack.com.evil.example/x"])
async def test_slack_is_told_nothing_at_another_address(fars: Fars, url: str) -> None:
    with pytest.raises(AppError):
        await fars.of_slack().later(Place(url, "C1"), DONE)
    with pytest.raises(AppError):
        await fars.of_slack().later(Place(f"{fars.slack.url}.evil.example/commands/T1/1/abc", "C1"), DONE)
    assert not fars.slack.requests


async def test_a_used_up_address_ends_the_answers_without_a_token_and_its_secret_is_in_no_error(fars: Fars) -> None:
    fars.slack.used.add("/commands/T1/1/abc")
    with pytest.raises(Refused) as refused:
        await fars.of_slack().later(Place(f"{fars.slack.url}/commands/T1/1/abc", "C1"), DONE)
    assert "abc" not in str(refused.value)


async def test_with_a_token_slack_goes_on_with_a_message_that_changes(fars: Fars) -> None:
    fars.slack.used.add("/commands/T1/1/abc")
    slack = fars.of_slack(BOT_TOKEN)

    first = await slack.later(Place(f"{fars.slack.url}/commands/T1/1/abc", "C1"), STARTED)
    assert await slack.later(first, DONE) == first

    assert first == Place(channel="C1", message="99.1")
    assert [message["text"] for message in fars.slack.messages.values()] == ["done"]
    assert slack.most > 5


async def test_with_a_token_slack_changes_the_message_of_the_button(fars: Fars) -> None:
    pressed = Place(channel="C1", message="1.2")
    assert await fars.of_slack(BOT_TOKEN).later(pressed, DONE) == pressed
    assert fars.slack.messages["1.2"]["text"] == "done"


async def test_a_message_that_the_app_may_not_change_gets_a_new_one_in_its_thread(fars: Fars) -> None:
    fars.slack.unchangeable.add("1.2")
    place = await fars.of_slack(BOT_TOKEN).later(Place(channel="C1", message="1.2"), DONE)
    assert (place.message, place.thread) == ("99.1", "1.2")
    assert fars.slack.messages["99.1"]["thread_ts"] == "1.2"


async def test_what_one_person_may_see_is_never_posted_with_the_token(fars: Fars) -> None:
    with pytest.raises(AppError):
        await fars.of_slack(BOT_TOKEN).later(Place(channel="C1", message="1.2"), Answer("not you"))
    assert not fars.slack.requests


@pytest.mark.parametrize(
    ("error", "passes"), [("internal_error", True), ("not_in_channel", False), ("invalid_auth", False)]
)
async def test_errors_of_the_api_pass_or_stay(fars: Fars, error: str, passes: bool) -> None:
    fars.slack.error_of_api = error
    with pytest.raises(AppError, match=error) as refused:
        await fars.of_slack(BOT_TOKEN).later(Place(channel="C1", message="1.2"), DONE)
    assert isinstance(refused.value, Unavailable) is passes
    assert BOT_TOKEN not in str(refused.value)


@pytest.mark.parametrize("fault", ["500", "silent", "503"])
async def test_a_slack_that_is_down_is_told_later(fars: Fars, fault: str) -> None:
    fars.slack.fail(fault)
    for place in (Place(f"{fars.slack.url}/commands/T1/1/abc", "C1"), Place(channel="C1", message="1.2")):
        with pytest.raises(Unavailable):
            await fars.of_slack(BOT_TOKEN).later(place, DONE)


@pytest.mark.parametrize("fault", ["html", "endless", "away"])
async def test_an_api_that_is_none_is_no_success(fars: Fars, fault: str) -> None:
    fars.slack.fail(fault)
    with pytest.raises(AppError):
        await fars.of_slack(BOT_TOKEN).later(Place(channel="C1", message="1.2"), DONE)


async def test_slacks_limit_of_calls_says_when_the_next_is_due(fars: Fars) -> None:
    fars.slack.fail("429")
    with pytest.raises(Later):
        await fars.of_slack().later(Place(f"{fars.slack.url}/commands/T1/1/abc", "C1"), DONE)


async def test_without_a_bot_mattermost_gets_one_post_after_the_other(fars: Fars) -> None:
    mattermost = fars.of_mattermost()
    place = Place(f"{fars.mattermost.url}/hooks/commands/abc", "c" * 26, asker="a" * 26)

    for answer in (STARTED, DONE):
        assert await mattermost.later(place, answer) == place

    assert [(post["text"], len(post["attachments"])) for post in fars.mattermost.posts] == [("started", 0), ("done", 1)]
    assert (mattermost.most, mattermost.lifetime) == (5, 1800)


@pytest.mark.parametrize("bot", [False, True])
async def test_mattermost_is_told_nothing_at_another_address(fars: Fars, bot: bool) -> None:
    mattermost = fars.of_mattermost(bot)
    for url in ("https://evil.example/hooks/commands/abc", f"{fars.mattermost.url}.evil.example/hooks/x", ""):
        assert not mattermost.followed(Place(url, "c" * 26)).url
        with pytest.raises(AppError):
            await mattermost.later(Place(url, "c" * 26), Answer("not you"))
    assert not fars.mattermost.requests
    assert bool(mattermost.followed(Place("", "c" * 26))) is bot


async def test_a_bot_makes_one_post_and_changes_it(fars: Fars) -> None:
    mattermost = fars.of_mattermost(bot=True)
    first = await mattermost.later(Place(f"{fars.mattermost.url}/hooks/commands/abc", "c" * 26), STARTED)
    assert await mattermost.later(first, DONE) == first

    (post,) = fars.mattermost.made.values()
    assert (post["message"], len(post["props"]["attachments"])) == ("done", 1)
    assert (first.url, fars.mattermost.posts) == ("", [])


async def test_a_post_that_is_not_the_bots_gets_one_in_its_thread(fars: Fars) -> None:
    place = await fars.of_mattermost(bot=True).later(Place(channel="c" * 26, message="p" * 26), DONE)
    assert fars.mattermost.made[place.message]["root_id"] == "p" * 26


async def test_a_bot_that_is_not_in_the_channel_leaves_the_answer_to_the_address_of_the_request(fars: Fars) -> None:
    fars.mattermost.is_member = False
    place = Place(f"{fars.mattermost.url}/hooks/commands/abc", "c" * 26)
    assert await fars.of_mattermost(bot=True).later(place, DONE) == place
    assert [post["text"] for post in fars.mattermost.posts] == ["done"]


async def test_teams_gets_a_card_through_the_workflow(fars: Fars) -> None:
    url = f"{fars.teams.url}/workflows/1?sig=secret"
    teams = Teams(["AAEC"], frozenset(), fars.client, "https://ci", url)

    assert await teams.later(Place(channel="workflow"), DONE) == Place(channel="workflow")

    assert fars.teams.posts[0]["type"] == "message"
    assert fars.teams.requests[0].query == {"sig": "secret"}
    fars.teams.fail("400")
    with pytest.raises(Refused) as refused:
        await teams.later(Place(channel="workflow"), DONE)
    assert "secret" not in str(refused.value)
    assert "workflows/1" not in str(refused.value)
