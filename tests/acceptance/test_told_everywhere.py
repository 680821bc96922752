"""One promotion from a comment and one from Slack: everybody who is told of promotions is told the same of both."""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook as Verifier

from tests.acceptance.hosting import AtHost, Person, hosting, states
from tests.acceptance.server import Server
from tests.chatops.systems.farside import SIGNING_SECRET, FarSlack, shown, signed
from tests.notify.webhooks.receiver import Received, Receiver, receiving
from tests.scm.fakes.serving import serving
from tests.soon import PATIENCE

PIPELINE = """
kind: pipeline
type: exec
name: build
clone: {disable: true}
steps:
- name: build
  commands: [echo built]
"""
DRONE_SECRET = "the secret of Drone's end point"
STORY = ["promotion.requested", "promotion.started", "promotion.succeeded"]


@dataclass
class Place:
    """A repository at GitHub with a pull request, and who is told of its promotions."""

    repository: AtHost
    request: int
    slack: FarSlack
    subscriber: Receiver
    key: str
    drone: Receiver

    @property
    def server(self) -> Server:
        return self.repository.server

    def say_in_slack(self, text: str) -> Any:
        fields = {"team_id": "T1", "user_id": "U1", "user_name": "u1", "channel_id": "C1", "text": text}
        fields |= {"trigger_id": str(time.time_ns()), "response_url": f"{self.slack.url}/commands/T1/1/secret"}
        body, headers = signed(fields, int(time.time()), SIGNING_SECRET)
        answer = httpx2.post(f"{self.server.url}/chat/slack/command", content=body, headers=headers, timeout=PATIENCE)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def promotion(self, target: str) -> Any:
        """The promotion to a target, once it is over."""

        def made() -> Any:
            return next((one for one in self.repository.builds() if one.get("deploy_to") == target), None)

        number = self.server.until(made, f"something is promoted to {target}")["number"]
        return self.server.finished(self.repository.slug, number)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder, slack = tmp_path_factory.mktemp("told"), FarSlack()
    with serving(slack), receiving() as subscriber, receiving() as drone:
        settings = {"slack_signing_secret": SIGNING_SECRET, "slack_hooks": slack.url, "webhook_allow_private": "true"}
        settings |= {"webhook_endpoint": drone.url, "webhook_secret": DRONE_SECRET, "webhook_events": "build"}
        with (
            hosting(folder, "github", tokens=False, **settings) as (server, sides),
            closing(Person(server, "github", sides["github"])) as person,
        ):
            repository = AtHost(person, {".drone.yml": PIPELINE})
            repository.enable()
            repository.pushed()
            request = repository.side.open_request(repository.project, "main", person.login)
            repository.over(2)
            hook = {"url": subscriber.url, "events": ["promotion.*"]}
            made = person.json("POST", f"{repository.path}/webhooks", json=hook)
            found = Place(repository, request, slack, subscriber, made["secret"], drone)
            linked(found, person)
            yield found


def linked(place: Place, person: Person) -> None:
    """Let the person of Slack act with the account of the person at GitHub."""
    (text, *_) = place.say_in_slack("login")["blocks"]
    (url,) = [part["url"] for part in text["elements"][0]["elements"] if part["type"] == "link"]
    answer = person.ask("POST", "/api/user/chats", json={"code": url.partition("code=")[2]})
    assert answer.status_code == 201, answer.text


def story(place: Place, number: int) -> list[Received]:
    """What the subscriber was told of a promotion, once it was told the end."""

    def told() -> list[Received]:
        return [one for one in place.subscriber.came if one.json["data"]["build"] == number]

    place.server.until(
        lambda: [one.type for one in told()][-1:] == STORY[-1:], f"the subscriber knows the end of {number}"
    )
    return told()


def drone_story(place: Place, number: int) -> list[Received]:
    """What Drone's end point was told of a build, once it was told the end."""

    def told() -> list[Received]:
        return [one for one in place.drone.came if one.json["build"]["number"] == number]

    place.server.until(
        lambda: any(one.json["build"]["status"] == "success" for one in told()),
        f"the end point knows the end of {number}",
    )
    return told()


