"""What pyartifactory, a client of Artifactory, does with a real server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyartifactory import Artifactory
from pyartifactory.exception import (
    ArtifactNotFoundError,
    ArtifactoryError,
    BuildNotFoundError,
    InvalidTokenDataError,
    PropertyNotFoundError,
    RepositoryNotFoundError,
    UserNotFoundError,
)
from pyartifactory.models import (
    BuildArtifact,
    BuildCreateRequest,
    BuildDeleteRequest,
    BuildPromotionRequest,
    Group,
    LocalRepository,
    NewUser,
    Permission,
    PermissionV2,
    RemoteRepository,
    User,
    VirtualRepository,
)
from pydantic import SecretStr
from requests import HTTPError

from tests.acceptance.server import TOKEN, Server

SUMS_OF_ONE = {
    "sha1": "fe05bcdcdc4928012781a5f1a2a77cbb5398e106",
    "sha256": "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed",
    "md5": "f97c5d29941bfb1b2fdab0874906ab82",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("pyartifactory")) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Any:
    """The client, as the administrator, with the repositories `dev` and `rel` and the virtual `all`."""
    client = _client(server, "octocat", TOKEN)
    for key in ("dev", "rel"):
        client.repositories.create_repo(LocalRepository(key=key))
    client.repositories.create_repo(VirtualRepository(key="all", repositories=["dev"], defaultDeploymentRepo="dev"))
    return client


def _client(server: Server, login: str, password: str, version: int = 1) -> Any:
    url = f"{server.url}/artifactory"
    return Artifactory(url=url, auth=(login, SecretStr(password)), api_version=version)


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A file that holds `one`."""
    file = tmp_path / "one.txt"
    file.write_text("one")
    return file


def test_a_repository_is_made_read_listed_changed_and_deleted(client: Any) -> None:
    repositories = client.repositories

    made = repositories.create_repo(LocalRepository(key="temporary", description="Passing", packageType="maven"))
    changed = repositories.update_repo(LocalRepository(key="temporary", description="Staying", packageType="maven"))
    listed = {repo.key: (repo.type, repo.packageType.lower()) for repo in repositories.list()}
    repositories.delete("temporary")

    assert (made.description, made.rclass, made.packageType) == ("Passing", "local", "maven")
    assert changed.description == "Staying"
    assert listed["temporary"] == ("LOCAL", "maven")
    assert listed["all"] == ("VIRTUAL", "generic")
    with pytest.raises(RepositoryNotFoundError):
        repositories.get_repo("temporary")


def test_a_virtual_repository_tells_its_members(client: Any) -> None:
    found = client.repositories.get_repo("all")

    assert (found.rclass, found.repositories, found.defaultDeploymentRepo) == ("virtual", ["dev"], "dev")


def test_a_file_is_deployed_with_properties_and_told_of(client: Any, one: Path) -> None:
    info = client.artifacts.deploy(one, "dev/deployed/one.txt", properties={"color": ["red", "blue"], "size": ["1"]})

    assert (info.repo, info.path, info.size) == ("dev", "/deployed/one.txt", 3)
    assert info.checksums.model_dump() == SUMS_OF_ONE
    assert client.artifacts.properties("dev/deployed/one.txt").properties == {"color": ["red", "blue"], "size": ["1"]}
    assert client.artifacts.properties("dev/deployed/one.txt", ["size"]).properties == {"size": ["1"]}


def test_a_file_is_deployed_by_its_checksums(client: Any, one: Path, tmp_path: Path) -> None:
    client.artifacts.deploy(one, "dev/summed/one.txt")
    unknown = tmp_path / "unknown.txt"
    unknown.write_text("nobody has this")

    info = client.artifacts.deploy(one, "dev/summed/two.txt", checksum_enabled=True)

    assert info.checksums.model_dump() == SUMS_OF_ONE
    with pytest.raises(ArtifactNotFoundError):
        client.artifacts.deploy(unknown, "dev/summed/unknown.txt", checksum_enabled=True)


def test_a_folder_is_deployed_listed_and_downloaded(client: Any, tmp_path: Path) -> None:
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/a.txt").write_text("a")
    (tmp_path / "in/sub/b c#.txt").write_text("b")
    (tmp_path / "in/sub/plain.txt").write_text("plain")
    (tmp_path / "in/sub/b c#.txt").unlink()

    folder = client.artifacts.deploy(tmp_path / "in", "dev/tree")
    listed = client.artifacts.list("dev/tree")
    shallow = client.artifacts.list("dev/tree", recursive=False, list_folders=False)
    got = client.artifacts.download("dev/tree", str(tmp_path))

    assert sorted((child.uri, child.folder) for child in folder.children) == [("/a.txt", False), ("/sub", True)]
    assert sorted((file.uri, file.size) for file in listed.files) == [
        ("/a.txt", 1),
        ("/sub", -1),
        ("/sub/plain.txt", 5),
    ]
    assert [file.uri for file in shallow.files] == ["/a.txt"]
    assert sorted(path.name for path in got.rglob("*")) == ["a.txt", "plain.txt", "sub"]
    assert (got / "sub/plain.txt").read_text() == "plain"


