"""Environments and projects over HTTP."""

from typing import Any

import httpx2
import pytest

from app.artifacts.access import SYSTEM
from app.artifacts.api import environments, projects
from tests.acceptance.server import Server
from tests.artifacts.conftest import REPOSITORIES

pytestmark = pytest.mark.postgres

ENVIRONMENTS = "/access/api/v1/environments"
PROJECTS = "/access/api/v1/projects"


def names(server: Server, path: str = ENVIRONMENTS) -> list[str]:
    return [found["name"] for found in server.json("GET", path)]


def make(server: Server, key: str, **fields: Any) -> None:
    assert server.ask("PUT", f"{REPOSITORIES}/{key}", json={"rclass": "local", **fields}).status_code == 200


def project(server: Server, key: str, **fields: Any) -> None:
    assert server.ask("POST", PROJECTS, json={"project_key": key, **fields}).status_code == 201


def test_two_environments_are_always_there(server: Server) -> None:
    assert names(server)[:2] == ["DEV", "PROD"]
    for name in ("DEV", "PROD"):
        assert server.ask("DELETE", f"{ENVIRONMENTS}/{name}").status_code == 400
        assert server.ask("POST", f"{ENVIRONMENTS}/{name}/rename", json={"new_name": "X"}).status_code == 400
        assert server.ask("POST", ENVIRONMENTS, json={"name": name}).status_code == 409


def test_an_environment_is_added_renamed_and_removed(server: Server) -> None:
    answer = server.ask("POST", ENVIRONMENTS, json={"name": "QA 1"})
    assert (answer.status_code, answer.json()) == (201, {"name": "QA 1"})
    assert server.ask("POST", ENVIRONMENTS, json={"name": "QA 1"}).status_code == 409

    assert server.json("POST", f"{ENVIRONMENTS}/QA%201/rename", json={"new_name": "QA2"}) == {"name": "QA2"}
    assert names(server)[2:] == ["QA2"]
    assert server.ask("POST", f"{ENVIRONMENTS}/QA2/rename", json={"new_name": "DEV"}).status_code == 409
    assert server.ask("POST", f"{ENVIRONMENTS}/QA%201/rename", json={"new_name": "X"}).status_code == 404

    assert server.ask("DELETE", f"{ENVIRONMENTS}/QA2").status_code == 204
    assert server.ask("DELETE", f"{ENVIRONMENTS}/QA2").status_code == 404
    assert names(server) == ["DEV", "PROD"]


def test_an_environment_in_use_stays(server: Server) -> None:
    make(server, "used", environments=["BUSY"])

    for answer in (
        server.ask("DELETE", f"{ENVIRONMENTS}/BUSY"),
        server.ask("POST", f"{ENVIRONMENTS}/BUSY/rename", json={"new_name": "X"}),
    ):
        assert answer.status_code == 400
        assert "in use by used" in answer.json()["errors"][0]["message"]

    server.ask("DELETE", f"{REPOSITORIES}/used")
    assert server.ask("DELETE", f"{ENVIRONMENTS}/BUSY").status_code == 204


@pytest.mark.parametrize("name", [None, "", "x" * 33, "a/b", " a", "a\n", "a\0", 5, [], {}])
def test_a_name_has_rules(server: Server, name: object) -> None:
    answer = server.ask("POST", ENVIRONMENTS, json={"name": name})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"].startswith("name: ")


def test_a_project_is_made_read_changed_and_removed(server: Server) -> None:
    sent = {
        "display_name": "Apps",
        "project_key": "apps",
        "description": "d",
        "storage_quota_bytes": -1,
        "admin_privileges": {"manage_members": True},
        "soft_limit": False,
    }
    answer = server.ask("POST", PROJECTS, json=sent)
    assert (answer.status_code, answer.json()) == (201, sent)
    assert server.ask("POST", PROJECTS, json=sent).status_code == 409
    assert server.json("GET", f"{PROJECTS}/apps") == sent
    assert server.json("GET", PROJECTS) == [sent]

    changed = {**sent, "display_name": "Applications", "soft_limit": True}
    assert server.json("PUT", f"{PROJECTS}/apps", json={"display_name": "Applications", "soft_limit": True}) == changed
    assert server.ask("PUT", f"{PROJECTS}/apps", json={"project_key": "other"}).status_code == 400

    assert server.ask("DELETE", f"{PROJECTS}/apps").status_code == 204
    for method in ("GET", "PUT", "DELETE"):
        assert server.ask(method, f"{PROJECTS}/apps", json={} if method == "PUT" else None).status_code == 404


