"""Comments at hosts promote: from a person's words under a pull request to an answer that follows the promotion."""

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx2
import orjson
import pytest

from tests.acceptance.hosting import AtHost, Person, hosting, waiting
from tests.acceptance.server import Server
from tests.scm.fakes.forge import Forge, Sent
from tests.scm.fakes.project import Said, Talk

HOSTS = ("github", "gitea", "gitlab")
PIPELINE = """
kind: pipeline
type: exec
name: build
clone: {disable: true}
steps:
- name: build
  commands: [echo built]
  when: {event: {exclude: [promote, rollback]}}
- name: ship
  commands:
  - echo to $DRONE_DEPLOY_TO, asked by @octo/team
  - test "$DRONE_DEPLOY_TO" != broken
  when: {event: [promote, rollback]}
"""
MARK = "<!-- gantry "


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, Forge]]]:
    with hosting(tmp_path_factory.mktemp("comments"), *HOSTS) as begun:
        yield begun


@pytest.fixture(params=["github"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


EVERYWHERE = pytest.mark.parametrize("name", HOSTS, indirect=True)


class Repository(AtHost):
    """A repository that is enabled, with a pull request whose head was built, by a push and by itself."""

    def __init__(self, person: Person) -> None:
        super().__init__(person, {".drone.yml": PIPELINE})
        self.enable()
        self.pushed()
        self.project.push({"topic": "1"}, branch="topic")
        self.over(2)
        self.number = self.side.open_request(self.project, "topic", person.login)
        self.green = self.over(3)["number"]
        self.before = 3

    def renewed(self) -> "Repository":
        """The same with another pull request of the same head, without comments, and without promotions since."""
        self.number = self.side.new_id()
        self.project.talks[self.number] = Talk(self.number, "Again", is_request=True, origin=self.project.id)
        head = self.project.resolve("refs/heads/topic")
        assert head is not None
        self.project.git("update-ref", f"{self.side.requests_at}/{self.number}/head", head)
        self.project.comments.clear()
        self.settled()
        self.before = self.builds()[0]["number"]
        return self

    def say(self, text: str, who: str = "", number: int = 0) -> Said:
        return self.side.say(self.project, number or self.number, who or self.person.login, text)

    @property
    def delivery(self) -> Sent:
        """The last webhook."""
        return self.side.deliveries[-1]

    def answers(self) -> list[str]:
        """The comments of the server, without the line that nobody sees."""
        return [one.text.partition("\n")[2] for one in self.project.comments if one.text.startswith(MARK)]

    def answered(self, words: str, count: int = 1) -> str:
        """The last answer, once it has these words; there are so many of them."""

        def found() -> str | None:
            return next((text for text in self.answers()[count - 1 :] if words in text), None)

        text = self.server.until(found, f"a comment says {words!r}, but {self.answers()}")
        assert text is not None
        assert len(self.answers()) == count
        return text

    def promotions(self) -> list[Any]:
        found = [one for one in self.builds() if one["number"] > self.before]
        return [one for one in found if one["event"] in ("promote", "rollback")]

    def put_off(self) -> None:
        """Wait until a command waits, because the host has not answered, and nothing is under way."""

        def tried() -> bool:
            return any(one["subject"].startswith("command") and one["tries"] for one in waiting(self.server))

        self.server.until(tried, "the command waits")

    def retried(self) -> None:
        """Let everything be sent at once until there is an answer."""

        def answered() -> bool:
            self.server.ask("POST", "/api/outbox/retry")
            return bool(self.answers())

        self.server.until(answered, "the answer came")

    def settled(self) -> None:
        """Nothing waits any more."""
        self.server.until(lambda: waiting(self.server) == [], f"all has left, but {waiting(self.server)}")


@pytest.fixture(scope="module")
def known(place: tuple[Server, dict[str, Forge]]) -> Iterator[dict[str, Repository]]:
    """A repository at each host, made when it is needed."""
    found: dict[str, Repository] = {}
    yield found
    for one in found.values():
        one.person.close()


@pytest.fixture
def repository(place: tuple[Server, dict[str, Forge]], known: dict[str, Repository], name: str) -> Repository:
    server, sides = place
    sides[name].heal()
    server.execute("UPDATE chat_requests SET created = created - 60000")  # each person may give ten commands a minute
    if name not in known:
        known[name] = Repository(Person(server, name, sides[name]))
    return known[name].renewed()


@pytest.fixture
def fresh(place: tuple[Server, dict[str, Forge]], repository: Repository) -> Repository:
    """A repository that one test may change."""
    return Repository(repository.person)


@pytest.fixture
def person(repository: Repository) -> Iterator[Person]:
    """Somebody else, who has logged in and may write in the repository."""
    login = f"writer-{next(AtHost.numbers)}"
    repository.side.add_person(login)
    repository.project.levels[login] = 30
    with closing(Person(repository.server, repository.name, repository.side)) as made:
        made.login = login
        made.log_in()
        assert repository.slug in made.synchronised()
        yield made


@EVERYWHERE
def test_a_comment_promotes_the_head_and_its_answer_follows_the_promotion(repository: Repository) -> None:
    said = repository.say("Looks good.\n\n.deploy to production TAG=v1\n.deploy to elsewhere")
    status = repository.delivery.status

    text = repository.answered("succeeded")
    repository.settled()

    (build,) = repository.promotions()
    assert (build["parent"], build["deploy_to"], build["params"]["TAG"]) == (repository.green, "production", "v1")
    assert build["trigger"] == repository.person.login
    assert status == 202
    assert said.seen == [repository.person.login]
    assert f"[\\#{build['number']}]({repository.server.url}/{repository.slug}/{build['number']})" in text
    assert "asked for by" in text
    assert all(one.status == 200 for one in repository.side.deliveries if MARK.encode() in one.body)


@EVERYWHERE
def test_a_comment_under_an_issue_names_its_build(repository: Repository) -> None:
    issue = repository.side.open_issue(repository.project)
    said = repository.say("/promote to staging", number=issue)
    refused = repository.answered("The build is missing")
    repository.say(f"/promote #{repository.green} to staging", number=issue)

    repository.answered("succeeded", 2)

    assert "promote #42 to TARGET" in refused
    assert [one["parent"] for one in repository.promotions()] == [repository.green]
    assert {one.number for one in repository.project.comments} == {issue}
    assert said.seen == [repository.person.login]


def test_a_promotion_that_fails_shows_the_end_of_its_log_folded_and_mentions_nobody(repository: Repository) -> None:
    repository.say(".deploy to broken NOTE=@octo/team")

    text = repository.answered("failed")

    assert re.search(r"step `ship` of `build` ended with exit code 1", text)
    _, folded, log = text.partition("<details><summary>details</summary>\n\n```text\n")
    assert folded
    assert "to broken, asked by @octo/team" in log
    assert log.endswith("```\n\n</details>")
    assert "@" not in text.replace(log, "")


@EVERYWHERE
def test_a_changed_comment_commands_nothing(repository: Repository) -> None:
    said = repository.say("Looks good")
    first = repository.delivery.status
    said.text = ".deploy to production"
    (told,) = repository.side.tell(repository.project, said, "update" if repository.name == "gitlab" else "edited")

    assert (first, told.status) == (200, 200)
    assert waiting(repository.server) == []
    assert said.seen == repository.answers() == repository.promotions() == []


@EVERYWHERE
def test_a_comment_that_is_told_again_promotes_once(repository: Repository) -> None:
    said = repository.say(".deploy to production")
    sent = repository.delivery
    repository.answered("succeeded")
    again = repository.side.send(Sent(sent.url, sent.headers, sent.body))
    (other,) = repository.side.tell(repository.project, said)
    repository.settled()

    assert (again.status, other.status) == (202, 202)
    assert len(repository.promotions()) == 1
    assert "succeeded" in repository.answered("")


@EVERYWHERE
def test_who_has_no_account_is_told_the_way_and_nothing_is_done(repository: Repository) -> None:
    repository.side.add_person("stranger")
    repository.project.levels["stranger"] = 40
    repository.say(".deploy to production", "stranger")

    assert f"log in at {repository.server.url}/login" in repository.answered("nothing was done")
    assert repository.promotions() == []


def test_the_host_s_id_decides_and_not_the_login(repository: Repository) -> None:
    """Somebody takes the login of a person who was renamed."""
    side, login = repository.side, repository.person.login
    known = side.people[login]
    side.add_person(login)
    repository.say(".deploy to production")
    side.people[login] = known

    repository.answered("nothing was done")
    assert repository.promotions() == []


@EVERYWHERE
def test_a_pull_request_of_a_fork_is_commanded_by_administrators_alone(repository: Repository, person: Person) -> None:
    repository.project.talks[repository.number].origin = 4711
    repository.say(".deploy to production", person.login)
    refused = repository.answered("comes from a fork")
    repository.say(".list")
    repository.answered("Newest builds", 2)
    repository.say(f".deploy #{repository.green} to production")
    repository.answered("succeeded", 3)

    assert "administrators" in refused
    assert [one["trigger"] for one in repository.promotions()] == [repository.person.login]


def test_a_pull_request_whose_fork_is_gone_is_one_of_a_fork(repository: Repository, person: Person) -> None:
    repository.project.talks[repository.number].origin = None
    repository.say(".deploy to production", person.login)

    repository.answered("comes from a fork")
    assert repository.promotions() == []


@EVERYWHERE
def test_a_closed_pull_request_has_no_build_of_its_own(repository: Repository) -> None:
    repository.project.talks[repository.number].closed = True
    repository.say(".deploy to production")

    repository.answered("The build is missing")
    assert repository.promotions() == []


def test_a_head_without_a_green_build_is_not_promoted(fresh: Repository) -> None:
    fresh.project.push({".drone.yml": "kind: nothing"}, branch="topic")
    sha = fresh.project.resolve("refs/heads/topic")
    assert sha is not None
    fresh.project.git("update-ref", f"{fresh.side.requests_at}/{fresh.number}/head", sha)
    fresh.say(".deploy to production")

    assert sha in fresh.answered("has succeeded")
    assert fresh.promotions() == []


def test_a_comment_commands_its_own_repository_alone(repository: Repository) -> None:
    other = "octo/other"
    repository.say(f".promote {other}#1 to production")
    repository.answered("nothing in other repositories")
    repository.say(f".status {other}")
    repository.answered("nothing in other repositories", 2)
    repository.say(f".promote {repository.slug.upper()}#1 to production")
    repository.answered("succeeded", 3)


@pytest.mark.parametrize(
    "text",
    [
        "> .deploy to production",
        "```\n.deploy to production\n```",
        "<!-- .deploy to production -->",
        "please .deploy to production",
        "/approve",
        "x" * 65_536 + "\n.deploy to production",
    ],
)
def test_what_is_no_command_leaves_no_trace(repository: Repository, text: str) -> None:
    said = repository.say(text)

    assert repository.delivery.status == 200
    assert waiting(repository.server) == []
    assert said.seen == repository.answers() == []


@EVERYWHERE
def test_a_command_after_many_words_is_found(repository: Repository) -> None:
    repository.say("> ö\n" * 12_000 + ".list")

    repository.answered("Newest builds")


def test_a_command_that_is_too_long_is_refused(repository: Repository) -> None:
    repository.say(".deploy to production " + "X=ö" * 20_000)

    repository.answered("at most")
    assert repository.promotions() == []


def test_what_is_wrong_with_a_command_is_told_with_the_right_one(repository: Repository) -> None:
    repository.say(".deploy production")

    text = repository.answered("`to` before the target: `to production`")
    assert "Try `promote" in text


@EVERYWHERE
def test_a_host_that_is_down_gets_the_answer_later(repository: Repository) -> None:
    repository.side.fail("500", "POST .*(comments|notes|award)")
    said = repository.say(".deploy to production")
    repository.server.until(repository.promotions, "the promotion was made")
    build = repository.server.finished(repository.slug, repository.promotions()[0]["number"])
    assert (build["status"], said.seen, repository.answers()) == ("success", [], [])

    repository.side.heal()
    repository.retried()
    repository.answered("succeeded")
    repository.settled()
    assert said.seen == [repository.person.login]


def test_a_host_that_does_not_tell_the_head_is_asked_again(repository: Repository) -> None:
    repository.side.fail("503", "GET .*/pulls/")
    repository.say(".deploy to production")
    repository.put_off()
    assert repository.promotions() == []
    repository.side.heal()
    repository.server.ask("POST", "/api/outbox/retry")

    repository.answered("succeeded")
    assert len(repository.promotions()) == 1


def test_a_command_that_has_waited_for_an_hour_does_nothing(repository: Repository) -> None:
    repository.side.fail("503", "GET .*/pulls/")
    repository.say(".deploy to production")
    repository.put_off()
    repository.server.execute("UPDATE outbox SET created = created - 3601000 WHERE kind = 'comment'")
    repository.side.heal()
    repository.retried()

    repository.answered("Write the command once more")
    assert repository.promotions() == []


def test_a_server_that_is_killed_carries_the_command_out_once(repository: Repository) -> None:
    repository.side.fail("503", "GET .*/pulls/")
    repository.say(".deploy to production")
    repository.server.kill()
    repository.side.heal()
    repository.server.start()
    repository.server.json("POST", "/api/outbox/retry")

    repository.answered("succeeded")
    repository.settled()
    assert len(repository.promotions()) == 1


def test_rights_that_the_host_has_taken_away_do_not_count(repository: Repository, person: Person) -> None:
    repository.say(".deploy to staging", person.login)
    repository.answered("succeeded")
    repository.project.levels[person.login] = 10
    repository.server.execute("UPDATE permissions SET synced = synced - 3600")
    repository.say(".deploy to production", person.login)

    text = repository.answered("", 2)
    repository.server.until(lambda: "write access" in repository.answers()[1], f"it is refused, but {text}")
    assert len(repository.promotions()) == 1


def test_a_repository_that_is_disabled_meanwhile_is_not_promoted(fresh: Repository) -> None:
    fresh.side.fail("503", "GET .*/pulls/")
    fresh.say(".deploy to production")
    fresh.put_off()
    fresh.server.json("DELETE", fresh.path)
    fresh.side.heal()
    fresh.server.ask("POST", "/api/outbox/retry")
    fresh.settled()

    assert fresh.promotions() == fresh.answers() == []


def test_a_comment_that_was_recorded_days_ago_commands_nothing(repository: Repository) -> None:
    repository.side.fail("503", "POST")
    said = Said(4711, repository.number, repository.person.login, ".deploy to production", "2026-01-01T00:00:00Z")
    (told,) = repository.side.tell(repository.project, said)

    assert (told.status, waiting(repository.server)) == (200, [])


def test_a_forged_comment_is_refused(repository: Repository) -> None:
    said = repository.say("Looks good")
    sent = repository.delivery
    payload = orjson.loads(sent.body) | {"comment": orjson.loads(sent.body)["comment"] | {"body": ".deploy to x"}}

    answer = httpx2.post(sent.url, content=orjson.dumps(payload), headers=sent.headers)

    assert (answer.status_code, said.seen, repository.answers()) == (401, [], [])


def test_approvals_are_told_as_commands_of_a_comment(fresh: Repository) -> None:
    fresh.server.json("PATCH", fresh.path, json={"protected": True})
    fresh.say(".deploy to production")
    text = fresh.answered("waits for approval")
    (build,) = fresh.promotions()
    number = build["number"]

    assert f"A comment can say `.approve #{number}` or `.reject #{number}` or `.cancel #{number}`." in text
    fresh.say(f".reject #{number} not today")
    assert "not today" in fresh.answered("was rejected", 2)
    fresh.server.until(lambda: "was rejected" in fresh.answers()[0], "the first answer follows")
