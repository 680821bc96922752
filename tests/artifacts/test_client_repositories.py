"""Repositories, permission targets and projects through clients that others wrote."""

from collections.abc import Iterator

import pytest
from artifactory import ArtifactoryPath
from dohq_artifactory import PermissionTarget, Project, RepositoryLocal, RepositoryVirtual
from pyartifactory import Artifactory
from pyartifactory.exception import PermissionNotFoundError, RepositoryAlreadyExistsError, RepositoryNotFoundError
from pyartifactory.models.permission import (
    BuildV2,
    Permission,
    PermissionEnum,
    PermissionEnumV2,
    PermissionV2,
    PrincipalsPermission,
    PrincipalsPermissionV2,
    RepoV2,
)
from pyartifactory.models.repository import LocalRepository, PackageTypeEnum, RClassEnum, VirtualRepository

from tests.acceptance.server import TOKEN, Server

pytestmark = pytest.mark.postgres


@pytest.fixture(params=[1, 2])
def client(server: Server, request: pytest.FixtureRequest) -> Artifactory:
    return Artifactory(url=f"{server.url}/artifactory", access_token=TOKEN, api_version=request.param)


@pytest.fixture
def top(server: Server) -> Iterator[ArtifactoryPath]:
    path = ArtifactoryPath(f"{server.url}/artifactory", token=TOKEN)
    yield path
    path.session.close()


def test_pyartifactory_makes_changes_and_deletes_repositories(client: Artifactory) -> None:
    repos = client.repositories
    made = repos.create_repo(
        LocalRepository(key="libs", packageType=PackageTypeEnum.maven, description="d", maxUniqueTags=3)
    )
    assert (made.key, made.packageType, made.description, made.maxUniqueTags) == ("libs", "maven", "d", 3)
    with pytest.raises(RepositoryAlreadyExistsError):
        repos.create_repo(LocalRepository(key="libs"))

    virtual = repos.create_repo(VirtualRepository(key="all", repositories=["libs"], defaultDeploymentRepo="libs"))
    assert (virtual.rclass, virtual.repositories, virtual.defaultDeploymentRepo) == (
        RClassEnum.virtual,
        ["libs"],
        "libs",
    )
    assert [(found.key, found.type, found.packageType) for found in repos.list()] == [
        ("all", "VIRTUAL", "Generic"),
        ("libs", "LOCAL", "Maven"),
    ]

    changed = repos.update_repo(LocalRepository(key="libs", notes="n", xrayIndex=True))
    assert (changed.notes, changed.description, changed.xrayIndex) == ("n", "d", True)
    for key in ("all", "libs"):
        repos.delete(key)
    with pytest.raises(RepositoryNotFoundError):
        repos.get_repo("libs")


def test_pyartifactory_makes_changes_and_deletes_targets_in_the_first_form(server: Server) -> None:
    targets = Artifactory(url=f"{server.url}/artifactory", access_token=TOKEN, api_version=1).permissions
    users = {"octocat": [PermissionEnum.admin, PermissionEnum.read]}
    wanted = Permission(name="t", repositories=["ANY"], principals=PrincipalsPermission(users=users))

    made = targets.create(wanted)
    assert isinstance(made, Permission)
    assert made.principals.users is not None
    assert {who: set(letters) for who, letters in made.principals.users.items()} == {"octocat": {"m", "r"}}
    changed = targets.update(wanted.model_copy(update={"includesPattern": "a/**,b/**", "excludesPattern": "c"}))
    assert isinstance(changed, Permission)
    assert (changed.includesPattern, changed.excludesPattern) == ("a/**,b/**", "c")
    assert [found.name for found in targets.list()] == ["t"]
    targets.delete("t")
    with pytest.raises(PermissionNotFoundError):
        targets.get("t")


def test_pyartifactory_makes_changes_and_deletes_targets_in_the_second_form(server: Server) -> None:
    targets = Artifactory(url=f"{server.url}/artifactory", access_token=TOKEN, api_version=2).permissions
    actions = PrincipalsPermissionV2(users={"octocat": [PermissionEnumV2.read, PermissionEnumV2.write]})
    wanted = PermissionV2(
        name="t", repo=RepoV2(repositories=["ANY LOCAL"], actions=actions), build=BuildV2(actions=actions)
    )

    made = targets.create(wanted)
    assert isinstance(made, PermissionV2)
    assert made.repo is not None
    assert made.build is not None
    assert (made.repo.actions.users, made.repo.includePatterns) == (actions.users, ["**"])
    assert (made.build.repositories, made.releaseBundle) == (["artifactory-build-info"], None)
    changed = targets.update(wanted.model_copy(update={"build": None}))
    assert isinstance(changed, PermissionV2)
    assert changed.build is None
    targets.delete("t")
    with pytest.raises(PermissionNotFoundError):
        targets.get("t")


def test_dohq_artifactory_makes_changes_and_deletes_repositories(top: ArtifactoryPath) -> None:
    libs = RepositoryLocal(top, "libs", package_type=RepositoryLocal.DEBIAN)
    libs.create()
    libs.description = "changed"
    libs.update()
    everything = RepositoryVirtual(top, "all", repositories=["libs"], package_type=RepositoryVirtual.GENERIC)
    everything.create()

    assert top.find_repository("libs").description == "changed"
    found = top.find_repository("all")
    assert [member.name for member in found.repositories] == ["libs"]
    assert sorted(repo.name for repo in top.get_repositories()) == ["all", "libs"]
    assert top.find_repository("none") is None
    everything.delete()
    libs.delete()
    assert top.get_repositories() == []


def test_dohq_artifactory_makes_changes_and_deletes_targets(top: ArtifactoryPath) -> None:
    libs = RepositoryLocal(top, "libs")
    libs.create()
    target = PermissionTarget(top, "t", repositories=[libs], includes_pattern="a/**", excludes_pattern="b")
    target.add_user("octocat", PermissionTarget.ROLE_DEPLOY)
    target.create()

    found = top.find_permission_target("t")
    assert (found.includesPattern, found.excludesPattern) == ("a/**", "b")
    assert sorted(found._users["octocat"]) == ["n", "r", "w"]
    found.add_user("octocat", PermissionTarget.ROLE_READ)
    found.update()
    assert top.find_permission_target("t")._users == {"octocat": ["r"]}
    found.delete()
    assert top.find_permission_target("t") is None
    libs.delete()


def test_dohq_artifactory_makes_changes_and_deletes_projects(top: ArtifactoryPath) -> None:
    project = Project(top, "apps", display_name="Apps", manage_members=False)
    project.create()
    project.display_name = "Applications"
    project.update()

    found = top.find_project("apps")
    assert (found.display_name, found.manage_members, found.index_resources) == ("Applications", False, True)
    project.delete()
    assert top.find_project("apps") is None
