"""Which steps name a secret, as the newest push of the default branch has read the pipeline file."""

from pathlib import Path

import pytest

from app.builds import flow
from app.db.connect import Database
from app.errors import NothingToRun
from app.pipeline.document import parse
from app.pipeline.uses import LONGEST, MOST, Use
from app.repos.secrets import uses
from app.repos.secrets.uses import Uses
from tests.builds.farside import OCTOCAT, Scene, laid, pipeline

FILE = """
kind: pipeline
type: {type}
name: deploy
steps:
- name: build
  commands: [make]
- name: push
  commands: [make push]
  environment:
    TOKEN: {{from_secret: Deploy_Key}}
    AGAIN: {{from_secret: Deploy_Key}}
- name: notify
  commands: [make notify]
  environment:
    URL: {{from_secret: hook}}
"""


@pytest.fixture
async def scene(db: Database, tmp_path: Path) -> Scene:
    return await laid(db, tmp_path)


async def found(scene: Scene) -> Uses | None:
    return await scene.ports.db.read(uses.find(scene.repo.id))


@pytest.mark.parametrize("kind", ["exec", "docker", "kubernetes"])
def test_steps_of_pipelines_of_every_type_name_secrets(kind: str) -> None:
    config = parse(FILE.format(type=kind))

    assert config.uses == (Use("Deploy_Key", "deploy", "push"), Use("hook", "deploy", "notify"))


def test_services_and_settings_of_plugins_name_secrets() -> None:
    config = parse(
        "kind: pipeline\ntype: docker\nname: p\n"
        "steps:\n- name: plugin\n  image: x\n  settings: {deep: [{key: {from_secret: a}}]}\n"
        "services:\n- name: db\n  image: y\n  environment: {PASSWORD: {from_secret: b}}\n"
    )

    assert config.uses == (Use("a", "p", "plugin"), Use("b", "p", "db"))


def test_so_many_uses_of_a_file_are_kept_at_most() -> None:
    secrets = "".join(f"    V{number}: {{from_secret: s{number}}}\n" for number in range(MOST + 5))
    long = f"    LONG: {{from_secret: {'x' * (LONGEST + 1)}}}\n"
    text = (
        f"kind: pipeline\ntype: exec\nname: p\nsteps:\n- name: s\n  commands: [make]\n  environment:\n{long}{secrets}"
    )

    assert [use.secret for use in parse(text).uses] == [f"s{number}" for number in range(MOST)]


async def test_the_newest_push_of_the_default_branch_says_it(scene: Scene) -> None:
    assert await found(scene) is None
    first = await scene.push(FILE.format(type="exec"))
    known = await found(scene)
    assert known is not None
    assert (known.number, known.of("deploy_key")) == (1, [Use("Deploy_Key", "deploy", "push")])
    assert known.of("other") == ()

    await scene.push(pipeline(), ref="refs/heads/topic", target_branch="topic")
    await flow.restart(scene.ports, scene.repo, first, by=OCTOCAT, debug=False, params={})
    assert await found(scene) == known

    await scene.push(pipeline())
    assert await found(scene) == Uses(4, {})


async def test_a_push_that_starts_nothing_says_it_too(scene: Scene) -> None:
    with pytest.raises(NothingToRun):
        await scene.push(FILE.format(type="exec") + "trigger: {event: promote}\n")

    known = await found(scene)
    assert known is not None
    assert (known.number, list(known.by_secret)) == (0, ["deploy_key", "hook"])
