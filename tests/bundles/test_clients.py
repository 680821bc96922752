"""What the tests of JFrog's command line do with release bundles, retold as the requests that it sends."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.server import Server
from tests.buildinfo.project import sums

LIFECYCLE = "/lifecycle/api/v2/release_bundle"
PROMOTIONS = "/lifecycle/api/v2/promotion"
FILES = ("a1.in", "a2.in", "a3.in", "b1.in", "b2.in", "b3.in", "dep-file")
_numbers = itertools.count(1)


class Lifecycle:
    """The preparation of these tests, and the calls of the command line. Each test has names of its own."""

    def __init__(self, server: Server, dev: str, prod: tuple[str, str], environment: str) -> None:
        self.server = server
        self.dev = dev
        self.prod = prod
        self.environment = environment

    def create(self, name: str, *, version: str = "1.0", query: str = "async=false", **said: Any) -> Any:
        """Create a version; the JSON of a good answer."""
        body = {"release_bundle_name": self.name(name), "release_bundle_version": version, **said}
        headers = {"X-JFrog-Signing-Key-Name": "", "Content-Type": "application/json"}
        answer = self.server.ask("POST", f"{LIFECYCLE}?{query}", json=body, headers=headers)
        assert answer.status_code == (201 if "async=false" in query else 200), answer.text
        return answer.json()

    def name(self, name: str) -> str:
        """The name of a bundle of this test."""
        return f"{self.dev}-{name}"

    def build(self, at: int, *, dependencies: bool = False) -> dict[str, Any]:
        """A build as a source."""
        said = {
            "build_name": f"{self.dev}-{at}",
            "build_number": str(at * 111),
            "build_repository": "artifactory-build-info",
        }
        return said | ({"include_dependencies": True} if dependencies else {})

    def bundle(self, name: str, **more: str) -> dict[str, Any]:
        """A version as a source."""
        return {"release_bundle_name": self.name(name), "release_bundle_version": "1.0", **more}

    def status(self, name: str, version: str = "1.0") -> str:
        """The state that the creation has come to; work that is under way is waited for, as the command line does."""
        path = f"{LIFECYCLE}/statuses/{self.name(name)}/{version}"
        self.server.until(
            lambda: self.server.json("GET", path)["status"] not in ("PENDING", "PROCESSING", "STARTED"), "it ends"
        )
        return str(self.server.json("GET", path)["status"])

    def files(self, name: str) -> set[str]:
        """The files of the specification."""
        told = self.server.json("GET", f"{LIFECYCLE}/records/{self.name(name)}/1.0")
        found = [f"{one['source_repository_key']}/{one['path']}" for one in told["artifacts"]]
        assert len(found) == len(set(found))
        return set(found)

    def expected(self, *names: str) -> set[str]:
        """These files of the development repository."""
        return {f"{self.dev}/{name}" for name in names}

    def stored(self, repo: str) -> set[str]:
        """The files of a repository, as the command line searches them."""
        query = (
            f'items.find({{"repo":"{repo}","path":{{"$match":"*"}},"name":{{"$match":"*"}}}}).include("name","path")'
        )
        found = self.server.ask("POST", "/artifactory/api/search/aql", content=query).json()["results"]
        return {one["name"] if one["path"] == "." else f"{one['path']}/{one['name']}" for one in found}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("lifecycle")) as server:
        yield server


@pytest.fixture
def lifecycle(server: Server) -> Lifecycle:
    """Three builds, and repositories in two environments."""
    at = next(_numbers)
    dev, prod, other = (f"{key}{at}" for key in ("dev", "prod", "other"))
    made = Lifecycle(server, dev, (prod, other), f"PROD{at}")
    for key, environment in ((dev, "DEV"), (prod, made.environment), (other, made.environment)):
        said = {"key": key, "rclass": "local", "packageType": "generic", "environments": [environment]}
        assert server.ask("PUT", f"/artifactory/api/repositories/{key}", json=said).status_code == 200
    for number, names in ((1, FILES[:3]), (2, FILES[3:6]), (3, ())):
        build = made.build(number)
        marks = f"build.name={build['build_name']};build.number={build['build_number']}"
        for name in names:
            assert server.ask("PUT", f"/artifactory/{dev}/{name};{marks}", content=name).status_code == 201
        module: dict[str, Any] = {
            "id": "m",
            "artifacts": [
                {"name": name, "path": name, "originalDeploymentRepo": dev, **sums(name.encode())} for name in names
            ],
        }
        if number == 3:
            assert server.ask("PUT", f"/artifactory/{dev}/dep-file", content=f"dep {at}").status_code == 201
            module["dependencies"] = [{"id": "dep-file", **sums(f"dep {at}".encode())}]
        info = {
            "name": build["build_name"],
            "number": build["build_number"],
            "started": "2024-03-09T14:05:06.700+0000",
            "modules": [module],
        }
        assert server.ask("PUT", "/artifactory/api/build", json=info).status_code == 204
    return made


def create_three(lifecycle: Lifecycle) -> None:
    """Two bundles, one of them asynchronous, and one of both."""
    source = {"builds": [lifecycle.build(1), lifecycle.build(2)]}
    lifecycle.create("one", source_type="builds", source=source)
    source = {"builds": [lifecycle.build(3, dependencies=True)]}
    lifecycle.create("two", query="async=true&project=default", source_type="builds", source=source)
    assert (lifecycle.status("one"), lifecycle.status("two")) == ("COMPLETED", "COMPLETED")
    source = {"release_bundles": [lifecycle.bundle("one"), lifecycle.bundle("two")]}
    lifecycle.create("both", source_type="release_bundles", source=source)


def test_bundles_are_created_from_builds_and_from_bundles(lifecycle: Lifecycle) -> None:
    create_three(lifecycle)

    assert lifecycle.files("both") == lifecycle.expected(*FILES)
    assert lifecycle.files("two") == lifecycle.expected("dep-file")


@pytest.mark.parametrize("project", ["", "&project=default"])
def test_one_body_may_name_several_sources_of_several_kinds(lifecycle: Lifecycle, project: str) -> None:
    builds = {"source_type": "builds", "builds": [lifecycle.build(1, dependencies=True), lifecycle.build(2)]}
    lifecycle.create("builds", query=f"async=false{project}", sources=[builds])
    lifecycle.create("first", source_type="builds", source={"builds": [lifecycle.build(1)]})
    lifecycle.create("third", source_type="builds", source={"builds": [lifecycle.build(3, dependencies=True)]})
    named = {"project": "default"} if project else {}
    bundles = [lifecycle.bundle("first", **named), lifecycle.bundle("third", **named)]
    lifecycle.create(
        "bundles",
        query=f"async=false{project}",
        sources=[{"source_type": "release_bundles", "release_bundles": bundles}],
    )
    both = [builds, {"source_type": "release_bundles", "release_bundles": bundles}]
    lifecycle.create("mixed", query=f"async=false{project}", sources=both)

    assert lifecycle.files("builds") == lifecycle.expected(*FILES[:6])
    assert lifecycle.files("bundles") == lifecycle.expected(*FILES[:3], "dep-file")
    assert lifecycle.files("mixed") == lifecycle.expected(*FILES)


def test_a_build_a_bundle_a_pattern_and_a_query_may_be_one_version(lifecycle: Lifecycle) -> None:
    lifecycle.create("part", source_type="builds", source={"builds": [lifecycle.build(2)]})
    query = f'items.find({{"repo": "{lifecycle.dev}", "path": ".", "name": "a2.in"}})'
    lifecycle.create(
        "spec",
        sources=[
            {"source_type": "builds", "builds": [lifecycle.build(1)]},
            {"source_type": "release_bundles", "release_bundles": [lifecycle.bundle("part")]},
            {"source_type": "artifacts", "artifacts": [{"path": f"{lifecycle.dev}/dep-file"}]},
            {"source_type": "aql", "aql": query},
        ],
    )
    lifecycle.create("aql", source_type="aql", source={"aql": query})
    artifacts = [
        {"path": f"{lifecycle.dev}/{name}", "sha256": sums(name.encode())["sha256"]}
        for name in ("a2.in", "b1.in", "b2.in", "b3.in")
    ]
    lifecycle.create("artifacts", source_type="artifacts", source={"artifacts": artifacts})

    assert lifecycle.files("spec") == lifecycle.expected(*FILES)
    assert lifecycle.files("aql") == lifecycle.expected("a2.in")
    assert lifecycle.files("artifacts") == lifecycle.expected("a2.in", "b1.in", "b2.in", "b3.in")


def test_the_whole_way_from_builds_to_production(lifecycle: Lifecycle) -> None:
    server, name = lifecycle.server, lifecycle.name("both")
    create_three(lifecycle)
    body = {"environment": lifecycle.environment, "included_repository_keys": [lifecycle.prod[0]]}

    answer = server.ask(
        "POST", f"{PROMOTIONS}/records/{name}/1.0?async=false&operation=copy&project=default", json=body
    )

    assert answer.status_code == 201, answer.text
    promoted = answer.json()
    assert promoted["included_repository_keys"] == [lifecycle.prod[0]]
    path = f"{PROMOTIONS}/statuses/{name}/1.0/{promoted['created_millis']}"
    assert server.json("GET", path)["status"] == "COMPLETED"
    assert lifecycle.stored(lifecycle.prod[0]) == set(FILES)
    assert lifecycle.stored(lifecycle.prod[1]) == set()
    [record] = server.json("GET", f"{PROMOTIONS}/records/{name}/1.0")["promotions"]
    assert (record["environment"], record["created_millis"]) == (lifecycle.environment, promoted["created_millis"])
    removed = server.ask("DELETE", f"{PROMOTIONS}/records/{name}/1.0/{record['created_millis']}?async=false")
    assert (removed.status_code, removed.text) == (204, "")
    assert lifecycle.stored(lifecycle.prod[0]) == set()
    for one in ("one", "two", "both"):
        path = f"{LIFECYCLE}/records/{lifecycle.name(one)}/1.0?async=false"
        assert server.ask("DELETE", path).status_code == 204
        gone = server.ask("DELETE", path)
        assert gone.status_code == 404
        assert "not found" in gone.text
        existence = f"{LIFECYCLE}/existence/{lifecycle.name(one)}/1.0"
        assert server.json("GET", existence) == {"exists": False}
    assert lifecycle.stored(lifecycle.dev) == set(FILES)


def test_a_first_promotion_that_should_move_copies(lifecycle: Lifecycle) -> None:
    lifecycle.create("moved", source_type="builds", source={"builds": [lifecycle.build(1)]})
    body = {"environment": lifecycle.environment}
    path = f"{PROMOTIONS}/records/{lifecycle.name('moved')}/1.0?async=false&operation=move"

    assert lifecycle.server.ask("POST", path, json=body).status_code == 201

    assert lifecycle.stored(lifecycle.dev) == set(FILES)
    assert all(lifecycle.stored(repo) == set(FILES[:3]) for repo in lifecycle.prod)


def test_a_draft_grows_until_it_is_finalized(lifecycle: Lifecycle) -> None:
    server, name = lifecycle.server, lifecycle.name("draft")
    lifecycle.create("draft", draft=True, source_type="builds", source={"builds": [lifecycle.build(1)]})
    assert lifecycle.status("draft") == "DRAFT"
    sources = [{"source_type": "builds", "builds": [lifecycle.build(3, dependencies=True)]}]
    body = {"release_bundle_name": name, "release_bundle_version": "1.0", "add_sources": sources}

    updated = server.ask("PATCH", f"{LIFECYCLE}?async=false", json=body)

    assert updated.status_code == 200, updated.text
    assert lifecycle.status("draft") == "DRAFT"
    assert lifecycle.files("draft") == lifecycle.expected(*FILES[:3], "dep-file")
    headers = {"Content-Type": "application/json"}
    finalized = server.ask("POST", f"{LIFECYCLE}/{name}/1.0/finalize?async=false", headers=headers)
    assert finalized.status_code == 200, finalized.text
    [entry] = server.json("GET", f"{LIFECYCLE}/records/{name}?limit=100")["release_bundles"]
    assert entry["status"] == "COMPLETED"
    assert lifecycle.files("draft") == lifecycle.expected(*FILES[:3], "dep-file")
    assert server.ask("POST", f"{LIFECYCLE}/{name}/1.0/finalize?async=false").status_code == 409
    assert server.ask("PATCH", f"{LIFECYCLE}?async=false", json=body).status_code == 409


def test_a_version_gets_a_tag_and_properties(lifecycle: Lifecycle) -> None:
    server, name = lifecycle.server, lifecycle.name("marked")
    lifecycle.create("marked", source_type="builds", source={"builds": [lifecycle.build(1)]})
    tag = f"{LIFECYCLE}/records/{name}/1.0/tag?project=default"
    for body in ({"tag": "a", "exist": True}, {"tag": "b", "exist": True}, {"exist": True}):
        assert server.ask("PUT", tag, json=body).status_code == 200
    manifest = f"/artifactory/api/storage/release-bundles-v2/{name}/1.0/release-bundle.json.evd"
    for said in ("env=prod;k=a,b", "env=", "k2="):
        answer = server.ask("PUT", manifest, params={"properties": said, "recursive": "1"})
        assert answer.status_code == 204, answer.text
    assert server.json("GET", f"{manifest}?properties")["properties"]["k"] == ["a", "b"]
    assert server.ask("DELETE", manifest, params={"properties": "k,none", "recursive": "1"}).status_code == 204
    assert "k" not in server.json("GET", f"{manifest}?properties")["properties"]


def test_names_and_versions_are_searched(lifecycle: Lifecycle) -> None:
    server = lifecycle.server
    source: dict[str, Any] = {"source_type": "builds", "source": {"builds": [lifecycle.build(1)]}}
    for name in ("s-a", "s-b", "s-c", "t"):
        lifecycle.create(name, **source)
    for version in ("1.0.0", "1.0.1", "1.1.0-rc", "2.0.0"):
        lifecycle.create("v", version=version, **source)

    def names(query: str) -> list[str]:
        found = server.json("GET", f"{LIFECYCLE}/groups?{query}")
        return [one["release_bundle_name"].rpartition(f"{lifecycle.dev}-")[2] for one in found["release_bundles"]]

    def versions(query: str) -> list[str]:
        found = server.json("GET", f"{LIFECYCLE}/records/{lifecycle.name('v')}?{query}")
        assert found["total"] >= len(found["release_bundles"])
        return [one["release_bundle_version"] for one in found["release_bundles"]]

    assert names(f"filter_by={lifecycle.name('s-*')}") == ["s-c", "s-b", "s-a"]
    assert names(f"filter_by={lifecycle.name('t')}") == ["t"]
    assert names(f"filter_by={lifecycle.name('*')}&limit=2&offset=1") == ["t", "s-c"]
    assert set(versions("filter_by=1.0*")) == {"1.0.0", "1.0.1"}
    assert versions("filter_by=1.1.0-rc*") == ["1.1.0-rc"]
    assert versions("order_by=release_bundle_version&order_asc=true")[0] == "1.0.0"
    assert versions("order_by=release_bundle_version&order_asc=false&limit=1&offset=2") == ["1.0.1"]


def test_a_remote_deletion_does_not_delete_the_version_here(lifecycle: Lifecycle) -> None:
    server, name = lifecycle.server, lifecycle.name("kept")
    lifecycle.create("kept", source_type="builds", source={"builds": [lifecycle.build(1)]})
    body = {"dry_run": False, "distribution_rules": [{"site_name": "*"}]}

    answer = server.ask("DELETE", f"{LIFECYCLE}/records/{name}/1.0", json=body)

    assert answer.status_code == 200
    assert server.json("GET", f"{LIFECYCLE}/existence/{name}/1.0") == {"exists": True}


def test_a_version_is_downloaded_with_its_manifest(lifecycle: Lifecycle) -> None:
    server, name = lifecycle.server, lifecycle.name("loaded")
    lifecycle.create("loaded", source_type="builds", source={"builds": [lifecycle.build(1)]})
    path = f"{name}/1.0"
    query = (
        'items.find({"type":"file","$or":[{"$and":[{"repo":"release-bundles-v2","path":{"$match":"' + path + '"},'
        '"name":{"$match":"*"}}]},{"$and":[{"repo":"release-bundles-v2","path":{"$match":"' + path + '/*"},'
        '"name":{"$match":"*"}}]}]}).include("name","repo","path","actual_sha1","size","type","property")'
    )

    found = server.ask("POST", "/artifactory/api/search/aql", content=query).json()["results"]

    places = {f"{one['path']}/{one['name']}" for one in found}
    expected = {f"{path}/artifacts/generic/{one}" for one in FILES[:3]} | {f"{path}/release-bundle.json.evd"}
    assert places == expected
    for place in places:
        answer = server.ask("GET", f"/artifactory/release-bundles-v2/{place}")
        assert answer.status_code == 200
        if "/artifacts/" in place:
            assert answer.text == place.rpartition("/")[2]
    query = (
        f'items.find({{"release_artifact.release.name":"{name}","release_artifact.release.version":"1.0"}})'
        '.include("name","repo","path")'
    )
    searched = server.ask("POST", "/artifactory/api/search/aql", content=query).json()["results"]
    assert {f"{one['path']}/{one['name']}" for one in searched} == expected - {f"{path}/release-bundle.json.evd"}


def test_what_is_not_there_for_clients_of_other_products_is_refused(server: Server) -> None:
    assert server.ask("GET", "/artifactory/api/release_bundles/records/non-existing-rb").status_code == 404
    assert server.ask("POST", "/artifactory/api/release/import/none", content="x").status_code in range(400, 500)
