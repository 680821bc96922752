"""A deployment that GitHub asks for is a promotion by the account of its sender (contract scm-webhooks 3.4)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import orjson
import pytest

from app.accounts import store as accounts
from app.accounts.hosted.tokens import Tokens
from app.builds import store
from app.builds.deliveries.keeper import PATIENCE
from app.builds.model import Build
from app.builds.moments import Moment, Moments
from app.db.tx import Tx, run
from app.errors import Unavailable, Unreadable
from app.moments import Recorder, Recorders
from app.repos import settings
from app.repos.access import GOOD
from app.repos.hosted import rights as hosted_rights
from app.repos.hosted.rights import Rights
from app.repos.model import Repo
from app.scm.forge import Person
from tests.accounts.hosted.forge import FakeForge, listed
from tests.builds.api.webhooks import SENDER, URL, Receiver, commit, receiving, recorded
from tests.builds.farside import SEAL, Scene, file, pipeline
from tests.soon import soon

ASKED: dict[str, Any] = orjson.loads(recorded("github", "deployment"))
SHA = ASKED["deployment"]["sha"]


@dataclass
class Recorded:
    """The moments of builds."""

    moments: list[Moment] = field(default_factory=list)

    def record(self, moment: Moment) -> Tx[None]:
        self.moments.append(moment)
        yield from ()


@pytest.fixture
def moments(scene: Scene) -> list[Moment]:
    recorded = Recorded()
    recorders = Recorders(Recorder(recorded.record))
    scene.ports = replace(scene.ports, moments=Moments(scene.ports.db, scene.ports.logs, recorders))
    return recorded.moments


@pytest.fixture
def forge(scene: Scene) -> FakeForge:
    """The host of the repository, as it tells rights: ada may read, and codertocat may write."""
    forge, clock = FakeForge("github"), scene.ports.now
    for login, uid, right in (("codertocat", SENDER, "write"), ("ada", "7", "read")):
        forge.tokens[f"{login}'s token"] = login
        forge.people[login] = Person(uid, login)
        forge.repositories_of[login] = [listed("Codertocat/Hello-World", "135493233", right)]
    tokens = Tokens(scene.ports.db, SEAL, {"github": forge.as_host()}, clock, URL)
    scene.ports = replace(scene.ports, renew_rights=Rights(scene.ports.db, tokens, clock))
    return forge


@pytest.fixture
async def receiver(scene: Scene, moments: list[Moment], forge: FakeForge) -> AsyncIterator[Receiver]:
    async with receiving(scene) as receiver:
        receiver.forges["github"].file = file(
            pipeline(trigger={"event": ["promote", "rollback"], "target": ["production"]}), pipeline("on push")
        )
        yield receiver


@pytest.fixture
async def repo(receiver: Receiver) -> Repo:
    """The repository, where the sender of the recorded deployment may write."""
    repo = await receiver.register("github", "135493233", "Codertocat/Hello-World")
    await receiver.grant(repo, "codertocat")
    return repo


async def ask(
    receiver: Receiver, delivery: str = "", sender: str = "Codertocat", uid: int = 21031067, **changes: Any
) -> httpx2.Response:
    around = {name: changes.pop(name) for name in ("workflow_run",) if name in changes}
    about = {"deployment": ASKED["deployment"] | changes, "sender": ASKED["sender"] | {"login": sender, "id": uid}}
    return await receiver.deliver("github", "deployment", orjson.dumps(ASKED | about | around), delivery=delivery)


async def test_a_deployment_promotes_as_its_sender(receiver: Receiver, repo: Repo, moments: Sequence[Moment]) -> None:
    build = (await ask(receiver)).json()

    assert (build["event"], build["deploy_to"], build["deploy_id"]) == ("promote", "production", 87972451)
    assert (build["trigger"], build["sender"], build["params"]) == ("@hook", "Codertocat", {"foo": "bar"})
    (moment,) = moments
    user = await receiver.ports.db.read(accounts.find("codertocat"))
    assert (moment.verb, moment.by.kind, moment.by.name, moment.by.id, moment.by.way) == (
        *("build.promote", "person", "codertocat"),
        *(user.id, "hook"),
    )


@pytest.mark.parametrize(
    ("task", "event"), [("rollback", "rollback"), ("deploy:rollback", "rollback"), ("x", "promote")]
)
async def test_the_task_decides_between_promotion_and_rollback(
    receiver: Receiver, repo: Repo, moments: Sequence[Moment], task: str, event: str
) -> None:
    assert (await ask(receiver, task=task)).json()["event"] == event
    assert moments[0].verb == f"build.{event}"


async def test_the_parent_is_the_newest_build_of_the_commit_that_passed(receiver: Receiver, repo: Repo) -> None:
    drafts = [
        Build(0, repo.id, 1, status="success", event="push", after=SHA),
        Build(0, repo.id, 2, status="success", event="push", after=SHA, params={"old": "1"}),
        Build(0, repo.id, 3, status="success", event="promote", after=SHA, deploy_to="staging"),
        Build(0, repo.id, 4, status="failure", event="push", after=SHA),
        Build(0, repo.id, 5, status="success", event="push", after="b" * 40),
    ]
    for draft in drafts:
        await receiver.ports.db.write(store.create(draft))
    await receiver.ports.db.write(run("UPDATE repos SET counter = 5 WHERE id = :id", id=repo.id))

    build = (await ask(receiver)).json()

    assert (build["number"], build["parent"], build["params"]) == (6, 2, {"foo": "bar"})


NOBODY = "no active account of this server belongs to Codertocat, who asked for the deployment"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("DELETE FROM users WHERE login = 'codertocat'", NOBODY),
        ("DELETE FROM host_accounts", NOBODY),
        ("UPDATE host_accounts SET host = 'gitea'", NOBODY),
        ("UPDATE users SET active = FALSE WHERE login = 'codertocat'", NOBODY),
        ("UPDATE permissions SET can_write = FALSE", "needs write access to Codertocat/Hello-World"),
        ("DELETE FROM permissions", "needs write access to Codertocat/Hello-World"),
    ],
)
async def test_without_an_account_that_may_write_nothing_runs_and_the_record_says_why(
    receiver: Receiver, repo: Repo, forge: FakeForge, change: str, reason: str
) -> None:
    forge.repositories_of["codertocat"] = []
    await receiver.ports.db.write(run(change))

    answer = await ask(receiver, "one")

    assert answer.status_code == 200
    assert reason in answer.json()["message"]
    assert await receiver.counter(repo) == 0
    (known,) = await receiver.known(repo)
    assert (known.name, known.event, known.due) == ("one", "deployment", 0)
    assert reason in known.error


async def test_a_deployment_may_be_sent_again_when_its_sender_has_the_right(receiver: Receiver, repo: Repo) -> None:
    assert "message" in (await ask(receiver, "one", sender="ada", uid=7)).json()
    await receiver.grant(repo, "ada", "7")

    answers = [(await ask(receiver, "one", sender="ada", uid=7)).json() for _ in range(2)]

    assert [answer["number"] for answer in answers] == [1, 1]


async def test_each_deployment_is_one_of_its_own(receiver: Receiver, repo: Repo) -> None:
    asked = [("one", 1), ("two", 2), ("two", 2)]

    assert [(await ask(receiver, name, id=number)).json()["number"] for name, number in asked] == [1, 2, 2]


@pytest.mark.parametrize(
    "changes",
    [
        {"payload": {"ci": URL, "build": 43}},
        {"payload": f'{{"ci": "{URL}", "build": 43}}'},
    ],
)
async def test_the_work_of_this_server_is_no_request(receiver: Receiver, repo: Repo, changes: dict[str, Any]) -> None:
    answer = await ask(receiver, **changes)

    assert (answer.status_code, answer.json()) == (200, {"message": "ignored"})
    assert await receiver.counter(repo) == 0


@pytest.mark.parametrize(
    "changes", [{"performed_via_github_app": {"slug": "github-actions"}}, {"workflow_run": {"id": 1}}]
)
async def test_the_work_of_a_workflow_is_a_request_only_where_the_repository_says_so(
    receiver: Receiver, repo: Repo, changes: dict[str, Any]
) -> None:
    answer = await ask(receiver, "one", **changes)

    assert (answer.status_code, answer.json()["id"]) == (200, "one")
    assert "a workflow of the host made the deployment" in answer.json()["message"]
    assert "workflow_deployments" in answer.json()["message"]
    (known,) = await receiver.known(repo)
    assert (known.build, known.due, known.error) == (0, 0, answer.json()["message"])
    assert await receiver.counter(repo) == 0

    await receiver.ports.db.write(settings.update(repo.id, {"workflow_deployments": True}, 0))
    build = (await ask(receiver, "one", **changes)).json()

    assert (build["event"], build["deploy_to"], build["trigger"]) == ("promote", "production", "@hook")


async def test_a_deployment_that_another_server_has_marked_is_a_request(receiver: Receiver, repo: Repo) -> None:
    build = (await ask(receiver, payload={"ci": "https://other.example.com", "build": 43})).json()

    assert (build["event"], build["deploy_to"]) == ("promote", "production")
    assert build["params"] == {"ci": "https://other.example.com", "build": "43"}


@pytest.mark.parametrize(
    ("payload", "params"),
    [
        ({"a": 1, "b": True, "c": None, "d": 1.5, "e": {"f": [1, "g"]}}, {"a", "b", "c", "d", "e"}),
        ('{"a": "b"}', {"a"}),
        ("just words", set()),
        ("", set()),
        (None, set()),
        ([1, 2], set()),
    ],
)
async def test_the_payload_becomes_parameters(
    receiver: Receiver, repo: Repo, payload: object, params: set[str]
) -> None:
    build = (await ask(receiver, payload=payload)).json()

    given = build.get("params", {})
    assert set(given) == params
    if "e" in params:
        assert given == {"a": "1", "b": "true", "c": "", "d": "1.5", "e": '{"f":[1,"g"]}'}


async def test_parameters_with_names_that_are_refused_are_left_out_and_named(receiver: Receiver, repo: Repo) -> None:
    payload = {"VERSION": "1", "PATH": "/tmp", "LD_PRELOAD": "x", "a b": "y", "NUL": "a\0b"}

    build = (await ask(receiver, payload=payload)).json()

    assert build["params"] == {"VERSION": "1"}
    assert build["message"] == (
        "this is a description\n\n"
        "Parameters that were left out, because they are not allowed: PATH, LD_PRELOAD, a b, NUL"
    )
    many = (await ask(receiver, "two", payload={f"x-{n}": "" for n in range(25)}, description="d" * 3000)).json()
    assert len(many["message"]) <= 2000
    assert many["message"].endswith("x-19 and 5 more")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"environment": ""}, "Missing target environment"),
        ({"environment": "x" * 300}, "the target has 300 characters"),
        ({"payload": {"A": "x" * 40_000}}, "the parameters have 40001 bytes"),
        ({"environment": "unknown"}, 'has the target "unknown". The file has: production'),
    ],
)
async def test_a_deployment_that_cannot_start_says_why(
    receiver: Receiver, repo: Repo, changes: dict[str, Any], words: str
) -> None:
    receiver.forges["github"].file = pipeline(trigger={"target": ["production"]})

    answer = await ask(receiver, **changes)

    assert answer.status_code == 200
    assert words in answer.json()["message"]
    assert await receiver.counter(repo) == 0


@pytest.mark.parametrize(
    ("told", "known", "ref", "branch"),
    [
        ("master", [], "refs/heads/master", "master"),
        ("2024-fix", ["refs/heads/2024-fix"], "refs/heads/2024-fix", "2024-fix"),
        ("v1.2", ["refs/tags/v1.2"], "refs/tags/v1.2", "v1.2"),
        ("v1.2", [], "refs/tags/v1.2", "v1.2"),
        ("topic/ü", [], "refs/heads/topic/ü", "topic/ü"),
        ("nightly", ["refs/tags/nightly"], "refs/tags/nightly", "nightly"),
        ("refs/heads/topic", [], "refs/heads/topic", "topic"),
        (SHA, [], "", "master"),
        (SHA[:7], [], "", "master"),
    ],
)
async def test_the_host_is_asked_whether_a_name_is_a_branch_or_a_tag(
    receiver: Receiver, repo: Repo, told: str, known: list[str], ref: str, branch: str
) -> None:
    receiver.forges["github"].known |= {name: commit(SHA) for name in known}

    build = (await ask(receiver, ref=told)).json()

    assert (build["ref"], build["source"], build["target"]) == (ref, branch, branch)


async def test_without_a_description_the_message_is_that_of_the_commit(receiver: Receiver, repo: Repo) -> None:
    receiver.forges["github"].known[SHA] = commit(SHA, "What was done")

    assert (await ask(receiver, description=None)).json()["message"] == "What was done"


async def test_a_deployment_waits_for_a_host_that_is_down(
    receiver: Receiver, repo: Repo, moments: Sequence[Moment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.builds.deliveries.keeper.PAUSES", ())
    receiver.forges["github"].failure = Unavailable("503")
    assert (await ask(receiver, "one")).status_code == 202

    receiver.forges["github"].failure = None
    receiver.scene.clock.time += 5
    await receiver.keeper.look()
    await soon(lambda: receiver.counter(repo))

    (moment,) = moments
    assert (moment.build.deploy_id, moment.by.name) == (87972451, "codertocat")
    assert (await ask(receiver, "one")).json()["number"] == 1


async def test_a_file_that_is_not_there_makes_an_error_build(receiver: Receiver, repo: Repo) -> None:
    receiver.forges["github"].failure = Unreadable("there is no .drone.yml", code="config_not_found")

    build = (await ask(receiver)).json()

    assert (build["status"], build["error"], build["event"]) == ("error", "there is no .drone.yml", "promote")
    assert (build["deploy_to"], build["deploy_id"]) == ("production", 87972451)


#: What lets the rights that the host has told grow old.
OLD = f"UPDATE permissions SET synced = synced - {GOOD}"


@pytest.mark.parametrize("right", ["write", "read", "none"])
async def test_old_rights_of_the_sender_are_asked_for_before_they_decide(
    receiver: Receiver, repo: Repo, forge: FakeForge, right: str
) -> None:
    found = listed("Codertocat/Hello-World", "135493233", right)
    forge.repositories_of["codertocat"] = [] if right == "none" else [found]
    await receiver.ports.db.write(run(OLD))

    answers = [(await ask(receiver, name)).json() for name in ("one", "two")]

    assert forge.calls.count("repository Codertocat/Hello-World") == 1
    if right == "write":
        assert [answer["event"] for answer in answers] == ["promote", "promote"]
    else:
        assert all("needs write access to Codertocat/Hello-World" in answer["message"] for answer in answers)
        assert await receiver.counter(repo) == 0


async def test_a_sender_whose_rights_were_never_told_has_those_of_the_host(receiver: Receiver, repo: Repo) -> None:
    await receiver.ports.db.write(run("DELETE FROM permissions"))

    assert (await ask(receiver)).json()["event"] == "promote"


async def test_rights_of_the_last_hour_are_not_asked_for(receiver: Receiver, repo: Repo, forge: FakeForge) -> None:
    await ask(receiver)

    assert forge.calls == []


async def test_the_answer_does_not_wait_for_a_host_that_is_slow_to_tell_rights(
    receiver: Receiver, repo: Repo, forge: FakeForge
) -> None:
    await receiver.ports.db.write(run(OLD))
    forge.gate.clear()

    answer = await ask(receiver)
    forge.gate.set()
    await soon(lambda: receiver.counter(repo), "the deployment is promoted")

    assert answer.status_code == 202


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses within the first attempt, and a host that has failed is asked again at once."""
    monkeypatch.setattr("app.builds.deliveries.keeper.PAUSES", ())
    monkeypatch.setattr(hosted_rights, "FAILED", 0.0)


