"""Which files the sources of a version stand for: every rule of the contract release-bundle 3.3."""

from typing import Any

import pytest

from app.artifacts import items
from app.bundles.resolving import Unresolved
from app.errors import Conflict, Invalid, NotFound
from tests.bundles.farside import (
    NOW,
    Scene,
    artifact,
    dependency,
    loose,
    mark,
    module,
    of_artifacts,
    of_build,
    of_query,
    of_version,
    sums,
)


def file(path: str, sha256: str = "") -> dict[str, Any]:
    """The source of one file, perhaps with its checksum."""
    return {"source_type": "artifacts", "artifacts": [{"path": path, "sha256": sha256}]}


def package(**fields: str) -> dict[str, Any]:
    asked = {"package_name": "left-pad", "package_version": "1.3.0", "package_type": "npm", "repository_key": "npm"}
    return {"source_type": "packages", "packages": [asked | fields]}


async def built(scene: Scene, number: str, *paths: str, repo: str = "dev-local", **more: Any) -> None:
    """A build of files that were put into a repository; each has its path as its bytes."""
    for path in paths:
        await scene.put(f"{repo}:{path}", path, mark("app", number))
    await scene.publish("app", number, module(*(artifact(path, path, repo) for path in paths), **more))


class TestArtifacts:
    async def test_a_file_is_named_by_repository_and_path(self, scene: Scene) -> None:
        await scene.put("dev-local:a.jar", "a")
        await scene.put("dev-local:lib/b.jar", "b")

        await scene.create("shop", "1", file("dev-local/a.jar", sums("a").sha256.upper()), file("/dev-local/lib/b.jar"))

        assert await scene.content("shop", "1") == ["dev-local:a.jar", "dev-local:lib/b.jar"]

    async def test_the_sha256_that_is_sent_must_be_that_of_the_file(self, scene: Scene) -> None:
        await scene.put("dev-local:a.jar", "a")

        with pytest.raises(
            Invalid, match=r"sources\[0\].artifacts\[0\].path: dev-local/a.jar has the sha256 [0-9a-f]+"
        ):
            await scene.create("shop", "1", file("dev-local/a.jar", sums("b").sha256))

        assert await scene.bundle("shop", "1") is None

    async def test_all_files_that_are_not_there_are_named(self, scene: Scene) -> None:
        await scene.put("dev-local:lib/a.jar", "a")

        with pytest.raises(NotFound) as raised:
            await scene.create("shop", "1", of_artifacts("dev-local:b", "nowhere:c", "dev-local:lib"))

        named = "the file dev-local/b, the file nowhere/c, the file dev-local/lib"
        assert raised.value.message == f"not found: {named}"

    async def test_a_virtual_repository_stands_for_the_member_that_has_the_file(self, scene: Scene) -> None:
        await scene.virtual("all", "stage-local", "dev-local")
        await scene.put("dev-local:a", "a")
        await scene.put("dev-local:b", "b")
        await scene.put("stage-local:b", "b of stage")

        await scene.create("shop", "1", file("all/a"), file("all/b"))
        await scene.create("shop", "2", file("all/b", sums("b").sha256))

        assert await scene.content("shop", "1") == ["dev-local:a", "stage-local:b"]
        assert await scene.content("shop", "2") == ["dev-local:b"]

    async def test_what_the_server_keeps_for_itself_is_no_artifact(self, scene: Scene) -> None:
        await scene.completed("shop", "1", "dev-local:a")

        for source in (
            file("release-bundles-v2/shop/1/artifacts/generic/a"),
            of_query('items.find({"repo": "release-bundles-v2"})'),
        ):
            with pytest.raises(Invalid, match="release-bundles-v2 is kept by the server"):
                await scene.create("shop", "2", source)


