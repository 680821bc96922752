"""The two Python clients of Artifactory, unchanged, over all that they can do with builds but promote."""

import warnings

import pytest
from pyartifactory import Artifactory
from pyartifactory.exception import ArtifactoryError, BuildNotFoundError
from pyartifactory.models.build import (
    BuildAgent,
    BuildCreateRequest,
    BuildDeleteRequest,
    BuildProperties,
)
from pydantic import SecretStr

from tests.acceptance.server import TOKEN, Server
from tests.buildinfo.project import Project, artifact, module, when

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the client says of itself
    from artifactory import ArtifactoryBuildManager

pytestmark = pytest.mark.postgres


@pytest.fixture
def pya(server: Server) -> Artifactory:
    return Artifactory(f"{server.url}/artifactory", ("octocat", SecretStr(TOKEN)))


@pytest.fixture
def name(project: Project) -> str:
    """A name that no other test uses: the client knows no projects."""
    return f"pya-{project.key}"


def test_pyartifactory_publishes_reads_compares_renames_and_deletes(pya: Artifactory, name: str) -> None:
    for number in ("1", "2"):
        made = BuildCreateRequest(
            name=name, number=number, started=when(int(number)), buildAgent=BuildAgent(name="a", version="1")
        )
        pya.builds.create_build(made)
    with pytest.raises(ArtifactoryError, match="already exists"):
        pya.builds.create_build(made)

    listed = pya.builds.list().builds or []
    assert [build.lastStarted for build in listed if build.uri == f"/{name}"] == [when(2)]
    assert [run.uri for run in pya.builds.get_build_runs(name).buildsNumbers or []] == ["/2", "/1"]
    info = pya.builds.get_build_info(name, "1", BuildProperties(started=when(1))).buildInfo
    assert (info.name, info.started, info.buildAgent.name, info.artifactoryPrincipal) == (name, when(1), "a", "octocat")
    assert pya.builds.build_diff(name, "2", "1").artifacts.new == []

    pya.builds.build_rename(name, f"{name}-new")
    with pytest.raises(BuildNotFoundError, match="404"):
        pya.builds.get_build_runs(name)
    pya.builds.delete(BuildDeleteRequest(buildName=f"{name}-new", buildNumbers=["1"]))
    assert [run.uri for run in pya.builds.get_build_runs(f"{name}-new").buildsNumbers or []] == ["/2"]
    pya.builds.delete(BuildDeleteRequest(buildName=f"{name}-new", deleteAll=True))
    with pytest.raises(BuildNotFoundError):
        pya.builds.get_build_runs(f"{name}-new")


def test_pyartifactory_reads_what_others_published(pya: Artifactory, project: Project, name: str) -> None:
    more = {"properties": {"count": 1}, "vcs": [{"revision": "r"}], "modules": [module({"name": "a"}), module()]}
    project.publish(name, "1", **more)

    found = pya.builds.get_build_info(name, "1", BuildProperties(project=project.key)).buildInfo

    assert found.properties == {"count": "1"}
    assert [entry.path for entry in found.modules[0].artifacts] == [""]


def test_dohq_artifactory_lists_shows_and_compares(project: Project) -> None:
    project.publish("team/my app", "1", when(1), modules=[module(artifact("a", b"1"))])
    project.publish("team/my app", "2", when(2), modules=[module(artifact("a", b"2"))])
    manager = ArtifactoryBuildManager(f"{project.server.url}/artifactory", project=project.key, token=TOKEN)

    [build] = manager.builds
    assert (build.name, build.last_started) == ("team/my app", when(2))
    newer, older = build.runs
    assert (newer.run_number, older.run_number, older.started) == ("2", "1", when(1))
    assert newer.info["buildInfo"]["name"] == "team/my app"
    assert newer.diff("1")["artifacts"]["updated"][0]["name"] == "a"