@pytest.mark.usefixtures("hasty")
async def test_a_deployment_waits_for_a_host_that_does_not_tell_rights(
    receiver: Receiver, repo: Repo, forge: FakeForge
) -> None:
    await receiver.ports.db.write(run(OLD))
    forge.failure = Unavailable("github is away")
    answer = await ask(receiver, "one")
    (waiting,) = await receiver.known(repo)

    forge.failure = None
    receiver.scene.clock.time += 5
    await receiver.keeper.look()
    await soon(lambda: receiver.counter(repo), "the deployment is promoted")

    assert (answer.status_code, "github is away" in waiting.error) == (202, True)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("failure", [Unavailable("github is away"), Unreadable("the token is not good any more")])
async def test_without_rights_in_time_nothing_runs_and_the_record_says_why(
    receiver: Receiver, repo: Repo, forge: FakeForge, failure: Unavailable | Unreadable
) -> None:
    await receiver.ports.db.write(run(OLD))
    forge.failure = failure
    first = await ask(receiver, "one")

    async def is_over() -> bool:
        return not (await receiver.known(repo))[0].due

    receiver.scene.clock.time += PATIENCE
    await receiver.keeper.look()
    await soon(is_over, "the delivery does not wait any more")
    (known,) = await receiver.known(repo)

    assert first.status_code == (202 if isinstance(failure, Unavailable) else 200)
    assert (known.due, known.build, await receiver.counter(repo)) == (0, 0, 0)
    assert f"whether codertocat may write in Codertocat/Hello-World: {failure}" in known.error