class TestQueries:
    async def test_a_query_names_files_and_no_folders(self, scene: Scene) -> None:
        await scene.put("dev-local:lib/a.jar", "a")
        await scene.put("dev-local:lib/sub/b.jar", "b")
        await scene.put("stage-local:lib/c.jar", "c")

        query = 'items.find({"repo": "dev-local", "type": "any"}).include("name")'
        bundle = await scene.create("shop", "1", of_query(query))

        assert await scene.content("shop", "1") == ["dev-local:lib/a.jar", "dev-local:lib/sub/b.jar"]
        assert bundle.sources == {"aql": query}

    async def test_a_query_that_finds_nothing_is_refused(self, scene: Scene) -> None:
        await scene.put("dev-local:lib/a.jar", "a")

        for query in ('items.find({"name": "b.jar"})', 'items.find({"type": "folder"})'):
            with pytest.raises(Invalid, match=r"sources\[1\].aql: the query finds no file"):
                await scene.create("shop", "1", of_artifacts("dev-local:lib/a.jar"), of_query(query))

    async def test_a_query_that_is_none_is_refused_with_its_name(self, scene: Scene) -> None:
        with pytest.raises(Invalid, match=r"sources\[0\].aql: the query begins with builds"):
            await scene.create("shop", "1", of_query("builds.find({})"))


