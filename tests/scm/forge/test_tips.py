"""Tips: the newest commit of a branch, and all tags."""

import pytest

from app.errors import NotFound
from app.scm.host import Tips
from tests.scm.forge.conftest import Reading


async def test_a_branch_and_all_tags_are_listed(reading: Reading) -> None:
    host, project = reading.host, reading.project
    assert isinstance(host, Tips)
    project.push({"a": "1"}, branch="team/main")
    old = project.push({"a": "1"})
    light, annotated = project.tag("v1"), project.tag("release/2", "the second")
    new = project.push({"a": "2"})

    listed = await host.tips(reading.source, "main")

    assert len({old, new, annotated}) == 3
    tags = {"refs/tags/v1": light, "refs/tags/release/2": annotated}
    assert listed == {"refs/heads/main": new} | ({} if reading.name == "gogs" else tags)
    assert (await host.tips(reading.source, "team/main"))["refs/heads/team/main"] not in (old, new)


async def test_a_repository_without_tags_has_a_branch_alone(reading: Reading) -> None:
    sha = reading.project.push({"a": "1"})

    assert isinstance(reading.host, Tips)
    assert await reading.host.tips(reading.source, "main") == {"refs/heads/main": sha}


async def test_a_branch_that_is_not_there_is_not_found(reading: Reading) -> None:
    assert isinstance(reading.host, Tips)
    with pytest.raises(NotFound):
        await reading.host.tips(reading.source, "main")
    reading.project.push({"a": "1"})
    with pytest.raises(NotFound):
        await reading.host.tips(reading.source, "ain")
    with pytest.raises(NotFound):
        await reading.host.tips(reading.source, "other")


async def test_many_tags_are_listed(reading: Reading) -> None:
    host, project = reading.host, reading.project
    project.push({"a": "1"})
    for number in range(130):
        project.work.git("tag", f"v{number}")
    project.work.git("push", "-q", "origin", "--tags")

    assert isinstance(host, Tips)
    assert len(await host.tips(reading.source, "main")) == (1 if reading.name == "gogs" else 131)
