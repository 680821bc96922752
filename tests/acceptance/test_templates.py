"""Templates over HTTP: as recorded, and refused by field, right and name."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.acceptance.server import Server
from tests.scm.repository import Repository

RECORDING = json.loads((Path(__file__).parents[2] / "fixtures" / "drone" / "templates.json").read_text())["exchanges"]
ACME = "/api/templates/acme"
SLUGS = ("acme/web", "acme/api", "other/thing")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("templates")
    repository = Repository(folder / "hello-world")
    with Server(folder / "server", git_roots=str(folder)) as server:
        for slug in SLUGS:
            server.register(repository.url, slug, default_branch="main")
        yield server


@pytest.fixture(scope="module")
def people(server: Server) -> Iterator[dict[str, httpx2.Client]]:
    """Who administers all of acme, who writes in one repository, who reads, who has nothing, and nobody."""
    rights = {"owner": "admin", "writer": "write", "reader": "read"}
    made = {name: server.account(name) for name in (*rights, "stranger")} | {"nobody": server.visitor()}
    for name, right in rights.items():
        for slug in SLUGS[:2] if right == "admin" else SLUGS[:1]:
            server.json("PUT", f"/api/repos/{slug}/collaborators/{name}", json={right: True})
    yield made
    for client in made.values():
        client.close()


@pytest.fixture(autouse=True)
def _no_templates(server: Server) -> None:
    for one in server.json("GET", "/api/templates"):
        server.ask("DELETE", f"/api/templates/{one['namespace']}/{one['name']}")


def add(server: Server, name: str = "deploy.yaml", namespace: str = "acme", data: str = "kind: pipeline\n") -> Any:
    return server.json("POST", f"/api/templates/{namespace}", json={"name": name, "data": data})


def test_all_is_answered_as_recorded(server: Server) -> None:
    for exchange in RECORDING:
        request = exchange["request"]
        answer = server.ask(request["method"], request["path"], json=request.get("body"))

        assert answer.status_code == exchange["status"], exchange["name"]
        assert answer.headers.get("content-type") == exchange["content_type"], exchange["name"]
        if answer.status_code == 200:
            assert _plain(answer.json()) == _plain(exchange["json"]), exchange["name"]
        elif answer.status_code == 400:
            assert answer.json()["message"] == exchange["json"]["message"]


def _plain(value: Any) -> Any:
    """Without the ids, which belong to the place of recording; the types of all keys in their order."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return [(key, type(item) if key == "id" else item) for key, item in value.items()]


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_list_may_be_asked_for_with_a_slash(server: Server, slash: str) -> None:
    """Recorded: cli.json, `drone template ls`."""
    made = [add(server, "b.yaml"), add(server, "a.star", "other"), add(server, "a.star")]

    assert server.json("GET", f"/api/templates{slash}") == [made[2], made[1], made[0]]
    assert server.json("GET", f"{ACME}{slash}") == [made[2], made[0]]
    assert server.json("GET", f"/api/templates/nobody{slash}") == []


EXTENSION = "Template extension invalid. Must be yaml, starlark or jsonnet"


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({"name": "t.yaml"}, {"data": "No Template Data Provided"}),
        ({"name": "t.yaml", "data": ""}, {"data": "No Template Data Provided"}),
        ({"name": "t.yaml", "data": " \n"}, {"data": "No Template Data Provided"}),
        ({"name": "t.yaml", "data": None}, {"data": "No Template Data Provided"}),
        ({"name": "t.txt", "data": "x"}, {"name": EXTENSION}),
        ({"name": "t.YAML", "data": "x"}, {"name": EXTENSION}),
        ({"name": "", "data": "x"}, {"name": EXTENSION}),
        ({"data": "x"}, {"name": EXTENSION}),
        ({}, {"name": EXTENSION, "data": "No Template Data Provided"}),
        ({"name": "t.yaml", "data": "a\0b"}, {"data": None}),
        ({"name": "t.yaml", "data": 7}, {"data": None}),
        ({"name": ["t.yaml"], "data": {}}, {"name": None, "data": None}),
        ({"name": "a/b.yaml", "data": "x"}, {"name": None}),
        ({"name": "a b.yaml", "data": "x"}, {"name": None}),
        ({"name": "ä.yaml", "data": "x"}, {"name": None}),
        ({"name": "a\n.yaml", "data": "x"}, {"name": None}),
        ({"name": "x" * 196 + ".yaml", "data": "x"}, {"name": None}),
        (["t.yaml"], {"": None}),
        ("t.yaml", {"": None}),
    ],
)
def test_a_bad_template_is_refused_by_field(server: Server, body: Any, problems: dict[str, str | None]) -> None:
    answer = server.ask("POST", ACME, json=body)

    assert answer.status_code == 400
    told = {error["field"]: error["message"] for error in answer.json()["errors"]}
    assert told.keys() == problems.keys()
    assert all(message in (None, told[field]) for field, message in problems.items())
    assert server.json("GET", ACME) == []


@pytest.mark.parametrize("text", [b"", b"{", b'{"name": "t.yaml", "data": "\\ud800"}', b'"\xff"', b"null"])
def test_a_body_that_is_none_is_refused(server: Server, text: bytes) -> None:
    assert server.ask("POST", ACME, content=text).status_code == 400


@pytest.mark.parametrize(
    "name", [*("t" + end for end in (".yml", ".yaml", ".star", ".starlark", ".script", ".jsonnet")), ".yml"]
)
def test_every_language_is_kept_as_it_was_sent(server: Server, name: str) -> None:
    data = "\ufeff# é ☃ {{ .input }}\r\n\t<&>\n\n"

    made = add(server, name, data=data)

    assert server.json("GET", f"{ACME}/{name}") == made
    assert (made["name"], made["namespace"], made["data"]) == (name, "acme", data)