class TestBuilds:
    async def test_a_build_stands_for_its_artifacts(self, scene: Scene) -> None:
        await built(scene, "1", "a", "lib/b", dependencies=[dependency("dep", "dep")])
        await scene.put("dev-local:dep", "dep")

        bundle = await scene.create("shop", "1", of_build("app", "1"))

        assert await scene.content("shop", "1") == ["dev-local:a", "dev-local:lib/b"]
        [told] = bundle.sources["builds"]
        assert told == {
            "build_repository": "artifactory-build-info",
            "build_name": "app",
            "build_number": "1",
            "build_started": "2023-11-14T22:13:20.000+0000",
            "include_dependencies": False,
        }

    async def test_dependencies_that_are_stored_join_and_others_are_left_out(self, scene: Scene) -> None:
        used = [dependency("dep", "dep"), dependency("far", "far")]
        await built(scene, "1", "a", dependencies=used)
        await scene.put("dev-local:lib/dep", "dep")

        bundle = await scene.create("shop", "1", of_build("app", "1", include_dependencies=True))

        assert await scene.content("shop", "1") == ["dev-local:a", "dev-local:lib/dep"]
        [message] = bundle.messages
        assert message["text"].endswith("not stored here, and left out: far")

    async def test_the_newest_run_of_a_number_is_meant(self, scene: Scene) -> None:
        await built(scene, "1", "old")
        await scene.put("dev-local:newer", "newer", mark("app", "1"))
        await scene.publish("app", "1", module(artifact("newer", "newer")), started=NOW + 1000)

        await scene.create("shop", "1", of_build("app", "1"))

        assert await scene.content("shop", "1") == ["dev-local:newer"]

    async def test_of_copies_the_one_with_the_properties_is_meant_and_then_the_first_place(self, scene: Scene) -> None:
        await built(scene, "1", "both", "moved", "marked")
        await scene.promote("app", "1", targetRepo="stage-local", copy=True)
        await scene.remove("dev-local:moved")
        await scene.put("dev-local:marked", "marked", mark("app", "2"))  # another build has put the same bytes there

        await scene.create("shop", "1", of_build("app", "1"))

        assert await scene.content("shop", "1") == ["dev-local:both", "stage-local:marked", "stage-local:moved"]

    async def test_an_artifact_at_its_place_needs_no_properties(self, scene: Scene) -> None:
        await scene.put("dev-local:a", "a")
        await scene.put("prod-local:a", "a")
        await scene.publish("app", "1", module(artifact("a", "a")))

        await scene.create("shop", "1", of_build("app", "1"))

        assert await scene.content("shop", "1") == ["dev-local:a"]

    async def test_an_entry_without_a_path_stands_for_its_files_in_one_repository(self, scene: Scene) -> None:
        for where in ("dev-local:x/t", "dev-local:y/t", "stage-local:x/t"):
            await scene.put(where, "t", mark("app", "1"))
        await scene.publish("app", "1", module(loose("t", "t")))

        await scene.create("shop", "1", of_build("app", "1"))

        assert await scene.content("shop", "1") == ["dev-local:x/t", "dev-local:y/t"]

    async def test_builds_in_builds_are_followed_and_circles_end(self, scene: Scene) -> None:
        parts = {"all": ["linux/9", "mac/9"], "linux": [], "mac": ["lib/9"], "lib": ["all/9"]}
        for name, modules in parts.items():
            await scene.put(f"dev-local:{name}", name, mark(name, "9"))
            more = [{"id": part, "type": "build"} for part in modules]
            await scene.publish(name, "9", module(artifact(name, name)), *more)

        await scene.create("shop", "1", of_build("all", "9"))

        assert await scene.content("shop", "1") == [f"dev-local:{name}" for name in sorted(parts)]

    async def test_a_build_in_a_build_that_is_not_known_is_like_an_artifact_that_is_not_stored(
        self, scene: Scene
    ) -> None:
        await scene.publish("all", "9", {"id": "linux/9", "type": "build"})

        with pytest.raises(Unresolved, match="1 of 1 artifacts are not stored here: the build linux/9"):
            await scene.create("shop", "1", of_build("all", "9"))

    async def test_unknown_builds_are_all_named(self, scene: Scene) -> None:
        await built(scene, "1", "a")

        with pytest.raises(NotFound) as raised:
            await scene.create("shop", "1", *(of_build("app", number) for number in "123"))

        words = "the build 'app' #2 in 'artifactory-build-info', the build 'app' #3 in 'artifactory-build-info'"
        assert raised.value.message == f"not found: {words}"

    async def test_an_artifact_that_is_not_stored_is_named(self, scene: Scene) -> None:
        await built(scene, "1", "a", "b", "c")
        await scene.remove("dev-local:b")
        await scene.put("dev-local:c", "other")

        with pytest.raises(Unresolved) as raised:
            await scene.create("shop", "1", of_build("app", "1"))

        assert raised.value.message.endswith(
            "2 of 3 artifacts are not stored here: dev-local:b, dev-local:c: the path holds other bytes"
        )

    async def test_the_repository_of_build_info_is_that_of_the_source(self, scene: Scene) -> None:
        await built(scene, "1", "a")
        await scene.put("dev-local:p", "p", mark("app", "1", **{"build.repo": "team-build-info"}))
        await scene.publish("app", "1", module(artifact("p", "p")), project="team")

        await scene.create("shop", "1", of_build("app", "1"), key="team-release-bundles-v2")
        await scene.create("shop", "2", of_build("app", "1", build_repository="team-build-info"))

        assert await scene.content("shop", "1", "team-release-bundles-v2") == ["dev-local:a"]
        assert await scene.content("shop", "2") == ["dev-local:p"]

    async def test_two_builds_with_one_dependency_at_two_paths_have_one_entry_a_path(self, scene: Scene) -> None:
        """Case A18."""
        await scene.put("dev-local:lib/dep.jar", "dep")
        await scene.put("dev-local:lib/other.jar", "dep")
        await scene.put("stage-local:lib/dep.jar", "dep")
        used = [dependency("dep.jar", "dep"), dependency("other.jar", "dep")]
        await built(scene, "1", "a", dependencies=used[:1])
        await built(scene, "2", "b", dependencies=[*used, dependency("dep.jar", "dep", repository="stage-local")])

        both = [of_build("app", number, include_dependencies=True) for number in "12"]
        await scene.create("shop", "1", *both)

        assert await scene.content("shop", "1") == [
            *("dev-local:a", "dev-local:b", "dev-local:lib/dep.jar", "dev-local:lib/other.jar"),
        ]

    async def test_a_build_with_nothing_needs_another_source(self, scene: Scene) -> None:
        await scene.publish("app", "1", module(dependencies=[dependency("dep", "dep")]))
        await scene.put("dev-local:dep", "dep")

        with pytest.raises(Invalid, match="the sources have no artifact"):
            await scene.create("shop", "1", of_build("app", "1"))
        await scene.create("shop", "1", of_build("app", "1", include_dependencies=True))

        assert await scene.content("shop", "1") == ["dev-local:dep"]