def test_a_name_with_special_characters_is_downloaded_as_it_was_put(
    client: Any, server: Server, tmp_path: Path
) -> None:
    assert server.ask("PUT", "/artifactory/dev/odd/a%20b%23c+d.txt", content=b"odd").status_code == 201

    got = client.artifacts.download("dev/odd/a b#c+d.txt", str(tmp_path))

    assert got.read_text() == "odd"


def test_downloads_are_counted(client: Any, server: Server, one: Path, tmp_path: Path) -> None:
    client.artifacts.deploy(one, "dev/counted/one.txt")

    client.artifacts.download("dev/counted/one.txt", str(tmp_path))

    found = server.until(lambda: _counted(client, "dev/counted/one.txt"), "the download is counted")
    assert (found.downloadCount, found.lastDownloadedBy, found.remoteDownloadCount) == (1, "octocat", 0)


def _counted(client: Any, path: str) -> Any:
    found = client.artifacts.stats(path)
    return found if found.downloadCount else None


def test_properties_are_set_and_updated(client: Any, one: Path) -> None:
    client.artifacts.deploy(one, "dev/props/one.txt")

    first = client.artifacts.set_properties("dev/props/one.txt", {"a": ["1", "2"], "b": ["x"]})
    second = client.artifacts.update_properties("dev/props/one.txt", {"a": ["3"], "c": ["y"]})

    assert first.properties == {"a": ["1", "2"], "b": ["x"]}
    assert second.properties == {"a": ["3"], "b": ["x"], "c": ["y"]}
    with pytest.raises(PropertyNotFoundError):
        client.artifacts.properties("dev/props/one.txt", ["none"])
    with pytest.raises(ArtifactNotFoundError):
        client.artifacts.set_properties("dev/props/none.txt", {"a": ["1"]})


def test_properties_of_a_folder_are_set_on_all_below(client: Any, one: Path) -> None:
    client.artifacts.deploy(one, "dev/deep/sub/one.txt")

    client.artifacts.set_properties("dev/deep", {"team": ["core"]})

    assert client.artifacts.properties("dev/deep/sub/one.txt").properties == {"team": ["core"]}


def test_a_file_is_copied_moved_and_deleted(client: Any, one: Path) -> None:
    client.artifacts.deploy(one, "dev/from/one.txt", properties={"k": ["v"]})

    copied = client.artifacts.copy("dev/from/one.txt", "rel/copied/one.txt")
    moved = client.artifacts.move("rel/copied/one.txt", "rel/moved/two.txt")
    client.artifacts.delete("dev/from/one.txt")

    assert copied.path == "/copied/one.txt"
    assert moved.path == "/moved/two.txt"
    assert client.artifacts.properties("rel/moved/two.txt").properties == {"k": ["v"]}
    for gone in ("rel/copied/one.txt", "dev/from/one.txt"):
        with pytest.raises(ArtifactNotFoundError):
            client.artifacts.info(gone)


def test_a_dry_run_of_a_copy_changes_nothing(client: Any, one: Path) -> None:
    client.artifacts.deploy(one, "dev/dry/one.txt")

    with pytest.raises(ArtifactNotFoundError):  # the client asks for the copy
        client.artifacts.copy("dev/dry/one.txt", "rel/dry/one.txt", dryrun=True)


def test_a_file_is_read_through_a_virtual_repository(client: Any, one: Path, tmp_path: Path) -> None:
    client.artifacts.deploy(one, "all/virtual/one.txt")

    assert client.artifacts.info("all/virtual/one.txt").repo == "dev"
    assert b"".join(client.artifacts.stream("all/virtual/one.txt")) == b"one"