def test_a_template_may_be_as_large_as_a_body_and_not_larger(server: Server) -> None:
    data = "x" * (1024 * 1024 - 100)

    assert add(server, data=data)["data"] == data
    assert server.ask("POST", ACME, json={"name": "big.yaml", "data": data * 2}).status_code == 413


@pytest.mark.parametrize("namespace", ["a%20b", "..%2f", "%C3%A4", "x" * 101])
def test_a_namespace_that_no_repository_can_have_is_refused(server: Server, namespace: str) -> None:
    answer = server.ask("POST", f"/api/templates/{namespace}", json={"name": "t.yaml", "data": "x"})

    assert answer.status_code in (400, 404)
    assert server.json("GET", "/api/templates") == []


def test_a_name_is_taken_once_in_a_namespace(server: Server) -> None:
    add(server)
    again = server.ask("POST", ACME, json={"name": "deploy.yaml", "data": "other"})

    assert (again.status_code, again.json()["code"]) == (409, "template_exists")
    assert again.json()["message"].startswith("template deploy.yaml exists already in acme")
    add(server, "Deploy.yaml")
    add(server, namespace="other")


def test_of_many_who_add_one_name_one_does(server: Server) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(lambda n: server.ask("POST", ACME, json={"name": "t.yaml", "data": f"{n}"}), range(8))
        )

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_template_is_changed_and_moved(server: Server, method: str) -> None:
    made = add(server)

    assert server.json(method, f"{ACME}/deploy.yaml", json={"DATA": "new", "name": "ignored.txt"}) == made | {
        "data": "new"
    }
    assert server.json(method, f"{ACME}/deploy.yaml", json={}) == made | {"data": "new"}
    moved = server.json(method, f"{ACME}/deploy.yaml", json={"namespace": "other"})
    assert moved == made | {"data": "new", "namespace": "other"}
    assert server.ask("GET", f"{ACME}/deploy.yaml").status_code == 404
    assert server.json("GET", "/api/templates/other/deploy.yaml") == moved
    both = server.json(method, "/api/templates/other/deploy.yaml", json={"namespace": "acme", "data": "newer"})
    assert both == made | {"data": "newer"}
    assert server.json(method, f"{ACME}/deploy.yaml", json={"namespace": "acme"}) == both


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"data": ""}, "data"),
        ({"data": "a\0"}, "data"),
        ({"data": 1}, "data"),
        ({"namespace": ""}, "namespace"),
        ({"namespace": "a/b"}, "namespace"),
        ({"namespace": "other", "data": ""}, "data"),
        ([], ""),
    ],
)
def test_a_bad_change_is_refused_by_field_and_changes_nothing(server: Server, body: Any, field: str) -> None:
    made = add(server)

    answer = server.ask("PATCH", f"{ACME}/deploy.yaml", json=body)

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert server.json("GET", "/api/templates") == [made]


def test_a_move_to_where_the_name_is_taken_changes_neither(server: Server) -> None:
    made = [add(server), add(server, namespace="other", data="theirs")]

    answer = server.ask("PATCH", f"{ACME}/deploy.yaml", json={"namespace": "other", "data": "mine"})

    assert (answer.status_code, answer.json()["code"]) == (409, "template_exists")
    assert server.json("GET", "/api/templates") == made


@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
def test_what_is_not_there_is_a_404_that_names_it(server: Server, method: str) -> None:
    for path in (f"{ACME}/nope.yaml", "/api/templates/nowhere/nope.yaml"):
        answer = server.ask(method, path, json={"data": "x"})
        assert (answer.status_code, answer.json()["message"]) == (404, "template nope.yaml not found")


def test_a_template_is_removed_once(server: Server) -> None:
    add(server)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: server.ask("DELETE", f"{ACME}/deploy.yaml"), range(4)))

    assert sorted(answer.status_code for answer in answers) == [204, 404, 404, 404]


READS = [("GET", ACME), ("GET", f"{ACME}/deploy.yaml")]
WRITES = [
    ("POST", ACME),
    ("PATCH", f"{ACME}/deploy.yaml"),
    ("PUT", f"{ACME}/deploy.yaml"),
    ("DELETE", f"{ACME}/deploy.yaml"),
]


@pytest.mark.parametrize(
    ("who", "reads", "writes", "lists"),
    [
        ("nobody", 401, 401, 401),
        ("stranger", 403, 403, 403),
        ("reader", 403, 403, 403),
        ("writer", 200, 403, 403),
        ("owner", 200, 200, 403),
    ],
)
def test_members_read_owners_write(
    server: Server, people: dict[str, httpx2.Client], who: str, reads: int, writes: int, lists: int
) -> None:
    made = add(server)
    client = people[who]

    assert {client.request(*asked).status_code for asked in READS} == {reads}
    assert client.get("/api/templates").status_code == lists
    for method, path in WRITES:
        answer = client.request(method, path, json={"name": "new.yaml", "data": "x"})
        assert answer.status_code == (204 if method == "DELETE" and writes == 200 else writes)
    if writes != 200:
        assert server.json("GET", "/api/templates") == [made]


def test_a_template_goes_only_where_its_owner_is_owner_too(server: Server, people: dict[str, httpx2.Client]) -> None:
    made = add(server)

    refused = people["owner"].patch(f"{ACME}/deploy.yaml", json={"namespace": "other", "data": "new"})
    assert refused.status_code == 403
    assert server.json("GET", "/api/templates") == [made]
    taken = people["owner"].patch(f"{ACME}/deploy.yaml", json={"namespace": "owner"})
    assert (taken.status_code, taken.json()["namespace"]) == (200, "owner")
    assert people["owner"].get("/api/templates/owner").json() == [taken.json()]
