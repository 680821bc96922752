"""Pipeline files: read once for each commit, converted for each build."""

import asyncio
from dataclasses import replace

import pytest

from app.builds.config import files as configs
from app.builds.config.files import Configs, PipelineFile
from app.convert.errors import BadConversion
from app.errors import Unavailable, Unreadable
from app.pipeline.document import BadPipeline, Config
from app.repos.model import Repo
from tests.builds.farside import NOW, Scene, pipeline, pushed

TEMPLATE = "kind: template\nload: deploy.yaml\ndata: {name: web}\n"
DEPLOY = """
kind: pipeline
type: exec
name: {{ .input.name }}-{{ .build.Event }}-{{ .build.Params.A }}-{{ .build.Deploy }}
"""


@pytest.fixture
def files(scene: Scene) -> Configs:
    return scene.ports.configs


async def load(scene: Scene, sha: str, repo: Repo | None = None) -> PipelineFile:
    repo = repo or scene.repo
    return await scene.ports.configs.load(repo, pushed(repo, sha))


async def test_a_file_is_its_text_and_what_it_says(scene: Scene) -> None:
    text = pipeline("deploy")

    file = await load(scene, scene.host.add(text))

    assert (file.path, file.text) == (".drone.yml", text)
    assert isinstance(file.config, Config)
    assert [one.name for one in file.config.pipelines] == ["deploy"]


async def test_what_is_wrong_with_a_file_is_remembered_too(scene: Scene, files: Configs) -> None:
    sha = scene.host.add("kind: [")

    first, second = await load(scene, sha), await load(scene, sha)

    assert isinstance(first.config, BadPipeline)
    assert first is second
    assert scene.host.reads == 1


async def test_another_commit_path_or_repository_is_another_file(scene: Scene, files: Configs) -> None:
    first, second = scene.host.add(pipeline("a")), scene.host.add(pipeline("b"))
    others = [scene.repo, replace(scene.repo, id=2), replace(scene.repo, config_path="ci.yml")]

    for _ in range(2):
        for sha in (first, second):
            for repo in others:
                await load(scene, sha, repo)

    assert scene.host.reads == 6


@pytest.mark.parametrize("failure", [Unavailable("not now"), Unreadable("gone")])
async def test_a_failure_is_not_remembered(scene: Scene, files: Configs, failure: Exception) -> None:
    sha = scene.host.add(pipeline())
    scene.host.failure = failure
    with pytest.raises(type(failure)):
        await load(scene, sha)
    scene.host.failure = None

    assert (await load(scene, sha)).text == pipeline()


