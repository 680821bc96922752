"""What dohq-artifactory, a client of Artifactory that looks like pathlib, does with a real server."""

import gc
import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from artifactory import ArtifactoryBuildManager, ArtifactoryPath, walk
from dohq_artifactory import admin
from dohq_artifactory.exception import ArtifactoryException  # type: ignore[import-untyped]

from tests.acceptance.server import TOKEN, Server

BUILD = "team/app: nightly #1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the repositories `dev` and `rel` and the virtual `all`."""
    with Server(tmp_path_factory.mktemp("dohq")) as server:
        for key in ("dev", "rel"):
            _make(server, key, rclass="local")
        _make(server, "all", rclass="virtual", repositories=["dev"], defaultDeploymentRepo="dev")
        yield server


def _make(server: Server, key: str, **fields: Any) -> None:
    body = {"key": key, "packageType": "generic", **fields}
    assert server.ask("PUT", f"/artifactory/api/repositories/{key}", json=body).status_code == 200


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """The connections of all paths."""
    with requests.Session() as session:
        session.auth = ("octocat", TOKEN)
        yield session


@pytest.fixture(scope="module")
def top(server: Server, session: requests.Session) -> Iterator[Any]:
    """The server as a path, used by the administrator."""
    yield ArtifactoryPath(f"{server.url}/artifactory", auth=("octocat", TOKEN), session=session)
    gc.collect()  # paths lie in cycles