def test_an_account_is_made_changed_and_deleted(client: Any, server: Server) -> None:
    made = client.users.create(NewUser(name="ada", email="ada@example.com", password=SecretStr("secret-of-ada")))
    as_ada = _client(server, "ada", "secret-of-ada")
    listed = [user.name for user in client.users.list()]
    changed = client.users.update(User(name="ada", email="ada@example.org", admin=True))
    client.users.unlock("ada")

    assert (made.name, made.email, made.admin) == ("ada", "ada@example.com", False)
    assert "ada" in listed
    assert (changed.email, changed.admin) == ("ada@example.org", True)
    assert "dev" in [repo.key for repo in as_ada.repositories.list()]
    client.users.delete("ada")
    with pytest.raises(UserNotFoundError):
        client.users.get("ada")


def test_a_group_is_made_changed_and_deleted(client: Any) -> None:
    client.users.create(NewUser(name="bob", email="bob@example.com", password=SecretStr("secret-of-bob")))

    made = client.groups.create(Group(name="core", description="Those who may"))
    changed = client.groups.update(Group(name="core", description="Those who do", userNames=["bob"]))
    found = client.groups.get("core")

    assert made.description == "Those who may"
    assert changed.description == "Those who do"
    assert found.userNames == ["bob"]
    assert client.users.get("bob").groups == ["core"]
    assert "core" in [group.name for group in client.groups.list()]
    client.groups.delete("core")
    assert client.users.get("bob").groups == []
    client.users.delete("bob")


def test_an_api_key_is_made_replaced_and_revoked(client: Any, server: Server) -> None:
    client.users.create(NewUser(name="eve", email="eve@example.com", password=SecretStr("secret-of-eve")))
    eve = _client(server, "eve", "secret-of-eve").security

    first = eve.create_api_key().apiKey.get_secret_value()
    second = eve.regenerate_api_key().apiKey.get_secret_value()

    assert eve.get_api_key().apiKey.get_secret_value() == second != first
    with server.visitor({"X-JFrog-Art-Api": second}) as shows_the_key:
        assert shows_the_key.get("/artifactory/api/repositories").status_code == 200
        client.security.revoke_user_api_key("eve")
        assert shows_the_key.get("/artifactory/api/repositories").status_code == 401
    client.users.delete("eve")


def test_a_token_is_made_used_and_revoked(server: Server) -> None:
    platform: Any = Artifactory(url=server.url, access_token=TOKEN)

    token = platform.security.create_access_token("octocat", expires_in=600)

    assert token.token_type == "Bearer"
    assert token.expires_in == 600
    with server.visitor({"Authorization": f"Bearer {token.access_token}"}) as shows_the_token:
        assert shows_the_token.get("/artifactory/api/repositories").status_code == 200
        assert platform.security.revoke_access_token(token.access_token)
        assert shows_the_token.get("/artifactory/api/repositories").status_code == 401
    with pytest.raises(InvalidTokenDataError):
        platform.security.create_access_token("nobody-here")


def test_a_permission_target_is_made_changed_and_deleted(client: Any, server: Server, one: Path) -> None:
    client.users.create(NewUser(name="fay", email="fay@example.com", password=SecretStr("secret-of-fay")))
    client.artifacts.deploy(one, "dev/granted/one.txt")
    second, fay = _client(server, "octocat", TOKEN, 2).permissions, _client(server, "fay", "secret-of-fay")
    granted: Any = {
        "name": "readers",
        "repo": {"repositories": ["dev"], "actions": {"users": {"fay": ["read"]}}, "include-patterns": ["granted/**"]},
    }

    made = second.create(PermissionV2.model_validate(granted))
    seen = fay.artifacts.info("dev/granted/one.txt")
    granted["repo"]["actions"]["users"]["fay"].append("annotate")
    changed = second.update(PermissionV2.model_validate(granted))
    fay.artifacts.set_properties("dev/granted/one.txt", {"seen": ["yes"]})

    assert made.repo.actions.users == {"fay": ["read"]}
    assert seen.path == "/granted/one.txt"
    assert sorted(changed.repo.actions.users["fay"]) == ["annotate", "read"]
    assert "readers" in [target.name for target in second.list()]
    second.delete("readers")
    with pytest.raises(ArtifactoryError):
        fay.artifacts.info("dev/granted/one.txt")
    client.users.delete("fay")


def test_a_permission_target_has_the_first_form_too(client: Any) -> None:
    client.users.create(NewUser(name="gus", email="gus@example.com", password=SecretStr("secret-of-gus")))

    made = client.permissions.create(
        Permission.model_validate(
            {"name": "first", "repositories": ["dev"], "principals": {"users": {"gus": ["r", "w", "n"]}}}
        )
    )

    assert sorted(made.principals.users["gus"]) == ["n", "r", "w"]
    client.permissions.delete("first")
    client.users.delete("gus")