class TestVersions:
    async def test_artifacts_of_versions_keep_their_repository_and_path(self, scene: Scene) -> None:
        await scene.put("dev-local:lib/a", "a", {"k": ["v"]})
        await scene.completed("one", "1", "dev-local:lib/a")
        await scene.completed("two", "1", "stage-local:b", key="team-release-bundles-v2")
        await scene.remove("dev-local:lib")

        bundle = await scene.create("all", "1", of_version("one", "1"), of_version("two", "1", project="team"))

        assert await scene.content("all", "1") == ["dev-local:lib/a", "stage-local:b"]
        assert (await scene.frozen("all", "1"))["dev-local:lib/a"] == {"k": ["v"]}
        assert bundle.environment == "DEV"
        assert [each["repository_key"] for each in bundle.sources["release_bundles"]] == [
            *("release-bundles-v2", "team-release-bundles-v2"),
        ]

    async def test_clients_may_name_the_common_repository_in_their_ways(self, scene: Scene) -> None:
        await scene.completed("one", "1", "dev-local:a")

        for at, more in enumerate(({"project": "default"}, {"repository_key": "default-release-bundles-v2"})):
            await scene.create("all", str(at), of_version("one", "1", **more))

    @pytest.mark.parametrize("status", ["DRAFT", "FAILED"])
    async def test_a_version_that_is_not_completed_is_refused(self, scene: Scene, status: str) -> None:
        await scene.set_status(await scene.completed("one", "1", "dev-local:a"), status)

        with pytest.raises(Invalid, match=r"sources\[0\].release_bundles\[0\]: the version 1 of one"):
            await scene.create("all", "1", of_version("one", "1"))

    async def test_a_version_that_is_being_made_is_a_conflict(self, scene: Scene) -> None:
        await scene.set_status(await scene.completed("one", "1", "dev-local:a"), "PROCESSING")

        with pytest.raises(Conflict, match="not made yet: the version 1 of one"):
            await scene.create("all", "1", of_version("one", "1"))

    async def test_a_version_that_is_not_there_is_named(self, scene: Scene) -> None:
        await scene.set_status(await scene.completed("one", "1", "dev-local:a"), "DELETING")

        with pytest.raises(NotFound, match=r"the version 1 of .* in .*, the version 2 of"):
            await scene.create("all", "1", of_version("one", "1"), of_version("one", "2"))


class TestPackages:
    async def test_a_package_is_found_by_the_properties_that_its_client_sets(self, scene: Scene) -> None:
        await scene.repo("npm-local", package_type="npm")
        await scene.virtual("npm", "npm-local")
        said = {"npm.name": ["left-pad"], "npm.version": ["1.3.0"]}
        await scene.put("npm-local:left-pad/-/left-pad-1.3.0.tgz", "tgz", said)
        await scene.put("dev-local:left-pad-1.3.0.tgz", "tgz", said)

        bundle = await scene.create("shop", "1", package())

        assert await scene.content("shop", "1") == ["npm-local:left-pad/-/left-pad-1.3.0.tgz"]
        assert (await scene.artifacts("shop", "1"))[0].package_type == "npm"
        assert bundle.sources["packages"][0]["package_name"] == "left-pad"

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({}, "no file in npm that you may read has the properties npm.name=left-pad and npm.version=1.3.0"),
            ({"package_type": "nuget"}, "has the properties nuget.id=left-pad"),
            ({"package_type": "docker"}, "the docker package left-pad 1.3.0 cannot be found by properties"),
        ],
    )
    async def test_a_package_that_is_not_found_is_refused(
        self, scene: Scene, fields: dict[str, str], words: str
    ) -> None:
        with pytest.raises(Invalid, match=words):
            await scene.create("shop", "1", package(**fields))


