"""Webhooks of a real server: their routes, their rights, their commands, and what a killed server leaves."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook as Verifier

from tests import gantry
from tests.acceptance.conftest import SLUG, Begin, first_build
from tests.acceptance.server import TOKEN, Server
from tests.builds.farside import pipeline
from tests.notify.webhooks.receiver import Receiver, receiving, silent, status
from tests.scm.repository import Repository
from tests.soon import soon_sync

OF_REPO, OF_NAMESPACE, OF_SERVER = f"/api/repos/{SLUG}/webhooks", "/api/webhooks/octocat", "/api/webhooks"
PLACES = (OF_REPO, OF_NAMESPACE, OF_SERVER)
URL = "https://example.com/hooks"
KEY = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("webhooks")
    repository = Repository(folder / "hello-world")
    with Server(folder / "server", git_roots=str(folder), webhook_allow_private="true") as made:
        first_build(made, repository, pipeline())
        yield made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def add(server: Server) -> Iterator[Callable[..., Any]]:
    """Adds a webhook for the time of the test."""
    made = []

    def add(url: str = URL, place: str = OF_REPO, **more: Any) -> Any:
        answer = server.json("POST", place, json={"url": url, **more})
        made.append(f"{place}/{answer['id']}")
        return answer

    yield add
    for path in made:
        server.client.delete(path)


def promote(server: Server, **params: str) -> int:
    query = {"target": "production", **params}
    answer = server.client.post(f"/api/repos/{SLUG}/builds/1/promote", params=query)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["number"])


@pytest.mark.parametrize("place", PLACES)
def test_a_webhook_is_added_shown_changed_and_removed(server: Server, place: str) -> None:
    answer = server.client.post(place, json={"url": URL, "events": ["promotion.*"], "targets": ["prod*"]})
    made = answer.json()
    one = f"{place}/{made['id']}"

    assert answer.status_code == 200
    assert made.pop("secret").startswith("whsec_")
    assert {name: made[name] for name in ("repo", "namespace", "url", "format", "secrets", "creator", "active")} == {
        "repo": SLUG if place == OF_REPO else "",
        "namespace": "octocat" if place == OF_NAMESPACE else "",
        "url": URL,
        "format": "standard",
        "secrets": 1,
        "creator": "octocat",
        "active": True,
    }
    assert server.json("GET", one) == made
    assert server.json("GET", place) == [made]

    changed = server.json("PATCH", one, json={"statuses": ["success"], "secret": KEY, "active": False})
    assert changed == made | {"statuses": ["success"], "secrets": 2, "active": False, "updated": changed["updated"]}

    assert server.client.delete(one).status_code == 204
    assert server.client.get(one).status_code == 404
    assert server.client.delete(one).status_code == 404
    assert server.json("GET", place) == []


def test_a_webhook_is_found_only_in_its_own_place(server: Server, add: Callable[..., Any]) -> None:
    made = [add(place=place) for place in PLACES]
    for place in PLACES:
        for one, own in zip(made, PLACES, strict=True):
            found = server.client.get(f"{place}/{one['id']}")
            assert (found.status_code == 200) is (place == own)


def test_only_administrators_of_the_place_keep_its_webhooks(server: Server, add: Callable[..., Any]) -> None:
    made = add()
    with server.account("reader") as reader, server.account("writer") as writer, server.visitor() as stranger:
        server.json("PUT", f"/api/repos/{SLUG}/collaborators/writer", json={"write": True})
        one = f"{OF_REPO}/{made['id']}"
        for method, path in (
            *(("GET", OF_REPO), ("POST", OF_REPO), ("GET", one), ("PATCH", one), ("DELETE", one)),
            *(("POST", f"{one}/ping"), ("GET", f"{one}/deliveries"), ("POST", f"{one}/redeliver")),
            *(("GET", OF_NAMESPACE), ("POST", OF_NAMESPACE), ("GET", OF_SERVER), ("POST", OF_SERVER)),
            *(("GET", f"{OF_SERVER}/1"), ("DELETE", f"{OF_SERVER}/1"), ("GET", f"{OF_NAMESPACE}/1")),
        ):
            for caller, statuses in ((reader, {403, 404}), (writer, {403}), (stranger, {401})):
                answer = caller.request(method, path, json={"url": URL} if method != "GET" else None)
                assert answer.status_code in statuses, (method, path, answer.text)

    assert server.json("GET", one)["url"] == URL


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "url", "string_too_short"),
        ({"url": 7}, "url", "string_type"),
        ({"url": "ftp://example.com"}, "url", "bad_webhook_url"),
        ({"url": "https://octocat:pw@example.com/"}, "url", "bad_webhook_url"),
        ({"url": "http://169.254.169.254/latest"}, "url", "bad_webhook_url"),
        ({"url": URL, "format": "xml"}, "format", "literal_error"),
        ({"url": URL, "events": "promotion.*"}, "events", "list_type"),
        ({"url": URL, "events": ["promotions.*"]}, "events", "webhook_pattern"),
        ({"url": URL, "targets": ["x"] * 51}, "targets", "webhook_patterns"),
        ({"url": URL, "secret": "hunter2"}, "secret", "bad_secret"),
        ({"url": URL, "format": "slack", "secret": KEY}, "secret", "bad_secret"),
        ({"url": URL, "active": "yes"}, "active", "bool_type"),
    ],
)
def test_what_is_wrong_is_named(server: Server, body: dict[str, Any], field: str, code: str) -> None:
    answer = server.client.post(OF_REPO, json=body)

    assert answer.status_code == 400, answer.text
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]
    assert "hunter2" not in answer.text
    assert ":pw@" not in answer.text


def test_a_place_has_fifty_webhooks_at_most(server: Server, add: Callable[..., Any]) -> None:
    for _ in range(50):
        add(place=OF_NAMESPACE)

    answer = server.client.post(OF_NAMESPACE, json={"url": URL})

    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_webhooks")
    assert "octocat has 50 webhooks" in answer.json()["message"]


def test_the_address_of_a_chat_is_a_secret(server: Server, add: Callable[..., Any]) -> None:
    made = add("https://hooks.slack.com/services/T0/B0/very-secret", format="slack")
    one = f"{OF_REPO}/{made['id']}"

    assert made["url"] == "https://hooks.slack.com/******"
    assert "secret" not in made
    shown = [server.client.get(path).text for path in (one, OF_REPO, f"/api/repos/{SLUG}/audit")]
    assert not any("very-secret" in text for text in shown)
    assert server.client.patch(one, json={"url": made["url"]}).status_code == 400
    assert server.json("PATCH", one, json={"active": False})["url"] == made["url"]
    assert "very-secret" not in server.log.read_text()


def test_a_promotion_arrives_signed_and_soon(server: Server, receiver: Receiver, add: Callable[..., Any]) -> None:
    made = add(receiver.url + "/hooks", events=["promotion.*", "stage.*"], targets=["prod*"])
    began = time.monotonic()
    number = promote(server, TAG="v1")
    server.finished(SLUG, number)
    soon_sync(lambda: "promotion.succeeded" in receiver.types)

    assert receiver.types == [
        *("promotion.requested", "promotion.started", "stage.started"),
        *("stage.finished", "promotion.succeeded"),
    ]
    for one in receiver.came:
        assert Verifier(made["secret"]).verify(one.body, dict(one.headers))["data"]["build"] == number
    assert receiver.came[0].at - began < 1.5  # a look for what is forgotten comes after 2 s


def test_the_log_has_request_and_answer(server: Server, receiver: Receiver, add: Callable[..., Any]) -> None:
    receiver.answers = status(500, b"no room")
    made = add(receiver.url, events=["promotion.requested"])
    log = f"{OF_REPO}/{made['id']}/deliveries"
    promote(server)
    [delivery] = soon_sync(lambda: [one for one in server.json("GET", log) if one["tries"]])

    shown = server.json("GET", f"{log}/{delivery['id']}")
    assert (shown["state"], shown["status"], shown["error"]) == ("waiting", 500, "the endpoint answered 500: no room")
    assert shown["request"]["headers"]["webhook-id"] == f"msg_{shown['event']}"
    assert json.loads(shown["request"]["body"])["type"] == shown["type"] == "promotion.requested"
    assert (shown["answer"]["status"], shown["answer"]["body"]) == (500, "no room")
    assert made["secret"] not in json.dumps(shown)
    assert server.json("GET", f"{OF_REPO}/{made['id']}")["failing_since"] > 0

    receiver.answers = status(200)
    server.json("POST", f"{log}/{delivery['id']}/redeliver")  # it waits: it is tried now
    soon_sync(lambda: server.json("GET", f"{log}?state=delivered"))
    assert server.json("GET", f"{log}?state=waiting") == []
    assert server.client.get(f"{log}?state=lost").status_code == 400
    assert server.client.get(f"{log}/999999").status_code == 404
    assert len({one.id for one in receiver.came}) == 1


def test_pages_of_the_log(server: Server, receiver: Receiver, add: Callable[..., Any]) -> None:
    made = add(receiver.url, events=["repo.deleted"])  # nothing but the pings: builds of other tests may still run
    one = f"{OF_REPO}/{made['id']}"
    for _ in range(5):
        server.json("POST", f"{one}/ping")

    first = server.client.get(f"{one}/deliveries?per_page=2")
    second = server.client.get(first.links["next"]["url"])
    back = server.client.get(second.links["prev"]["url"])

    ids = [delivery["id"] for delivery in first.json() + second.json()]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 4
    assert back.json() == [delivery | {} for delivery in back.json()]
    assert [delivery["id"] for delivery in back.json()] == ids[:2]
    assert [d["id"] for d in server.json("GET", f"{one}/deliveries?per_page=2&page=2")] == ids[2:]


def test_an_inactive_one_refuses_to_send(server: Server, receiver: Receiver, add: Callable[..., Any]) -> None:
    made = add(receiver.url, active=False)
    for path in ("ping", "redeliver", "deliveries/1/redeliver"):
        answer = server.client.post(f"{OF_REPO}/{made['id']}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (409, "inactive"), answer.text
    promote(server)

    assert receiver.came == []


@pytest.mark.parametrize("query", ["since=x", "until=-x", "since=" + "9" * 30])
def test_times_that_cannot_be_read(server: Server, add: Callable[..., Any], query: str) -> None:
    made = add()

    assert server.client.post(f"{OF_REPO}/{made['id']}/redeliver?{query}").status_code == 400
    assert server.json("POST", f"{OF_REPO}/{made['id']}/redeliver?since=1&until=2") == {"redelivered": 0}


def test_what_was_done_is_in_the_audit_record(server: Server) -> None:
    made = server.json("POST", OF_REPO, json={"url": "https://audit.example.com/path-of-it", "secret": KEY})
    server.client.patch(f"{OF_REPO}/{made['id']}", json={"events": ["promotion.*"]})
    server.client.delete(f"{OF_REPO}/{made['id']}")

    record = server.json("GET", f"/api/repos/{SLUG}/audit")[:3]
    assert [entry["verb"] for entry in record] == ["webhook.delete", "webhook.update", "webhook.create"]
    assert "audit.example.com" in json.dumps(record)
    assert "path-of-it" not in json.dumps(record)
    assert KEY not in json.dumps(record)


def test_the_commands(server: Server, receiver: Receiver) -> None:
    environment = server.environment | {"GANTRY_SERVER": server.url, "GANTRY_TOKEN": TOKEN}

    def run(*args: str, code: int = 0, stdin: str = "") -> str:
        done = gantry.run(["webhook", *args], environment, stdin=stdin)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    for place in ((SLUG,), ("--namespace", "octocat"), ("--system",)):
        made = json.loads(run("add", *place, receiver.url, "--event", "repo.*", "--json"))
        number = str(made["id"])
        assert made["secret"].startswith("whsec_")
        assert number in run("ls", *place)
        assert "Answer 200" in run("ping", *place, number)
        assert "ping" in run("deliveries", *place, number)
        [delivery] = json.loads(run("deliveries", *place, number, "--state", "delivered", "--json"))
        assert "webhook-signature" in run("deliveries", *place, number, str(delivery["id"]))
        assert "is sent once more" in run("redeliver", *place, number, str(delivery["id"]))
        assert "0 are sent once more" in run("redeliver", *place, number, "--failed", "--since", "7d")
        assert "whsec_" in run("update", *place, number, "--new-secret")
        assert "off" in run("update", *place, number, "--off", "--target", "prod*")
        run("update", *place, number, "--target", "", "--secret", "-", stdin=KEY)
        shown = json.loads(run("info", *place, number, "--json"))
        assert (shown["targets"], shown["events"], shown["active"]) == ([], ["repo.*"], False)
        assert "is removed" in run("rm", *place, number, "--yes")

    assert "say whose webhooks" in run("ls", code=2)
    assert "say whose webhooks" in run("ls", SLUG, "--system", code=2)
    assert "matches none of" in run("add", SLUG, URL, "--event", "x.*", code=1)
    assert "at least one option" in run("update", SLUG, "1", code=2)


def test_private_networks_need_the_setting(begin: Begin, receiver: Receiver) -> None:
    server, _ = begin(pipeline())
    answer = server.client.post(OF_REPO, json={"url": receiver.url})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_webhook_url")
    assert "GANTRY_WEBHOOK_ALLOW_PRIVATE" in answer.text

    # A name that leads there can be stored, and is not called.
    port = receiver.url.rpartition(":")[2]
    made = server.json("POST", OF_REPO, json={"url": f"http://localhost.:{port}/"})
    server.json("POST", f"{OF_REPO}/{made['id']}/ping")
    log = f"{OF_REPO}/{made['id']}/deliveries"
    [delivery] = soon_sync(lambda: [one for one in server.json("GET", log) if one["tries"]])

    assert "GANTRY_WEBHOOK_ALLOW_PRIVATE" in delivery["error"] or "no connection" in delivery["error"]
    assert receiver.came == []


def test_a_server_that_is_killed_while_it_delivers_sends_again_with_the_same_id(
    place: tuple[Server, Repository], receiver: Receiver
) -> None:
    server, repository = place
    server.environment["GANTRY_WEBHOOK_ALLOW_PRIVATE"] = "true"
    server.start()
    first_build(server, repository, pipeline())
    server.json("POST", OF_REPO, json={"url": receiver.url, "events": ["promotion.requested"]})
    receiver.answers = silent
    promote(server)
    soon_sync(lambda: receiver.came)

    server.kill()
    receiver.answers = status(200)
    server.execute("UPDATE outbox SET due = 0")  # on PostgreSQL, the lease of the dead server would have to pass
    server.start()

    soon_sync(lambda: len(receiver.came) == 2)
    assert receiver.came[0].id == receiver.came[1].id
    assert receiver.came[0].body == receiver.came[1].body


def test_strange_ids(server: Server) -> None:
    with httpx2.Client(base_url=server.url, headers=server.client.headers) as client:
        for path in (f"{OF_REPO}/x", f"{OF_REPO}/{2**63}", f"{OF_NAMESPACE}/x"):
            assert client.get(path).status_code == 400
        assert client.get(f"{OF_SERVER}/{2**63}").status_code == 400
        assert client.get(f"{OF_REPO}/-1").status_code == 404