def _request(name: str, number: str, file: str = "one.txt") -> BuildCreateRequest:
    artifacts = [{"name": file, "type": "txt", **SUMS_OF_ONE}]
    return BuildCreateRequest.model_validate(
        {
            "name": name,
            "number": number,
            "started": f"2026-01-0{number}T10:00:00.000+0000",
            "modules": [{"id": "m", "artifacts": artifacts}],
            "properties": {"buildInfo.env.CI": "true"},
        }
    )


def test_a_build_without_paths_is_made_and_listed(client: Any) -> None:
    builds = client.builds

    builds.create_build(_request("py", "1"))
    builds.create_build(_request("py", "2", "two.txt"))

    assert "/py" in [build.uri for build in builds.list().builds]
    assert [run.uri for run in builds.get_build_runs("py").buildsNumbers] == ["/2", "/1"]
    with pytest.raises(BuildNotFoundError):
        builds.get_build_info("py", "9")


def test_a_build_is_read_as_it_was_published(client: Any, server: Server) -> None:
    artifact = BuildArtifact(name="one.txt", path="pub/one.txt", **SUMS_OF_ONE)
    modules = [{"id": "m", "artifacts": [artifact.model_dump(exclude_none=True)]}]
    body = {"name": "published", "number": "1", "started": "2026-01-01T10:00:00.000+0000", "modules": modules}
    assert server.ask("PUT", "/artifactory/api/build", json=body).status_code == 204

    info = client.builds.get_build_info("published", "1").buildInfo

    assert (info.name, info.number, info.started) == ("published", "1", "2026-01-01T10:00:00.000+0000")
    assert info.modules[0].artifacts == [artifact]


def test_a_build_is_renamed_and_deleted(client: Any) -> None:
    client.builds.create_build(_request("old-name", "1"))
    client.builds.create_build(_request("old-name", "2"))

    client.builds.build_rename("old-name", "new-name")
    client.builds.delete(BuildDeleteRequest(buildName="new-name", buildNumbers=["1"]))

    assert [run.uri for run in client.builds.get_build_runs("new-name").buildsNumbers] == ["/2"]
    with pytest.raises(BuildNotFoundError):
        client.builds.get_build_runs("old-name")
    client.builds.delete(BuildDeleteRequest(buildName="new-name", deleteAll=True))
    with pytest.raises(BuildNotFoundError):
        client.builds.get_build_runs("new-name")


def test_a_build_is_compared_with_an_older_one_when_the_client_asks_for_texts(client: Any, server: Server) -> None:
    """The client's model of a comparison holds texts, and the usual answer objects."""
    client.builds.create_build(_request("compared", "1"))
    client.builds.create_build(_request("compared", "2", "two.txt"))
    asking = _client(server, "octocat", TOKEN)
    asking.builds.session.headers["Accept"] = "application/vnd.org.jfrog.build.BuildsDiff+json;entries=string"

    found = asking.builds.build_diff("compared", "2", "1")

    assert (found.artifacts.new, found.artifacts.removed) == (["two.txt"], ["one.txt"])
    assert found.properties.unchanged == ["buildInfo.env.CI"]


def test_a_build_is_promoted(client: Any, server: Server, one: Path) -> None:
    client.artifacts.deploy(one, "dev/bp/one.txt", properties={"build.name": ["promoted"], "build.number": ["1"]})
    modules = [{"id": "m", "artifacts": [{"name": "one.txt", "path": "bp/one.txt", **SUMS_OF_ONE}]}]
    body = {"name": "promoted", "number": "1", "started": "2026-01-01T10:00:00.000+0000", "modules": modules}
    assert server.ask("PUT", "/artifactory/api/build", json=body).status_code == 204

    request = BuildPromotionRequest(sourceRepo="dev", targetRepo="rel", status="released", properties={"by": ["py"]})
    done = client.builds.promote_build("promoted", "1", request)

    assert all(message["level"] == "INFO" for message in done.messages)
    assert client.artifacts.properties("rel/bp/one.txt").properties["by"] == ["py"]
    with pytest.raises(BuildNotFoundError):
        client.builds.promote_build("promoted", "9", request)


def test_the_encrypted_password_opens_the_server(client: Any, server: Server) -> None:
    password = client.security.get_encrypted_password().password.get_secret_value()

    assert _client(server, "octocat", password).repositories.get_repo("dev").key == "dev"


def test_a_remote_repository_is_refused_by_name(client: Any) -> None:
    with pytest.raises(HTTPError, match="400") as error:
        client.repositories.create_repo(RemoteRepository(key="far", url="https://example.com/"))

    assert error.value.response is not None
    assert "remote" in error.value.response.text