def test_a_project_that_says_little_has_all_fields(server: Server) -> None:
    project(server, "bare")

    assert server.json("GET", f"{PROJECTS}/bare") == {
        "project_key": "bare",
        "display_name": "bare",
        "description": "",
        "admin_privileges": {},
    }
    server.ask("DELETE", f"{PROJECTS}/bare")


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "project_key"),
        ({"project_key": "a b"}, "project_key"),
        ({"project_key": "-a"}, "project_key"),
        ({"project_key": "a" * 33}, "project_key"),
        ({"project_key": 5}, "project_key"),
        ({"project_key": "a", "display_name": []}, "display_name"),
    ],
)
def test_what_is_wrong_with_a_project_is_named(server: Server, sent: Any, field: str) -> None:
    answer = server.ask("POST", PROJECTS, json=sent)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"].startswith(f"{field}: ")


def test_repositories_are_attached_and_detached(server: Server) -> None:
    make(server, "libs")
    for key in ("one", "two"):
        project(server, key)
    path = f"{PROJECTS}/_/attach/repositories/libs"

    def belongs() -> Any:
        return server.json("GET", f"{REPOSITORIES}/libs")["projectKey"]

    assert (server.ask("PUT", f"{path}/one").status_code, belongs()) == (204, "one")
    assert (server.ask("PUT", f"{path}/one").status_code, belongs()) == (204, "one")
    assert (server.ask("PUT", f"{path}/two").status_code, belongs()) == (409, "one")
    assert (server.ask("PUT", f"{path}/two?force=true").status_code, belongs()) == (204, "two")
    assert (server.ask("DELETE", path).status_code, belongs()) == (204, "")
    assert server.ask("PUT", f"{path}/none").status_code == 404
    assert server.ask("PUT", f"{PROJECTS}/_/attach/repositories/none/one").status_code == 404
    server.ask("PUT", f"{path}/one")
    assert (server.ask("DELETE", f"{PROJECTS}/one").status_code, belongs()) == (204, "")
    server.ask("DELETE", f"{PROJECTS}/two")
    server.ask("DELETE", f"{REPOSITORIES}/libs")


def test_environments_of_a_project_begin_with_its_key(server: Server) -> None:
    project(server, "shop")
    path = f"{PROJECTS}/shop/environments"

    assert server.ask("POST", path, json={"name": "shop-QA"}).status_code == 201
    assert server.ask("POST", path, json={"name": "QA"}).status_code == 400
    assert server.ask("POST", path, json={"name": "shop-QA"}).status_code == 409
    assert server.ask("POST", f"{PROJECTS}/none/environments", json={"name": "none-QA"}).status_code == 404
    assert names(server, path) == ["shop-QA"]
    assert "shop-QA" not in names(server)
    assert server.ask("DELETE", f"{path}/DEV").status_code == 404
    assert server.ask("DELETE", f"{path}/shop-QA").status_code == 204
    assert names(server, path) == []
    server.ask("DELETE", f"{PROJECTS}/shop")


def test_only_administrators_change_the_platform(server: Server, ada: httpx2.Client, stranger: httpx2.Client) -> None:
    assert ada.get(ENVIRONMENTS).status_code == 200
    for row in (*environments.routes, *projects.routes):
        path = str(row.path).replace("{", "").replace("}", "")
        assert stranger.request(row.method, path).status_code == 401
        if row.needs is SYSTEM:
            assert ada.request(row.method, path).status_code == 403, path


def test_changes_of_the_platform_are_recorded(server: Server) -> None:
    project(server, "noted")
    server.ask("POST", ENVIRONMENTS, json={"name": "NOTED"})
    server.ask("DELETE", f"{ENVIRONMENTS}/NOTED")
    server.ask("PUT", f"{PROJECTS}/noted", json={"display_name": "Noted"})
    server.ask("DELETE", f"{PROJECTS}/noted")

    rows = [*server.json("GET", "/api/audit", params={"verb": "project."})[:3]]
    assert [row["verb"] for row in rows] == ["project.delete", "project.update", "project.create"]
    assert (rows[1]["before"], rows[1]["after"]) == ({"name": "noted"}, {"name": "Noted"})
    rows = server.json("GET", "/api/audit", params={"verb": "environment."})[:2]
    assert [(row["verb"], row["subject"]) for row in rows] == [
        ("environment.delete", "NOTED"),
        ("environment.create", "NOTED"),
    ]
