"""What the tests of JFrog's command line do with release bundles, retold as the requests that it sends.

Each test names in its docstring those that it retells (contract jfrog-client-cases 7).
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.acceptance.jf import Build
from tests.acceptance.server import Server
from tests.bundles.jf import BUNDLES, LIFECYCLE, Jf, of_build, of_bundle

pytestmark = pytest.mark.postgres

FILES = ("a1.in", "a2.in", "a3.in", "b1.in", "b2.in", "b3.in", "dep-file")
FORMS = pytest.mark.parametrize("several", [False, True], ids=["one form", "the other"])
_numbers = itertools.count(1)


@dataclass
class Scene:
    """The preparation of these tests: three builds, and repositories in two environments. All names are of one test."""

    jf: Jf
    at: str
    dev: str
    prod: str
    other: str
    environment: str
    builds: tuple[Build, Build, Build]

    def name(self, name: str) -> str:
        """The name of a bundle of this test."""
        return f"{self.at}-{name}"

    def create(self, name: str, *builds: int, dependencies: bool = False, **options: Any) -> str:
        """`jf rbc` of builds, by their numbers from one; the name."""
        source = {"builds": [of_build(self.builds[at - 1], dependencies=dependencies) for at in builds]}
        self.jf.rbc(self.name(name), source_type="builds", source=source, **options)
        return self.name(name)

    def expected(self, *names: str) -> set[str]:
        """These files of the development repository."""
        return {f"{self.dev}/{name}" for name in names}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("lifecycle")) as server:
        yield server


@pytest.fixture
def scene(server: Server) -> Iterator[Scene]:
    at = f"t{next(_numbers)}"
    jf, environment = Jf(server), f"PROD-{at}"
    dev = jf.repo_create(f"{at}-dev", environments=["DEV"])
    prod, other = (jf.repo_create(f"{at}-{name}", environments=[environment]) for name in ("prod", "other"))
    one, two, three = (Build(f"{at}-{number}", str(number * 111)) for number in (1, 2, 3))
    for name in FILES[:6]:
        jf.u(f"{dev}/{name}", f"{at} {name}".encode(), one if name.startswith("a") else two)
    jf.u(f"{dev}/dep-file", f"{at} dep".encode())
    [found] = jf.s(f"{dev}/dep-file")  # `jf rt bad --from-rt`
    three.dependencies.append({"id": "dep-file", "sha1": found["actual_sha1"], "md5": found["actual_md5"],
                               "sha256": found["sha256"]})  # fmt: skip
    for build in (one, two, three):
        jf.bp(build)
    made = Scene(jf, at, dev, prod, other, environment, (one, two, three))
    yield made
    for entry in jf.rbs_names(filter_by=f"{at}-*")[0]:
        for version in jf.rbs_versions(entry)[0]:
            jf.rbdell(entry, version)
            answer = jf.call("DELETE", f"release_bundle/records/{entry}/{version}", 404, params={"async": "false"})
            assert "not found" in answer.text
    assert jf.stored(dev) == set(FILES)


def create_three(scene: Scene) -> str:
    """Two bundles, one of them asynchronous with dependencies, and one of both; its name."""
    jf = scene.jf
    assert jf.latest(scene.builds[1].name) == "222"  # a spec file that names no number
    one = scene.create("one", 1, 2)
    two = scene.create("two", 3, dependencies=True, sync=False, project="default")
    assert (jf.status(one), jf.status(two)) == ("COMPLETED", "COMPLETED")
    both = {"release_bundles": [of_bundle(one), of_bundle(two)]}
    jf.rbc(scene.name("both"), source_type="release_bundles", source=both)
    assert jf.status(scene.name("both")) == "COMPLETED"
    return scene.name("both")


def test_bundles_are_created_from_builds_and_from_bundles(scene: Scene) -> None:
    """TestBackwardCompatibleReleaseBundleCreation."""
    both = create_three(scene)

    assert scene.jf.specification(both) == scene.expected(*FILES)
    assert scene.jf.specification(scene.name("two")) == scene.expected("dep-file")


@pytest.mark.parametrize("project", ["", "default"])
def test_one_body_may_name_several_sources_of_several_kinds(scene: Scene, project: str) -> None:
    """TestReleaseBundleCreationFromMultiBuildsUsingCommandFlag, …MultiBundlesUsingCommandFlag,
    …MultipleBuildsAndBundlesUsingCommandFlags: the same files arrive twice, and that is no collision."""
    jf, (one, two, three) = scene.jf, scene.builds
    builds = {"source_type": "builds", "builds": [of_build(one), of_build(three, dependencies=True), of_build(two)]}
    first, third = scene.create("first", 1), scene.create("third", 3, dependencies=True)
    named = {"project": project} if project else {}
    bundles = {
        "source_type": "release_bundles",
        "release_bundles": [of_bundle(first, **named), of_bundle(third, **named)],
    }
    for name, sources, expected in (
        ("builds", [builds], FILES),
        ("bundles", [bundles], (*FILES[:3], "dep-file")),
        ("mixed", [builds, bundles], FILES),
    ):
        jf.rbc(scene.name(name), sources=sources, project=project)
        assert jf.status(scene.name(name)) == "COMPLETED"
        assert jf.specification(scene.name(name)) == scene.expected(*expected)


def test_bundles_of_a_project_are_made_of_bundles_of_the_project(scene: Scene) -> None:
    """TestReleaseBundleCreationFromMultiBundlesUsingCommandFlagWithProject."""
    jf, key = scene.jf, f"{scene.at}p"
    parts = [scene.create("part1", 1, project=key), scene.create("part2", 2, project=key)]
    for name, more in (("all", {"project": key}), ("more", {"project": key, "repository_key": f"{key}-{BUNDLES}"})):
        sources = [{"source_type": "release_bundles", "release_bundles": [of_bundle(part, **more) for part in parts]}]
        jf.rbc(scene.name(name), sources=sources, project=key)

        assert jf.exists(scene.name(name), project=key)
        assert not jf.exists(scene.name(name))
        assert jf.status(scene.name(name)) == "COMPLETED"
        assert jf.specification(scene.name(name)) == scene.expected(*FILES[:6])


def test_a_build_two_bundles_a_pattern_and_a_query_may_be_one_version(scene: Scene) -> None:
    """TestReleaseBundleCreationFromMultipleSourcesUsingSpec."""
    jf = scene.jf
    bundles = [of_bundle(scene.create("b2", 2)), of_bundle(scene.create("b3", 3, dependencies=True))]
    found = [{"path": f"{scene.dev}/{one['name']}", "sha256": one["sha256"]} for one in jf.s(f"{scene.dev}/dep*")]
    query = f'items.find({{"repo": "{scene.dev}", "path": ".", "name": "a2.in"}})'
    sources = [
        {"source_type": "builds", "builds": [of_build(scene.builds[0])]},
        {"source_type": "release_bundles", "release_bundles": bundles},
        {"source_type": "artifacts", "artifacts": found},
        {"source_type": "aql", "aql": query},
    ]

    jf.rbc(scene.name("spec"), sources=sources)

    assert jf.status(scene.name("spec")) == "COMPLETED"
    assert jf.specification(scene.name("spec")) == scene.expected(*FILES)


def test_a_query_is_sent_as_it_stands(scene: Scene) -> None:
    """TestReleaseBundleCreationFromAql."""
    query = f'items.find({{"repo":"{scene.dev}","path":".","name":"a2.in"}})'

    scene.jf.rbc(scene.name("aql"), source_type="aql", source={"aql": query})

    assert scene.jf.specification(scene.name("aql")) == scene.expected("a2.in")


@pytest.mark.parametrize("key", ["", "lifecycle-key"])
def test_files_are_looked_up_and_named_one_by_one(scene: Scene, key: str) -> None:
    """TestReleaseBundleCreationFromArtifacts, with and without a signing key."""
    jf, dev = scene.jf, scene.dev
    found = [*jf.s(f"{dev}/a*", exclude=["*a1*", "*a3*"]), *jf.s(f"{dev}/b*", exclude=["*none*"])]
    artifacts = [{"path": f"{dev}/{one['name']}", "sha256": one["sha256"]} for one in found]

    jf.rbc(scene.name("files"), key=key, source_type="artifacts", source={"artifacts": artifacts})

    assert jf.specification(scene.name("files")) == scene.expected("a2.in", "b1.in", "b2.in", "b3.in")


def test_the_whole_way_from_builds_to_production(scene: Scene) -> None:
    """TestLifecycleFullFlow; at the end `jf rbdell` of the promotions, and of the versions."""
    jf, both = scene.jf, create_three(scene)

    promoted = jf.rbp(both, scene.environment, include=[scene.prod], project="default")

    assert promoted["included_repository_keys"] == [scene.prod]
    assert jf.promotion_status(both, promoted["created_millis"]) == "COMPLETED"
    assert jf.stored(scene.prod) == set(FILES)
    assert jf.stored(scene.other) == set()
    [record] = jf.promotions(both)
    assert (record["environment"], record["created_millis"]) == (scene.environment, promoted["created_millis"])
    jf.rbdell(both, "1.0", scene.environment.lower())  # whatever its case
    assert jf.promotions(both) == []
    assert jf.stored(scene.prod) == set()
    jf.rbp(both, scene.environment)
    jf.rbdell(both, sync=False)
    scene.jf.server.until(lambda: not jf.exists(both), "the version is deleted")
    assert jf.stored(scene.prod) == jf.stored(scene.other) == set()


def test_a_first_promotion_that_should_move_copies(scene: Scene) -> None:
    """TestPromoteReleaseBundleWithPromotionTypeFlag."""
    name = scene.create("moved", 1)
    assert scene.jf.status(name) == "COMPLETED"

    promoted = scene.jf.rbp(name, scene.environment, promotion_type="move")

    assert scene.jf.promotion_status(name, promoted["created_millis"]) == "COMPLETED"
    assert scene.jf.stored(scene.dev) == set(FILES)
    assert all(scene.jf.stored(repo) == set(FILES[:3]) for repo in (scene.prod, scene.other))


def test_the_answer_has_what_a_table_shows(scene: Scene) -> None:
    """TestReleaseBundleFormatFlag."""
    promoted = scene.jf.rbp(scene.create("table", 1), scene.environment, exclude=[scene.other, "none"])

    assert promoted["environment"] == scene.environment
    assert promoted["included_repository_keys"] == [scene.prod]
    assert promoted["excluded_repository_keys"] == [scene.other, "none"]


def test_a_promotion_may_be_asked_for_and_watched(scene: Scene) -> None:
    """`jf rbp --sync=false`."""
    name = scene.create("watched", 1)

    promoted = scene.jf.rbp(name, scene.environment, sync=False)

    assert scene.jf.promotion_status(name, promoted["created_millis"]) == "COMPLETED"
    assert scene.jf.stored(scene.prod) == set(FILES[:3])


def made_draft(scene: Scene, *, several: bool) -> str:
    """A draft of the first build."""
    name, builds = scene.name("draft"), [of_build(scene.builds[0])]
    if several:
        scene.jf.rbc(name, draft=True, sources=[{"source_type": "builds", "builds": builds}])
    else:
        scene.jf.rbc(name, draft=True, source_type="builds", source={"builds": builds})
    return name


@FORMS
def test_a_draft_is_a_draft(scene: Scene, several: bool) -> None:
    """TestReleaseBundleCreationWithDraftFlagFromSpec, …FromFlags."""
    assert scene.jf.status(made_draft(scene, several=several)) == "DRAFT"


@FORMS
def test_a_draft_grows_until_it_is_finalized(scene: Scene, several: bool) -> None:
    """TestReleaseBundleUpdateWithSpec, …WithFlags, TestReleaseBundleFinalize."""
    jf, name = scene.jf, made_draft(scene, several=several)
    assert jf.specification(name) == scene.expected(*FILES[:3])

    jf.rbu(name, {"source_type": "builds", "builds": [of_build(scene.builds[2], dependencies=True)]})

    assert jf.status(name) == "DRAFT"
    grown = jf.specification(name)
    assert grown == scene.expected(*FILES[:3], "dep-file")
    jf.rbf(name)
    [entry] = jf.call("GET", f"release_bundle/records/{name}", 200, params={"limit": 100}).json()["release_bundles"]
    assert entry["status"] == "COMPLETED"
    assert jf.specification(name) == grown


@pytest.mark.parametrize("key", ["", "lifecycle-key"])
def test_a_version_is_made_without_a_spec(scene: Scene, key: str) -> None:
    """TestCreateBundleWithoutSpec."""
    name = scene.create("plain", 1, key=key)

    assert scene.jf.status(name) == "COMPLETED"


def test_a_version_of_a_project_is_made_of_a_build_of_the_project(scene: Scene) -> None:
    """TestCreateBundleWithoutSpecWithProject."""
    jf, key = scene.jf, f"{scene.at}p"
    build = Build(f"{scene.at}-own", "1", project=key)
    jf.u(f"{scene.prod}/own.in", b"own", build, build__repo=f"{key}-build-info")
    jf.bp(build)
    source = {"builds": [of_build(build, repository=f"{key}-build-info")]}

    jf.rbc(scene.name("own"), source_type="builds", source=source, project=key)

    assert jf.status(scene.name("own")) == "COMPLETED"
    assert jf.specification(scene.name("own")) == {f"{scene.prod}/own.in"}


def test_a_version_gets_a_tag(scene: Scene) -> None:
    """TestSetReleaseBundleTag."""
    name = scene.create("tagged", 1)

    for tag in ("bundle-tag", "another-tag", ""):
        scene.jf.rba(name, tag=tag)
        [entry] = scene.jf.call("GET", f"release_bundle/records/{name}", 200).json()["release_bundles"]
        assert entry.get("release_bundle_tag", "") == tag


def test_a_version_gets_properties_and_loses_them(scene: Scene) -> None:
    """TestReleaseBundleCreateOrUpdateProperties, …DeleteProperties."""
    jf, name = scene.jf, scene.create("marked", 1)
    manifest = f"api/storage/{BUNDLES}/{name}/1.0/release-bundle.json.evd"

    def properties() -> Any:
        return jf.ask("GET", manifest, 200, params={"properties": ""}).json()["properties"]

    jf.rba(name, properties="env=prod;k=a,b c")
    assert properties() == {"env": ["prod"], "k": ["a", "b c"]}
    jf.rba(name, properties="env=''")
    assert properties()["env"] == ["''"]
    jf.rba(name, properties="env=;more=1")
    assert properties() == {"env": [""], "k": ["a", "b c"], "more": ["1"]}
    jf.rba(name, del_prop="k,none,more")
    assert properties() == {"env": [""]}


def test_names_are_searched(scene: Scene) -> None:
    """TestReleaseBundlesSearchGroups."""
    jf, names = scene.jf, [scene.name(name) for name in ("s-a", "s-b", "s-c", "t")]
    assert [jf.exists(name) for name in names] == [False] * 4
    for name in ("s-a", "s-b", "s-c", "t"):
        scene.create(name, 1)

    assert jf.rbs_names(filter_by=scene.name("s-*")) == ([names[2], names[1], names[0]], 3)
    assert jf.rbs_names(filter_by=names[3]) == ([names[3]], 1)
    listed, total = jf.rbs_names()
    assert listed[:4] == [*reversed(names)]
    assert total >= 4
    assert jf.rbs_names(limit=2, offset=1) == ([names[2], names[1]], total)
    ordered, _ = jf.rbs_names(filter_by=scene.name("*"), order_by="release_bundle_name", order_asc="true")
    assert ordered == names
    assert jf.rbs_names(filter_by=scene.name("*"), order_by="created", order_asc="true") == (names, 4)


def test_versions_are_searched(scene: Scene) -> None:
    """TestReleaseBundlesSearchVersions."""
    jf, versions = scene.jf, ["1.0.0", "1.0.1", "1.1.0-rc", "2.0.0"]
    for version in versions:
        name = scene.create("v", 1, version=version)

    assert jf.rbs_versions(name) == ([*reversed(versions)], 4)
    found, total = jf.rbs_versions(name, filter_by="1.0*")
    assert (set(found), total) == ({"1.0.0", "1.0.1"}, 2)
    assert jf.rbs_versions(name, filter_by="1.1.0-rc*") == (["1.1.0-rc"], 1)
    assert jf.rbs_versions(name, order_by="release_bundle_version", order_asc="true") == (versions, 4)
    descending = {"order_by": "release_bundle_version", "order_asc": "false"}
    assert jf.rbs_versions(name, **descending) == ([*reversed(versions)], 4)
    assert jf.rbs_versions(name, **descending, limit=1, offset=2) == (["1.0.1"], 4)
    scene.create("v", 1, version="9", project=f"{scene.at}p")
    assert jf.rbs_versions(name, project=f"{scene.at}p") == (["9"], 1)
    assert jf.rbs_versions(name, project="default") == ([*reversed(versions)], 4)


def test_a_version_is_downloaded_with_its_manifest(scene: Scene) -> None:
    """TestReleaseBundleV2Download: a local folder named after the bundle appears."""
    jf, key = scene.jf, f"{scene.at}p"
    name = scene.create("loaded", 1)
    scene.create("loaded", 2, project=key)

    files = jf.dl_bundle(name)

    folder = f"{name}/1.0"
    manifest = files.pop(f"{folder}/release-bundle.json.evd")
    assert b'"payloadType":"application/vnd.in-toto+json"' in manifest
    assert files == {f"{folder}/artifacts/generic/{one}": f"{scene.at} {one}".encode() for one in FILES[:3]}
    of_project = jf.dl_bundle(name, project=key).keys()
    assert of_project - {f"{folder}/release-bundle.json.evd"} == {
        f"{folder}/artifacts/generic/{one}" for one in FILES[3:6]
    }
    jf.ask("DELETE", f"{scene.dev}/a1.in", 204)
    assert jf.dl_bundle(name).keys() == {*files, f"{folder}/release-bundle.json.evd"}
    jf.u(f"{scene.dev}/a1.in", f"{scene.at} a1.in".encode())
    for project in ("default", key):
        path = f"release_bundle/records/{name}/1.0"
        jf.call("DELETE", path, 204, params={"async": "false", "project": project})
    assert jf.dl_bundle(name) == {}  # a search by release finds nothing either


def test_a_remote_deletion_does_not_delete_the_version_here(scene: Scene) -> None:
    """TestRemoteDeleteReleaseBundle…: the deletion has a body, and says no mode."""
    name = scene.create("kept", 1)

    scene.jf.rbdelr(name)

    assert scene.jf.exists(name)
    assert scene.jf.status(name) == "COMPLETED"


def test_what_is_not_there_for_clients_of_other_products_is_refused(server: Server) -> None:
    """TestImportReleaseBundle, and the question whether the server has release bundles."""
    assert server.ask("GET", "/artifactory/api/release_bundles/records/non-existing-rb").status_code == 404
    assert server.ask("POST", "/artifactory/api/release/import/none", content="x").status_code in range(400, 500)
    assert server.ask("POST", f"{LIFECYCLE}/distribution/remote_delete/none/1").status_code == 404
