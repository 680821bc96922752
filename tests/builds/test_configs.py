"""Pipeline files, read once for each commit."""

import asyncio
from dataclasses import replace

import pytest

from app.builds import configs
from app.builds.configs import Configs
from app.errors import Unavailable, Unreadable
from app.pipeline.document import BadPipeline, Config
from tests.builds.farside import Scene, pipeline


@pytest.fixture
def files(scene: Scene) -> Configs:
    return scene.ports.configs


async def test_a_file_is_its_text_and_what_it_says(scene: Scene, files: Configs) -> None:
    text = pipeline("deploy")

    file = await files.load(scene.repo, scene.host.add(text))

    assert (file.path, file.text) == (".drone.yml", text)
    assert isinstance(file.config, Config)
    assert [one.name for one in file.config.pipelines] == ["deploy"]


async def test_what_is_wrong_with_a_file_is_remembered_too(scene: Scene, files: Configs) -> None:
    sha = scene.host.add("kind: [")

    first, second = await files.load(scene.repo, sha), await files.load(scene.repo, sha)

    assert isinstance(first.config, BadPipeline)
    assert first is second
    assert scene.host.reads == 1


async def test_another_commit_path_or_repository_is_another_file(scene: Scene, files: Configs) -> None:
    first, second = scene.host.add(pipeline("a")), scene.host.add(pipeline("b"))
    others = [scene.repo, replace(scene.repo, id=2), replace(scene.repo, config_path="ci.yml")]

    for _ in range(2):
        for sha in (first, second):
            for repo in others:
                await files.load(repo, sha)

    assert scene.host.reads == 6


@pytest.mark.parametrize("failure", [Unavailable("not now"), Unreadable("gone")])
async def test_a_failure_is_not_remembered(scene: Scene, files: Configs, failure: Exception) -> None:
    sha = scene.host.add(pipeline())
    scene.host.failure = failure
    with pytest.raises(type(failure)):
        await files.load(scene.repo, sha)
    scene.host.failure = None

    assert (await files.load(scene.repo, sha)).text == pipeline()


async def test_the_least_used_are_forgotten_when_they_are_too_much(
    scene: Scene, files: Configs, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (scene.host.add(pipeline(name)) for name in "abc")
    monkeypatch.setattr(configs, "REMEMBERED", 2 * len(pipeline("a")) + 1)
    for sha in (first, second, first, third):
        await files.load(scene.repo, sha)
    assert scene.host.reads == 3

    await files.load(scene.repo, first)
    assert scene.host.reads == 3
    await files.load(scene.repo, second)
    assert scene.host.reads == 4


async def test_one_that_is_larger_than_all_room_is_used_and_kept_alone(
    scene: Scene, files: Configs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configs, "REMEMBERED", 1)
    for name in "aab":
        await files.load(scene.repo, scene.host.add(pipeline(name)))

    assert len(files._files) == 1


async def test_many_who_ask_at_one_moment_get_the_same_and_it_counts_once(scene: Scene, files: Configs) -> None:
    sha = scene.host.add(pipeline())

    loaded = await asyncio.gather(*(files.load(scene.repo, sha) for _ in range(10)))

    assert {file.text for file in loaded} == {pipeline()}
    assert files._size == len(pipeline())
