"""Sequences of commands of JFrog's command line, as the tests of that client run them, against a real server."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.jf import Build, Jf, place, places, sums
from tests.acceptance.server import Server

_folders = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("jf")) as server:
        yield server


@pytest.fixture(scope="module")
def jf(server: Server) -> Jf:
    """The client, with the local repositories `dev`, `rel` and `free`, and the virtual `all` in front of `dev`."""
    jf = Jf(server)
    for key in ("dev", "rel", "free"):
        jf.repo_create(key)
    jf.repo_create("all", rclass="virtual", repositories=["dev"], defaultDeploymentRepo="dev")
    return jf


@pytest.fixture
def at() -> str:
    """A folder of the test's own in `dev`."""
    return f"dev/{next(_folders)}"


def _built(jf: Jf, at: str, number: str, *names: str, name: str = "") -> Build:
    build = Build(name or at.rpartition("/")[2], number)
    for file in names:
        jf.u(f"{at}/{file}", f"{number} {file}".encode(), build)
    jf.bp(build)
    return build


def _properties(item: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in item.get("properties", []):
        found.setdefault(one["key"], []).append(one["value"])
    return found


def test_a_build_is_promoted_to_its_own_repository_and_then_to_another(jf: Jf, at: str) -> None:
    build = _built(jf, at, "10", "a.in", "b.in", "c.in")
    props = {"key": ["v1", "v2"], "another": ["property"]}

    for target in ("dev", "rel"):
        jf.bpr(build, target, properties=props)

        found = jf.s(f"{target}/{at[4:]}/*")
        assert len(found) == len(jf.info(build)["modules"][0]["artifacts"]) == 3
        for item in found:
            said = _properties(item)
            assert (said["key"], said["another"]) == (["v1", "v2"], ["property"])
            assert (said["build.name"], said["build.number"]) == ([build.name], ["10"])
    assert jf.s(f"{at}/*") == []


def test_a_run_takes_up_another_run_and_is_promoted_with_it(jf: Jf, at: str) -> None:
    inner = _built(jf, at, "12", "a1.in", "a2.in", "a3.in", name="inner")
    outer = Build("outer", "13")

    jf.ba(outer, inner)
    jf.bp(outer)

    [module] = jf.info(outer)["modules"]
    assert (module["id"], module["type"]) == ("inner/12", "build")
    assert module["sha1"]
    found = jf.of_builds(outer)
    assert sorted(one["name"] for one in found) == ["a1.in", "a2.in", "a3.in"]
    assert {_properties(one)["build.number"][0] for one in found} == {"12"}
    jf.bpr(outer, "rel", copy=True)
    assert sorted(places(jf.s(f"rel/{at[4:]}/*"))) == [f"rel/{at[4:]}/a{n}.in" for n in (1, 2, 3)]


def test_a_dependency_is_added_from_the_server_and_promoted_when_that_is_asked(jf: Jf, at: str) -> None:
    jf.u(f"{at}/lib.jar", b"library")
    [found] = jf.s(f"{at}/lib.jar")
    build = Build("depends", "1")
    of = {"id": "lib.jar", "type": "jar", "sha1": found["actual_sha1"], "md5": found["actual_md5"]}
    build.dependencies.append({**of, "sha256": found["sha256"]})
    jf.bp(build)

    [dependency] = jf.info(build)["modules"][0]["dependencies"]
    jf.bpr(build, "rel", dependencies=True, copy=True)

    assert {name: dependency[name] for name in ("sha1", "sha256", "md5")} == sums(b"library")
    assert places(jf.s(f"rel/{at[4:]}/*")) == [f"rel/{at[4:]}/lib.jar"]


def test_old_runs_are_discarded_step_by_step(jf: Jf, at: str) -> None:
    builds = [_built(jf, at, str(number), "a.in") for number in range(1, 6)]
    path, name = f"api/build/retention/{builds[0].name}?async=false", builds[0].name
    late = {"minimumBuildDate": "2126-01-01T00:00:00.000-0000"}

    jf.ask("POST", path, 204, json={"deleteBuildArtifacts": False, "count": "3"})
    assert _numbers(jf, name) == ["5", "4", "3"]
    jf.ask("POST", path, 204, json={"deleteBuildArtifacts": False, "buildNumbersNotToBeDiscarded": ["3", "5"], **late})
    assert _numbers(jf, name) == ["5", "3"]
    jf.ask("POST", path, 204, json={"deleteBuildArtifacts": False, **late})
    jf.ask("GET", f"api/build/{name}", 404)


def _numbers(jf: Jf, name: str) -> list[str]:
    return [one["uri"][1:] for one in jf.ask("GET", f"api/build/{name}", 200).json()["buildsNumbers"]]


def test_files_are_found_by_properties_and_by_properties_that_they_lack(jf: Jf, at: str) -> None:
    jf.u(f"{at}/a.in", a="1", b="2", c=["3", "4"])
    jf.u(f"{at}/b.in", a="1", c="5")
    jf.u(f"{at}/c.in")

    def names(**options: Any) -> list[str]:
        return sorted(one["name"] for one in jf.s(f"{at}/*", **options))

    assert names(props={"a": "1"}) == ["a.in", "b.in"]
    assert names(props={"a": "1", "b": "2"}) == ["a.in"]
    assert names(props={"c": "4"}) == ["a.in"]
    assert names(props={"c": "*"}) == ["a.in", "b.in"]
    assert names(exclude_props={"a": "1"}) == ["c.in"]
    assert names(props={"a": "1"}, exclude_props={"b": "2"}) == ["b.in"]
    assert names(exclude=["*b.in"]) == ["a.in", "c.in"]


def test_folders_are_found_when_they_are_asked_for(jf: Jf, at: str) -> None:
    jf.u(f"{at}/sub/a.in")

    found = {place(one): one["type"] for one in jf.s(f"{at}/*", dirs=True)}

    assert found == {f"{at}/sub": "folder", f"{at}/sub/a.in": "file"}
    assert all(one["created"] and one["modified"] for one in jf.s(f"{at}/*", dirs=True))


def test_results_are_sorted_and_cut(jf: Jf, at: str) -> None:
    for path in ("c.in", "a.in", "x/b.in", "x/y/d.in", "x/y/z/e.in"):
        jf.u(f"{at}/{path}")

    first = jf.s(f"{at}/*", tail='.sort({"$asc":["name"]}).limit(1)')
    deepest = jf.s(f"{at}/*", tail='.sort({"$desc":["depth"]}).limit(3)')
    second = jf.s(f"{at}/*", tail='.sort({"$asc":["name"]}).offset(1).limit(1)')

    assert [one["name"] for one in first] == ["a.in"]
    assert [one["name"] for one in deepest] == ["e.in", "d.in", "b.in"]
    assert [one["name"] for one in second] == ["b.in"]


def test_files_are_deleted_by_properties_and_others_stay_with_their_folders(jf: Jf, at: str) -> None:
    for path, color in (("a.in", "red"), ("sub/b.in", "red"), ("sub/c.in", "blue"), ("other/d.in", "red")):
        jf.u(f"{at}/{path}", color=color)

    jf.delete(jf.s(f"{at}/*", props={"color": "red"}))

    assert places(jf.s(f"{at}/*")) == [f"{at}/sub/c.in"]


def test_one_property_is_replaced_where_it_has_another_value(jf: Jf, at: str) -> None:
    jf.u(f"{at}/a.in", prop="red")
    jf.u(f"{at}/b.in", prop="blue")

    jf.sp(jf.s(f"{at}/*", props={"prop": "red"}), "prop=green")

    assert [_properties(one) for one in jf.s(f"{at}/*")] == [{"prop": ["green"]}, {"prop": ["blue"]}]


@pytest.mark.parametrize("name", ["a$+~&^a#.in", "sp ace.in", "per%cent.in", "semi;colon.in", "ünï.in", "q?u=e.in"])
def test_a_file_with_special_characters_keeps_its_name_in_every_call(jf: Jf, at: str, name: str) -> None:
    jf.u(f"{at}/{name}", b"special", color="red")

    [found] = jf.s(f"{at}/*")
    jf.sp([found], "size=1%2C2")
    jf.to("copy", found, f"rel/special/{name}")
    [copy] = jf.s("rel/special/*")

    assert jf.dl([copy]) == {f"rel/special/{name}": b"special"}
    assert _properties(copy) == {"color": ["red"], "size": ["1", "2"]}
    jf.delete([found, copy])
    assert jf.s(f"{at}/*") == jf.s("rel/special/*") == []


@pytest.mark.parametrize("name", ["with space", "hash#name", "at@name", "co:lon", "team :: app", "sl/ash", "per%cent"])
def test_a_build_with_special_characters_is_found_promoted_and_deleted(jf: Jf, at: str, name: str) -> None:
    build = _built(jf, "dev/names", "1", f"{name.replace('/', '-')}.in", name=name)

    assert jf.info(build)["name"] == name
    assert len(jf.of_builds(build)) == 1
    jf.bpr(build, "rel", status="ready", copy=True)
    assert [one["status"] for one in jf.info(build)["statuses"]] == ["ready"]
    jf.ask("POST", "api/build/delete", 200, 204, json={"buildName": name, "buildNumbers": ["1"]})
    jf.ask("GET", build.path, 404)


def test_the_latest_run_is_the_one_that_was_published_last(jf: Jf, at: str) -> None:
    _built(jf, at, "10", "a.in", name="latest")
    newest = Build("latest", "11", started="2020-01-01T00:00:00.000+0000")
    jf.u(f"{at}/b.in", b"11", newest)
    jf.bp(newest)

    assert jf.latest("latest") == "11"
    jf.delete(jf.of_builds(newest))
    assert places(jf.s(f"{at}/*")) == [f"{at}/a.in"]


def test_files_of_one_of_two_builds_are_copied_and_moved(jf: Jf, at: str) -> None:
    ten = _built(jf, at, "10", "a1.in", "a2.in", name="two")
    eleven = _built(jf, at, "11", "b1.in", "b2.in", name="two")

    for one in jf.of_builds(ten):
        jf.to("copy", one, f"rel/two/{one['name']}")
    for one in [one for one in jf.of_builds(eleven) if one["repo"] == "dev"]:
        jf.to("move", one, f"rel/two/{one['name']}")

    assert sorted(places(jf.s("rel/two/*"))) == [f"rel/two/{name}.in" for name in ("a1", "a2", "b1", "b2")]
    assert sorted(places(jf.s(f"{at}/*"))) == [f"{at}/a1.in", f"{at}/a2.in"]


def test_equal_bytes_of_several_builds_are_told_apart_by_their_properties(jf: Jf, at: str) -> None:
    builds = []
    for number in ("1", "2"):
        build = Build("equal", number)
        jf.u(f"{at}/{number}/same.in", b"the same", build)
        jf.bp(build)
        builds.append(build)

    assert places(jf.of_builds(builds[0])) == [f"{at}/1/same.in"]
    assert places(jf.of_builds(builds[1])) == [f"{at}/2/same.in"]


def test_a_build_is_downloaded_through_a_virtual_repository(jf: Jf, at: str) -> None:
    build = _built(jf, at.replace("dev/", "all/"), "1", "a.in", name="virtual")

    found = jf.s(f"all/{at[4:]}/*")

    assert places(found) == [f"{at}/a.in"]
    assert jf.dl(found) == {f"{at}/a.in": b"1 a.in"}
    assert places(jf.of_builds(build)) == [f"{at}/a.in"]


def test_what_an_upload_does_not_bring_again_is_deleted(jf: Jf, at: str) -> None:
    for name in ("a.in", "b.in"):
        jf.u(f"{at}/{name}", sync="1")
    jf.u(f"{at}/a.in", b"new", sync="2")

    jf.delete(jf.s(f"{at}/*", exclude_props={"sync": "2"}))

    assert jf.dl(jf.s(f"{at}/*")) == {f"{at}/a.in": b"new"}


def test_a_folder_is_copied_into_another(jf: Jf, at: str) -> None:
    jf.u(f"{at}/in/a.in")
    jf.u(f"{at}/in/sub/b.in")
    jf.ask("PUT", f"{at}/in/empty/", 201)

    [folder] = [one for one in jf.s(f"{at}/*", dirs=True) if place(one) == f"{at}/in"]
    jf.to("copy", folder, "rel/folders")

    found = sorted((place(one), one["type"]) for one in jf.s("rel/folders/*", dirs=True))
    assert found == [
        ("rel/folders/in", "folder"),
        ("rel/folders/in/a.in", "file"),
        ("rel/folders/in/empty", "folder"),
        ("rel/folders/in/sub", "folder"),
        ("rel/folders/in/sub/b.in", "file"),
    ]


def test_where_a_build_came_from_stays_on_its_files(jf: Jf, at: str) -> None:
    build = Build("vcs", "1")
    url = "https://git.example.test/team/app.git"
    jf.u(f"{at}/a.in", b"x", build, vcs__url=url, vcs__revision="0" * 40, vcs__branch="main")
    jf.bp(build)

    [found] = jf.of_builds(build)
    said = _properties(found)

    assert (said["vcs.url"], said["vcs.revision"], said["vcs.branch"]) == ([url], ["0" * 40], ["main"])


def test_a_repository_is_changed_and_deleted_with_all_that_is_in_it(jf: Jf) -> None:
    jf.repo_create("passing")
    jf.u("passing/a.in")

    jf.ask("POST", "api/repositories/passing", 200, json={"key": "passing", "rclass": "local", "description": "new"})
    assert jf.ask("GET", "api/repositories/passing", 200).json()["description"] == "new"
    jf.ask("DELETE", "api/repositories/passing", 200)

    jf.ask("GET", "api/repositories/passing", 400)
    assert jf.s("passing/*") == []


def test_a_project_has_builds_and_repositories_of_its_own(jf: Jf, server: Server) -> None:
    body = {"project_key": "proj", "display_name": "Project"}
    assert server.ask("POST", "/access/api/v1/projects", json=body).status_code == 201
    server.ask("PUT", "/access/api/v1/projects/_/attach/repositories/free/proj?force=true")
    build = Build("shared", "1", project="proj")
    jf.u("free/proj/a.in", b"of the project", build, build__repo="proj-build-info")
    jf.bp(build)

    assert jf.info(build)["name"] == "shared"
    jf.ask("GET", "api/build/shared/1", 404)
    [file] = jf.aql('items.find({"repo":"proj-build-info","path":{"$match":"shared"}})')
    assert file["name"].startswith("1-")
    jf.bpr(build, "rel", copy=True)
    assert places(jf.s("rel/proj/*")) == ["rel/proj/a.in"]