@pytest.fixture
def folder(top: Any, request: pytest.FixtureRequest) -> Any:
    """A folder of the test's own in `dev`."""
    folder = top / "dev" / request.node.name.replace("[", "-").strip("]")
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client waits half a second after each change of an account."""
    monkeypatch.setattr(admin, "rest_delay", lambda: None)


def test_a_text_is_written_and_read(folder: Any) -> None:
    path = folder / "hello.txt"

    path.write_text("hello")

    assert path.read_text() == "hello"
    assert path.read_bytes() == b"hello"
    with path.open() as opened:
        assert opened.read() == b"hello"
    out = io.BytesIO()
    path.writeto(out, progress_func=None)
    assert out.getvalue() == b"hello"


def test_a_file_tells_what_it_is(folder: Any) -> None:
    path = folder / "hello.txt"
    path.write_text("hello")

    stat = path.stat()

    assert (stat.is_dir, stat.size, stat.created_by, stat.repo) == (False, 5, "octocat", "dev")
    assert stat.sha256 == hashlib.sha256(b"hello").hexdigest()
    assert (stat.mime_type, stat.children) == ("text/plain", None)
    assert path.exists()
    assert path.is_file()
    assert not path.is_dir()
    assert path.owner() == "octocat"


def test_a_folder_is_made_listed_and_removed(folder: Any) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "empty.txt").touch()

    assert (folder / "sub").is_dir()
    assert [path.name for path in folder] == ["sub"]
    assert [path.name for path in folder / "sub"] == ["empty.txt"]
    assert (folder / "sub" / "empty.txt").stat().size == 0
    (folder / "sub").rmdir()
    assert not (folder / "sub").exists()


def test_what_is_there_is_not_made_again(folder: Any) -> None:
    with pytest.raises(OSError, match="exists"):
        folder.mkdir()


def test_a_file_is_unlinked(folder: Any) -> None:
    path = folder / "gone.txt"
    path.write_text("x")

    path.unlink()

    assert not path.exists()
    with pytest.raises(OSError, match="No such file"):
        path.stat()
    with pytest.raises(FileNotFoundError):
        path.unlink()


def test_a_file_is_deployed_with_properties(folder: Any, tmp_path: Path) -> None:
    file = tmp_path / "app.bin"
    file.write_bytes(b"app")

    folder.deploy_file(file, parameters={"build.name": "app", "tags": ["a", "b"]})

    assert (folder / "app.bin").properties == {"build.name": ["app"], "tags": ["a", "b"]}


@pytest.mark.parametrize(("quote", "values"), [(True, ["a,b=c (d)"]), (False, ["a", "b=c (d)"])])
def test_a_comma_separates_values_only_if_it_is_not_encoded(
    folder: Any, tmp_path: Path, quote: bool, values: list[str]
) -> None:
    file = tmp_path / "app.bin"
    file.write_bytes(b"app")

    folder.deploy_file(file, parameters={"message": "a,b=c (d)"}, quote_parameters=quote)

    assert (folder / "app.bin").properties == {"message": values}


def test_a_file_is_deployed_by_its_checksum(folder: Any) -> None:
    (folder / "first.bin").write_bytes(b"the bytes")
    sha1, sha256 = hashlib.sha1(b"the bytes").hexdigest(), hashlib.sha256(b"the bytes").hexdigest()

    (folder / "second.bin").deploy_by_checksum(sha1=sha1)
    (folder / "third.bin").deploy_by_checksum(sha256=sha256)
    (folder / "fourth.bin").deploy_by_checksum(checksum=sha256)

    assert {(folder / f"{name}.bin").stat().sha256 for name in ("second", "third", "fourth")} == {sha256}
    with pytest.raises(ArtifactoryException):
        (folder / "fifth.bin").deploy_by_checksum(sha1="0" * 40)


def test_an_archive_is_exploded(folder: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("in/a.txt", "a")

    (folder / "all.zip").deploy_file(tmp_path / "all.zip", explode_archive=True)

    assert (folder / "in" / "a.txt").read_text() == "a"


@pytest.mark.parametrize("name", ["a b.txt", "a#b.txt", "a+b.txt", "a%20b.txt", "ü.txt", "a&b=c.txt"])
def test_a_name_is_found_again_as_it_was_written(folder: Any, name: str) -> None:
    (folder / name).write_text("found")

    assert [path.name for path in folder] == [name]
    assert (folder / name).read_text() == "found"
    (folder / name).set_properties({"k": "v"})
    assert (folder / name).properties == {"k": ["v"]}
    (folder / name).unlink()
    assert list(folder) == []


def test_properties_are_set_replaced_and_deleted(folder: Any) -> None:
    path = folder / "a.txt"
    path.write_text("a")

    assert path.properties == {}
    path.properties = {"a": "1", "b": ["2", "3"]}
    path.set_properties({"c": "4"})
    path.update_properties({"a": ["9"]})
    assert path.properties == {"a": ["9"], "b": ["2", "3"], "c": ["4"]}
    path.del_properties("a")
    assert path.properties == {"b": ["2", "3"], "c": ["4"]}
    path.properties = {"d": "5"}
    assert path.properties == {"d": ["5"]}


def test_properties_of_a_folder_reach_all_below_only_when_that_is_asked(folder: Any) -> None:
    (folder / "a.txt").write_text("a")

    folder.set_properties({"alone": "1"}, recursive=False)
    folder.set_properties({"all": "1"}, recursive=True)

    assert folder.properties == {"all": ["1"], "alone": ["1"]}
    assert (folder / "a.txt").properties == {"all": ["1"]}


def test_a_file_is_copied_and_moved(folder: Any, top: Any) -> None:
    (folder / "a.txt").write_text("a")
    copy, moved = top / "rel" / folder.name / "copy.txt", top / "rel" / folder.name / "moved.txt"

    (folder / "a.txt").copy(copy)
    copy.move(moved)

    assert (folder / "a.txt").exists()
    assert not copy.exists()
    assert moved.read_text() == "a"


def test_a_dry_run_says_what_would_be_copied(folder: Any, top: Any) -> None:
    (folder / "a.txt").write_text("a")
    target = top / "rel" / folder.name / "a.txt"

    said = (folder / "a.txt").copy(target, dry_run=True)

    assert [message["level"] for message in said["messages"]] == ["INFO"]
    assert not target.exists()


def test_a_folder_is_copied_whole(folder: Any, top: Any) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "a.txt").write_text("a")

    folder.copy(top / "rel" / "whole", suppress_layouts=True)

    assert (top / "rel" / "whole" / "sub" / "a.txt").read_text() == "a"


def test_a_tree_is_walked_and_globbed(folder: Any) -> None:
    (folder / "sub").mkdir()
    for name in ("a.txt", "b.bin", "sub/c.txt"):
        (folder / name).write_text(name)

    walked = [(path.name, sorted(folders), sorted(files)) for path, folders, files in walk(folder)]

    assert walked == [(folder.name, ["sub"], ["a.txt", "b.bin"]), ("sub", [], ["c.txt"])]
    assert sorted(path.name for path in folder.glob("*.txt")) == ["a.txt"]
    assert sorted(path.name for path in folder.glob("**/*.txt")) == ["a.txt", "c.txt"]


def test_downloads_are_counted(folder: Any, server: Server) -> None:
    path = folder / "a.txt"
    path.write_text("a")
    path.read_text()

    found = server.until(lambda: _downloads(path), "the download is counted")

    assert (found.download_count, found.last_downloaded_by) == (1, "octocat")


def _downloads(path: Any) -> Any:
    stats = path.download_stats()
    return stats if stats.download_count else None


def test_files_are_found_by_a_query(folder: Any, top: Any) -> None:
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(name)
    criteria = {"repo": "dev", "path": folder.name, "name": {"$match": "*.txt"}}

    found = top.aql("items.find", criteria, ".include", ["name", "repo", "path", "type"], ".sort", {"$desc": ["name"]})

    assert [one["name"] for one in found] == ["b.txt", "a.txt"]
    assert top.from_aql(found[0]).read_text() == "b.txt"


def test_a_virtual_repository_gives_what_its_members_hold(folder: Any, top: Any) -> None:
    (top / "all" / folder.name / "a.txt").write_text("a")

    assert (folder / "a.txt").read_text() == "a"
    assert (top / "all" / folder.name / "a.txt").read_text() == "a"


def test_builds_are_listed_read_compared_and_promoted(server: Server, folder: Any, session: requests.Session) -> None:
    for number, content in (("1", "one"), ("2", "two")):
        _publish(server, folder, number, content)
    manager: Any = ArtifactoryBuildManager(f"{server.url}/artifactory", auth=("octocat", TOKEN), session=session)

    [build] = [build for build in manager.builds if build.name == BUILD]
    newest, oldest = build.runs

    assert (newest.run_number, oldest.run_number) == ("2", "1")
    assert newest.info["buildInfo"]["name"] == BUILD
    assert [one["name"] for one in newest.diff("1")["artifacts"]["updated"]] == ["app.txt"]
    newest.promote("ci", {"stage": ["two"]}, status="staged", target_repo="rel", require_copy=True)
    promoted = manager.joinpath(f"{server.url}/artifactory") / "rel" / folder.name / "app.txt"
    assert promoted.read_text() == "two"
    assert promoted.properties["stage"] == ["two"]
    assert [one["status"] for one in newest.info["buildInfo"]["statuses"]] == ["staged"]


def _publish(server: Server, folder: Any, number: str, content: str) -> None:
    (folder / "app.txt").deploy(io.BytesIO(content.encode()))
    # The client leaves a slash in a value of a matrix parameter as it is, which ends the parameters.
    (folder / "app.txt").set_properties({"build.name": BUILD, "build.number": number})
    sums = {name: hashlib.new(name, content.encode()).hexdigest() for name in ("sha1", "sha256", "md5")}
    module = {"id": "m", "artifacts": [{"name": "app.txt", "path": f"{folder.name}/app.txt", **sums}]}
    body = {"name": BUILD, "number": number, "started": f"2026-01-0{number}T10:00:00.000+0000", "modules": [module]}
    assert server.ask("PUT", "/artifactory/api/build", json=body).status_code == 204


def test_accounts_groups_and_rights_are_kept(top: Any, server: Server) -> None:
    group = admin.Group(top, "core")
    group.create()
    user = admin.User(top, "ada", "ada@example.com", "secret-of-ada")
    user.add_to_group(group)
    user.create()
    target = admin.PermissionTarget(top, "readers")
    target.add_repository("dev")
    target.add_group(group, target.ROLE_READ)
    target.create()

    with requests.Session() as own:
        own.auth = ("ada", "secret-of-ada")
        as_ada: Any = ArtifactoryPath(f"{server.url}/artifactory/dev", auth=own.auth, session=own)
        assert as_ada.is_dir()
        target.delete()
        with pytest.raises(ArtifactoryException):
            as_ada.is_dir()
    assert top.find_user("ada").email == "ada@example.com"
    assert [found.name for found in top.find_user("ada").groups] == ["core"]
    user.delete()
    group.delete()
    assert top.find_user("ada") is None
    assert top.find_permission_target("readers") is None


def test_an_api_key_is_made_and_revoked(top: Any) -> None:
    user = admin.User(top, "eve", "eve@example.com", "secret-of-eve")
    user.create()

    key = user.api_key.create()

    assert user.api_key.get() == key
    assert user.api_key.regenerate() != key
    user.api_key.revoke()
    user.delete()


def test_repositories_are_kept(top: Any) -> None:
    repo = admin.RepositoryLocal(top, "temporary", package_type=admin.RepositoryLocal.MAVEN)
    repo.create()
    virtual = admin.RepositoryVirtual(top, "both", repositories=["dev", "temporary"])
    virtual.create()

    assert top.find_repository_local("temporary").package_type == "maven"
    assert [member.name for member in top.find_repository_virtual("both").repositories] == ["dev", "temporary"]
    assert {"both", "temporary"} <= {found.name for found in top.get_repositories()}
    virtual.delete()
    repo.delete()
    assert top.find_repository_local("temporary") is None


def test_projects_are_kept(top: Any) -> None:
    project = admin.Project(top, "core", "Core", description="Ours", storage_quota_bytes=1000)
    project.create()
    project.description = "All of ours"
    project.update()

    found = top.find_project("core")

    assert (found.display_name, found.description, found.storage_quota_bytes) == ("Core", "All of ours", 1000)
    assert "core" in [one.project_key for one in top.get_projects()]
    project.delete()
    assert top.find_project("core") is None


def test_files_are_found_in_a_repository_by_its_methods(top: Any, folder: Any) -> None:
    (folder / "b.txt").write_text("b")
    (folder / "a.txt").write_text("a")
    repo = top.find_repository_local("dev")

    found = [path for path in repo if folder.name in str(path)]

    assert sorted(path.name for path in found) == ["a.txt", "b.txt"]
    assert (repo / folder.name / "a.txt").read_text() == "a"


def test_a_file_is_copied_to_another_server_by_its_bytes(top: Any, folder: Any, session: requests.Session) -> None:
    (folder / "a.txt").write_text("a")
    other: Any = ArtifactoryPath(f"{top.drive.replace('127.0.0.1', 'localhost')}/dev", auth=top.auth, session=session)
    target = other / folder.name / "b.txt"

    (folder / "a.txt").copy(target)

    assert (folder / "b.txt").read_text() == "a"


def test_a_token_is_made_and_revoked(top: Any) -> None:
    token = admin.Token(top, username="octocat", scope="", expires_in=600)

    token.create()

    assert token.token["token_type"] == "Bearer"
    token.read()
    assert token.tokens[token.token_id]["subject"].endswith("/users/octocat")
    token.delete()
    token.tokens.clear()
    token.read()
    assert token.token_id not in token.tokens


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "api/replication/dev"),
        ("POST", "api/docker/dev/v2/promote"),
        ("GET", "api/archive/download/dev/folder?archiveType=zip"),
        ("GET", "api/npm/dev/left-pad"),
        ("GET", "api/docker/dev/v2/_catalog"),
        ("GET", "api/pypi/dev/simple"),
    ],
)
def test_what_is_not_served_is_said_by_name(server: Server, method: str, path: str) -> None:
    answer = server.ask(method, f"/artifactory/{path}", json={} if method == "POST" else None)

    [error] = answer.json()["errors"]
    assert answer.status_code == 404
    assert path.split("/")[1] in error["message"].lower()
    assert "no call" not in error["message"]


def test_what_is_not_served_ends_the_calls_of_the_client(top: Any, folder: Any) -> None:
    with pytest.raises(ArtifactoryException, match="replication"):
        _ = (top / "dev").replication_status
    with pytest.raises(ArtifactoryException, match="docker"):
        top.promote_docker_image("dev", "rel", "app", "1.0")
    with pytest.raises(ArtifactoryException, match="archive"):
        folder.download_folder_archive("zip")
    top.session.params = {}  # the client leaves what it has asked with
