"""Artifact repositories over HTTP, as clients of Artifactory make, read, change and delete them."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from app.artifacts.clearing import STEP
from app.db.connect import connect
from app.db.tx import Tx, one
from tests.acceptance.server import Server
from tests.artifacts.conftest import REPOSITORIES

pytestmark = pytest.mark.postgres

BATCH = "/artifactory/api/v2/repositories/batch"
#: As a client sends a local repository with all its fields.
FULL: dict[str, Any] = {
    "rclass": "local",
    "packageType": "generic",
    "description": "d",
    "notes": "n",
    "includesPattern": "a/**,b/**",
    "excludesPattern": "**/x",
    "repoLayoutRef": "maven-2-default",
    "environments": ["DEV", "qa"],
    "projectKey": "prj",
    "immutable": True,
    "xrayIndex": True,
    "maxUniqueTags": 5,
    "yumRootDepth": 0,
    "propertySets": ["one"],
    "keyPair": "",
    "contentSynchronisation": {"enabled": False, "depth": [1, 2.5, "x"]},
    "ünï": "<&>",
}


@pytest.fixture(autouse=True)
def tidy(server: Server) -> Iterator[None]:
    """Leave no repository to the next test."""
    yield
    for repo in server.json("GET", REPOSITORIES):
        assert server.ask("DELETE", f"{REPOSITORIES}/{repo['key']}").status_code == 200


def make(server: Server, key: str, **fields: Any) -> None:
    answer = server.ask("PUT", f"{REPOSITORIES}/{key}", json={"rclass": "local", **fields})
    assert answer.status_code == 200, answer.text


def errors(answer: httpx2.Response, status: int = 400) -> list[str]:
    assert answer.status_code == status, answer.text
    return [error["message"] for error in answer.json()["errors"]]


def show(server: Server, key: str) -> Any:
    return server.json("GET", f"{REPOSITORIES}/{key}")


def test_all_that_was_sent_comes_back_with_its_type(server: Server) -> None:
    answer = server.ask("PUT", f"{REPOSITORIES}/libs", json={"key": "libs", **FULL})

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    found = show(server, "libs")
    assert found == {"key": "libs", **FULL}
    assert {name: type(value) for name, value in found.items() if name in FULL} == {
        name: type(value) for name, value in FULL.items()
    }
    assert {"name": "qa"} in server.json("GET", "/access/api/v1/environments")


def test_what_is_not_sent_has_a_value_and_is_never_null(server: Server) -> None:
    make(server, "libs", description=None, propertySets=None)
    make(server, "all", rclass="virtual", defaultDeploymentRepo=None, repositories=None)

    local = {
        "key": "libs",
        "rclass": "local",
        "packageType": "generic",
        "projectKey": "",
        "description": "",
        "notes": "",
        "includesPattern": "**/*",
        "excludesPattern": "",
        "repoLayoutRef": "simple-default",
        "environments": [],
        "immutable": False,
    }
    assert show(server, "libs") == local
    more = {"repositories": [], "defaultDeploymentRepo": "", "artifactoryRequestsCanRetrieveRemoteArtifacts": False}
    assert show(server, "all") == {**local, "key": "all", "rclass": "virtual", **more}


def test_two_fields_come_back_otherwise(server: Server) -> None:
    make(server, "rpms", packageType="YUM", downloadRedirect=True)
    make(server, "far", rclass="federated")

    assert {name: show(server, "rpms")[name] for name in ("packageType", "downloadRedirect")} == {
        "packageType": "rpm",
        "downloadRedirect": False,
    }
    assert show(server, "far")["rclass"] == "local"


def test_a_list_shows_kinds_in_capitals_and_types_as_they_are_displayed(server: Server) -> None:
    make(server, "b-libs", description="some")
    make(server, "a-lfs", packageType="gitlfs", projectKey="prj")
    make(server, "c-all", rclass="virtual", repositories=["b-libs"])

    def listed(**query: str) -> list[str]:
        return [repo["key"] for repo in server.json("GET", REPOSITORIES, params=query)]

    assert server.json("GET", REPOSITORIES)[1] == {
        "key": "b-libs",
        "type": "LOCAL",
        "description": "some",
        "packageType": "Generic",
        "url": f"{server.url}/artifactory/b-libs",
    }
    assert [repo["packageType"] for repo in server.json("GET", REPOSITORIES)] == ["GitLfs", "Generic", "Generic"]
    assert listed() == ["a-lfs", "b-libs", "c-all"]
    assert listed(type="LOCAL") == ["a-lfs", "b-libs"]
    assert listed(type="virtual") == ["c-all"]
    assert listed(type="remote") == []
    assert listed(packageType="GitLFS") == ["a-lfs"]
    assert listed(project="PRJ") == ["a-lfs"]
    assert listed(type="virtual", packageType="gitlfs") == []


def test_a_repository_that_is_not_there_is_400_to_get_and_404_to_others(server: Server) -> None:
    assert errors(server.ask("GET", f"{REPOSITORIES}/none")) == ["there is no artifact repository none"]
    assert server.ask("HEAD", f"{REPOSITORIES}/none").status_code == 404
    assert errors(server.ask("POST", f"{REPOSITORIES}/none", json={}), 404) == ["there is no artifact repository none"]
    assert errors(server.ask("DELETE", f"{REPOSITORIES}/none"), 404) == ["there is no artifact repository none"]
    make(server, "some")
    assert server.ask("HEAD", f"{REPOSITORIES}/some").status_code == 200


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        ("a%20b", "is no key"),
        ("a%2Fb", "is no key"),
        ("%C3%A4", "is no key"),
        ("x" * 65, "is no key"),
        ("api", "is reserved"),
        ("ANY", "is reserved"),
        ("artifactory-build-info", "the server makes itself"),
        ("prj-build-info", "the server makes itself"),
        ("release-bundles-v2", "the server makes itself"),
        ("prj-release-bundles-v2", "the server makes itself"),
    ],
)
def test_a_key_has_rules(server: Server, key: str, rule: str) -> None:
    [message] = errors(server.ask("PUT", f"{REPOSITORIES}/{key}", json={"rclass": "local"}))

    assert message.startswith("key: ")
    assert rule in message


@pytest.mark.parametrize("key", ["x" * 64, "A.b-c_9", "api2", "build-info"])
def test_a_key_may_be(server: Server, key: str) -> None:
    make(server, key)

    assert show(server, key)["key"] == key


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"rclass": None}, ["rclass is missing"]),
        ({"rclass": "remote", "url": "http://x.test"}, ["rclass: remote repositories are not supported"]),
        ({"rclass": "odd"}, ["rclass: say local or virtual"]),
        ({"key": "other"}, ["key: the body says 'other'"]),
        ({"packageType": "a b"}, ["packageType: a type is"]),
        ({"projectKey": "a b"}, ["projectKey: "]),
        ({"environments": ["a/b"]}, ["environments: 'a/b'"]),
        ({"includesPattern": "x" * 1001}, ["includesPattern: a pattern has more than"]),
        ({"excludesPattern": "x," * 201}, ["excludesPattern: there are 202 patterns"]),
        ({"huge": "x" * 70_000}, ["the fields that are only stored"]),
        ({"odd": {"deep": [2**64]}}, ["odd: the value has a number beyond 64 bits"]),
        ({"description": "a\0b"}, ["description: a NUL"]),
        (
            {"rclass": "virtual", "repositories": ["no", "none"]},
            ["repositories: there is no artifact repository no, none"],
        ),
        ({"rclass": "virtual", "defaultDeploymentRepo": "no"}, ["defaultDeploymentRepo: no is no local"]),
    ],
)
def test_what_is_wrong_is_named(server: Server, fields: dict[str, Any], named: list[str]) -> None:
    messages = errors(server.ask("PUT", f"{REPOSITORIES}/libs", json={"rclass": "local", **fields}))

    assert len(messages) == len(named), messages
    assert [message for message, start in zip(messages, named, strict=True) if not message.startswith(start)] == []
    assert server.json("GET", REPOSITORIES) == []


WRONG: list[Any] = [5, 1.5, True, [], {}, "text", [5], [None]]
TYPES: dict[str, type] = {
    **dict.fromkeys(("key", "rclass", "packageType", "projectKey", "description", "notes"), str),
    **dict.fromkeys(("includesPattern", "excludesPattern", "repoLayoutRef", "defaultDeploymentRepo"), str),
    "environments": list,
    "repositories": list,
    "immutable": bool,
}


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("name", TYPES)
def test_a_wrong_type_is_400_and_names_the_field(server: Server, name: str, method: str) -> None:
    if method == "POST":
        make(server, "libs")
    for value in WRONG:
        if not isinstance(value, TYPES[name]) or value in ([5], [None]):
            answer = server.ask(method, f"{REPOSITORIES}/libs", json={"rclass": "local", name: value})
            assert any(message.startswith(name) for message in errors(answer)), value


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "null", '"x"', "{}" * 2, "[" * 100_000])
def test_a_body_that_is_no_object_is_400(server: Server, text: str) -> None:
    assert errors(server.ask("PUT", f"{REPOSITORIES}/libs", content=text))


def test_a_change_keeps_what_is_not_sent(server: Server) -> None:
    make(server, "libs", **{**FULL, "excludesPattern": "y"})

    answer = server.ask("POST", f"{REPOSITORIES}/libs", json={"notes": "new", "maxUniqueTags": 6, "description": None})

    assert answer.status_code == 200
    assert show(server, "libs") == {"key": "libs", **FULL, "excludesPattern": "y", "notes": "new", "maxUniqueTags": 6}


def test_kind_key_and_package_type_cannot_change(server: Server) -> None:
    make(server, "libs")

    sent = {"rclass": "virtual", "packageType": "npm", "key": "other"}
    messages = errors(server.ask("POST", f"{REPOSITORIES}/libs", json=sent))

    assert [message.partition(":")[0] for message in messages] == ["rclass", "packageType", "key"]
    assert server.ask("POST", f"{REPOSITORIES}/libs", json={"rclass": "local", "packageType": "Generic"}).is_success


def test_a_virtual_repository_keeps_the_order_of_its_members(server: Server) -> None:
    for key in ("a", "b", "c"):
        make(server, key)
    make(server, "all", rclass="virtual", repositories=["c", "a", "b", "a"], defaultDeploymentRepo="b")
    assert show(server, "all")["repositories"] == ["c", "a", "b"]

    server.ask("POST", f"{REPOSITORIES}/all", json={"repositories": ["b", "c"]})
    assert (show(server, "all")["repositories"], show(server, "all")["defaultDeploymentRepo"]) == (["b", "c"], "b")

    server.ask("POST", f"{REPOSITORIES}/all", json={"repositories": ["c"]})
    assert show(server, "all")["defaultDeploymentRepo"] == ""

    sent = {"repositories": ["c", "a"], "defaultDeploymentRepo": "a"}
    assert server.ask("POST", f"{REPOSITORIES}/all", json=sent).is_success
    assert server.ask("POST", f"{REPOSITORIES}/all", json={"defaultDeploymentRepo": ""}).is_success
    assert show(server, "all")["defaultDeploymentRepo"] == ""


def test_files_go_to_a_local_member_only(server: Server) -> None:
    make(server, "libs")
    make(server, "inner", rclass="virtual", repositories=["libs"])

    sent = {"rclass": "virtual", "repositories": ["inner"], "defaultDeploymentRepo": "inner"}
    for target in ("inner", "libs"):
        answer = server.ask("PUT", f"{REPOSITORIES}/outer", json={**sent, "defaultDeploymentRepo": target})
        assert errors(answer)[0].startswith(f"defaultDeploymentRepo: {target} ")


def test_virtual_repositories_may_go_round_in_circles(server: Server) -> None:
    make(server, "libs")
    make(server, "one", rclass="virtual", repositories=["libs"])
    make(server, "two", rclass="virtual", repositories=["one", "two"][:1])

    assert server.ask("POST", f"{REPOSITORIES}/one", json={"repositories": ["two", "one", "libs"]}).is_success
    assert show(server, "one")["repositories"] == ["two", "one", "libs"]
    assert len(server.json("GET", REPOSITORIES)) == 3


def test_a_deleted_repository_leaves_nothing(server: Server) -> None:
    make(server, "libs")
    make(server, "all", rclass="virtual", repositories=["libs"], defaultDeploymentRepo="libs")

    answer = server.ask("DELETE", f"{REPOSITORIES}/libs")

    assert (answer.status_code, answer.text) == (200, "Repository libs and all its content were removed\n")
    assert (show(server, "all")["repositories"], show(server, "all")["defaultDeploymentRepo"]) == ([], "")
    assert errors(server.ask("DELETE", f"{REPOSITORIES}/libs"), 404)
    make(server, "libs", description="another")
    assert show(server, "libs")["description"] == "another"


def test_many_items_are_removed_after_the_answer_and_also_after_a_crash(server: Server) -> None:
    make(server, "libs")
    hundreds, units = (", ".join(f"({number})" for number in range(count)) for count in (3 * STEP // 100, 100))
    server.execute(f"""
        INSERT INTO items (repo_id, path, name, folder, depth, set_id, mime, sent, created, created_by, modified,
            modified_by, updated)
        SELECT artifact_repos.id, 'f', a.column1 || '.' || b.column1, TRUE, 2, 1, '', '', 0, '', 0, '', 0
        FROM artifact_repos, (VALUES {hundreds}) AS a, (VALUES {units}) AS b WHERE artifact_repos.key = 'libs'
    """)
    make(server, "kept")

    assert server.ask("DELETE", f"{REPOSITORIES}/libs").status_code == 200
    server.kill()
    server.start()

    server.until(lambda: _left(server) == {"repos": 1, "items": 1}, "the items are removed")


def _left(server: Server) -> dict[str, int]:
    """How many rows there are."""

    async def counted() -> dict[str, int]:
        db = connect(server.database)
        await db.open()
        found = await db.read(_count())
        await db.close()
        return found

    return asyncio.run(counted())


def _count() -> Tx[dict[str, int]]:
    row = yield from one("SELECT (SELECT count(*) FROM artifact_repos) AS repos, (SELECT count(*) FROM items) AS items")
    assert row is not None
    return {"repos": row["repos"], "items": row["items"]}


def test_several_are_made_and_changed_at_once_or_none(server: Server) -> None:
    both = [{"key": key, "rclass": "local"} for key in ("one", "two")]

    assert (
        server.ask(
            "PUT", BATCH, json=[*both, {"key": "all", "rclass": "virtual", "repositories": ["two", "one"]}]
        ).status_code
        == 201
    )
    assert show(server, "all")["repositories"] == ["two", "one"]
    assert errors(server.ask("PUT", BATCH, json=[{"key": "three", "rclass": "local"}, *both]))
    assert errors(server.ask("GET", f"{REPOSITORIES}/three"))

    assert (
        server.ask("POST", BATCH, json=[{"key": "one", "notes": "x"}, {"key": "two", "notes": "y"}]).status_code == 200
    )
    assert [show(server, key)["notes"] for key in ("one", "two")] == ["x", "y"]
    assert errors(server.ask("POST", BATCH, json=[{"key": "one", "notes": "z"}, {"key": "no"}]), 404)
    assert show(server, "one")["notes"] == "x"
    assert errors(server.ask("PUT", BATCH, json=[{"rclass": "local"}, {"key": 5}])) == [
        "1.key: Input should be a valid string"
    ]
    assert errors(server.ask("PUT", BATCH, json=[{"rclass": "local"}])) == ["0.key is missing"]
    assert errors(server.ask("PUT", BATCH, json={"key": "one"}))


def test_who_may_not_is_told_nothing(server: Server, ada: httpx2.Client, stranger: httpx2.Client) -> None:
    make(server, "libs")
    make(server, "all", rclass="virtual", repositories=["libs"])

    for key in ("libs", "all", "none"):
        path = f"{REPOSITORIES}/{key}"
        for method, right in (("GET", "read"), ("POST", "manage"), ("DELETE", "manage")):
            answer = ada.request(method, path, json={} if method == "POST" else None)
            assert errors(answer, 403) == [f"Forbidden: the right {right} is needed on {key}"]
            assert stranger.request(method, path, json={}).status_code == 401
        assert ada.put(path, json={"rclass": "local"}).status_code == 403
        assert ada.head(path).status_code == 403
    assert ada.get(REPOSITORIES).json() == []
    assert ada.put(BATCH, json=[]).status_code == 403
    assert errors(ada.post(BATCH, json=[{"key": "libs"}]), 403)
    assert stranger.get(REPOSITORIES).status_code == 401
    assert stranger.get(REPOSITORIES).headers["www-authenticate"].startswith("Basic")


def test_system_repositories_stay(server: Server) -> None:
    server.execute("""
        INSERT INTO artifact_repos (key, kind, package_type, project, system, description, notes, includes, excludes,
            layout, environments, immutable, deploy_to, settings, created, updated)
        VALUES ('artifactory-build-info', 'local', 'buildinfo', '', 'buildinfo', '', '', '**/*', '', '', '[]', FALSE, 0,
            '{}', 0, 0)
    """)
    path = f"{REPOSITORIES}/artifactory-build-info"

    for method in ("POST", "DELETE"):
        assert "the server keeps artifactory-build-info for itself" in errors(server.ask(method, path, json={}), 403)[0]
    assert server.json("GET", REPOSITORIES)[0]["packageType"] == "BuildInfo"
    server.execute("DELETE FROM artifact_repos WHERE system <> ''")


def test_changes_are_recorded(server: Server) -> None:
    make(server, "noted", environments=["DEV"])
    make(server, "all", rclass="virtual", repositories=["noted"])
    server.ask("POST", f"{REPOSITORIES}/noted", json={"excludesPattern": "x", "notes": "not recorded"})
    server.ask("POST", f"{REPOSITORIES}/noted", json={"notes": "not recorded either"})
    server.ask("DELETE", f"{REPOSITORIES}/all")

    rows = server.json("GET", "/api/audit", params={"verb": "artifact_repo."})[:4]
    assert [(row["verb"], row["subject"], row["actor"]["name"]) for row in reversed(rows)] == [
        ("artifact_repo.create", "noted", "octocat"),
        ("artifact_repo.create", "all", "octocat"),
        ("artifact_repo.update", "noted", "octocat"),
        ("artifact_repo.delete", "all", "octocat"),
    ]
    assert (rows[1]["before"], rows[1]["after"]) == ({"excludes": ""}, {"excludes": "x"})
    assert rows[0]["before"] == {
        "kind": "virtual",
        "package_type": "generic",
        "includes": "**/*",
        "repositories": ["noted"],
    }
    assert rows[3]["after"]["environments"] == ["DEV"]


def test_two_that_make_one_key_at_once_make_it_once(server: Server) -> None:
    async def both() -> list[int]:
        async with httpx2.AsyncClient(base_url=server.url, headers=server.client.headers) as client:
            sent = json.dumps({"rclass": "local"})
            return [
                a.status_code
                for a in await asyncio.gather(*(client.put(f"{REPOSITORIES}/raced", content=sent) for _ in range(8)))
            ]

    assert sorted(asyncio.run(both())) == [200] + [400] * 7