def is_signed(one: Received) -> bool:
    """Whether Drone's signature is right."""
    digest = "SHA-256=" + base64.b64encode(hashlib.sha256(one.body).digest()).decode()
    text = f"date: {one.headers['date']}\ndigest: {digest}".encode()
    due = base64.b64encode(hmac.new(DRONE_SECRET.encode(), text, hashlib.sha256).digest()).decode()
    return one.headers["digest"] == digest and f'signature="{due}"' in one.headers["signature"]


def begun_by_comment(place: Place) -> Any:
    place.repository.side.say(
        place.repository.project, place.request, place.repository.person.login, ".deploy to staging TAG=v1"
    )
    return place.promotion("staging")


def begun_in_slack(place: Place) -> Any:
    place.say_in_slack(f"{place.repository.slug}#2 to production TAG=v1")
    return place.promotion("production")


@pytest.mark.parametrize(
    ("begin", "via", "target"), [(begun_by_comment, "github", "staging"), (begun_in_slack, "slack", "production")]
)
def test_a_promotion_is_told_in_every_way(place: Place, begin: Any, via: str, target: str) -> None:
    repository, server = place.repository, place.server

    build = begin(place)
    number, link = build["number"], f"{server.url}/{repository.slug}/{build['number']}"

    assert (build["status"], build["parent"], build["deploy_to"]) == ("success", 2, target)
    assert (build["trigger"], build["via"]) == (repository.person.login, via)
    told = story(place, number)
    assert [one.type for one in told] == STORY
    assert len({one.id for one in told}) == 3
    for one in told:
        assert Verifier(place.key).verify(one.body, dict(one.headers)) == one.json
        assert (one.json["data"]["target"], one.json["data"]["links"]["build"]) == (target, link)
        assert one.json["data"]["parameters"]["TAG"] == "v1"
    drones = drone_story(place, number)
    assert all(map(is_signed, drones))
    assert drones[0].json["action"] == "created"
    assert {one.json["build"]["event"] for one in drones} == {"promote"}
    server.until(
        lambda: states(repository.project, f"continuous-integration/drone/promote/{target}")[-1:] == ["success"],
        "GitHub shows the state",
    )

    def deployments() -> list[str]:
        found = [one for one in repository.project.deployments if one["environment"] == target]
        return [status["state"] for one in found for status in one["statuses"][-1:]]

    server.until(lambda: deployments() == ["success"], "GitHub shows one deployment")
    if via == "slack":
        words = f"Promotion #{number} of {repository.slug}#2 to {target} succeeded"
        server.until(lambda: any(words in shown(post) for post in place.slack.posts), "Slack shows the end")
    else:
        server.until(lambda: "succeeded" in repository.project.comments[-1].text, "the comment shows the end")
        assert link in repository.project.comments[-1].text


def test_nobody_is_told_of_the_other_one_s_promotion(place: Place) -> None:
    """The comment is not told of Slack's, nor Slack of the comment's."""
    (_, answer) = place.repository.project.comments

    assert "production" not in answer.text
    assert not any("to staging" in shown(post) for post in place.slack.posts)


def test_every_link_that_was_told_opens_the_page_of_a_build_of_the_repository(place: Place) -> None:
    project, server, slug = place.repository.project, place.server, place.repository.slug
    told = {
        "statuses": [one.get("target_url") for one in project.statuses],
        "deployments": [status.get("log_url") for one in project.deployments for status in one["statuses"]],
        "comments": [one.text for one in project.comments],
        "chat": [json.dumps(post) for post in place.slack.posts],
        "webhooks": [one.body.decode() for one in place.subscriber.came],
        "badge": [server.ask("GET", f"/api/badges/{slug}/cc.xml").text],
    }
    pattern = re.compile(rf"{re.escape(server.url)}/{slug}/[0-9]+")
    links = {where: {link for text in texts for link in pattern.findall(text)} for where, texts in told.items()}

    assert [where for where, found in links.items() if not found] == []
    for link in set().union(*links.values()):
        page = place.repository.person.browser.get(link, headers={"Accept": "text/html"})
        number = link.rpartition("/")[2]
        assert (page.status_code, f"Build {number}" in page.text) == (200, True), link


def test_both_are_on_the_record_with_person_and_chat(place: Place) -> None:
    rows = place.server.json("GET", "/api/audit", params={"verb": "chat.command"})

    known = {(row["after"]["system"], row["after"]["user"], row["actor"]["name"]) for row in rows}
    login, side = place.repository.person.login, place.repository.side
    assert known == {("github", str(side.people[login].id), login), ("slack", "U1", login)}
