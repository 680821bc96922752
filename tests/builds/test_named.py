"""A branch, a tag or a commit is promoted without a build of it: whence each field comes, and what is refused."""

from collections.abc import Mapping
from typing import Any

import pytest

from app.builds import flow, named
from app.builds.model import Build
from app.errors import AppError, Invalid, NotFound
from tests.builds.farside import NOW, OCTOCAT, Scene, pipeline

DEPLOY = pipeline("deploy", trigger={"event": ["promote"]})


async def promoted(scene: Scene, words: Mapping[str, str], **params: str) -> Build:
    draft = await named.draft(scene.ports, scene.repo, named.read(words), OCTOCAT)
    return await flow.promote(scene.ports, scene.repo, draft, target="production", by=OCTOCAT, params=params)


async def test_a_promoted_branch_takes_its_fields_from_the_caller_and_the_commit(scene: Scene) -> None:
    sha = scene.host.add(DEPLOY, branch="topic", message="of the commit")

    made = await promoted(scene, {"branch": "topic"}, VERSION="1", debug="true")

    assert made == await scene.build(1)
    assert made == Build(
        id=made.id,
        repo_id=scene.repo.id,
        number=1,
        trigger="octocat",
        sender="octocat",
        event="promote",
        deploy_to="production",
        timestamp=NOW - 60,
        message="of the commit",
        before=sha,
        after=sha,
        ref="refs/heads/topic",
        source_branch="topic",
        target_branch="topic",
        author_login="Ada",
        author_name="Ada",
        author_email="ada@example.com",
        params={"VERSION": "1", "debug": "true"},
        debug=True,
        created=NOW,
        updated=NOW,
        stages=made.stages,
    )
    assert [stage.name for stage in made.stages] == ["deploy"]


@pytest.mark.parametrize(
    ("words", "ref", "branch"),
    [
        ({"branch": "main"}, "refs/heads/main", "main"),
        ({"branch": "refs/heads/main", "tag": "", "commit": ""}, "refs/heads/main", "main"),
        ({"tag": "v1"}, "refs/tags/v1", ""),
        ({"tag": "refs/tags/v1"}, "refs/tags/v1", ""),
        ({"commit": "SHA"}, "refs/heads/main", "main"),
        ({"commit": "SHORT"}, "refs/heads/main", "main"),
    ],
)
async def test_a_tag_is_no_branch_and_a_commit_counts_as_one_of_the_default_branch(
    scene: Scene, words: dict[str, str], ref: str, branch: str
) -> None:
    sha = scene.host.tags["v1"] = scene.host.add(DEPLOY)
    known = {"SHA": sha, "SHORT": sha[:7].upper()}

    made = await promoted(scene, {kind: known.get(name, name) for kind, name in words.items()})

    assert (made.after, made.ref, made.target_branch, made.source_branch) == (sha, ref, branch, branch)
    assert (made.number, made.parent) == (1, 0)


@pytest.mark.parametrize(
    ("words", "kind", "text"),
    [
        ({}, Invalid, "say what is promoted: one of branch, tag and commit"),
        ({"branch": "", "tag": ""}, Invalid, "say what is promoted: one of branch, tag and commit"),
        (
            {"branch": "a", "commit": "b"},
            Invalid,
            "branch and commit are given: say only one of branch, tag and commit",
        ),
        ({"branch": "a", "tag": "b", "commit": "c"}, Invalid, "branch, tag and commit are given"),
        ({"branch": "no"}, NotFound, "branch no not found"),
        ({"tag": "no"}, NotFound, "tag no not found"),
        ({"tag": "a b"}, Invalid, "tag 'a b' contains a space"),
        ({"commit": "main"}, Invalid, "commit 'main' is no id of 7 digits or more: say branch=main or tag=main"),
        ({"commit": "abcdef0"}, NotFound, "commit abcdef0 not found"),
    ],
)
async def test_what_names_no_commit_is_refused_and_takes_no_number(
    scene: Scene, words: dict[str, str], kind: type[AppError], text: str
) -> None:
    scene.host.add(DEPLOY)

    with pytest.raises(kind) as refused:
        await promoted(scene, words)

    assert text in refused.value.message
    assert await scene.counter() == 0


async def test_a_branch_whose_name_is_like_an_id_is_no_commit(scene: Scene, monkeypatch: Any) -> None:
    """Hosts find a branch of this name where they are asked for the commit."""
    scene.host.add(DEPLOY, branch="abcdef0")
    by_branch = scene.host.branch

    async def commit(source: Any, name: str) -> Any:
        return await by_branch(source, name)

    monkeypatch.setattr(scene.host, "commit", commit)

    with pytest.raises(NotFound, match="commit abcdef0 not found"):
        await promoted(scene, {"commit": "abcdef0"})