async def test_the_least_used_are_forgotten_when_they_are_too_much(
    scene: Scene, files: Configs, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (scene.host.add(pipeline(name)) for name in "abc")
    monkeypatch.setattr(configs, "REMEMBERED", 2 * len(pipeline("a")) + 1)
    for sha in (first, second, first, third):
        await load(scene, sha)
    assert scene.host.reads == 3

    await load(scene, first)
    assert scene.host.reads == 3
    await load(scene, second)
    assert scene.host.reads == 4


async def test_one_that_is_larger_than_all_room_is_used_and_kept_alone(
    scene: Scene, files: Configs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configs, "REMEMBERED", 1)
    for name in "aab":
        await load(scene, scene.host.add(pipeline(name)))

    assert len(files._files) == 1


async def test_many_who_ask_at_one_moment_get_the_same_and_it_counts_once(scene: Scene, files: Configs) -> None:
    sha = scene.host.add(pipeline())

    loaded = await asyncio.gather(*(load(scene, sha) for _ in range(10)))

    assert {file.text for file in loaded} == {pipeline()}
    assert files._size == len(pipeline())


async def test_a_template_is_filled_in_for_each_build_and_read_from_git_once(scene: Scene) -> None:
    sha, files = scene.host.add(TEMPLATE), scene.ports.configs
    scene.templates["deploy.yaml"] = DEPLOY
    push = pushed(scene.repo, sha)
    promote = replace(push, event="promote", deploy_to="production", params={"A": "9"})

    made = [await files.load(scene.repo, build) for build in (push, promote)]

    assert [file.converted for file in made] == [True, True]
    assert [file.config.pipelines[0].name for file in made if isinstance(file.config, Config)] == [
        "web-push-1-",
        "web-promote-9-production",
    ]
    scene.templates["deploy.yaml"] = pipeline("other")
    assert (await files.load(scene.repo, push)).text == pipeline("other")
    assert scene.host.reads == 1


async def test_the_path_tells_what_a_file_is_written_in(scene: Scene) -> None:
    repo = replace(scene.repo, config_path="ci/.drone.star")
    sha = scene.host.add("def main(ctx): return {'kind': 'pipeline', 'type': 'exec', 'name': ctx.build.sender}")

    file = await load(scene, sha, repo)

    assert isinstance(file.config, Config)
    assert [one.name for one in file.config.pipelines] == ["grace"]
    assert isinstance((await load(scene, sha)).config, BadPipeline)


async def test_what_is_wrong_with_the_output_is_not_blamed_on_the_file(scene: Scene) -> None:
    scene.templates["deploy.yaml"] = "kind: pipeline\ntype: exec\nsteps: nothing\n"

    file = await load(scene, scene.host.add(TEMPLATE))

    assert isinstance(file.config, BadPipeline)
    assert "(output of .drone.yml:3: steps must be a list" in file.config.text(file.path)


async def test_a_template_that_makes_a_template_is_told_so(scene: Scene) -> None:
    scene.templates["deploy.yaml"] = TEMPLATE

    file = await load(scene, scene.host.add(TEMPLATE))

    assert isinstance(file.config, BadPipeline)
    assert file.config.problems[0].rule == "template: not the first document"


async def test_a_template_that_is_not_there_is_named(scene: Scene) -> None:
    with pytest.raises(BadConversion, match=r'there is no template "deploy\.yaml" in "octocat"'):
        await load(scene, scene.host.add(TEMPLATE))


async def test_one_who_gives_up_waiting_leaves_the_others_their_file(scene: Scene) -> None:
    sha = scene.host.add("def main(ctx): return []")
    repo = replace(scene.repo, config_path="a.star")
    waiting = [asyncio.create_task(load(scene, sha, repo)) for _ in range(4)]
    await asyncio.sleep(0)
    waiting[0].cancel()

    made = await asyncio.gather(*waiting, return_exceptions=True)

    assert isinstance(made[0], asyncio.CancelledError)
    assert [file.text for file in made[1:] if isinstance(file, PipelineFile)] == [""] * 3


async def test_a_build_that_is_not_there_yet_has_no_number_and_a_repository_no_keys(scene: Scene) -> None:
    told = configs.facts(
        replace(scene.repo, signer=b"a key", secret=b"another"), replace(pushed(scene.repo, "a"), id=3, number=4)
    )

    assert (told.build["id"], told.build["number"], told.build["debug"], told.build["deploy_to"]) == (0, 0, False, "")
    assert told.build["params"] == {"A": "1", "B": "2"}
    assert (told.build["timestamp"], told.repo["slug"], told.repo["private"]) == (NOW - 100, "octocat/hello", True)
    assert "key" not in repr(told)
    assert not {"signer", "secret"} & told.repo.keys()


OLD = "pipeline:\n  build: {image: alpine, commands: [make]}\n  ship: {image: alpine, when: {event: deployment}}\n"


async def test_a_file_of_0_8_is_a_pipeline_of_today(scene: Scene) -> None:
    file = await load(scene, scene.host.add(OLD), replace(scene.repo, link="https://git.example.com/octocat/hello"))

    assert (file.path, file.converted) == ("output of .drone.yml", True)
    assert isinstance(file.config, Config)
    assert [(one.name, one.type) for one in file.config.pipelines] == [("default", "docker")]
    assert [step.name for step in file.config.pipelines[0].steps] == ["build", "ship"]
    assert "src/git.example.com/octocat/hello" in file.text


async def test_what_a_template_makes_may_be_of_0_8(scene: Scene) -> None:
    scene.templates["deploy.yaml"] = OLD

    file = await load(scene, scene.host.add(TEMPLATE))

    assert isinstance(file.config, Config)


async def test_what_is_wrong_with_a_file_of_0_8_is_said_with_its_line(scene: Scene) -> None:
    with pytest.raises(
        BadConversion, match=r"version 0\.8: .* pipeline must be a mapping, not a list \(\.drone\.yml:1\)"
    ):
        await load(scene, scene.host.add("pipeline: []\n"))
