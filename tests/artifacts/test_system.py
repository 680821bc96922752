"""What the server tells of itself, and what it says of protocols that it does not speak."""

import httpx2
import pytest

from tests.acceptance.server import Server

pytestmark = pytest.mark.postgres

SYSTEM = "/artifactory/api/system"


def test_the_server_answers_anybody(stranger: httpx2.Client) -> None:
    for path in (f"{SYSTEM}/ping", "/access/api/v1/system/ping"):
        answer = stranger.get(path)
        assert (answer.status_code, answer.text) == (200, "OK")
        assert stranger.head(path).status_code == 200


def test_the_version_lets_clients_use_all_that_there_is(server: Server) -> None:
    found = server.json("GET", f"{SYSTEM}/version")

    assert found["version"] == "7.140.0"
    assert {name: type(value) for name, value in found.items()} == {
        "version": str,
        "revision": str,
        "addons": list,
        "license": str,
    }
    assert server.json("GET", "/artifactory/api/v1/uploads/config") == {"supported": False}


def test_the_service_has_one_name(server: Server) -> None:
    name = server.ask("GET", f"{SYSTEM}/service_id").text

    assert name.startswith("jfrt@")
    assert server.ask("GET", f"{SYSTEM}/service_id").text == name
    assert server.json("GET", f"{SYSTEM}/status") == {"nodes": [{"id": name, "state": "RUNNING"}]}
    assert "Enterprise Plus" not in server.json("GET", f"{SYSTEM}/license")["type"]


def test_reports_of_use_are_taken_and_not_kept(server: Server, stranger: httpx2.Client) -> None:
    for client in (server.client, stranger):
        assert client.post(f"{SYSTEM}/usage", json={"productId": "jf"}).status_code == 200
        assert client.post("/jfconnect/api/v1/backoffice/metrics/log", content=b"\xff").status_code == 200


def test_who_shows_nothing_or_something_wrong_is_told_so(server: Server, stranger: httpx2.Client) -> None:
    for path in (f"{SYSTEM}/version", f"{SYSTEM}/service_id", f"{SYSTEM}/status", f"{SYSTEM}/license"):
        assert stranger.get(path).status_code == 401
        with server.visitor({"Authorization": "Bearer wrong"}) as wrong:
            assert wrong.get(path).status_code == 401


def test_there_are_no_bundles_of_the_first_kind(server: Server) -> None:
    assert server.ask("GET", "/artifactory/api/release_bundles/records/non-existing-rb").status_code == 404


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v2/", "docker"),
        ("/v2", "docker"),
        ("/v2/libs/app/manifests/latest", "docker"),
        ("/artifactory/api/docker/libs/v2/", "docker"),
        ("/artifactory/api/npm/libs/left-pad", "npm"),
        ("/artifactory/api/pypi/libs/simple/", "pypi"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "PATCH"])
def test_a_protocol_that_is_not_spoken_is_named(server: Server, method: str, path: str, name: str) -> None:
    answer = server.ask(method, path)

    assert answer.status_code == 404
    [error] = answer.json()["errors"]
    assert error["message"].startswith(f"the protocol of {name} is not spoken here")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/artifactory/api/system/ping", "GET, HEAD"),
        ("PUT", "/artifactory/api/search/aql", "POST"),
        ("PATCH", "/artifactory/api/build/promote/app/1", "DELETE, GET, HEAD, POST"),
        ("POST", "/artifactory/api/storage/libs/a.txt", "DELETE, GET, HEAD, PUT"),
    ],
)
def test_a_wrong_method_of_a_call_is_405_with_those_that_there_are(
    server: Server, method: str, path: str, allowed: str
) -> None:
    answer = server.ask(method, path)

    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert answer.json()["errors"][0]["status"] == 405
