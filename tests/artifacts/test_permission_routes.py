"""Permission targets and grants over HTTP: who may do what, and who may say so."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.acceptance.server import Server
from tests.artifacts.conftest import REPOSITORIES
from tests.artifacts.test_repository_routes import errors, make
from tests.scm.repository import Repository

pytestmark = pytest.mark.postgres

SECOND = "/artifactory/api/v2/security/permissions"
FIRST = "/artifactory/api/security/permissions"
NOBODY: dict[str, Any] = {"users": {}, "groups": {}}


@pytest.fixture(autouse=True)
def tidy(server: Server, ada: httpx2.Client) -> Iterator[None]:
    """Two repositories and a group for every test, and nothing that a test granted."""
    make(server, "libs")
    make(server, "other")
    server.execute("INSERT INTO groups (name, description, auto_join, settings) VALUES ('devs', '', FALSE, '{}')")
    yield
    for target in server.json("GET", SECOND):
        assert server.ask("DELETE", f"{SECOND}/{target['name']}").status_code == 200
    for key in ("libs", "other"):
        server.ask("DELETE", f"{REPOSITORIES}/{key}")
    server.execute("DELETE FROM groups")


def section(*repositories: str, **actions: Any) -> dict[str, Any]:
    return {
        "include-patterns": ["**"],
        "exclude-patterns": [],
        "repositories": list(repositories),
        "actions": {**NOBODY, **actions},
    }


def target(server: Server, name: str, **sections: Any) -> None:
    answer = server.ask("PUT", f"{SECOND}/{name}", json={"name": name, **sections})
    assert answer.status_code in (200, 201), answer.text


def allow(server: Server, *actions: str, repo: str = "libs", **more: Any) -> None:
    path = f"{REPOSITORIES}/{repo}/grants/user/ada"
    assert server.ask("PUT", path, json={"actions": list(actions), **more}).status_code == 204


def readable(client: httpx2.Client) -> list[str]:
    return [repo["key"] for repo in client.get(REPOSITORIES).json()]


def test_a_target_is_made_read_replaced_and_removed(server: Server) -> None:
    sent = {
        "name": "devs' target",
        "repo": {
            "include-patterns": ["a/**", "b"],
            "exclude-patterns": ["x"],
            "repositories": ["libs", "other"],
            "actions": {
                "users": {"ada": ["read", "annotate", "write", "delete", "manage", "managedXrayMeta", "distribute"]},
                "groups": {"devs": ["read", "promote"]},
            },
        },
        "build": section("artifactory-build-info", users={"ada": ["read"]}),
        "releaseBundle": section("ANY", groups={"devs": ["read"]}),
    }
    path = f"{SECOND}/devs%27%20target"

    assert server.ask("HEAD", path).status_code == 404
    assert server.ask("GET", path).status_code == 404
    assert server.ask("PUT", path, json=sent).status_code == 201
    found = server.json("GET", path)
    found["repo"]["actions"]["users"]["ada"].sort()
    sent["repo"]["actions"]["users"]["ada"].sort()  # type: ignore[index]
    assert found == sent
    assert server.ask("HEAD", path).status_code == 200
    assert server.json("GET", SECOND) == [
        {"name": "devs' target", "uri": f"{server.url}{SECOND}/devs%27%20target"},
    ]

    assert server.ask("PUT", path, json={"repo": section("libs")}).status_code == 200
    assert server.json("GET", path) == {"name": "devs' target", "repo": section("libs")}
    assert server.ask("POST", path, json={"repo": section("libs")}).status_code == 409

    assert server.ask("DELETE", path).status_code == 200
    assert server.ask("DELETE", path).status_code == 404
    assert server.ask("POST", path, json={"repo": section("libs")}).status_code == 201


def test_what_clients_send_for_nothing_is_nothing(server: Server) -> None:
    """As pyartifactory sends a target: null sections, null users, patterns that are empty texts."""
    build = {
        "repositories": ["artifactory-build-info"],
        "include-patterns": [""],
        "exclude-patterns": [""],
        "actions": {"users": None, "groups": None},
    }
    target(server, "odd", repo=None, releaseBundle=None, build=build)

    assert server.json("GET", f"{SECOND}/odd") == {"name": "odd", "build": section("artifactory-build-info")}


def test_the_first_form_is_the_section_for_files(server: Server) -> None:
    target(server, "both", build=section("ANY", users={"ada": ["read"]}), repo=section("libs"))
    sent = {
        "name": "both",
        "includesPattern": "a/**,b/*",
        "excludesPattern": "x",
        "repositories": ["libs", "other"],
        "principals": {"users": {"ada": ["r", "n", "w", "d", "m", "mxm", "x"]}, "groups": {"devs": ["r", "p"]}},
    }

    assert server.ask("PUT", f"{FIRST}/both", json=sent).status_code == 200
    found = server.json("GET", f"{FIRST}/both")
    for principal in (found, sent):
        principal["principals"]["users"]["ada"].sort()  # type: ignore[index]
    assert found == sent
    second = server.json("GET", f"{SECOND}/both")
    assert (second["repo"]["include-patterns"], second["build"]["repositories"]) == (["a/**", "b/*"], ["ANY"])
    assert server.json("GET", FIRST)[0]["uri"] == f"{server.url}{FIRST}/both"

    assert server.ask("PUT", f"{FIRST}/bare", json={"repositories": ["libs"]}).status_code == 201
    assert server.json("GET", f"{FIRST}/bare") == {
        "name": "bare",
        "includesPattern": "**",
        "excludesPattern": "",
        "repositories": ["libs"],
        "principals": {"users": {}, "groups": {}},
    }
    assert server.ask("DELETE", f"{FIRST}/bare").status_code == 200
    assert server.ask("GET", f"{FIRST}/bare").status_code == 404


def test_promotion_of_release_bundles_is_limited_to_environments(server: Server) -> None:
    bundles = section("ANY", users={"ada": ["read", "promote"]})
    target(server, "qa", releaseBundle={**bundles, "environments": ["PROD", "DEV", "PROD", ""]})
    assert server.json("GET", f"{SECOND}/qa")["releaseBundle"] == {**bundles, "environments": ["DEV", "PROD"]}

    target(server, "qa", releaseBundle={**bundles, "environments": ["PROD"]})
    target(server, "qa", releaseBundle=bundles)  # from a client that does not know the field
    assert server.json("GET", f"{SECOND}/qa")["releaseBundle"] == {**bundles, "environments": ["PROD"]}

    target(server, "qa", releaseBundle={**bundles, "environments": []})
    assert server.json("GET", f"{SECOND}/qa")["releaseBundle"] == bundles
    rows = server.json("GET", "/api/audit", params={"verb": "artifact_right."})[:3]
    assert [row["after"].get("releaseBundle", {}).get("environments") for row in rows] == [
        None,
        ["PROD"],
        ["DEV", "PROD"],
    ]


def test_environments_of_rights_must_be_known_and_are_of_release_bundles_alone(server: Server) -> None:
    sent = {
        "repo": {**section("libs"), "environments": ["DEV"]},
        "releaseBundle": {**section("ANY"), "environments": ["DEV", "prod", "q\u0001"]},
    }

    assert errors(server.ask("PUT", f"{SECOND}/t", json=sent)) == [
        "repo.environments: only promotions of release bundles are limited to environments; say them in releaseBundle",
        "releaseBundle.environments: there is no environment 'prod', 'q\\x01'",
    ]


def test_an_environment_of_a_right_is_renamed_and_stays(server: Server) -> None:
    path = "/access/api/v1/environments"
    server.ask("POST", path, json={"name": "RC"})
    target(server, "rc", releaseBundle={**section("ANY", users={"ada": ["promote"]}), "environments": ["RC"]})

    assert "is given by rc;" in errors(server.ask("DELETE", f"{path}/RC"))[0]
    server.json("POST", f"{path}/RC/rename", json={"new_name": "RC2"})
    assert server.json("GET", f"{SECOND}/rc")["releaseBundle"]["environments"] == ["RC2"]

    server.ask("DELETE", f"{SECOND}/rc")
    assert server.ask("DELETE", f"{path}/RC2").status_code == 204


def test_a_grant_in_the_repository_of_release_bundles_is_not_limited_by_other_targets(server: Server) -> None:
    server.execute(
        "INSERT INTO artifact_repos (key, kind, package_type, project, system, description, notes, includes, excludes,"
        " layout, environments, immutable, deploy_to, settings, created, updated)"
        " VALUES ('release-bundles-v2', 'local', 'releasebundles', '', 'bundles', '', '', '**/*', '', '', '[]', FALSE,"
        " 0, '{}', 0, 0)"
    )
    limited = {**section("release-bundles-v2", users={"ada": ["promote"]}), "environments": ["DEV"]}
    target(server, "dev", releaseBundle=limited)
    allow(server, "promote", repo="release-bundles-v2", includes=["shop/**"])

    found = server.json("GET", f"{REPOSITORIES}/release-bundles-v2/grants")
    assert [(each["target"], each.get("environments")) for each in found] == [
        ("dev", ["DEV"]),
        ("release-bundles-v2:shop/**", None),
    ]
    target(server, "release-bundles-v2:shop/**", releaseBundle={**limited, "include-patterns": ["shop/**"]})
    answer = server.ask(
        "PUT", f"{REPOSITORIES}/release-bundles-v2/grants/user/ada", json={"actions": ["read"], "includes": ["shop/**"]}
    )
    assert "is for more than this" in errors(answer, 409)[0]
    server.execute("DELETE FROM artifact_repos WHERE system = 'bundles'")


@pytest.mark.parametrize("field", ["include-patterns", "exclude-patterns"])
def test_a_pattern_that_no_version_matches_is_refused(server: Server, field: str) -> None:
    sent = {**section("ANY"), field: ["shop/**", "shop/1.0/artifacts/**"]}

    [message] = errors(server.ask("PUT", f"{SECOND}/t", json={"releaseBundle": sent}))

    assert message.startswith(f"releaseBundle.{field}: no version matches 'shop/1.0/artifacts/**'")


def test_a_login_is_found_in_any_letter_case_and_shown_as_it_is(server: Server) -> None:
    target(server, "case", repo=section("libs", users={"ADA": ["read"], "anonymous": ["read"]}))

    found = server.json("GET", f"{SECOND}/case")["repo"]["actions"]
    assert found == {"users": {"ada": ["read"], "anonymous": ["read"]}, "groups": {}}


def test_all_names_that_are_not_known_are_named(server: Server) -> None:
    sent = section(
        "libs", "none", "nope", users={"eve": ["read"], "ada": ["read"], "x\u0001": []}, groups={"g": ["read"]}
    )
    sent["actions"]["repos"] = {"no/repo": ["read"], "noslash": ["read"]}
    messages = errors(server.ask("PUT", f"{SECOND}/t", json={"repo": sent, "build": section("libs")}))

    assert messages == [
        "users: there is no account 'eve', 'x\\x01'",
        "groups: there is no group 'g'",
        "repos: there is no git repository 'no/repo', 'noslash'",
        "repo.repositories: there is no such artifact repository: none, nope",
        "build.repositories: there is no such artifact repository: libs",
    ]
    assert server.json("GET", SECOND) == []


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({}, "there is no section"),
        ({"name": "other", "repo": {}}, "name: the body says 'other'"),
        ({"name": 5}, "name: "),
        ({"repo": 5}, "repo: "),
        ({"repo": {"repositories": []}}, "repo.repositories: name at least one"),
        ({"repo": {"repositories": "libs"}}, "repo.repositories: "),
        ({"repo": {"repositories": [5]}}, "repo.repositories.0: "),
        ({"repo": {"repositories": ["libs"], "include-patterns": "**"}}, "repo.include-patterns: "),
        ({"repo": {"repositories": ["libs"], "exclude-patterns": ["x" * 1001]}}, "repo.exclude-patterns: a pattern"),
        ({"repo": {"repositories": ["libs"], "actions": []}}, "repo.actions: "),
        ({"repo": {"repositories": ["libs"], "actions": {"users": []}}}, "repo.actions.users: "),
        ({"repo": {"repositories": ["libs"], "actions": {"users": {"ada": "read"}}}}, "repo.actions.users.ada: "),
        ({"repo": {"repositories": ["libs"], "actions": {"users": {"ada": ["fly"]}}}}, "repo.actions.users.ada.0: "),
        ({"repo": {"repositories": ["libs"], "actions": {"groups": {"devs": [5]}}}}, "repo.actions.groups.devs.0: "),
        ({"repo": {"repositories": ["li\0bs"]}}, "repo.repositories.0: a NUL"),
        ({"repo": {"repositories": ["libs"], "actions": {"users": {"a\0": ["read"]}}}}, "repo.actions.users.a"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_target_is_named(server: Server, sent: Any, named: str) -> None:
    [message] = errors(server.ask("PUT", f"{SECOND}/t", json=sent))

    assert message.startswith(named)


@pytest.mark.parametrize("name", ["%20a", "a%0A", "x" * 256])
def test_a_target_has_a_printable_name(server: Server, name: str) -> None:
    assert errors(server.ask("PUT", f"{SECOND}/{name}", json={"repo": section("libs")}))[0].startswith("name: ")


def test_rights_end_with_the_target_and_with_the_repository(server: Server, ada: httpx2.Client) -> None:
    target(server, "t", repo=section("libs", "other", users={"ada": ["read"]}))
    assert readable(ada) == ["libs", "other"]

    server.ask("DELETE", f"{REPOSITORIES}/libs")
    make(server, "libs")
    assert readable(ada) == ["other"]
    assert server.json("GET", f"{SECOND}/t")["repo"]["repositories"] == ["other"]

    server.ask("DELETE", f"{REPOSITORIES}/other")
    assert server.json("GET", SECOND) == []


def test_members_of_a_group_may_what_the_group_may(server: Server, ada: httpx2.Client) -> None:
    target(server, "t", repo=section("libs", groups={"devs": ["read"]}))
    assert readable(ada) == []

    server.execute("INSERT INTO group_members SELECT groups.id, users.id FROM groups, users WHERE login = 'ada'")
    assert readable(ada) == ["libs"]


def test_who_may_read_at_some_path_sees_the_repository_and_the_virtual_ones(server: Server, ada: httpx2.Client) -> None:
    make(server, "all", rclass="virtual", repositories=["other", "libs"], defaultDeploymentRepo="other")
    assert readable(ada) == []

    allow(server, "read", includes=["a/**"])

    assert readable(ada) == ["all", "libs"]
    shown = ada.get(f"{REPOSITORIES}/all").json()
    assert (shown["repositories"], shown["defaultDeploymentRepo"]) == (["libs"], "")
    assert errors(ada.post(f"{REPOSITORIES}/libs", json={}), 403)
    server.ask("DELETE", f"{REPOSITORIES}/all")


def test_a_manager_changes_and_deletes_a_repository(server: Server, ada: httpx2.Client) -> None:
    allow(server, "manage", includes=["a/**"])
    assert ada.post(f"{REPOSITORIES}/libs", json={"notes": "x"}).status_code == 403

    allow(server, "manage")
    assert ada.post(f"{REPOSITORIES}/libs", json={"notes": "x"}).status_code == 200
    assert ada.post(f"{REPOSITORIES}/other", json={"notes": "x"}).status_code == 403
    assert ada.put(f"{REPOSITORIES}/new", json={"rclass": "local"}).status_code == 403
    assert ada.delete(f"{REPOSITORIES}/libs").status_code == 200


def test_a_manager_grants_no_more_than_what_is_managed(server: Server, ada: httpx2.Client) -> None:
    mine, more = section("libs", users={"ada": ["read"]}), section("libs", "other", users={"ada": ["read"]})
    target(server, "wide", repo=more)
    for path in (SECOND, FIRST):
        assert ada.get(path).json() == []

    def tried() -> list[int]:
        bodies = [mine, more, section("ANY"), section("ANY LOCAL"), section("none"), section()]
        return [ada.put(f"{SECOND}/try{at}", json={"repo": sent}).status_code for at, sent in enumerate(bodies)]

    assert tried() == [403] * 6
    allow(server, "manage", includes=["a/**"])
    assert tried() == [403] * 6
    allow(server, "manage")
    assert tried() == [201, 403, 403, 403, 403, 403]
    assert ada.put(f"{SECOND}/try9", json={"repo": mine, "build": section("ANY")}).status_code == 403
    assert ada.put(f"{SECOND}/try9", json={"build": section("artifactory-build-info")}).status_code == 403
    assert ada.put(f"{FIRST}/try9", json={"repositories": ["other"]}).status_code == 403
    for method in ("GET", "DELETE", "HEAD"):
        for name in ("wide", "none"):
            assert ada.request(method, f"{SECOND}/{name}").status_code == 403
    assert ada.put(f"{SECOND}/wide", json={"repo": mine}).status_code == 403
    assert [found["name"] for found in ada.get(SECOND).json()] == ["libs", "try0"]
    assert ada.get(f"{SECOND}/try0").status_code == 200
    assert ada.put(f"{SECOND}/try0", json={"repo": more}).status_code == 403
    assert ada.delete(f"{SECOND}/try0").status_code == 200


def test_a_manager_of_everything_is_no_administrator(server: Server, ada: httpx2.Client) -> None:
    target(server, "t", repo=section("ANY", users={"ada": ["manage"]}))

    assert ada.put(f"{REPOSITORIES}/new", json={"rclass": "local"}).status_code == 403
    assert ada.put(f"{SECOND}/mine", json={"repo": section("libs")}).status_code == 201
    assert ada.put(f"{SECOND}/all", json={"repo": section("ANY")}).status_code == 403


def test_strangers_and_lesser_tokens_change_no_rights(server: Server, stranger: httpx2.Client) -> None:
    made = server.json("POST", "/api/user/tokens", json={"name": "deploys", "scope": "deploy"})
    with server.visitor({"Authorization": f"Bearer {made['token']}"}) as deploying:
        for client, status in ((stranger, 401), (deploying, 403)):
            assert client.put(f"{SECOND}/t", json={"repo": section("libs")}).status_code == status
            assert client.put(f"{REPOSITORIES}/libs/grants/user/ada", json={"actions": ["read"]}).status_code == status
            assert client.put(f"{REPOSITORIES}/new", json={"rclass": "local"}).status_code == status
            assert client.delete(f"{REPOSITORIES}/libs").status_code == status
    server.ask("DELETE", "/api/user/tokens/deploys")


def grants(server: Server, repo: str = "libs") -> list[Any]:
    return [tuple(found.values()) for found in server.json("GET", f"{REPOSITORIES}/{repo}/grants")]


def test_a_grant_is_a_target_of_the_repository_s_name(server: Server) -> None:
    allow(server, "write", "read", "read")
    server.ask("PUT", f"{REPOSITORIES}/libs/grants/group/devs", json={"actions": ["promote"]})
    server.ask("PUT", f"{REPOSITORIES}/libs/grants/anonymous/anonymous", json={"actions": ["read"]})

    assert grants(server) == [
        ("anonymous", "anonymous", ["read"], ["**"], [], "libs"),
        ("group", "devs", ["promote"], ["**"], [], "libs"),
        ("user", "ada", ["read", "deploy"], ["**"], [], "libs"),
    ]
    users = {"ada": ["read", "write"], "anonymous": ["read"]}
    assert server.json("GET", f"{SECOND}/libs")["repo"] == section("libs", users=users, groups={"devs": ["promote"]})
    assert server.json("GET", f"{REPOSITORIES}/libs/grants/user/ADA")[0]["actions"] == ["read", "deploy"]
    assert server.ask("GET", f"{REPOSITORIES}/libs/grants/user/eve").status_code == 404


def test_a_grant_replaces_what_was_granted_at_other_paths(server: Server) -> None:
    allow(server, "read")
    allow(server, "delete", includes=["a/**", "b"], excludes=["x"])
    target(server, "wide", repo=section("libs", "other", users={"ada": ["annotate"]}))

    assert grants(server) == [
        ("user", "ada", ["delete"], ["a/**", "b"], ["x"], "libs:a/**,b!x"),
        ("user", "ada", ["annotate"], ["**"], [], "wide"),
    ]
    assert server.ask("DELETE", f"{REPOSITORIES}/libs/grants/user/ada").status_code == 204
    assert [found[-1] for found in grants(server)] == ["wide"]
    assert server.ask("DELETE", f"{REPOSITORIES}/libs/grants/user/ada").status_code == 404
    assert [found["name"] for found in server.json("GET", SECOND)] == ["wide"]


def test_a_target_of_the_repository_s_name_may_be_in_the_way(server: Server) -> None:
    target(server, "libs", repo=section("libs", "other"))

    answer = server.ask("PUT", f"{REPOSITORIES}/libs/grants/user/ada", json={"actions": ["read"]})

    assert "the permission target libs is for more" in errors(answer, 409)[0]


def test_steps_of_a_git_repository_are_granted_by_its_slug_and_stay(server: Server) -> None:
    server.register(Repository(server.folder / "web").url, "acme/web", default_branch="main")

    assert (
        server.ask("PUT", f"{REPOSITORIES}/libs/grants/repo/acme/web", json={"actions": ["deploy"]}).status_code == 204
    )
    assert grants(server) == [("repo", "acme/web", ["deploy"], ["**"], [], "libs")]
    assert server.json("GET", f"{SECOND}/libs")["repo"]["actions"]["repos"] == {"acme/web": ["write"]}

    target(server, "libs", repo=section("libs", users={"ada": ["read"]}))
    assert [found[1] for found in grants(server)] == ["acme/web", "ada"]
    target(server, "libs", repo=section("libs", repos={}))
    assert grants(server) == []


@pytest.mark.parametrize(
    ("path", "sent", "named"),
    [
        ("user/eve", {"actions": ["read"]}, "name: there is no account eve"),
        ("group/none", {"actions": ["read"]}, "name: there is no group none"),
        ("repo/no/repo", {"actions": ["read"]}, "name: there is no git repository no/repo"),
        ("anonymous/x", {"actions": ["read"]}, "name: there is no name of everybody but anonymous"),
        ("robot/x", {"actions": ["read"]}, "kind: say user, group, repo, anonymous"),
        ("user/a%00", {"actions": ["read"]}, "the path must be percent-encoded"),
        ("user/ada", {}, "actions: name at least one"),
        ("user/ada", {"actions": []}, "actions: name at least one"),
        ("user/ada", {"actions": "read"}, "actions: "),
        ("user/ada", {"actions": ["fly"]}, "actions.0: there is no action"),
        ("user/ada", {"actions": ["read"], "includes": []}, "includes: name at least one"),
        ("user/ada", {"actions": ["read"], "includes": [""]}, "includes: name at least one"),
        ("user/ada", {"actions": ["read"], "excludes": "x"}, "excludes: "),
        ("user/ada", {"actions": ["read"], "includes": ["x"] * 201}, "includes: there are 201"),
    ],
)
def test_what_is_wrong_with_a_grant_is_named(server: Server, path: str, sent: Any, named: str) -> None:
    [message] = errors(server.ask("PUT", f"{REPOSITORIES}/libs/grants/{path}", json=sent))

    assert message.startswith(named)


def test_grants_are_for_managers(server: Server, ada: httpx2.Client, stranger: httpx2.Client) -> None:
    for repo in ("libs", "none"):
        path = f"{REPOSITORIES}/{repo}/grants"
        assert ada.get(path).status_code == 403
        assert ada.put(f"{path}/user/ada", json={"actions": ["read"]}).status_code == 403
        assert ada.delete(f"{path}/user/ada").status_code == 403
        assert stranger.get(path).status_code == 401
    assert server.ask("GET", f"{REPOSITORIES}/none/grants").status_code == 404

    allow(server, "manage")
    assert ada.put(f"{REPOSITORIES}/libs/grants/user/octocat", json={"actions": ["read"]}).status_code == 204
    assert len(ada.get(f"{REPOSITORIES}/libs/grants").json()) == 2


def test_every_change_of_rights_is_recorded(server: Server) -> None:
    allow(server, "read")
    allow(server, "read")
    allow(server, "read", "deploy")
    server.ask("DELETE", f"{REPOSITORIES}/libs/grants/user/ada")
    target(server, "t", repo=section("libs", users={"ada": ["read"]}, groups={"devs": ["read"]}))
    target(server, "t", repo=section("other", users={"ada": ["read"]}))

    rows = server.json("GET", "/api/audit", params={"verb": "artifact_right."})[:7]
    rows.reverse()
    assert [(row["verb"].removeprefix("artifact_right."), row["subject"]) for row in rows] == [
        ("grant", "libs#user/ada"),
        ("grant", "libs#user/ada"),
        ("revoke", "libs#user/ada"),
        ("grant", "t#group/devs"),
        ("grant", "t#user/ada"),
        ("revoke", "t#group/devs"),
        ("grant", "t#user/ada"),
    ]
    place = {"repositories": ["libs"], "includes": ["**"]}
    assert rows[0]["after"] == {"repo": {"actions": ["read"], **place}}
    assert rows[1]["before"] == {"repo": {"actions": ["read"], **place}}
    assert rows[1]["after"] == {"repo": {"actions": ["read", "deploy"], **place}}
    assert rows[2]["after"] == {}
    assert rows[6]["after"]["repo"]["repositories"] == ["other"]


def test_grants_and_changes_at_once_are_all_there(server: Server) -> None:
    names = [f"g{at}" for at in range(8)]
    values = ", ".join(f"('{name}', '', FALSE, '{{}}')" for name in names)
    server.execute(f"INSERT INTO groups (name, description, auto_join, settings) VALUES {values}")

    async def all_at_once() -> set[int]:
        async with httpx2.AsyncClient(base_url=server.url, headers=server.client.headers) as client:
            base = f"{REPOSITORIES}/libs"
            granting = [client.put(f"{base}/grants/group/{name}", json={"actions": ["read"]}) for name in names]
            changing = [client.post(base, json={name: 1}) for name in names]
            return {answer.status_code for answer in await asyncio.gather(*granting, *changing)}

    assert asyncio.run(all_at_once()) == {200, 204}
    assert [found[1] for found in grants(server)] == names
    assert dict.fromkeys(names, 1).items() <= server.json("GET", f"{REPOSITORIES}/libs").items()


def test_an_account_that_is_deleted_leaves_no_grant_to_the_next_of_its_name(server: Server) -> None:
    server.account("kim").close()
    target(server, "t", repo=section("libs", users={"kim": ["read"], "ada": ["read"]}))

    assert server.ask("DELETE", "/api/users/kim").is_success
    with server.account("kim") as again:
        assert readable(again) == []
    assert server.json("GET", f"{SECOND}/t")["repo"]["actions"]["users"] == {"ada": ["read"]}
    assert [found[1] for found in grants(server)] == ["ada"]
    server.ask("DELETE", "/api/users/kim")
