"""The two Python clients of Artifactory, unchanged, promote builds."""

import warnings

import pytest
from pyartifactory import Artifactory
from pyartifactory.exception import ArtifactoryError
from pyartifactory.models.build import BuildPromotionRequest
from pydantic import SecretStr

from app.artifacts import repositories
from app.artifacts.model import ArtifactRepository
from tests.acceptance.server import TOKEN
from tests.buildinfo.project import Project, artifact, module

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the client says of itself
    from artifactory import ArtifactoryBuildManager

pytestmark = pytest.mark.postgres


@pytest.fixture
def target(project: Project) -> str:
    """A repository to promote to."""
    key = f"{project.key}-prod"
    project.drive(repositories.add(ArtifactRepository(0, key), "test"))
    return key


def test_pyartifactory_copies_by_its_own_name_of_the_field(project: Project, target: str) -> None:
    name, content = f"pya-{project.key}", project.key.encode()
    source = f"{project.key}-dev"
    project.file(source, "a/b", content, build_name=name, build_number="1")
    answer = project.server.client.put(
        "/artifactory/api/build",
        json={"name": name, "number": "1", "started": "2024-03-09T14:05:06.700+0000",
              "modules": [module(artifact("b", content))]},
    )  # fmt: skip
    assert answer.status_code == 204
    pya = Artifactory(f"{project.server.url}/artifactory", ("octocat", SecretStr(TOKEN)))

    done = pya.builds.promote_build(
        name, "1", BuildPromotionRequest(sourceRepo=source, targetRepo=target, status="ok", copy=True)
    )

    assert done.messages[0] == {"level": "INFO", "message": f"copy {source}:a/b to {target}:a/b"}
    assert set(project.files(source)) == set(project.files(target)) == {"a/b"}
    with pytest.raises(ArtifactoryError, match="no repository nowhere"):
        pya.builds.promote_build(name, "1", BuildPromotionRequest(sourceRepo=source, targetRepo="nowhere"))


def test_dohq_artifactory_promotes_a_name_with_a_slash(project: Project, target: str) -> None:
    content = project.key.encode()
    source = f"{project.key}-dev"
    project.file(source, "a/b", content, build_name="team/my app", build_number="1.0-rc")
    project.publish("team/my app", "1.0-rc", modules=[module(artifact("b", content))])
    manager = ArtifactoryBuildManager(f"{project.server.url}/artifactory", project=project.key, token=TOKEN)
    [build] = manager.builds

    build.runs[0].promote("ci", {"key": ["v1", "v2"]}, target_repo=target, comment="tested", status="released")

    assert project.files(source) == {}
    assert project.files(target)["a/b"]["key"] == ["v1", "v2"]
    [status] = project.info("team%2Fmy app", "1.0-rc")["statuses"]
    assert (status["status"], status["ciUser"], status["comment"]) == ("released", "ci", "tested")