class TestUnion:
    async def test_what_several_sources_name_is_there_once(self, scene: Scene) -> None:
        await built(scene, "1", "a", "b")
        await scene.create("one", "1", of_build("app", "1"))

        sources = (of_version("one", "1"), of_build("app", "1"), of_artifacts("dev-local:a", "dev-local:a"))
        bundle = await scene.create("all", "1", *sources, of_query('items.find({"repo": "dev-local"})'))

        assert await scene.content("all", "1") == ["dev-local:a", "dev-local:b"]
        assert (bundle.files, bundle.size) == (2, 2)

    async def test_one_path_from_two_repositories_is_a_collision(self, scene: Scene) -> None:
        await scene.put("dev-local:lib/a", "same")
        await scene.put("stage-local:lib/a", "same")

        with pytest.raises(Invalid, match="lib/a comes from dev-local and from stage-local"):
            await scene.create("shop", "1", of_artifacts("dev-local:lib/a", "stage-local:lib/a"))

    async def test_one_path_from_repositories_of_two_package_types_is_none(self, scene: Scene) -> None:
        await scene.repo("npm-local", package_type="npm")
        await scene.put("dev-local:lib/a", "generic")
        await scene.put("npm-local:lib/a", "npm")

        await scene.create("shop", "1", of_artifacts("dev-local:lib/a", "npm-local:lib/a"))

        assert sorted(await scene.stored_files())[:2] == [
            *("shop/1/artifacts/generic/lib/a", "shop/1/artifacts/npm/lib/a"),
        ]

    async def test_one_path_with_two_contents_is_a_collision(self, scene: Scene) -> None:
        await scene.completed("one", "1", "dev-local:a")
        await scene.put("dev-local:a", "new")

        with pytest.raises(Invalid, match="dev-local/a comes with two contents"):
            await scene.create("all", "1", of_version("one", "1"), of_artifacts("dev-local:a"))

    async def test_a_file_at_the_path_of_a_folder_is_a_collision(self, scene: Scene) -> None:
        await scene.put("dev-local:lib", "file")
        await scene.put("stage-local:lib/sub/a", "below")

        with pytest.raises(Invalid, match="dev-local/lib is a file, and other generic files lie below"):
            await scene.create("shop", "1", of_artifacts("dev-local:lib", "stage-local:lib/sub/a"))

    async def test_the_first_ten_collisions_are_named_and_the_rest_counted(self, scene: Scene) -> None:
        for at in range(12):
            await scene.put(f"dev-local:{at}", "x")
            await scene.put(f"stage-local:{at}", "x")

        with pytest.raises(Invalid) as raised:
            await scene.create("shop", "1", *(of_query(f'items.find({{"repo": "{key}"}})') for key in KEYS))

        assert len(raised.value.problems) == 11
        assert raised.value.problems[-1].message == "and 2 more of this kind"


KEYS = ("dev-local", "stage-local")


async def test_properties_are_frozen_with_the_files(scene: Scene) -> None:
    await scene.put("dev-local:a", "a", {"k": ["1", "2"]})
    await scene.create("shop", "1", of_artifacts("dev-local:a"))

    await scene.put("dev-local:a", "a", {"k": ["3"]})

    assert await scene.frozen("shop", "1") == {"dev-local:a": {"k": ["1", "2"]}}


async def test_what_becomes_of_the_source_leaves_the_version_whole(scene: Scene) -> None:
    await scene.completed("shop", "1", "dev-local:lib/a", "dev-local:lib/b")
    before = await scene.stored_files()

    await scene.put("dev-local:lib/a", "other bytes")
    await scene.remove("dev-local:lib/b")
    await scene.db.write(items.remove_tree(scene.repos["dev-local"], ""))

    assert await scene.stored_files() == before
    assert await scene.content("shop", "1") == ["dev-local:lib/a", "dev-local:lib/b"]
    assert {each.sha256 for each in await scene.artifacts("shop", "1")} < set(before.values())
