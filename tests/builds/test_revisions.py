"""Which commit a word of a person names."""

from dataclasses import replace

import pytest

from app.builds import revisions
from app.db.tx import run
from app.errors import Invalid, NotFound, Unreadable
from app.repos.model import source
from tests.builds.farside import Scene


async def commit_of(scene: Scene, word: str) -> str:
    return await revisions.commit_of(scene.ports, scene.repo, word, "range")


async def test_a_number_is_a_build_and_otherwise_what_the_host_knows(scene: Scene) -> None:
    build = await scene.push()
    sha = scene.host.add("other")

    assert await commit_of(scene, "1") == await commit_of(scene, "#1") == build.after
    assert await commit_of(scene, sha[:10]) == sha
    assert await commit_of(scene, sha.upper()) == sha
    scene.host.files["1234567" + "0" * 33] = "x"
    scene.host.messages["1234567" + "0" * 33] = "numeric"
    assert await commit_of(scene, "1234567") == "1234567" + "0" * 33
    for word in ("#2", "nowhere"):
        with pytest.raises(NotFound):
            await commit_of(scene, word)


async def test_a_build_without_a_commit_names_none(scene: Scene) -> None:
    await scene.push()
    await scene.ports.db.write(run("UPDATE builds SET after_sha = ''"))

    with pytest.raises(Invalid) as refused:
        await commit_of(scene, "#1")

    assert [(problem.field, problem.code) for problem in refused.value.problems] == [("range", "no_commit")]


async def test_a_host_that_cannot_compare_says_so(scene: Scene) -> None:
    for host, words in (("", "plain git"), ("small", "small")):
        scene.host.name = host
        scene.ports.hosts._named[host] = scene.host
        with pytest.raises(Unreadable, match=words) as refused:
            await scene.ports.hosts.compare(source(replace(scene.repo, scm=host)), "a" * 40, "b" * 40)
        assert refused.value.code == "cannot_compare"
